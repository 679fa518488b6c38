//! `rollingRestartManifest` (Kubernetes reference 7.7). Source: orca `RollingRestartManifestStage`.

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
pub(crate) struct RollingRestartManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "rollingRestartManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.RollingRestartManifestTask",
    step: |_| remote("rollingRestartManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for RollingRestartManifest {
    fn names(&self) -> &'static [&'static str] {
        &["rollingRestartManifest"]
    }

    fn summary(&self) -> &'static str {
        "Replaces the Pods of a Deployment, StatefulSet or DaemonSet, step by step, without waiting for the end."
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
        &["rollingRestartManifest", "monitorRollingRestart"]
    }
}

impl StageDefinition for RollingRestartManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorRollingRestart"),
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
