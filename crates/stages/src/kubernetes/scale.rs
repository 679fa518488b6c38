//! `scaleManifest` (Kubernetes reference 7.3). Source: orca `ScaleManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::{Map, Stage};

use super::{
    cleared, fields, remote,
    tasks::{self, MONITOR, OPERATION_MS, RESOLVE_TARGET, STABILIZE},
};
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct ScaleManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "scaleManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ScaleManifestTask",
    step: |_| remote("scaleManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for ScaleManifest {
    fn names(&self) -> &'static [&'static str] {
        &["scaleManifest"]
    }

    fn summary(&self) -> &'static str {
        "Sets the number of replicas of a Deployment, ReplicaSet or StatefulSet and waits until it is stable."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                fields::ACCOUNT,
                fields::PROVIDER,
                fields::LOCATION,
                fields::NAME,
                fields::MODE,
                fields::CRITERIA,
                fields::KIND,
                fields::APP,
                fields::CLUSTER,
                Field::required(
                    "replicas",
                    FieldType::Number,
                    "How many; text that is a number does as well.",
                ),
                fields::STABLE_MINUTES,
                fields::INCLUDE_EVENTS,
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&RESOLVE_TARGET, &OPERATION, &MONITOR, &STABILIZE] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "resolveTargetManifest",
            "scaleManifest",
            "monitorScale",
            "waitForManifestToStabilize",
        ]
    }
}

impl StageDefinition for ScaleManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&RESOLVE_TARGET),
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorScale"),
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
