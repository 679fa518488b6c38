//! Application and project documents as jobs. Source: orca-applications (reference 6.6).

use crate::{
    document_job::document_jobs,
    field::{Field, FieldType},
};

const TIMEOUT_MS: i64 = 60 * 60 * 1000;

const APPLICATION: &[Field] = &[Field::required(
    "application",
    FieldType::Map,
    "The application: {name, email, cloudProviders, …}.",
)];

const PROJECT: &[Field] = &[Field::required(
    "project",
    FieldType::Map,
    "The project: {id, name, email, config}.",
)];

document_jobs! {
    /// `createApplication`, `updateApplication`, `upsertApplication`: all three make or change it, as clients expect.
    UpsertApplication {
        names: &["upsertApplication", "createApplication", "updateApplication"],
        summary: "Makes an application, or changes the one that exists.",
        fields: APPLICATION,
        task: "upsertApplication",
        class: "com.netflix.spinnaker.orca.applications.tasks.UpsertApplicationTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deleteApplication`.
    DeleteApplication {
        names: &["deleteApplication"],
        summary: "Deletes an application with what belongs to it.",
        fields: APPLICATION,
        task: "deleteApplication",
        class: "com.netflix.spinnaker.orca.applications.tasks.DeleteApplicationTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `upsertProject`.
    UpsertProject {
        names: &["upsertProject"],
        summary: "Makes a project, or changes the one with this id.",
        fields: PROJECT,
        task: "upsertProject",
        class: "com.netflix.spinnaker.orca.applications.tasks.UpsertProjectTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deleteProject`.
    DeleteProject {
        names: &["deleteProject"],
        summary: "Deletes a project.",
        fields: PROJECT,
        task: "deleteProject",
        class: "com.netflix.spinnaker.orca.applications.tasks.DeleteProjectTask",
        timeout_ms: TIMEOUT_MS,
    }
}
