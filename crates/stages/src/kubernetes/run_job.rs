//! `runJob`, saved as `runJobManifest` with the alias `runJob`: run a Job to its end (Kubernetes reference 7.10). Source: orca
//! `RunJobStage`, `KubernetesJobRunner`, `WaitOnJobCompletion`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage, Status};
use serde_json::{Value, json};

use super::{
    POOL, cleared, fields, given, remote, source,
    tasks::{OPERATION_MS, PROMOTE},
};
use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct RunJob;

/// How long a Job may take, milliseconds, if the stage does not say.
const RUNTIME_MS: i64 = 120 * 60 * 1000;

/// How much longer than `jobRuntimeLimit` is waited, milliseconds.
const GRACE_MS: i64 = 5 * 60 * 1000;

/// Context key that says that the manifests are those that shall run.
const READY: &str = "jobManifestResolved";

static RUN: TaskDefinition = TaskDefinition {
    name: "runJob",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.job.RunJobTask",
    step: run,
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorDeploy",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.job.MonitorJobTask",
    step: |_| TaskResult::of(Status::Succeeded).into(),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

static WAIT: TaskDefinition = TaskDefinition {
    name: "waitOnJobCompletion",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.job.WaitOnJobCompletion",
    step: |_| remote("waitOnJobCompletion", false),
    timeout_ms: Some(RUNTIME_MS),
    timeout_overridable: true,
};

static CONSUME: TaskDefinition = TaskDefinition {
    name: "consumeArtifact",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.artifacts.ConsumeArtifactTask",
    step: |_| remote("consumeArtifact", false),
    timeout_ms: Some(5 * 60 * 1000),
    timeout_overridable: false,
};

impl StageType for RunJob {
    fn names(&self) -> &'static [&'static str] {
        &["runJob", "runJobManifest"]
    }

    fn summary(&self) -> &'static str {
        "Runs a Kubernetes Job and waits for its end; its log can give outputs."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                Field::optional(
                    "application",
                    FieldType::Text,
                    "Application that the Job is annotated with.",
                ),
                Field::optional(
                    "source",
                    FieldType::Word(&["text", "artifact"]),
                    "Where the manifest comes from; text if absent.",
                ),
                Field::optional("manifest", FieldType::Map, "The Job."),
                Field::optional(
                    "manifests",
                    FieldType::List,
                    "The Job, as the only element of a list.",
                ),
                fields::MANIFEST_ARTIFACT_ID,
                fields::MANIFEST_ARTIFACT,
                fields::MANIFEST_ARTIFACT_ACCOUNT,
                fields::SKIP_EVALUATION,
                fields::REQUIRED_ARTIFACT_IDS,
                fields::REQUIRED_ARTIFACTS,
                Field::optional(
                    "namespace",
                    FieldType::Text,
                    "Namespace of the Job, in place of the manifest's.",
                ),
                Field::optional(
                    "consumeArtifactSource",
                    FieldType::Word(&["none", "propertyFile", "artifact"]),
                    "Where outputs come from; none if absent.",
                ),
                Field::optional(
                    "propertyFile",
                    FieldType::Text,
                    "Container whose log is read for SPINNAKER_PROPERTY_KEY=value and SPINNAKER_CONFIG_JSON={…}.",
                ),
                Field::optional(
                    "consumeArtifactId",
                    FieldType::Text,
                    "Id of the expected artifact that is read as JSON.",
                ),
                Field::optional(
                    "consumeArtifact",
                    FieldType::Map,
                    "That artifact itself, in place of an id.",
                ),
                Field::optional(
                    "consumeArtifactAccount",
                    FieldType::Text,
                    "Account that it is fetched with.",
                ),
                Field::optional(
                    "waitForCompletion",
                    FieldType::Boolean,
                    "Whether the stage waits for the end; true if absent.",
                ),
                Field::optional(
                    "jobRuntimeLimit",
                    FieldType::Text,
                    "How long the Job may take, such as PT30M; two hours if absent. `stageTimeoutMs` wins.",
                ),
                bind_artifacts::FIELD,
                fields::NO_OUTPUT,
                Field::optional(
                    "deleteOnCancel",
                    FieldType::Boolean,
                    "Delete the Job when the stage is cancelled or fails; false if absent (an addition of Gennaker).",
                ),
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&RUN, &MONITOR, &PROMOTE, &WAIT, &BIND, &CONSUME] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "runJob",
            "monitorDeploy",
            "[promoteOutputs]",
            "[waitOnJobCompletion]",
            "[bindProducedArtifacts]",
            "[consumeArtifact]",
        ]
    }

    fn differs(&self) -> &'static str {
        "The Job is watched and not polled. Titus is not built."
    }
}

