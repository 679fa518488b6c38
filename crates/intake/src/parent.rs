//! The execution that a trigger names as its parent (orchestration reference 4.2, step 3): `parentPipelineId` without `parentExecution`.
//!
//! Source: orca `OperationsController.parsePipelineTrigger`.

use gennaker_engine::decide::shown_parent;
use gennaker_model::{Execution, ExecutionId, ExecutionType, command::Start};
use gennaker_stages::artifacts::{Artifact, of_execution};
use serde_json::{Value, json};

const PARENT: &str = "parentExecution";

/// The execution that must be known before the start can be prepared.
#[must_use]
pub fn needed(start: &Start) -> Option<ExecutionId> {
    let named = start.trigger.get("parentPipelineId")?.as_str()?;
    let is_there = start.trigger.contains_key(PARENT);
    let is_pipeline = start.kind == ExecutionType::Pipeline && start.error.is_none();
    ExecutionId::new(named)
        .ok()
        .filter(|_| is_pipeline && !is_there)
}

/// The start with what is known of that execution: itself in the trigger, its artifacts among those that were received. One that is
/// not there changes nothing, as in Orca.
#[must_use]
pub fn found(mut start: Start, parent: Option<&Execution>) -> Start {
    let trigger = &mut start.trigger;
    let Some(parent) = parent.filter(|parent| parent.kind == ExecutionType::Pipeline) else {
        // Nobody asks again.
        trigger.insert(PARENT.to_owned(), Value::Null);
        return start;
    };
    trigger.insert("isPipeline".to_owned(), json!(true));
    trigger.insert("parentStatus".to_owned(), json!(parent.status));
    trigger.insert(PARENT.to_owned(), shown_parent(parent));
    trigger.insert("parentPipelineName".to_owned(), json!(parent.name));
    let artifacts: Vec<Value> = of_execution(parent)
        .iter()
        .map(Artifact::to_value)
        .collect();
    let key = "receivedArtifacts".to_owned();
    start.config.insert(key, artifacts.into());
    start
}

/// The start that fails, because nobody could say what became of that execution.
#[must_use]
pub fn unknown(start: Start, reason: &str) -> Start {
    let named = start
        .trigger
        .get("parentPipelineId")
        .and_then(Value::as_str);
    let error = format!(
        "the parent execution {} could not be read: {reason}",
        named.unwrap_or_default()
    );
    Start {
        error: Some(error),
        ..start
    }
}

#[cfg(test)]
mod tests {
    use gennaker_model::Status;

    use super::*;

    fn start(trigger: Value) -> Start {
        Start {
            execution: ExecutionId::new("01J00000000000000000000000").unwrap(),
            kind: ExecutionType::Pipeline,
            config: gennaker_model::Map::new(),
            trigger: trigger.as_object().cloned().unwrap(),
            user: "ann".to_owned(),
            origin: "api".to_owned(),
            parent: None,
            error: None,
        }
    }

    fn parent() -> Execution {
        let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
        serde_json::from_value(json!({
            "type": "PIPELINE", "id": "P1", "application": "shop", "name": "build", "buildTime": 1, "status": Status::Succeeded,
            "authentication": {"user": "ann"}, "trigger": {"artifacts": []},
            "stages": [{"id": "S", "refId": "1", "requisiteStageRefIds": [], "type": "bake", "name": "Bake", "status": "SUCCEEDED",
                        "context": {}, "outputs": {"artifacts": [image]}, "tasks": []}],
        }))
        .unwrap()
    }

    #[test]
    fn rule_4_2_a_parent_that_the_trigger_names_is_loaded_with_its_artifacts() {
        let named = start(json!({"parentPipelineId": "P1"}));
        assert_eq!(needed(&named), ExecutionId::new("P1").ok());
        let made = found(named, Some(&parent()));
        assert_eq!(needed(&made), None);
        let trigger = &made.trigger;
        assert_eq!(trigger["isPipeline"], true);
        assert_eq!(trigger["parentStatus"], "SUCCEEDED");
        assert_eq!(trigger["parentPipelineName"], "build");
        assert_eq!(trigger["parentExecution"]["stages"][0]["name"], "Bake");
        assert_eq!(made.config["receivedArtifacts"][0]["reference"], "shop:1");
    }

    #[test]
    fn rule_4_2_a_parent_that_is_not_there_is_left_out() {
        let made = found(start(json!({"parentPipelineId": "P1"})), None);
        assert_eq!(needed(&made), None, "it is not asked for again");
        assert_eq!(made.trigger.get("isPipeline"), None);
        let task = Execution {
            kind: ExecutionType::Orchestration,
            ..parent()
        };
        let made = found(start(json!({"parentPipelineId": "P1"})), Some(&task));
        assert_eq!(made.trigger.get("isPipeline"), None);
    }

    #[test]
    fn rule_4_2_a_parent_that_is_there_already_stays() {
        for trigger in [
            json!({"parentPipelineId": "P1", "parentExecution": {"id": "P1"}}),
            json!({"parentPipelineId": ""}),
            json!({"parentPipelineId": 7}),
            json!({}),
        ] {
            assert_eq!(needed(&start(trigger)), None);
        }
        let failed = unknown(start(json!({"parentPipelineId": "P1"})), "no owner");
        let sentence = "the parent execution P1 could not be read: no owner";
        assert_eq!(
            (needed(&failed), failed.error.as_deref()),
            (None, Some(sentence))
        );
    }
}
