//! `waitUntil`: let time pass until an instant. Source: orca `WaitUntilStage`, `WaitUntilTask`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct WaitUntil;

static WAIT_UNTIL: TaskDefinition = TaskDefinition {
    name: "waitUntil",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.WaitUntilTask",
    step,
    // Integer.MAX_VALUE milliseconds, 24 days.
    timeout_ms: Some(i32::MAX as i64),
    timeout_overridable: false,
};

impl StageType for WaitUntil {
    fn names(&self) -> &'static [&'static str] {
        &["waitUntil"]
    }

    fn summary(&self) -> &'static str {
        "Waits until an instant, at most 24 days."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[Field::required(
                "epochMillis",
                FieldType::Number,
                "The instant, in milliseconds since 1970 (UTC); without it the stage ends at once.",
            )]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&WAIT_UNTIL] }
    }

    fn differs(&self) -> &'static str {
        "An instant that has passed ends the stage at once; Orca looks a second time, after a second. `startTime` in the context \
         is in milliseconds."
    }
}

impl StageDefinition for WaitUntil {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&WAIT_UNTIL]))
    }
}

fn step(context: &TaskContext<'_>) -> Step {
    let due = match context.context.get("epochMillis") {
        None | Some(Value::Null) => return TaskResult::of(Status::Succeeded).into(),
        Some(value) => match read::number(value) {
            Some(due) => due,
            None => {
                let message = "Unable to map context to class com.netflix.spinnaker.orca.pipeline.WaitUntilStage.WaitUntilStageContext: \
                     epochMillis is not a number";
                return TaskResult::thrown(context, "IllegalArgumentException", message).into();
            }
        },
    };
    // The cast saturates, and an instant beyond what the clock can say never comes.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, which is what is wanted"
    )]
    let due = due.clamp(-1e15, 1e15) as i64;
    if due <= context.now {
        return TaskResult::of(Status::Succeeded).into();
    }
    let mut learned = Map::new();
    if !context.context.contains_key("startTime") {
        learned.insert("startTime".to_owned(), json!(context.now));
    }
    Step::Again {
        at: due,
        context: learned,
    }
}
