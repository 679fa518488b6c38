//! `dependsOnExecution`: go on once another execution has succeeded. Source: orca `DependsOnExecutionStage`,
//! `DependsOnExecutionTask` (reference 6.2).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::json;

use crate::{
    catalogue::StageType,
    executions::{self, Seen},
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct DependsOnExecution;

static DEPENDS: TaskDefinition = TaskDefinition {
    name: "dependsOnExecution",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.DependsOnExecutionTask",
    step,
    timeout_ms: Some(2 * 60 * 60 * 1000),
    timeout_overridable: true,
};

/// Milliseconds between two looks.
const AGAIN_MS: i64 = 10_000;

const KINDS: &[&str] = &["pipeline", "orchestration"];

impl StageType for DependsOnExecution {
    fn names(&self) -> &'static [&'static str] {
        &["dependsOnExecution"]
    }

    fn summary(&self) -> &'static str {
        "Waits for another execution and goes on if that has succeeded."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "executionType",
                    FieldType::Word(KINDS),
                    "What is waited for: a pipeline or a task.",
                ),
                Field::required(
                    "executionId",
                    FieldType::Text,
                    "The id of the execution to wait for.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&DEPENDS] }
    }
}

impl StageDefinition for DependsOnExecution {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&DEPENDS]))
    }
}

fn step(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    let (Some(kind), Some(id)) = (
        read::text(own, "executionType"),
        read::text(own, "executionId"),
    ) else {
        let message = "the stage needs an executionType and an executionId";
        return TaskResult::thrown(context, "IllegalArgumentException", message).into();
    };
    let upper = kind.to_ascii_uppercase();
    if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
        let message = format!(
            "No enum constant com.netflix.spinnaker.orca.api.pipeline.models.ExecutionType.{upper}"
        );
        return TaskResult::thrown(context, "IllegalArgumentException", &message).into();
    }
    match executions::look(context, id, false) {
        Seen::Unasked(lookup) => Step::Lookup(lookup),
        Seen::Told(told) if told.is_of(&upper) => {
            let status = told.status();
            if status.is_successful() {
                return TaskResult::of(Status::Succeeded).into();
            }
            if status.is_complete() {
                let reason = format!("Depended-on execution completed with status {status}");
                return said(Status::Canceled, "reason", &reason);
            }
            again(context)
        }
        Seen::Told(_) | Seen::Missing => {
            let error = format!("Execution ({kind}) {id} not found.");
            said(Status::Terminal, "error", &error)
        }
        Seen::Failed => again(context),
    }
}

fn again(context: &TaskContext<'_>) -> Step {
    Step::Again {
        at: context.now + AGAIN_MS,
        context: Map::new(),
    }
}

fn said(status: Status, key: &str, sentence: &str) -> Step {
    let mut result = TaskResult::of(status);
    result.context.insert(key.to_owned(), json!(sentence));
    result.into()
}
