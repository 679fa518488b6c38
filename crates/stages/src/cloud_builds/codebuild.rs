//! `awsCodeBuild`. Source: orca `AwsCodeBuildStage`, `StartAwsCodeBuildTask`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

use super::{BUILD, READ_MS, START_MS, again, artifact_of, dispatch, given, remote, restarted};
use crate::{
    artifacts::Artifact,
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct AwsCodeBuild;

/// What `StartBuild` takes, once it is put together.
const REQUEST: &str = "startBuildRequest";

/// Most sources of a build beside the first: CodeBuild takes no more.
const SECONDARY_MAX: usize = 12;

static START: TaskDefinition = TaskDefinition {
    name: "startAwsCodeBuildTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.StartAwsCodeBuildTask",
    step: start,
    timeout_ms: Some(START_MS),
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorAwsCodeBuildTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.MonitorAwsCodeBuildTask",
    step: |_| dispatch("monitorAwsCodeBuild", false),
    timeout_ms: Some(8 * 60 * 60 * 1000),
    timeout_overridable: true,
};

static ARTIFACTS: TaskDefinition = TaskDefinition {
    name: "getAwsCodeBuildArtifactsTask",
    class: "com.netflix.spinnaker.orca.igor.tasks.GetAwsCodeBuildArtifactsTask",
    step: |_| dispatch("getAwsCodeBuildArtifacts", false),
    timeout_ms: Some(READ_MS),
    timeout_overridable: false,
};

impl StageType for AwsCodeBuild {
    fn names(&self) -> &'static [&'static str] {
        &["awsCodeBuild"]
    }

    fn summary(&self) -> &'static str {
        "Runs a build of AWS CodeBuild and waits for its end."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "account",
                    FieldType::Text,
                    "The account (`aws_code_build.accounts`).",
                ),
                Field::required("projectName", FieldType::Text, "The project."),
                Field::optional(
                    "source",
                    FieldType::Map,
                    "What is built in place of the project's source: {sourceOverride, sourceType, sourceArtifact: {artifactId, \
                     artifact}, sourceVersion, buildspec}.",
                ),
                Field::optional(
                    "secondarySources",
                    FieldType::List,
                    "Further sources: [{sourceType, sourceArtifact, sourceVersion}].",
                ),
                Field::optional(
                    "secondarySourcesVersionOverride",
                    FieldType::List,
                    "Versions of the project's own further sources: [{sourceIdentifier, sourceVersion}].",
                ),
                Field::optional(
                    "image",
                    FieldType::Text,
                    "The image to build in, read with the project's role.",
                ),
                Field::optional(
                    "environmentVariables",
                    FieldType::Map,
                    "Variables of the build, by name.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &MONITOR, &ARTIFACTS, &BIND] }
    }

    fn differs(&self) -> &'static str {
        "The build gets one environment variable more, `GENNAKER_BUILD`, by which a worker finds what another has started. A project \
         without artifacts has none; in Spinnaker the stage fails."
    }
}

impl StageDefinition for AwsCodeBuild {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&START, &MONITOR, &ARTIFACTS, &BIND]))
    }

    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        restarted(stage, &[REQUEST])
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        let build = given(context, BUILD)?;
        let runs = build["status"] == "IN_PROGRESS";
        (build["arn"].is_string() && runs).then(|| remote("stopAwsCodeBuild", true))
    }
}

/// First the request is put together, as only the decision knows the artifacts; then it is sent.
fn start(context: &TaskContext<'_>) -> Step {
    if given(context.context, REQUEST).is_some() {
        return dispatch("startAwsCodeBuild", true);
    }
    match request(Seen::by(context)) {
        Ok(request) => {
            let learned = [(REQUEST.to_owned(), Value::Object(request))];
            again(context, learned.into_iter().collect())
        }
        Err((class, message)) => TaskResult::thrown(context, class, &message).into(),
    }
}

/// A Java class and a sentence.
pub(super) type Wrong = (&'static str, String);

/// What a request is made of.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) execution: &'a Execution,
    pub(super) stage: &'a Stage,
    /// The stage's context, evaluated.
    pub(super) own: &'a Map,
}

impl<'a> Seen<'a> {
    fn by(context: &TaskContext<'a>) -> Self {
        Self {
            execution: &context.state.doc,
            stage: context.stage,
            own: context.context,
        }
    }
}

pub(super) fn request(seen: Seen<'_>) -> Result<Map, Wrong> {
    let own = seen.own;
    let project =
        read::text(own, "projectName").ok_or_else(|| illegal("No projectName was specified."))?;
    let mut request = Map::new();
    request.insert("projectName".to_owned(), project.into());
    if let Some(source) = own.get("source").and_then(Value::as_object) {
        add_source(seen, source, &mut request)?;
    }
    add_secondary(seen, &mut request)?;
    if let Some(image) = text(own, "image") {
        request.insert("imageOverride".to_owned(), image.into());
        request.insert(
            "imagePullCredentialsTypeOverride".to_owned(),
            "SERVICE_ROLE".into(),
        );
    }
    if let Some(variables) = own.get("environmentVariables").and_then(Value::as_object) {
        let variable = |(name, value): (&String, &Value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            json!({"type": "PLAINTEXT", "name": name, "value": value})
        };
        let variables: Vec<Value> = variables.iter().map(variable).collect();
        request.insert("environmentVariablesOverride".to_owned(), variables.into());
    }
    Ok(request)
}

