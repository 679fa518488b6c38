//! `resumeRolloutManifest` (Kubernetes reference 7.6). Source: orca `ResumeRolloutManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::{Map, Stage};

use super::{
    cleared, fields, remote,
    tasks::{self, MONITOR, OPERATION_MS, STABILIZE},
};
use crate::{catalogue::StageType, field::Field};

/// The stage type.
pub(crate) struct ResumeRolloutManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "resumeRolloutManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ResumeRolloutManifestTask",
    step: |_| remote("resumeRolloutManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for ResumeRolloutManifest {
    fn names(&self) -> &'static [&'static str] {
        &["resumeRolloutManifest"]
    }

    fn summary(&self) -> &'static str {
        "Goes on with the rollout of a paused Deployment and waits until it is stable."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                fields::LOCATION,
                fields::NAME_NEEDED,
                fields::MODE,
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
            "resumeRolloutManifest",
            "monitorResumeRollout",
            "waitForManifestToStabilize",
        ]
    }
}

impl StageDefinition for ResumeRolloutManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorResumeRollout"),
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
