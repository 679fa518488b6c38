//! `jenkins`, and what stages of other build systems share with it (orchestration reference 6.9). Source: orca `JenkinsStage`,
//! `ScriptStage`, `GetPropertiesStage`.
//!
//! The build itself is started, followed and stopped by tasks of the pool `jenkins`.

mod get_properties;
mod script;
#[cfg(test)]
mod tests;

use gennaker_engine::{
    NewStage, Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskDefinition,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage};
use serde_json::{Value, json};

use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};
pub(crate) use get_properties::GetProperties;
pub(crate) use script::Script;

/// The stage type `jenkins`.
pub(crate) struct Jenkins;

/// The pool.
pub(crate) const POOL: &str = "jenkins";

/// Context keys that the tasks hand on to each other.
pub(crate) const QUEUED: &str = "queuedBuild";
pub(crate) const NUMBER: &str = "buildNumber";
pub(crate) const BUILD: &str = "buildInfo";

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Starts a build.
pub(crate) static START: TaskDefinition = TaskDefinition {
    name: "startJenkinsJob",
    class: "com.netflix.spinnaker.orca.igor.tasks.StartJenkinsJobTask",
    step: |_| remote("startJenkinsJob", true),
    timeout_ms: Some(15 * MINUTE_MS),
    timeout_overridable: false,
};

/// Waits until it has a number.
pub(crate) static WAIT: TaskDefinition = TaskDefinition {
    name: "waitForJenkinsJobStart",
    class: "com.netflix.spinnaker.orca.igor.tasks.MonitorQueuedJenkinsJobTask",
    step: |_| remote("waitForJenkinsJobStart", false),
    timeout_ms: Some(2 * HOUR_MS),
    timeout_overridable: true,
};

/// Waits until it is over.
pub(crate) static MONITOR: TaskDefinition = TaskDefinition {
    name: "monitorJenkinsJob",
    class: "com.netflix.spinnaker.orca.igor.tasks.MonitorJenkinsJobTask",
    step: |_| remote("monitorJenkinsJob", false),
    timeout_ms: Some(2 * HOUR_MS),
    timeout_overridable: true,
};

/// Reads the file of properties that it left.
pub(crate) static PROPERTIES: TaskDefinition = TaskDefinition {
    name: "getBuildProperties",
    class: "com.netflix.spinnaker.orca.igor.tasks.GetBuildPropertiesTask",
    step: |_| remote("getBuildProperties", false),
    timeout_ms: Some(MINUTE_MS),
    timeout_overridable: false,
};

/// Reads which artifacts it left.
pub(crate) static ARTIFACTS: TaskDefinition = TaskDefinition {
    name: "getBuildArtifacts",
    class: "com.netflix.spinnaker.orca.igor.tasks.GetBuildArtifactsTask",
    step: |_| remote("getBuildArtifacts", false),
    timeout_ms: Some(MINUTE_MS),
    timeout_overridable: false,
};

/// Fields that stages of several build systems have.
pub(crate) const PROPERTY_FILE: Field = Field::optional(
    "propertyFile",
    FieldType::Text,
    "Name of a file of the build, without its folder, whose properties become outputs: .yml, .json, else key=value.",
);
pub(crate) const WAIT_FOR_COMPLETION: Field = Field::optional(
    "waitForCompletion",
    FieldType::Boolean,
    "Whether the stage waits for the end of the build; true if absent.",
);

impl StageType for Jenkins {
    fn names(&self) -> &'static [&'static str] {
        &["jenkins"]
    }

    fn summary(&self) -> &'static str {
        "Runs a job of Jenkins and waits for its end."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "master",
                    FieldType::Text,
                    "Name of the build server in the settings.",
                ),
                Field::required(
                    "job",
                    FieldType::Text,
                    "The job: names of folders and its own, joined with /job/, such as team/job/deploy.",
                ),
                Field::optional(
                    "parameters",
                    FieldType::Map,
                    "Parameters of the build by name.",
                ),
                PROPERTY_FILE,
                WAIT_FOR_COMPLETION,
                Field::optional(
                    "markUnstableAsSuccessful",
                    FieldType::Boolean,
                    "Whether a build that is unstable counts as good; false if absent.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &WAIT, &MONITOR, &PROPERTIES, &ARTIFACTS, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "startJenkinsJob",
            "waitForJenkinsJobStart",
            "[monitorJenkinsJob]",
            "[getBuildProperties]",
            "[getBuildArtifacts]",
            "[bindProducedArtifacts]",
        ]
    }

    fn differs(&self) -> &'static str {
        "A worker that is lost in the middle is followed by one that finds the build it had started; a job should declare the \
         parameter `GENNAKER_TOKEN` for it (the setting `jenkins.token_parameter`). A build that somebody takes out of the queue \
         ends the stage CANCELED at once, not after two hours. All files of a build count as artifacts, not only those that a \
         decorator knows."
    }
}

