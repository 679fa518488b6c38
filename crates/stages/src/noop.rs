//! `noop`: nothing. Source: orca `NoopStage`.
//!
//! Our addition: with a `pool`, a worker of that pool does nothing, which measures the way there and back.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition,
    definition::{PlanError, Remote},
};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct Noop;

static NOOP: TaskDefinition = TaskDefinition {
    name: "noop",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.NoOpTask",
    step,
    timeout_ms: Some(10 * 60 * 1000),
    timeout_overridable: true,
};

impl StageType for Noop {
    fn names(&self) -> &'static [&'static str] {
        &["noop"]
    }

    fn summary(&self) -> &'static str {
        "Does nothing; with a pool, lets a worker of that pool do nothing."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::optional(
                    "pool",
                    FieldType::Word(&["notify"]),
                    "Pool whose worker does nothing; without it the stage is SKIPPED.",
                ),
                Field::optional(
                    "sleepMs",
                    FieldType::Number,
                    "How long the worker takes, milliseconds.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&NOOP] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["[noop]"]
    }

    fn differs(&self) -> &'static str {
        "`pool`, and with it the task, is an addition of Gennaker."
    }
}

impl StageDefinition for Noop {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        match read::text(&context.stage.context, "pool") {
            None => Ok(Plan::default()),
            Some("notify") => Ok(Plan::of_tasks([&NOOP])),
            Some(other) => Err(PlanError::argument(format!(
                "pool {other} has no noop task; only notify does"
            ))),
        }
    }
}

fn step(_context: &TaskContext<'_>) -> Step {
    Step::Dispatch(Remote {
        pool: "notify",
        kind: "noop",
        effect: false,
    })
}