fn add_source(seen: Seen<'_>, source: &Map, request: &mut Map) -> Result<(), Wrong> {
    let mut version = text(source, "sourceVersion").map(str::to_owned);
    let overrides = read::boolean(source, "sourceOverride") == Some(true);
    if overrides && let Some(wanted) = source.get("sourceArtifact").and_then(Value::as_object) {
        let artifact = source_artifact(seen, wanted)?;
        request.insert(
            "sourceTypeOverride".to_owned(),
            source_type(source, &artifact)?.into(),
        );
        request.insert(
            "sourceLocationOverride".to_owned(),
            location(&artifact)?.into(),
        );
        version = version.or_else(|| text_of(&artifact, "version"));
    }
    if let Some(version) = version {
        request.insert("sourceVersion".to_owned(), version.into());
    }
    if let Some(buildspec) = text(source, "buildspec") {
        request.insert("buildspecOverride".to_owned(), buildspec.into());
    }
    Ok(())
}

/// Orca numbers further sources in their order.
fn add_secondary(seen: Seen<'_>, request: &mut Map) -> Result<(), Wrong> {
    let own = seen.own;
    let (mut sources, mut versions) = (Vec::new(), Vec::new());
    let wanted = own.get("secondarySources").and_then(Value::as_array);
    for source in wanted.into_iter().flatten().filter_map(Value::as_object) {
        let none = Map::new();
        let artifact = source.get("sourceArtifact").and_then(Value::as_object);
        let artifact = source_artifact(seen, artifact.unwrap_or(&none))?;
        let identifier = sources.len().to_string();
        if sources.len() == SECONDARY_MAX {
            return Err(illegal(&format!(
                "CodeBuild takes at most {SECONDARY_MAX} secondary sources"
            )));
        }
        let version = text(source, "sourceVersion").map(str::to_owned);
        if let Some(version) = version.or_else(|| text_of(&artifact, "version")) {
            versions.push(json!({"sourceIdentifier": identifier, "sourceVersion": version}));
        }
        sources.push(json!({
            "type": source_type(source, &artifact)?, "location": location(&artifact)?, "sourceIdentifier": identifier,
        }));
    }
    if wanted.is_some() {
        request.insert("secondarySourcesOverride".to_owned(), sources.into());
    }
    let more = own
        .get("secondarySourcesVersionOverride")
        .and_then(Value::as_array);
    for version in more.into_iter().flatten() {
        versions.push(json!({
            "sourceIdentifier": version["sourceIdentifier"], "sourceVersion": version["sourceVersion"],
        }));
    }
    if !versions.is_empty() {
        request.insert(
            "secondarySourcesVersionOverride".to_owned(),
            versions.into(),
        );
    }
    Ok(())
}

fn source_artifact(seen: Seen<'_>, wanted: &Map) -> Result<Artifact, Wrong> {
    let found = artifact_of(seen.execution, seen.stage, seen.own, wanted);
    let artifact = found.ok_or_else(|| illegal("No artifact was specified."))?;
    if text_of(&artifact, "artifactAccount").is_none() {
        return Err(illegal("No artifact account was specified."));
    }
    let metadata = artifact.to_value();
    if metadata
        .pointer("/metadata/subPath")
        .is_some_and(|path| !path.is_null())
    {
        return Err(illegal("Subpath is not supported by AWS CodeBuild stage"));
    }
    Ok(artifact)
}

/// What the stage says, else what the artifact's type and place say.
fn source_type(source: &Map, artifact: &Artifact) -> Result<String, Wrong> {
    if let Some(kind) = text(source, "sourceType") {
        return Ok(kind.to_owned());
    }
    let reference = artifact.text("reference").unwrap_or_default();
    let rest = reference
        .strip_prefix("https://")
        .or_else(|| reference.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match artifact.text("type") {
        Some("s3/object") => Ok("S3".to_owned()),
        Some("git/repo") => {
            let host = host.unwrap_or_default();
            let named = host.rsplit('@').next().unwrap_or_default();
            if host == "github.com" {
                Ok("GITHUB".to_owned())
            } else if named == "bitbucket.org" {
                Ok("BITBUCKET".to_owned())
            } else if host.starts_with("git-codecommit.") && host.ends_with(".amazonaws.com") {
                Ok("CODECOMMIT".to_owned())
            } else {
                Err(strange("Source type could not be inferred from location"))
            }
        }
        other => Err(unexpected(other)),
    }
}

fn location(artifact: &Artifact) -> Result<String, Wrong> {
    let reference = artifact.text("reference").unwrap_or_default();
    match artifact.text("type") {
        Some("s3/object") => Ok(reference
            .strip_prefix("s3://")
            .unwrap_or(reference)
            .to_owned()),
        Some("git/repo") => Ok(reference.to_owned()),
        other => Err(unexpected(other)),
    }
}

fn text_of(artifact: &Artifact, field: &str) -> Option<String> {
    artifact
        .text(field)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn text<'a>(map: &'a Map, key: &str) -> Option<&'a str> {
    map.get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn illegal(message: &str) -> Wrong {
    ("IllegalArgumentException", message.to_owned())
}

fn strange(message: &str) -> Wrong {
    ("IllegalStateException", message.to_owned())
}

fn unexpected(kind: Option<&str>) -> Wrong {
    strange(&format!("Unexpected value: {}", kind.unwrap_or("null")))
}
