//! `pauseRolloutManifest` (Kubernetes reference 7.6). Source: orca `PauseRolloutManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::Stage;

use super::{
    cleared, fields, remote,
    tasks::{MONITOR, OPERATION_MS},
};
use crate::{catalogue::StageType, field::Field};

/// The stage type.
pub(crate) struct PauseRolloutManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "pauseRolloutManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.PauseRolloutManifestTask",
    step: |_| remote("pauseRolloutManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for PauseRolloutManifest {
    fn names(&self) -> &'static [&'static str] {
        &["pauseRolloutManifest"]
    }

    fn summary(&self) -> &'static str {
        "Holds the rollout of a Deployment."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                fields::LOCATION,
                fields::NAME_NEEDED,
                fields::MODE,
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&OPERATION, &MONITOR] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["pauseRolloutManifest", "monitorPauseRollout"]
    }
}

impl StageDefinition for PauseRolloutManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorPauseRollout"),
        ];
        Ok(Plan {
            tasks,
            ..Plan::default()
        })
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        cleared()
    }
}
