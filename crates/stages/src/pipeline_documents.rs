//! Pipeline configs and plugin infos as jobs. Source: orca-front50 (reference 6.5).

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::Status;

use crate::{
    catalogue::StageType,
    document_job::document_jobs,
    field::{Field, FieldType},
};

const TIMEOUT_MS: i64 = 30_000;

const PIPELINE: Field = Field::required(
    "pipeline",
    FieldType::Any,
    "The pipeline as base64 of its JSON, or as an object.",
);

const STALE_CHECK: Field = Field::optional(
    "staleCheck",
    FieldType::Boolean,
    "Refuse when the stored pipeline has changed since it was read.",
);

const PERMISSIONS_DIFFER: &str = "`updatePipelinePermissions` is never planned, because there are no managed service accounts yet.";

/// `savePipeline`.
pub(crate) struct SavePipeline;

/// `updatePipeline`.
pub(crate) struct UpdatePipeline;

/// Saves, or, in Orca by the same class, replaces.
pub(crate) static SAVE: TaskDefinition = TaskDefinition {
    name: "savePipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.SavePipelineTask",
    step: save,
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: false,
};

/// Orca waits until every Front50 serves what was saved, if it is told to, which by default it is not. Here a save is done once it
/// is durable, and whoever reads it by its id reads it.
static MONITOR_SAVE: TaskDefinition = TaskDefinition {
    name: "waitForPipelineSave",
    class: "com.netflix.spinnaker.orca.front50.tasks.MonitorFront50Task",
    step: |_| Step::Done(TaskResult::of(Status::Succeeded)),
    timeout_ms: Some(90_000),
    timeout_overridable: false,
};

/// Saving and waiting, in order.
pub(crate) static SAVE_TASKS: &[&TaskDefinition] = &[&SAVE, &MONITOR_SAVE];

const UPDATE: &str = "updatePipeline";

fn save(context: &TaskContext<'_>) -> Step {
    Step::Dispatch(Remote {
        pool: "notify",
        kind: if context.task.name == UPDATE {
            UPDATE
        } else {
            "savePipeline"
        },
        effect: true,
    })
}

impl StageType for SavePipeline {
    fn names(&self) -> &'static [&'static str] {
        &["savePipeline"]
    }

    fn summary(&self) -> &'static str {
        "Saves a pipeline, new or changed."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                PIPELINE,
                STALE_CHECK,
                Field::optional(
                    "pipelines",
                    FieldType::Any,
                    "Several pipelines as base64 of a JSON list.",
                ),
                Field::optional(
                    "isBulkSavingPipelines",
                    FieldType::Boolean,
                    "Whether `pipelines` is used.",
                ),
                Field::optional(
                    "isSavingMultiplePipelines",
                    FieldType::Boolean,
                    "A pipeline that cannot be saved ends the task FAILED_CONTINUE.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        SAVE_TASKS
    }

    fn differs(&self) -> &'static str {
        PERMISSIONS_DIFFER
    }
}

impl StageDefinition for SavePipeline {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks(SAVE_TASKS.iter().copied()))
    }

    fn given_up(&self, task: &gennaker_model::Task, context: &gennaker_model::Map) -> Status {
        given_up(task, context)
    }
}

/// Where several are saved, one that cannot be does not keep the others from being saved.
pub(crate) fn given_up(task: &gennaker_model::Task, context: &gennaker_model::Map) -> Status {
    let is_one_of_several =
        crate::read::boolean(context, "isSavingMultiplePipelines") == Some(true);
    if is_one_of_several && task.implementing_class == SAVE.class {
        Status::FailedContinue
    } else {
        Status::Terminal
    }
}

impl StageType for UpdatePipeline {
    fn names(&self) -> &'static [&'static str] {
        &[UPDATE]
    }

    fn summary(&self) -> &'static str {
        "Replaces a pipeline by id."
    }

    fn fields(&self) -> &'static [Field] {
        const { &[PIPELINE, STALE_CHECK] }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&SAVE] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[UPDATE]
    }

    fn differs(&self) -> &'static str {
        PERMISSIONS_DIFFER
    }
}

impl StageDefinition for UpdatePipeline {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan {
            tasks: vec![PlannedTask::of(&SAVE).named(UPDATE)],
            ..Plan::default()
        })
    }
}

document_jobs! {
    /// `deletePipeline`.
    DeletePipeline {
        names: &["deletePipeline"],
        summary: "Deletes a pipeline.",
        fields: &[PIPELINE],
        task: "deletePipeline",
        class: "com.netflix.spinnaker.orca.front50.tasks.DeletePipelineTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `reorderPipelines`.
    ReorderPipelines {
        names: &["reorderPipelines"],
        summary: "Puts the pipelines, or strategies, of an application in order.",
        fields: &[
            Field::required(
                "application",
                FieldType::Any,
                "The application, as base64 of a JSON string or as it is.",
            ),
            Field::required(
                "idsToIndices",
                FieldType::Any,
                "The place of each pipeline by its id, as base64 of a JSON object or as an object.",
            ),
            Field::optional(
                "isStrategy",
                FieldType::Any,
                "Whether strategies are meant, as base64 of a JSON boolean or as it is.",
            ),
        ],
        task: "reorderPipelines",
        class: "com.netflix.spinnaker.orca.front50.tasks.ReorderPipelinesTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `upsertPluginInfo`.
    UpsertPluginInfo {
        names: &["upsertPluginInfo"],
        summary: "Saves what is known of a plugin.",
        fields: &[Field::required(
            "pluginInfo",
            FieldType::Map,
            "The plugin: {id, description, provider, releases}.",
        )],
        task: "upsertPluginInfo",
        class: "com.netflix.spinnaker.orca.front50.tasks.UpsertPluginInfoTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `saveCanaryConfig`: ours, since Spinnaker's Gate hands configurations to Kayenta.
    SaveCanaryConfig {
        names: &["saveCanaryConfig"],
        summary: "Saves a configuration of canary analysis (an addition of Gennaker).",
        fields: &[
            Field::required(
                "canaryConfig",
                FieldType::Any,
                "The configuration as base64 of its JSON, or as an object.",
            ),
            Field::optional(
                "isNew",
                FieldType::Boolean,
                "Refuse when a configuration has that id; otherwise one must have it.",
            ),
        ],
        task: "saveCanaryConfig",
        class: "io.gennaker.canary.SaveCanaryConfigTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deleteCanaryConfig`: ours.
    DeleteCanaryConfig {
        names: &["deleteCanaryConfig"],
        summary: "Deletes a configuration of canary analysis (an addition of Gennaker).",
        fields: &[Field::required(
            "canaryConfigId",
            FieldType::Text,
            "The id of the configuration.",
        )],
        task: "deleteCanaryConfig",
        class: "io.gennaker.canary.DeleteCanaryConfigTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deletePluginInfo`.
    DeletePluginInfo {
        names: &["deletePluginInfo"],
        summary: "Forgets a plugin.",
        fields: &[Field::required(
            "pluginInfoId",
            FieldType::Text,
            "The id of the plugin.",
        )],
        task: "deletePluginInfo",
        class: "com.netflix.spinnaker.orca.front50.tasks.DeletePluginInfoTask",
        timeout_ms: TIMEOUT_MS,
    }
}
