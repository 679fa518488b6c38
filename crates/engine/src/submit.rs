//! Expressions that are evaluated when an execution is submitted (orchestration reference 7.2).
//!
//! The trigger and the texts of the configuration are evaluated with nothing in scope but the trigger and the variables of the
//! template; a name that is not known is an error and leaves the text for the stage to evaluate. Under v3 the stages are evaluated too, and what could be
//! evaluated is frozen; under v4 they are left alone.

use std::{collections::BTreeSet, sync::Arc};

use gennaker_expressions::{Data, Environment, Root, evaluate_json};
use gennaker_model::{Execution, ExecutionType, Map, Stage, routing::fnv1a64};
use serde_json::Value;

use crate::{
    decide::Rules,
    scope,
    state::{ExpressionLookup, Lookup, LookupAnswer},
};

/// Evaluates what can be evaluated before the run, as of the time at which the execution was built: called again with more
/// answers it gives the same, but for what needed them.
///
/// Returns what must be known first. Then `execution` is of no use: what depends on the missing answers was evaluated without
/// them. Keep the one from before, and come again with the answers.
#[must_use]
pub fn evaluate(
    execution: &mut Execution,
    rules: &Rules,
    answers: &dyn Fn(&ExpressionLookup) -> Option<LookupAnswer>,
) -> Vec<Lookup> {
    if execution.kind != ExecutionType::Pipeline {
        return Vec::new();
    }
    let mut pass = Pass {
        now: execution.build_time,
        seed: fnv1a64(execution.id.as_str().as_bytes()),
        rules,
        answers,
        needs: BTreeSet::new(),
    };
    let variables = execution.template_variables.clone().unwrap_or_default();
    let received = Submitted {
        trigger: Arc::clone(&execution.trigger),
        variables,
        own: Map::new(),
    };
    if let Some(trigger) = pass.map(&execution.trigger, &received) {
        execution.trigger = Arc::new(trigger);
    }
    if pass.needs.is_empty() {
        // Everything else may refer to the trigger.
        let root = Submitted {
            trigger: Arc::clone(&execution.trigger),
            ..received
        };
        pass.texts(execution, &root);
    }
    pass.needs.into_iter().map(Lookup::Expression).collect()
}

struct Pass<'a> {
    now: i64,
    seed: u64,
    rules: &'a Rules,
    answers: &'a dyn Fn(&ExpressionLookup) -> Option<LookupAnswer>,
    needs: BTreeSet<ExpressionLookup>,
}

impl Pass<'_> {
    fn texts(&mut self, execution: &mut Execution, root: &Submitted) {
        for text in [&mut execution.name, &mut execution.description]
            .into_iter()
            .flatten()
        {
            if let Some(Value::String(evaluated)) = self.value(&Value::String(text.clone()), root) {
                *text = evaluated;
            }
        }
        let notifications = Value::Array(execution.notifications.to_vec());
        if let Some(Value::Array(evaluated)) = self.value(&notifications, root) {
            execution.notifications = Arc::new(evaluated);
        }
        if scope::is_v4(execution) {
            return;
        }
        for stage in &mut execution.stages {
            let name = self.value(&Value::String(stage.name.clone()), root);
            let context = self.map(&stage.context, root);
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

    /// The evaluated value; `None` when there was nothing to evaluate.
    fn value(&mut self, value: &Value, root: &Submitted) -> Option<Value> {
        if !scope::holds_expression(value) {
            return None;
        }
        let mut environment = Environment::fixed(self.now, self.seed);
        environment.zone = self.rules.zone.clone();
        environment.limits = self.rules.limits;
        environment.allow_unknown_keys = false;
        environment.lookups = self.answers;
        let evaluation = evaluate_json(value, root, &environment);
        self.needs.extend(evaluation.needs);
        Some(evaluation.value)
    }

    fn map(&mut self, map: &Map, root: &Submitted) -> Option<Map> {
        match self.value(&Value::Object(map.clone()), root) {
            Some(Value::Object(evaluated)) => Some(evaluated),
            _ => None,
        }
    }
}

/// The scope of a submission: the trigger and what is derived from it, and the variables of the template, under both
/// evaluators (`OperationsController.parseAndValidatePipeline`).
struct Submitted {
    trigger: Arc<Map>,
    variables: Arc<Map>,
    own: Map,
}

impl Root for Submitted {
    fn own(&self) -> &Map {
        &self.own
    }

    fn trigger(&self) -> Option<Data<'_>> {
        Some(Data::Map(&self.trigger))
    }

    fn template_variables(&self) -> Option<Data<'_>> {
        Some(Data::Map(&self.variables))
    }
}
