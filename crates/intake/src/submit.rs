//! Expressions that are evaluated when an execution is submitted (orchestration reference 7.2).
//!
//! The trigger and the texts of the configuration are evaluated with nothing but the trigger in scope; a name that is not
//! known is an error and leaves the text for the stage to evaluate. Under v3 the stages are evaluated too, and what could be
//! evaluated is frozen; under v4 they are left alone.

use std::sync::Arc;

use gennaker_engine::scope;
use gennaker_expressions::{Data, Environment, Root, evaluate_json};
use gennaker_model::{Execution, ExecutionType, Map, Stage, routing::fnv1a64};
use serde_json::Value;

/// Evaluates what can be evaluated before the run; `now` is in epoch milliseconds.
pub(crate) fn evaluate(execution: &mut Execution, now: i64) {
    if execution.kind != ExecutionType::Pipeline {
        return;
    }
    let pass = Pass {
        now,
        seed: fnv1a64(execution.id.as_str().as_bytes()),
    };
    let received = Arc::clone(&execution.trigger);
    if let Some(trigger) = pass.map(&received, &received) {
        execution.trigger = Arc::new(trigger);
    }
    let trigger = Arc::clone(&execution.trigger);
    for text in [&mut execution.name, &mut execution.description]
        .into_iter()
        .flatten()
    {
        if let Some(Value::String(evaluated)) = pass.value(&Value::String(text.clone()), &trigger) {
            *text = evaluated;
        }
    }
    let notifications = Value::Array(execution.notifications.to_vec());
    if let Some(Value::Array(evaluated)) = pass.value(&notifications, &trigger) {
        execution.notifications = Arc::new(evaluated);
    }
    if scope::is_v4(execution) {
        return;
    }
    for stage in &mut execution.stages {
        let name = pass.value(&Value::String(stage.name.clone()), &trigger);
        let context = pass.map(&stage.context, &trigger);
        if name.is_none() && context.is_none() {
            continue;
        }
        let stage: &mut Stage = Arc::make_mut(stage);
        if let Some(Value::String(name)) = name {
            stage.name = name;
        }
        if let Some(context) = context {
            stage.context = Arc::new(context);
        }
    }
}

struct Pass {
    now: i64,
    seed: u64,
}

impl Pass {
    /// The evaluated value; `None` when there was nothing to evaluate.
    fn value(&self, value: &Value, trigger: &Map) -> Option<Value> {
        if !scope::holds_expression(value) {
            return None;
        }
        let mut environment = Environment::fixed(self.now, self.seed);
        environment.allow_unknown_keys = false;
        Some(
            evaluate_json(
                value,
                &Submitted {
                    trigger,
                    own: Map::new(),
                },
                &environment,
            )
            .value,
        )
    }

    fn map(&self, map: &Map, trigger: &Map) -> Option<Map> {
        match self.value(&Value::Object(map.clone()), trigger) {
            Some(Value::Object(evaluated)) => Some(evaluated),
            _ => None,
        }
    }
}

/// The scope of a submission: the trigger and what is derived from it.
struct Submitted<'a> {
    trigger: &'a Map,
    own: Map,
}

impl Root for Submitted<'_> {
    fn own(&self) -> &Map {
        &self.own
    }

    fn trigger(&self) -> Option<Data<'_>> {
        Some(Data::Map(self.trigger))
    }
}
