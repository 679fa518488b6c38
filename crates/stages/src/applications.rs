//! Application documents as jobs. Source: orca-applications (reference 6.6).

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskDefinition,
    definition::{PlanError, Remote},
};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// `createApplication`, `updateApplication`, `upsertApplication`: all three make or change it, as clients expect.
pub(crate) struct UpsertApplication;

/// `deleteApplication`.
pub(crate) struct DeleteApplication;

const TIMEOUT_MS: i64 = 60 * 60 * 1000;

static UPSERT: TaskDefinition = TaskDefinition {
    name: "upsertApplication",
    class: "com.netflix.spinnaker.orca.applications.tasks.UpsertApplicationTask",
    step: |_| {
        Step::Dispatch(Remote {
            pool: "notify",
            kind: "upsertApplication",
            effect: true,
        })
    },
    timeout_ms: Some(TIMEOUT_MS),
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

const FIELDS: &[Field] = &[Field::required(
    "application",
    FieldType::Map,
    "The application: {name, email, cloudProviders, …}.",
)];

impl StageType for UpsertApplication {
    fn names(&self) -> &'static [&'static str] {
        &[
            "upsertApplication",
            "createApplication",
            "updateApplication",
        ]
    }

    fn summary(&self) -> &'static str {
        "Makes an application, or changes the one that exists."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&UPSERT] }
    }
}

impl StageDefinition for UpsertApplication {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&UPSERT]))
    }
}

impl StageType for DeleteApplication {
    fn names(&self) -> &'static [&'static str] {
        &["deleteApplication"]
    }

    fn summary(&self) -> &'static str {
        "Deletes an application with its pipelines."
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&DELETE] }
    }
}

impl StageDefinition for DeleteApplication {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&DELETE]))
    }
}
