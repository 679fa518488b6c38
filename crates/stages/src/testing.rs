//! Executions and stages for the tests of this crate.

use std::sync::Arc;

use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

/// A pipeline execution with these stages and this trigger.
pub(crate) fn execution(stages: &Value, trigger: &Value) -> Execution {
    let stages: Vec<Value> = stages.as_array().unwrap().iter().map(whole).collect();
    serde_json::from_value(json!({
        "type": "PIPELINE", "id": "E", "application": "app", "name": "pipe", "buildTime": 1, "status": "RUNNING",
        "stages": stages, "authentication": {"user": "ann"}, "trigger": trigger,
    }))
    .unwrap()
}

/// A stage of this type with this context.
pub(crate) fn stage(kind: &str, context: Map) -> Stage {
    let stage =
        json!({"id": "S", "refId": "1", "type": kind, "name": kind, "status": "NOT_STARTED"});
    let stage: Stage = serde_json::from_value(whole(&stage)).unwrap();
    Stage {
        context: Arc::new(context),
        ..stage
    }
}

fn whole(stage: &Value) -> Value {
    let mut whole = json!({"requisiteStageRefIds": [], "context": {}, "outputs": {}, "tasks": []});
    let fields = stage.as_object().unwrap().clone();
    whole.as_object_mut().unwrap().extend(fields);
    whole
}
