//! `enableManifest` (Kubernetes reference 7.8). Source: orca `EnableManifestStage`.

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
pub(crate) struct EnableManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "enableManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.EnableManifestTask",
    step: |_| remote("enableManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for EnableManifest {
    fn names(&self) -> &'static [&'static str] {
        &["enableManifest"]
    }

    fn summary(&self) -> &'static str {
        "Attaches a workload to its Services: their selectors become labels of its Pods."
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
                Field::optional(
                    "loadBalancers",
                    FieldType::List,
                    "The Services as \"service <name>\"; those of the annotation traffic.spinnaker.io/load-balancers if absent.",
                ),
                Field::optional(
                    "targetPercentage",
                    FieldType::Number,
                    "Of other providers; it changes nothing.",
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
            "enableManifest",
            "monitorEnable",
            "waitForManifestToStabilize",
        ]
    }
}

impl StageDefinition for EnableManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&RESOLVE_TARGET),
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorEnable"),
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
