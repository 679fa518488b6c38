//! `bindProducedArtifacts`: the last task of stages that produce artifacts. Source: orca `BindProducedArtifactsTask` (reference 8.7).

use gennaker_engine::{Step, TaskContext, TaskDefinition, TaskResult};
use gennaker_model::{Map, Status};
use serde_json::Value;

use crate::{
    artifacts::{self, Artifact},
    field::{Field, FieldType},
};

/// The task.
pub(crate) static BIND: TaskDefinition = TaskDefinition {
    name: "bindProducedArtifacts",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.artifacts.BindProducedArtifactsTask",
    step: bind,
    timeout_ms: None,
    timeout_overridable: false,
};

/// The field that it reads.
pub(crate) const FIELD: Field = Field::optional(
    "expectedArtifacts",
    FieldType::List,
    "Artifacts that the stage must produce; each is bound to the first that matches, else to its default.",
);

/// Binds what the stage expects to what it can see, its own artifacts first. Earlier executions play no part here, whatever
/// `usePriorArtifact` says.
fn bind(context: &TaskContext<'_>) -> Step {
    let expected = artifacts::read_expected(context.get("expectedArtifacts"), "expectedArtifacts");
    let expected = match expected {
        Ok(expected) if expected.is_empty() => return TaskResult::of(Status::Succeeded).into(),
        Ok(expected) => expected,
        Err(error) => {
            return TaskResult::thrown(context, "IllegalArgumentException", &error.to_string())
                .into();
        }
    };
    let seen = artifacts::visible(&context.state.doc, context.stage, context.context);
    let resolved = match artifacts::resolve(&expected, &seen, &[], false) {
        Ok(resolved) => resolved,
        Err(error) => {
            return TaskResult::thrown(context, "InvalidRequestException", &error.to_string())
                .into();
        }
    };
    let bound = resolved.artifacts.iter().map(Artifact::to_value).collect();
    let mut found = Map::new();
    found.insert("artifacts".to_owned(), Value::Array(bound));
    found.insert(
        "resolvedExpectedArtifacts".to_owned(),
        Value::Array(resolved.expected),
    );
    TaskResult {
        context: found.clone(),
        outputs: found,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}
