//! `deleteManifest` (Kubernetes reference 7.2). Source: orca `DeleteManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::Stage;

use super::{
    cleared, fields, remote,
    tasks::{MONITOR, OPERATION_MS, PROMOTE, RESOLVE_TARGET},
};
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct DeleteManifest;

static OPERATION: TaskDefinition = TaskDefinition {
    name: "deleteManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.DeleteManifestTask",
    step: |_| remote("deleteManifest", true),
    timeout_ms: OPERATION_MS,
    timeout_overridable: false,
};

impl StageType for DeleteManifest {
    fn names(&self) -> &'static [&'static str] {
        &["deleteManifest"]
    }

    fn summary(&self) -> &'static str {
        "Deletes objects from a cluster, by name or by labels, and waits until they are gone."
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
                    "kinds",
                    FieldType::List,
                    "With labelSelectors, in place of a name: the kinds that are deleted.",
                ),
                Field::optional(
                    "labelSelectors",
                    FieldType::Map,
                    "{selectors: [{kind, key, values}]}: which objects of these kinds are deleted.",
                ),
                Field::optional(
                    "options",
                    FieldType::Map,
                    "{cascading, orphanDependents, gracePeriodSeconds}: what becomes of dependents, and how long Pods have.",
                ),
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&RESOLVE_TARGET, &OPERATION, &MONITOR, &PROMOTE] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "resolveTargetManifest",
            "deleteManifest",
            "monitorDelete",
            "promoteOutputs",
        ]
    }

    fn differs(&self) -> &'static str {
        "`cascading: null` counts as absent. An object that takes longer to go than 10 minutes fails the stage, which names what holds it."
    }
}

impl StageDefinition for DeleteManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&RESOLVE_TARGET),
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorDelete"),
            PlannedTask::of(&PROMOTE),
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
