//! `disableManifest` (Kubernetes reference 7.8). Source: orca `DisableManifestStage`.

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
pub(crate) struct DisableManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "disableManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.DisableManifestTask",
    step: |_| remote("disableManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for DisableManifest {
    fn names(&self) -> &'static [&'static str] {
        &["disableManifest"]
    }

    fn summary(&self) -> &'static str {
        "Takes a workload out of its Services: their selectors are removed from the labels of its Pods."
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
            "disableManifest",
            "monitorDisable",
            "waitForManifestToStabilize",
        ]
    }
}

impl StageDefinition for DisableManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&RESOLVE_TARGET),
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorDisable"),
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
