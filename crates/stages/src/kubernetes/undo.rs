//! `undoRolloutManifest` (Kubernetes reference 7.5). Source: orca `UndoRolloutManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::{Map, Stage};

use super::{
    cleared, fields, remote,
    tasks::{self, MONITOR, OPERATION_MS, STABILIZE},
};
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct UndoRolloutManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "undoRolloutManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.UndoRolloutManifestTask",
    step: |_| remote("undoRolloutManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for UndoRolloutManifest {
    fn names(&self) -> &'static [&'static str] {
        &["undoRolloutManifest"]
    }

    fn summary(&self) -> &'static str {
        "Takes a Deployment, StatefulSet or DaemonSet back to an earlier revision and waits until it is stable."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                fields::LOCATION,
                fields::NAME_NEEDED,
                fields::MODE,
                Field::optional(
                    "numRevisionsBack",
                    FieldType::Number,
                    "How many revisions back from the current one; it wins over revision.",
                ),
                Field::optional("revision", FieldType::Number, "The revision to go back to."),
                fields::STABLE_MINUTES,
                fields::INCLUDE_EVENTS,
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&OPERATION, &MONITOR, &STABILIZE] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "undoRolloutManifest",
            "monitorUndoRollout",
            "waitForManifestToStabilize",
        ]
    }
}

impl StageDefinition for UndoRolloutManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorUndoRollout"),
            PlannedTask::of(&STABILIZE),
        ];
        Ok(Plan {
            tasks,
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
