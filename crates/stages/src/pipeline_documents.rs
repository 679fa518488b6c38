//! Pipeline configs and plugin infos as jobs. Source: orca-front50 (reference 6.5).

use crate::{
    document_job::document_jobs,
    field::{Field, FieldType},
};

const TIMEOUT_MS: i64 = 30_000;

const PIPELINE: Field = Field::required(
    "pipeline",
    FieldType::Any,
    "The pipeline as base64 of its JSON, or as an object.",
);

document_jobs! {
    /// `savePipeline`.
    SavePipeline {
        names: &["savePipeline"],
        summary: "Saves a pipeline, new or changed.",
        fields: &[
            PIPELINE,
            Field::optional(
                "staleCheck",
                FieldType::Boolean,
                "Refuse when the stored pipeline has changed since it was read.",
            ),
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
        ],
        task: "savePipeline",
        class: "com.netflix.spinnaker.orca.front50.tasks.SavePipelineTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `updatePipeline`.
    UpdatePipeline {
        names: &["updatePipeline"],
        summary: "Replaces a pipeline by id.",
        fields: &[PIPELINE],
        task: "updatePipeline",
        class: "com.netflix.spinnaker.orca.front50.tasks.UpdatePipelineTask",
        timeout_ms: TIMEOUT_MS,
    }
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
