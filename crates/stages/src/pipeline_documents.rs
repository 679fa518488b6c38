//! Pipeline configs as jobs. Source: orca-front50 (reference 6.5).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskDefinition,
    definition::{PlanError, Remote},
};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// `savePipeline`.
pub(crate) struct SavePipeline;

/// `updatePipeline`.
pub(crate) struct UpdatePipeline;

/// `deletePipeline`.
pub(crate) struct DeletePipeline;

static SAVE: TaskDefinition = TaskDefinition {
    name: "savePipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.SavePipelineTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "savePipeline",
            effect: true,
        })
    },
    timeout_ms: Some(30_000),
    timeout_overridable: false,
};

static UPDATE: TaskDefinition = TaskDefinition {
    name: "updatePipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.UpdatePipelineTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "updatePipeline",
            effect: true,
        })
    },
    timeout_ms: Some(30_000),
    timeout_overridable: false,
};

static DELETE: TaskDefinition = TaskDefinition {
    name: "deletePipeline",
    class: "com.netflix.spinnaker.orca.front50.tasks.DeletePipelineTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "deletePipeline",
            effect: true,
        })
    },
    timeout_ms: Some(30_000),
    timeout_overridable: false,
};

const PIPELINE: Field = Field::required(
    "pipeline",
    FieldType::Any,
    "The pipeline as base64 of its JSON, or as an object.",
);

macro_rules! document_job {
    ($name:ident, $names:expr, $summary:expr, $fields:expr, $task:ident) => {
        impl StageType for $name {
            fn names(&self) -> &'static [&'static str] {
                $names
            }

            fn summary(&self) -> &'static str {
                $summary
            }

            fn fields(&self) -> &'static [Field] {
                const { $fields }
            }

            fn tasks(&self) -> &'static [&'static TaskDefinition] {
                const { &[&$task] }
            }
        }

        impl StageDefinition for $name {
            fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
                Ok(Plan::of_tasks([&$task]))
            }
        }
    };
}

document_job!(
    SavePipeline,
    &["savePipeline"],
    "Saves a pipeline, new or changed.",
    &[
        PIPELINE,
        Field::optional(
            "staleCheck",
            FieldType::Boolean,
            "Refuse when the stored pipeline has changed since it was read."
        ),
        Field::optional(
            "pipelines",
            FieldType::Any,
            "Several pipelines as base64 of a JSON list."
        ),
        Field::optional(
            "isBulkSavingPipelines",
            FieldType::Boolean,
            "Whether `pipelines` is used."
        ),
    ],
    SAVE
);
document_job!(
    UpdatePipeline,
    &["updatePipeline"],
    "Replaces a pipeline by id.",
    &[PIPELINE],
    UPDATE
);
document_job!(
    DeletePipeline,
    &["deletePipeline"],
    "Deletes a pipeline.",
    &[PIPELINE],
    DELETE
);
