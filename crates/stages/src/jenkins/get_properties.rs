//! `getProperties`: what a build that failed has left. Source: orca `GetPropertiesStage`.

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition, definition::PlanError,
};

use super::PROPERTIES;
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct GetProperties;

pub(super) const KIND: &str = "getProperties";

impl StageType for GetProperties {
    fn names(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn summary(&self) -> &'static str {
        "Reads the properties of a build; stages that run builds add it when they fail."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("master", FieldType::Text, "Name of the build server."),
                Field::required("job", FieldType::Text, "The job."),
                Field::required("buildNumber", FieldType::Number, "The build."),
                Field::required("propertyFile", FieldType::Text, "Name of the file."),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&PROPERTIES] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["getPropertiesFile"]
    }
}

impl StageDefinition for GetProperties {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan {
            tasks: vec![PlannedTask::of(&PROPERTIES).named("getPropertiesFile")],
            ..Plan::default()
        })
    }
}
