//! `patchManifest` (Kubernetes reference 7.4). Source: orca `PatchManifestStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::{Map, Stage};

use super::{
    cleared, fields, operation, remote, source,
    tasks::{self, MONITOR, PROMOTE, RESOLVE_TARGET, STABILIZE},
};
use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct PatchManifest;

static OPERATION: TaskDefinition = operation::task(
    "patchManifest",
    "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.PatchManifestTask",
    |_| remote("patchManifest", true),
);

static RESOLVE: TaskDefinition = TaskDefinition {
    name: "resolvePatchSourceManifest",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.manifest.ResolvePatchSourceManifestTask",
    step: |context| {
        let none = "The Patch (Manifest) stage requires a valid patch body. Please add a patch body inline or with an artifact.";
        source::resolve(context, &["patchBody"], none)
    },
    timeout_ms: Some(10 * 60 * 1000),
    timeout_overridable: false,
};

impl StageType for PatchManifest {
    fn names(&self) -> &'static [&'static str] {
        &["patchManifest"]
    }

    fn summary(&self) -> &'static str {
        "Changes parts of one object and waits until it is stable."
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
                    "source",
                    FieldType::Word(&["text", "artifact"]),
                    "Where the patch comes from; text if absent.",
                ),
                Field::optional(
                    "patchBody",
                    FieldType::Any,
                    "The patch: an object, or a list of operations.",
                ),
                Field::optional(
                    "options",
                    FieldType::Map,
                    "{mergeStrategy: strategic, merge or json; record}; strategic if absent.",
                ),
                fields::MANIFEST_ARTIFACT_ID,
                fields::MANIFEST_ARTIFACT,
                fields::MANIFEST_ARTIFACT_ACCOUNT,
                fields::SKIP_EVALUATION,
                fields::REQUIRED_ARTIFACT_IDS,
                fields::REQUIRED_ARTIFACTS,
                fields::STABLE_MINUTES,
                fields::INCLUDE_EVENTS,
                bind_artifacts::FIELD,
                fields::NO_OUTPUT,
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const {
            &[
                &RESOLVE_TARGET,
                &RESOLVE,
                &OPERATION,
                &MONITOR,
                &PROMOTE,
                &STABILIZE,
                &BIND,
            ]
        }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "resolveTargetManifest",
            "resolvePatchSourceManifest",
            "patchManifest",
            "monitorPatch",
            "promoteOutputs",
            "waitForManifestToStabilize",
            "bindProducedArtifacts",
        ]
    }

    fn differs(&self) -> &'static str {
        "`record` changes nothing: kubectl has deprecated what it asked for."
    }
}

impl StageDefinition for PatchManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        let tasks = vec![
            PlannedTask::of(&RESOLVE_TARGET),
            PlannedTask::of(&RESOLVE),
            PlannedTask::of(&OPERATION),
            PlannedTask::of(&MONITOR).named("monitorPatch"),
            PlannedTask::of(&PROMOTE),
            PlannedTask::of(&STABILIZE),
            PlannedTask::of(&BIND),
        ];
        Ok(Plan {
            tasks,
            context: source::planned(context),
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