impl StageDefinition for Jenkins {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let names = [START.name, WAIT.name, MONITOR.name];
        let has_properties = read::text(own, "propertyFile").is_some();
        Ok(planned(own, names, has_properties))
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

/// What the tasks of a stage that runs a build are called: start, wait, monitor.
pub(crate) type Names = [&'static str; 3];

/// The tasks of a stage that runs a build, on whichever build system.
pub(crate) fn planned(own: &Map, [start, wait, monitor]: Names, has_properties: bool) -> Plan {
    let mut tasks = vec![
        PlannedTask::of(&START).named(start),
        PlannedTask::of(&WAIT).named(wait),
    ];
    if waits(own) {
        tasks.push(PlannedTask::of(&MONITOR).named(monitor));
        if has_properties {
            tasks.push(PlannedTask::of(&PROPERTIES));
        }
        tasks.push(PlannedTask::of(&ARTIFACTS));
    }
    if own.contains_key("expectedArtifacts") {
        tasks.push(PlannedTask::of(&BIND));
    }
    Plan {
        tasks,
        ..Plan::default()
    }
}

/// Whether the stage waits for the end of the build.
pub(crate) fn waits(context: &Map) -> bool {
    read::boolean(context, "waitForCompletion") != Some(false)
}

/// What stops the build of a stage that ends before it.
pub(crate) fn stop(context: &Map) -> Option<Remote> {
    let was_started = given(context, QUEUED).is_some() || given(context, NUMBER).is_some();
    (was_started && !is_over(context)).then_some(Remote {
        pool: POOL,
        kind: "stopJenkinsJob",
        effect: true,
    })
}

/// What a restart forgets: a new build is started, and the old one stays to be seen.
pub(crate) fn cleared(stage: &Stage) -> Cleared {
    let mut cleared = Cleared::keys(&[QUEUED, NUMBER, BUILD, "propertyFileContents"]);
    cleared.outputs_removed = vec![BUILD.to_owned(), "propertyFileContents".to_owned()];
    if let Some(build) = given(&stage.context, BUILD) {
        let details = json!({"previousBuildInfo": build});
        cleared.context.insert("restartDetails".to_owned(), details);
    }
    cleared
}

/// The stage that reads the properties of a build that failed, if it has ended and a file is named. Source: orca
/// `JenkinsStage.onFailureStages`.
pub(crate) fn properties_after_failure(context: &Map) -> Vec<NewStage> {
    if read::text(context, "propertyFile").is_none() || given(context, NUMBER).is_none() {
        return Vec::new();
    }
    let mut own = Map::new();
    for key in ["master", "job", NUMBER, "propertyFile"] {
        if let Some(value) = given(context, key) {
            own.insert(key.to_owned(), value.clone());
        }
    }
    vec![NewStage {
        kind: get_properties::KIND.to_owned(),
        name: "Try to get properties file".to_owned(),
        context: own,
        requires: Vec::new(),
    }]
}

/// A task of the pool.
pub(crate) fn remote(kind: &'static str, effect: bool) -> Step {
    Step::Dispatch(Remote {
        pool: POOL,
        kind,
        effect,
    })
}

/// The build server of a stage.
pub(crate) fn master(context: &Map) -> Option<&str> {
    read::text(context, "master")
}

fn is_over(context: &Map) -> bool {
    let build = context.get(BUILD).and_then(Value::as_object);
    build.is_some_and(|build| {
        let ended = build.get("result").and_then(Value::as_str);
        build.get("building") != Some(&Value::Bool(true))
            && ended.is_some_and(|it| it != "BUILDING")
    })
}

fn given<'m>(context: &'m Map, key: &str) -> Option<&'m Value> {
    context.get(key).filter(|value| !value.is_null())
}
