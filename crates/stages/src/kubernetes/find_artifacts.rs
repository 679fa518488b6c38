//! `findArtifactsFromResource` (Kubernetes reference 7.9). Source: orca `FindArtifactFromResourceStage`; the type's name derives from
//! the class of an older release.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError},
};
use gennaker_model::Stage;

use super::{cleared, fields, remote, tasks::RESOLVE_TARGET};
use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::Field,
};

/// The stage type.
pub(crate) struct FindArtifactsFromResource;

static FIND: TaskDefinition = TaskDefinition {
    name: "findArtifactsFromResource",
    class: "com.netflix.spinnaker.orca.clouddriver.tasks.artifacts.FindArtifactsFromResourceTask",
    step: |_| remote("findArtifactsFromResource", false),
    timeout_ms: Some(10 * 60 * 1000),
    timeout_overridable: false,
};

impl StageType for FindArtifactsFromResource {
    fn names(&self) -> &'static [&'static str] {
        &["findArtifactsFromResource"]
    }

    fn summary(&self) -> &'static str {
        "Finds out which images, ConfigMaps and Secrets an object of a cluster uses."
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
                bind_artifacts::FIELD,
                fields::ZONE,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&RESOLVE_TARGET, &FIND, &BIND] }
    }

    fn differs(&self) -> &'static str {
        "The output `manifest` shows no data of a Secret."
    }
}

impl StageDefinition for FindArtifactsFromResource {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        fields::check_provider(&context.stage.context)?;
        Ok(Plan::of_tasks([&RESOLVE_TARGET, &FIND, &BIND]))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        cleared()
    }
}
