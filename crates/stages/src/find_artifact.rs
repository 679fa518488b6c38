//! `findArtifactFromExecution`: artifacts of another pipeline's newest execution. Source: orca
//! `FindArtifactFromExecutionStage`, `FindArtifactFromExecutionTask` (reference 6.12).

use gennaker_engine::{
    Lookup, LookupAnswer, NewestOf, Plan, PlanContext, StageDefinition, Step, TaskContext,
    TaskDefinition, TaskResult, definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::Value;

use crate::{
    artifacts::{self, Artifact},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct FindArtifactFromExecution;

static FIND: TaskDefinition = TaskDefinition {
    name: "findArtifactFromExecution",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.artifacts.FindArtifactFromExecutionTask",
    step,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for FindArtifactFromExecution {
    fn names(&self) -> &'static [&'static str] {
        &["findArtifactFromExecution"]
    }

    fn summary(&self) -> &'static str {
        "Takes artifacts of the newest execution of a pipeline."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "pipeline",
                    FieldType::Text,
                    "Id of the pipeline whose newest execution is looked at.",
                ),
                Field::optional(
                    "application",
                    FieldType::Text,
                    "Application of that pipeline; for people.",
                ),
                Field::required(
                    "executionOptions",
                    FieldType::Map,
                    "Which executions count: {successful, terminal, running}, each true or false; all if none is true.",
                ),
                Field::optional(
                    "expectedArtifacts",
                    FieldType::List,
                    "Artifacts to find; each is bound to the first that matches, else to its default.",
                ),
                Field::optional(
                    "expectedArtifact",
                    FieldType::Map,
                    "The older form for a single one.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&FIND] }
    }
}

impl StageDefinition for FindArtifactFromExecution {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&FIND]))
    }
}

fn step(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let Some(pipeline) = read::text(own, "pipeline") else {
        let message = "the stage names no pipeline whose artifacts it wants";
        return TaskResult::thrown(context, "IllegalArgumentException", message).into();
    };
    let Some(options) = own.get("executionOptions").and_then(Value::as_object) else {
        let message = "the stage has no executionOptions that say which executions count";
        return TaskResult::thrown(context, "IllegalArgumentException", message).into();
    };
    let expected = match expected(own) {
        Ok(expected) => expected,
        Err(error) => {
            return TaskResult::thrown(context, "IllegalArgumentException", &error.to_string())
                .into();
        }
    };
    let lookup = Lookup::Artifacts(NewestOf {
        pipeline: pipeline.to_owned(),
        statuses: statuses(options),
        // A stage never finds what it found itself the time before.
        without: (context.state.doc.pipeline_config_id.as_deref() == Some(pipeline))
            .then(|| context.stage.ref_id.clone()),
    });
    let found = match context.answer(&lookup) {
        None => return Step::Lookup(lookup),
        Some(LookupAnswer::Missing) => Ok(Vec::new()),
        Some(LookupAnswer::Found { value }) => {
            artifacts::read_all(value.get("artifacts"), "artifacts")
                .map_err(|error| error.to_string())
        }
        Some(LookupAnswer::Failed { reason, .. }) => Err(reason.clone()),
    };
    let found = match found {
        Ok(found) => found,
        Err(reason) => {
            let message =
                format!("The artifacts of pipeline {pipeline} could not be read: {reason}");
            return TaskResult::thrown(context, "IllegalStateException", &message).into();
        }
    };
    let resolved = match artifacts::resolve(&expected, &found, &[], false) {
        Ok(resolved) => resolved,
        Err(error) => {
            return TaskResult::thrown(context, "InvalidRequestException", &error.to_string())
                .into();
        }
    };
    let bound = resolved.artifacts.iter().map(Artifact::to_value).collect();
    let mut learned = Map::new();
    learned.insert(
        "resolvedExpectedArtifacts".to_owned(),
        Value::Array(resolved.expected),
    );
    learned.insert("artifacts".to_owned(), Value::Array(bound));
    TaskResult {
        context: learned.clone(),
        outputs: learned,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}

/// The list, else the single one of older pipelines, else nothing.
fn expected(own: &Map) -> Result<Vec<artifacts::Expected>, artifacts::Malformed> {
    let listed = own
        .get("expectedArtifacts")
        .filter(|listed| !listed.is_null());
    match (listed, own.get("expectedArtifact")) {
        (Some(listed), _) => artifacts::read_expected(Some(listed), "expectedArtifacts"),
        (None, Some(single)) if !single.is_null() => {
            artifacts::Expected::read(single, "expectedArtifact").map(|single| vec![single])
        }
        (None, Some(_) | None) => Ok(Vec::new()),
    }
}

/// The UI writes `successful`; `succeeded` stands in pipelines that people have edited.
fn statuses(options: &Map) -> Vec<Status> {
    let mut statuses = Vec::new();
    for (keys, status) in [
        (&["succeeded", "successful"][..], Status::Succeeded),
        (&["terminal"][..], Status::Terminal),
        (&["running"][..], Status::Running),
    ] {
        if keys
            .iter()
            .any(|key| read::boolean(options, key) == Some(true))
        {
            statuses.push(status);
        }
    }
    statuses
}
