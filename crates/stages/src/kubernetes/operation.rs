//! Stages that are one operation on one object: find it, do it, and, for some, wait until it is stable. They differ in what is written
//! here.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::{Map, Stage};

use super::{
    cleared, fields,
    tasks::{self, MONITOR, OPERATION_MS},
};
use crate::{catalogue::StageType, field::Field};

/// A stage type.
pub(crate) struct Operation {
    pub(super) names: &'static [&'static str],
    pub(super) summary: &'static str,
    pub(super) fields: &'static [Field],
    /// In order. Each has its own name in a stage, but the one that Orca calls `monitor…`.
    pub(super) tasks: &'static [&'static TaskDefinition],
    /// What that one is called.
    pub(super) monitor: &'static str,
    /// The names of all tasks.
    pub(super) shown: &'static [&'static str],
    /// What is not as in Spinnaker; empty when nothing is.
    pub(super) differs: &'static str,
}

/// The task of an operation that a worker carries out; `name` is its own and its kind's.
pub(super) const fn task(
    name: &'static str,
    class: &'static str,
    step: fn(&gennaker_engine::TaskContext<'_>) -> gennaker_engine::Step,
) -> TaskDefinition {
    TaskDefinition {
        name,
        class,
        step,
        timeout_ms: OPERATION_MS,
        timeout_overridable: false,
    }
}

impl StageType for Operation {
    fn names(&self) -> &'static [&'static str] {
        self.names
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        self.tasks
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        self.shown
    }

    fn differs(&self) -> &'static str {
        self.differs
    }
}

impl StageDefinition for Operation {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let planned = |task: &&'static TaskDefinition| match std::ptr::eq(*task, &raw const MONITOR)
        {
            true => PlannedTask::of(task).named(self.monitor),
            false => PlannedTask::of(task),
        };
        Ok(Plan {
            tasks: self.tasks.iter().map(planned).collect(),
            ..Plan::default()
        })
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        cleared()
    }

    fn task_limit_ms(&self, task: &str, context: &Map) -> Option<i64> {
        tasks::stable_ms(task, context)
    }
}
