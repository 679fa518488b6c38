//! Application and project documents as jobs. Source: orca-applications (reference 6.6).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::Status;

use crate::{
    catalogue::StageType,
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
    /// `upsertProject`.
    UpsertProject {
        names: &["upsertProject"],
        summary: "Makes a project, or changes the one with this id.",
        fields: PROJECT,
        task: "upsertProject",
        class: "com.netflix.spinnaker.orca.applications.pipelines.UpsertProjectStage$UpsertProjectTask",
        timeout_ms: TIMEOUT_MS,
    }
    /// `deleteProject`.
    DeleteProject {
        names: &["deleteProject"],
        summary: "Deletes a project.",
        fields: PROJECT,
        task: "deleteProject",
        class: "com.netflix.spinnaker.orca.applications.pipelines.DeleteProjectStage$DeleteProjectTask",
        timeout_ms: TIMEOUT_MS,
    }
}

/// `deleteApplication`.
pub(crate) struct DeleteApplication;

/// Clusters and security groups that would forbid it come with the cloud providers; this release knows of none.
static VERIFY: TaskDefinition = TaskDefinition {
    name: "verifyNoDependencies",
    class: "com.netflix.spinnaker.orca.applications.tasks.VerifyApplicationHasNoDependenciesTask",
    step: |_| Step::Done(TaskResult::of(Status::Succeeded)),
    timeout_ms: None,
    timeout_overridable: false,
};

static DELETE: TaskDefinition = TaskDefinition {
    name: "deleteApplication",
    class: "com.netflix.spinnaker.orca.applications.tasks.DeleteApplicationTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "deleteApplication",
            effect: true,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
    timeout_overridable: false,
};

impl StageType for DeleteApplication {
    fn names(&self) -> &'static [&'static str] {
        &["deleteApplication"]
    }

    fn summary(&self) -> &'static str {
        "Deletes an application with what belongs to it."
    }

    fn fields(&self) -> &'static [Field] {
        APPLICATION
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&VERIFY, &DELETE] }
    }

    fn differs(&self) -> &'static str {
        "Nothing in a cloud forbids it, because this release looks into none."
    }
}

impl StageDefinition for DeleteApplication {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&VERIFY, &DELETE]))
    }
}
