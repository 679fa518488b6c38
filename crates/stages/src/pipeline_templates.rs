//! Pipeline templates as jobs. Source: orca-pipelinetemplate (reference 6.5).
//!
//! The pipelines of a template of the first generation are planned anew before it changes, unless `skipPlanDependents` says not to.

use crate::{
    document_job::document_jobs,
    field::{Field, FieldType},
};

const TIMEOUT_MS: i64 = 60_000;

const TEMPLATE: Field = Field::required(
    "pipelineTemplate",
    FieldType::Any,
    "The template as base64 of its JSON, or as an object.",
);
const ID: Field = Field::required("id", FieldType::Text, "The id of the template.");
const GOING: Field = Field::required(
    "pipelineTemplateId",
    FieldType::Text,
    "The id of the template.",
);
const SKIP: Field = Field::optional(
    "skipPlanDependents",
    FieldType::Boolean,
    "Do not plan the pipelines that are made from it.",
);
const TAG: Field = Field::optional("tag", FieldType::Text, "The version with this tag.");
const DIGEST: Field = Field::optional("digest", FieldType::Text, "The version with this digest.");

document_jobs! {
    /// `createPipelineTemplate`.
    CreatePipelineTemplate {
        names: &["createPipelineTemplate"],
        summary: "Makes a pipeline template of the first generation.",
        fields: &[TEMPLATE],
        task: "createPipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.CreatePipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `updatePipelineTemplate`.
    UpdatePipelineTemplate {
        names: &["updatePipelineTemplate"],
        summary: "Replaces a pipeline template of the first generation.",
        fields: &[ID, TEMPLATE, SKIP],
        task: "updatePipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.UpdatePipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
        differs: "There is no task `planDependentPipelines`: pipelines of a template are planned when they start.",
    }
    /// `deletePipelineTemplate`.
    DeletePipelineTemplate {
        names: &["deletePipelineTemplate"],
        summary: "Deletes a pipeline template of the first generation.",
        fields: &[GOING],
        task: "deletePipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.DeletePipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `createV2PipelineTemplate`.
    CreateV2PipelineTemplate {
        names: &["createV2PipelineTemplate"],
        summary: "Makes a pipeline template of the second generation.",
        fields: &[TEMPLATE, TAG],
        task: "createV2PipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.v2.CreateV2PipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `updateV2PipelineTemplate`.
    UpdateV2PipelineTemplate {
        names: &["updateV2PipelineTemplate"],
        summary: "Replaces a pipeline template of the second generation.",
        fields: &[ID, TEMPLATE, TAG],
        task: "updateV2PipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.v2.UpdateV2PipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deleteV2PipelineTemplate`.
    DeleteV2PipelineTemplate {
        names: &["deleteV2PipelineTemplate"],
        summary: "Deletes a pipeline template of the second generation.",
        fields: &[GOING, TAG, DIGEST],
        task: "deleteV2PipelineTemplate",
        class: "com.netflix.spinnaker.orca.pipelinetemplate.tasks.v2.DeleteV2PipelineTemplateTask",
        timeout_ms: TIMEOUT_MS,
    }
}
