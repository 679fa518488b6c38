//! `googleCloudBuild`. Source: orca `GoogleCloudBuildStage`, `StartGoogleCloudBuildTask`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage};
use serde_json::{Value, json};

use super::{
    BUILD, READ_MS, SINCE, START_MS, again, artifact_of, dispatch, given, remote, restarted,
};
use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct GoogleCloudBuild;

/// A definition that was fetched.
const FETCHED: &str = "fetchedBuildDefinition";

/// The artifact that it is fetched from.
const ARTIFACT: &str = "resolvedBuildDefinitionArtifact";

static START: TaskDefinition = TaskDefinition {
    name: "startGoogleCloudBuildTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.StartGoogleCloudBuildTask",
    step: start,
    timeout_ms: Some(START_MS),
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorGoogleCloudBuildTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.MonitorGoogleCloudBuildTask",
    step: |_| dispatch("monitorGoogleCloudBuild", false),
    timeout_ms: Some(2 * 60 * 60 * 1000),
    timeout_overridable: true,
};

static ARTIFACTS: TaskDefinition = TaskDefinition {
    name: "getGoogleCloudBuildArtifactsTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.GetGoogleCloudBuildArtifactsTask",
    step: |_| dispatch("getGoogleCloudBuildArtifacts", false),
    timeout_ms: Some(READ_MS),
    timeout_overridable: false,
};

impl StageType for GoogleCloudBuild {
    fn names(&self) -> &'static [&'static str] {
        &["googleCloudBuild"]
    }

    fn summary(&self) -> &'static str {
        "Runs a build of Google Cloud Build and waits for its end."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "account",
                    FieldType::Text,
                    "The account (`google_cloud_build.accounts`).",
                ),
                Field::optional(
                    "buildDefinitionSource",
                    FieldType::Word(&["stage", "artifact", "trigger"]),
                    "Where the build is defined; stage if absent, and for any other word.",
                ),
                Field::optional(
                    "buildDefinition",
                    FieldType::Map,
                    "The build, as Google's API takes it.",
                ),
                Field::optional(
                    "buildDefinitionArtifact",
                    FieldType::Map,
                    "A file with the build in YAML: {artifactAccount, artifactId, artifact}.",
                ),
                Field::optional("triggerId", FieldType::Text, "A trigger that is run."),
                Field::optional(
                    "repoSource",
                    FieldType::Map,
                    "What the trigger builds: {branchName, tagName, commitSha}.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &MONITOR, &ARTIFACTS, &BIND] }
    }

    fn differs(&self) -> &'static str {
        "The build gets a tag `gennaker-…` more, one that a trigger runs a substitution `_GENNAKER_BUILD`: by these a worker finds what \
         another has started. `buildInfo` also has the build's `name`. A build that expired in Google's queue fails the stage."
    }
}

impl StageDefinition for GoogleCloudBuild {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&START, &MONITOR, &ARTIFACTS, &BIND]))
    }

    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        restarted(stage, &[FETCHED, ARTIFACT])
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        let build = given(context, BUILD)?;
        let is_over = matches!(
            build["status"].as_str(),
            Some("SUCCESS" | "FAILURE" | "INTERNAL_ERROR" | "TIMEOUT" | "CANCELLED" | "EXPIRED")
        );
        (build["id"].is_string() && !is_over).then(|| remote("stopGoogleCloudBuild", true))
    }
}

/// First what shall be built is found out, perhaps by a worker that reads a file; then it is started.
fn start(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let source = read::text(own, "buildDefinitionSource").unwrap_or_default();
    let is_artifact = source.eq_ignore_ascii_case("artifact");
    if is_artifact && given(own, FETCHED).is_none() {
        if given(own, ARTIFACT).is_some() {
            return Step::Dispatch(Remote {
                pool: crate::kubernetes::POOL,
                kind: "fetchBuildDefinition",
                effect: false,
            });
        }
        return match definition_artifact(context) {
            Ok(artifact) => {
                let learned = [(ARTIFACT.to_owned(), artifact)].into_iter().collect();
                again(context, learned)
            }
            Err(message) => TaskResult::thrown(context, "IllegalArgumentException", message).into(),
        };
    }
    if given(own, SINCE).is_none() {
        return again(context, Map::new());
    }
    dispatch("startGoogleCloudBuild", true)
}

/// The file with the definition, with the account that reads it.
fn definition_artifact(context: &TaskContext<'_>) -> Result<Value, &'static str> {
    let own = context.context;
    let source = own
        .get("buildDefinitionArtifact")
        .and_then(Value::as_object);
    let found =
        source.and_then(|source| artifact_of(&context.state.doc, context.stage, own, source));
    let mut artifact = found
        .ok_or("No manifest artifact was specified.")?
        .to_value();
    let account = source.and_then(|source| read::text(source, "artifactAccount"));
    if let Some(account) = account {
        artifact["artifactAccount"] = json!(account);
    }
    match artifact["artifactAccount"].as_str() {
        None | Some("") => Err("No manifest artifact account was specified."),
        Some(_) => Ok(artifact),
    }
}
