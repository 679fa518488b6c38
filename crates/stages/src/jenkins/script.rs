//! `script`: a script in the one job that runs scripts (`jenkins.script_master`, `jenkins.script_job`). Source: orca `ScriptStage`.

use gennaker_engine::{
    NewStage, Plan, PlanContext, PlannedTask, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage};

use super::{
    MINUTE_MS, MONITOR, PROPERTIES, PROPERTY_FILE, WAIT, WAIT_FOR_COMPLETION, cleared,
    properties_after_failure, remote, stop, waits,
};
use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type.
pub(crate) struct Script;

static START: TaskDefinition = TaskDefinition {
    name: "startScript",
    class: "com.netflix.spinnaker.orca.igor.tasks.StartScriptTask",
    step: |_| remote("startScript", true),
    timeout_ms: Some(15 * MINUTE_MS),
    timeout_overridable: false,
};

impl StageType for Script {
    fn names(&self) -> &'static [&'static str] {
        &["script"]
    }

    fn summary(&self) -> &'static str {
        "Runs a script in the job of Jenkins that is there for it."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("command", FieldType::Text, "What is run."),
                Field::optional(
                    "scriptPath",
                    FieldType::Text,
                    "The folder in which it is run.",
                ),
                Field::optional("repoUrl", FieldType::Text, "Repository of the script."),
                Field::optional("repoBranch", FieldType::Text, "Branch of the repository."),
                Field::optional("image", FieldType::Text, "An image, for the script."),
                Field::optional("region", FieldType::Text, "A region, for the script."),
                Field::optional("account", FieldType::Text, "An account, for the script."),
                Field::optional("cluster", FieldType::Text, "A cluster, for the script."),
                Field::optional("cmc", FieldType::Text, "A change ticket, for the script."),
                PROPERTY_FILE,
                WAIT_FOR_COMPLETION,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &WAIT, &MONITOR, &PROPERTIES] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "startScript",
            "waitForScriptStart",
            "[monitorScript]",
            "[getBuildProperties]",
        ]
    }
}

impl StageDefinition for Script {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let mut tasks = vec![
            PlannedTask::of(&START),
            PlannedTask::of(&WAIT).named("waitForScriptStart"),
        ];
        if waits(own) {
            tasks.push(PlannedTask::of(&MONITOR).named("monitorScript"));
            if read::text(own, "propertyFile").is_some() {
                tasks.push(PlannedTask::of(&PROPERTIES));
            }
        }
        Ok(Plan {
            tasks,
            ..Plan::default()
        })
    }

    fn on_failure(&self, context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        Ok(properties_after_failure(&context.stage.context))
    }

    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        cleared(stage)
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        stop(context)
    }
}
