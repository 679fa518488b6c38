//! `wait`: let time pass. Source: orca `WaitStage`, `WaitTask`.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::Value;

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct Wait;

pub(crate) static WAIT: TaskDefinition = TaskDefinition {
    name: "wait",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.WaitTask",
    step,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for Wait {
    fn names(&self) -> &'static [&'static str] {
        &["wait"]
    }

    fn summary(&self) -> &'static str {
        "Waits for some seconds; a person may end the wait early."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::optional(
                    "waitTime",
                    FieldType::Number,
                    "Seconds to wait; absent, null or not above zero ends at once.",
                ),
                Field::optional(
                    "skipRemainingWait",
                    FieldType::Boolean,
                    "Set by a person to end the wait.",
                ),
                Field::optional(
                    "skipWaitText",
                    FieldType::Text,
                    "Shown to whoever is about to skip the wait.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&WAIT] }
    }
}

impl StageDefinition for Wait {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&WAIT]))
    }
}

/// Due at the *stage's* start plus the wait, so that pausing does not extend it (reference 6.2).
fn step(context: &TaskContext<'_>) -> Step {
    if read::boolean(context.context, "skipRemainingWait") == Some(true) {
        return TaskResult::of(Status::Succeeded).into();
    }
    let seconds = match context.context.get("waitTime") {
        None | Some(Value::Null) => 0.0,
        Some(value) => match read::number(value) {
            Some(seconds) => seconds,
            None => {
                let message = "Unable to map context to class com.netflix.spinnaker.orca.pipeline.tasks.WaitTask.WaitStageContext: \
                     waitTime is not a number";
                return TaskResult::thrown(context, "IllegalArgumentException", message).into();
            }
        },
    };
    let start = context.stage.start_time.unwrap_or(context.now);
    until(start, seconds, context.now)
}

/// Done once `seconds` have passed since `start` (epoch milliseconds), else to be looked at again then.
pub(crate) fn until(start: i64, seconds: f64, now: i64) -> Step {
    // A number too large for the clock waits as long as the clock can say.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, which is what is wanted"
    )]
    let due = start.saturating_add((seconds.max(0.0) * 1000.0).min(1e15) as i64);
    if due <= now {
        TaskResult::of(Status::Succeeded).into()
    } else {
        Step::Again {
            at: due,
            context: Map::new(),
        }
    }
}
