//! `travis` and `gitlab-ci`: the tasks of a Jenkins stage on other build systems (orchestration reference 6.9). Source: orca
//! `TravisStage`, `CIStage`.

use gennaker_engine::{
    NewStage, Plan, PlanContext, StageDefinition, TaskDefinition,
    definition::{Cleared, PlanError, Remote},
};
use gennaker_model::{Map, Stage};
use serde_json::{Value, json};

use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    field::{Field, FieldType},
    jenkins::{
        ARTIFACTS, MONITOR, PROPERTIES, START, WAIT, WAIT_FOR_COMPLETION, cleared, planned,
        properties_after_failure, stop,
    },
    read,
};

/// The stage type `travis`.
pub(crate) struct Travis;

/// The stage type `gitlab-ci`.
pub(crate) struct GitlabCi;

/// The parameter that is the message of a build.
const MESSAGE: &str = "travis.buildMessage";

/// What stands in place of a file's name: Travis has properties in logs only.
const PROPERTY_FILE: &str = "travis";

impl StageType for Travis {
    fn names(&self) -> &'static [&'static str] {
        &["travis"]
    }

    fn summary(&self) -> &'static str {
        "Runs a build of Travis CI and waits for its end."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("master", FieldType::Text, "The server, `travis-<name>`."),
                Field::required(
                    "job",
                    FieldType::Text,
                    "The repository and perhaps the branch: owner/name/branch; master if there is none.",
                ),
                Field::optional(
                    "parameters",
                    FieldType::Map,
                    "Environment variables of the build by name; `travis.buildMessage` is its message.",
                ),
                Field::optional(
                    "propertyFile",
                    FieldType::Text,
                    "Any text: properties are lines SPINNAKER_PROPERTY_NAME=value of the log; travis if absent.",
                ),
                WAIT_FOR_COMPLETION,
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &WAIT, &MONITOR, &PROPERTIES, &ARTIFACTS, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "startTravisJob",
            "waitForTravisJobStart",
            "[monitorTravisJob]",
            "[getBuildProperties]",
            "[getBuildArtifacts]",
            "[bindProducedArtifacts]",
        ]
    }

    fn differs(&self) -> &'static str {
        "The message of the build ends with an id, by which a worker finds what another has started. Cancelling stops the build, which \
         Spinnaker leaves running. `parameters` may be left out."
    }
}

impl StageDefinition for Travis {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let mut parameters = own
            .get("parameters")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if !parameters.contains_key(MESSAGE) {
            let execution = context.execution;
            let message = format!(
                "Application: '{}', pipeline: '{}', execution: '{}'",
                execution.application,
                execution.name.as_deref().unwrap_or("null"),
                execution.id
            );
            parameters.insert(MESSAGE.to_owned(), message.into());
        }
        let names = [
            "startTravisJob",
            "waitForTravisJobStart",
            "monitorTravisJob",
        ];
        let mut plan = planned(own, names, true);
        plan.context
            .insert("parameters".to_owned(), Value::Object(parameters));
        if own.get("propertyFile").is_none_or(Value::is_null) {
            plan.context
                .insert("propertyFile".to_owned(), json!(PROPERTY_FILE));
        }
        Ok(plan)
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

impl StageType for GitlabCi {
    fn names(&self) -> &'static [&'static str] {
        &["gitlab-ci"]
    }

    fn summary(&self) -> &'static str {
        "Runs a pipeline of GitLab CI and waits for its end (an addition of Gennaker)."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required("master", FieldType::Text, "The server."),
                Field::required(
                    "job",
                    FieldType::Text,
                    "The project: its number, or its path such as group/name.",
                ),
                Field::optional(
                    "parameters",
                    FieldType::Map,
                    "Variables of the pipeline by name; `ref` is the branch or tag, main if absent.",
                ),
                Field::optional(
                    "propertyFile",
                    FieldType::Text,
                    "Any text: then lines SPINNAKER_PROPERTY_NAME=value of the logs become outputs.",
                ),
                WAIT_FOR_COMPLETION,
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&START, &WAIT, &MONITOR, &PROPERTIES, &ARTIFACTS, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &[
            "startGitlabCiJob",
            "waitForGitlabCiJobStart",
            "[monitorGitlabCiJob]",
            "[getBuildProperties]",
            "[getBuildArtifacts]",
            "[bindProducedArtifacts]",
        ]
    }

    fn differs(&self) -> &'static str {
        "Spinnaker has no such stage; there a stage `jenkins` with a GitLab server as its master does the same, and does so here too. The \
         pipeline gets a variable `GENNAKER_BUILD`, by which a worker finds what another has started."
    }
}

impl StageDefinition for GitlabCi {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let own = &context.stage.context;
        let names = [
            "startGitlabCiJob",
            "waitForGitlabCiJobStart",
            "monitorGitlabCiJob",
        ];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn planned_by(stage: &dyn StageDefinition, context: Value) -> (Vec<&'static str>, Value) {
        let execution = testing::execution(&json!([]), &json!({"type": "manual"}));
        let stage_ = testing::stage("travis", context.as_object().unwrap().clone());
        let context = PlanContext {
            execution: &execution,
            stage: &stage_,
            now: 1,
        };
        let plan = stage.plan(&context).unwrap();
        let names = plan.tasks.iter().map(|task| task.name).collect();
        (names, Value::Object(plan.context))
    }

    #[test]
    fn a_build_of_travis_has_a_message_and_properties() {
        let (names, context) = planned_by(&Travis, json!({"parameters": {"A": "1"}}));
        assert_eq!(
            names,
            [
                "startTravisJob",
                "waitForTravisJobStart",
                "monitorTravisJob",
                "getBuildProperties",
                "getBuildArtifacts"
            ]
        );
        let message = "Application: 'app', pipeline: 'pipe', execution: 'E'";
        assert_eq!(
            context,
            json!({"parameters": {"A": "1", "travis.buildMessage": message}, "propertyFile": "travis"})
        );
        let own = json!({"parameters": {"travis.buildMessage": "mine"}, "propertyFile": "x", "waitForCompletion": false});
        let (names, context) = planned_by(&Travis, own);
        assert_eq!(names, ["startTravisJob", "waitForTravisJobStart"]);
        assert_eq!(
            context,
            json!({"parameters": {"travis.buildMessage": "mine"}})
        );
    }

    #[test]
    fn a_pipeline_of_gitlab_reads_properties_when_asked() {
        let (names, context) = planned_by(&GitlabCi, json!({"expectedArtifacts": []}));
        assert_eq!(
            names,
            [
                "startGitlabCiJob",
                "waitForGitlabCiJobStart",
                "monitorGitlabCiJob",
                "getBuildArtifacts",
                "bindProducedArtifacts"
            ]
        );
        assert_eq!(context, json!({}));
        let (names, _) = planned_by(&GitlabCi, json!({"propertyFile": "any"}));
        assert!(names.contains(&"getBuildProperties"));
    }
}