impl StageDefinition for RunJob {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        fields::check_provider(own)?;
        let mut tasks = vec![PlannedTask::of(&RUN), PlannedTask::of(&MONITOR)];
        let has_manifest = given(own, "source").is_some()
            || given(own, "manifest").is_some()
            || given(own, "manifests").is_some();
        if has_manifest {
            tasks.push(PlannedTask::of(&PROMOTE));
        }
        if read::boolean(own, "waitForCompletion") != Some(false) {
            tasks.push(PlannedTask::of(&WAIT));
        }
        if own.contains_key("expectedArtifacts") {
            tasks.push(PlannedTask::of(&BIND));
        }
        if read::text(own, "consumeArtifactSource") == Some("artifact") {
            tasks.push(PlannedTask::of(&CONSUME));
        }
        let mut planned = source::planned(context);
        if let Some(id) = read::text(own, "consumeArtifactId")
            && let Some(bound) = crate::artifacts::bound(context.execution, context.stage, own, id)
        {
            planned.insert("consumeArtifact".to_owned(), bound.to_value());
        }
        Ok(Plan {
            tasks,
            context: planned,
            ..Plan::default()
        })
    }

    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        let mut cleared = cleared();
        // What the run before has found stays to be seen.
        let mut before = Map::new();
        for key in [
            "deploy.jobs",
            "jobStatus",
            "completionDetails",
            "propertyFileContents",
        ] {
            cleared.removed.push(key.to_owned());
            if let Some(value) = given(&stage.context, key) {
                before.insert(key.to_owned(), value.clone());
            }
        }
        cleared.removed.push(READY.to_owned());
        if !before.is_empty() {
            cleared
                .context
                .insert("restartDetails".to_owned(), json!(before));
        }
        cleared
    }

    fn task_limit_ms(&self, task: &str, context: &Map) -> Option<i64> {
        if task != WAIT.name {
            return None;
        }
        let limit = duration_ms(read::text(context, "jobRuntimeLimit")?)?;
        Some(limit.saturating_add(GRACE_MS))
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        let asks = read::boolean(context, "deleteOnCancel") == Some(true);
        let ran = given(context, "deploy.jobs").is_some();
        (asks && ran).then_some(Remote {
            pool: POOL,
            kind: "deleteJob",
            effect: true,
        })
    }
}

/// First what shall run is found out, as a deployment does it; then it runs.
fn run(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    if read::boolean(own, READY) == Some(true) {
        return remote("runJob", true);
    }
    let none = "No job manifest was specified.";
    match source::resolve(context, &["manifest", "manifests"], none) {
        Step::Done(result) if result.status == Status::Succeeded => {
            let mut context_ = result.context;
            context_.insert(READY.to_owned(), Value::Bool(true));
            Step::Again {
                at: context.now,
                context: context_,
            }
        }
        other => other,
    }
}

/// An ISO-8601 duration of days and times, milliseconds. Source: `java.time.Duration.parse`.
fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let rest = text.strip_prefix('P')?;
    let (days, times) = rest.split_once('T').unwrap_or((rest, ""));
    let mut total = 0_f64;
    for (part, units) in [
        (days, &[('D', 86_400.0)][..]),
        (times, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)][..]),
    ] {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
            let number: f64 = rest[..end].parse().ok()?;
            let unit = rest[end..].chars().next()?;
            total += number * units.iter().find(|(name, _)| *name == unit)?.1;
            rest = &rest[end + 1..];
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
    let ms = (total * 1000.0).clamp(0.0, 1e15) as i64;
    (!rest.is_empty() && rest != "T").then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_javas() {
        for (text, ms) in [
            ("PT30M", Some(1_800_000)),
            ("pt1h30m", Some(5_400_000)),
            ("P1DT0.5S", Some(86_400_500)),
            ("PT2S", Some(2_000)),
            ("30", None),
            ("P", None),
            ("PT", None),
            ("PT5X", None),
            ("PTM", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }
}
