//! Reading values and evaluating expressions in the scope of a stage (orchestration reference 1.7 and 7).

mod root;

use gennaker_expressions::{Environment, Evaluation, evaluate_json};
use gennaker_model::{Execution, Map, Stage, Status, routing::fnv1a64};
use serde_json::{Value, json};

use crate::{
    decide::Context,
    graph,
    rollup::flag,
    state::{ExpressionLookup, Lookup, State},
};
pub use root::Scope;

/// Context key under which failed expressions are reported.
pub const SUMMARY: &str = "expressionEvaluationSummary";

/// The result of evaluating a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// The value with its expressions replaced, as far as they could be.
    pub value: Value,
    /// What failed: expression text to a list of entries, in Spinnaker's shape and with their positions.
    pub summary: Map,
    /// Expressions that were evaluated without failure, so that older entries about them can go.
    pub succeeded: Vec<String>,
    /// What must be known before it can be evaluated.
    pub needs: Vec<Lookup>,
}

impl From<Evaluation> for Evaluated {
    fn from(evaluation: Evaluation) -> Self {
        let needs = evaluation.needs.into_iter();
        Self {
            value: evaluation.value,
            summary: match evaluation.summary.with_positions() {
                Value::Object(summary) => summary,
                _ => Map::new(),
            },
            succeeded: evaluation.succeeded,
            needs: needs.map(Lookup::Expression).collect(),
        }
    }
}

impl Evaluated {
    fn unchanged(value: &Value) -> Self {
        Self {
            value: value.clone(),
            ..Self::default()
        }
    }

    /// The evaluated context of a stage, with [`SUMMARY`] brought up to date; `before` is the context that was evaluated.
    ///
    /// A pass with failures replaces the summary by its own entries; one without removes the entries of what succeeded
    /// (reference 7.5).
    #[must_use]
    pub fn into_context(self, before: &Map) -> Map {
        let mut context = match self.value {
            Value::Object(context) => context,
            _ => before.clone(),
        };
        if !self.summary.is_empty() {
            context.insert(SUMMARY.to_owned(), Value::Object(self.summary));
        } else if let Some(Value::Object(held)) = context.get_mut(SUMMARY) {
            held.retain(|expression, _| !self.succeeded.contains(expression));
            if held.is_empty() {
                context.shift_remove(SUMMARY);
            }
        }
        context
    }
}

/// Evaluates a stage's whole context, apart from what its type evaluates itself under v4.
#[must_use]
pub fn evaluate_context(
    state: &State,
    stage: &Stage,
    context: &Map,
    decision: &Context<'_>,
) -> Evaluated {
    let itself = if is_v4(&state.doc) {
        let kind = crate::decide::effective_kind(stage);
        decision.catalogue.left_to_the_stage(kind, context)
    } else {
        Vec::new()
    };
    let needs_work = context.iter().any(|(key, value)| {
        key != SUMMARY
            && !itself.contains(&key.as_str())
            && (holds_expression_text(key) || holds_expression(value))
    });
    if !needs_work {
        // Nothing to evaluate, and so nothing to copy: the caller takes the context as it was.
        return Evaluated::default();
    }
    let mut rest = context.clone();
    rest.shift_remove(SUMMARY);
    let kept: Vec<(String, Value)> = itself
        .iter()
        .filter_map(|key| {
            rest.shift_remove(*key)
                .map(|value| ((*key).to_owned(), value))
        })
        .collect();
    let mut evaluated = evaluate(state, stage, &Value::Object(rest), decision);
    if let Value::Object(map) = &mut evaluated.value {
        map.extend(kept);
        if let Some(summary) = context.get(SUMMARY) {
            map.insert(SUMMARY.to_owned(), summary.clone());
        }
    }
    evaluated
}

/// Evaluates one value in the scope of a stage.
///
/// Time is the decision's, or that of the stage's first lookup; the seed comes from execution and stage, lookups from the
/// answers that were recorded: the same decision evaluates to the same value.
#[must_use]
pub fn evaluate(state: &State, stage: &Stage, value: &Value, decision: &Context<'_>) -> Evaluated {
    if !holds_expression(value) {
        return Evaluated::unchanged(value);
    }
    let answers = |lookup: &ExpressionLookup| {
        let lookup = Lookup::Expression(lookup.clone());
        state.answer(&stage.id, &lookup).cloned()
    };
    let (now, revision) = match state.book.asked.get(&stage.id) {
        Some(asked) => (asked.at, asked.revision),
        None => (decision.now, state.revision),
    };
    let seed = fnv1a64(format!("{}/{}/{revision}", state.doc.id, stage.id).as_bytes());
    let mut environment = Environment::fixed(now, seed);
    environment.zone = decision.rules.zone.clone();
    environment.limits = decision.rules.limits;
    environment.lookups = &answers;
    evaluate_json(value, &Scope::of_stage(&state.doc, stage), &environment).into()
}

/// Where the random sequence of expressions begins: another one for each stage and each change of the execution.
#[must_use]
pub fn seed(execution: &Execution, stage: Option<&Stage>, revision: u64) -> u64 {
    let stage = stage.map_or("", |stage| stage.id.as_str());
    fnv1a64(format!("{}/{stage}/{revision}", execution.id).as_bytes())
}

/// Whether a value holds `${` anywhere.
#[must_use]
pub fn holds_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_expression_text(text),
        Value::Array(list) => list.iter().any(holds_expression),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| holds_expression_text(key) || holds_expression(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn holds_expression_text(text: &str) -> bool {
    text.contains("${")
}

/// The value of a key in the outputs of the nearest ancestor that has it.
#[must_use]
pub fn ancestor_output<'a>(
    execution: &'a Execution,
    stage: &Stage,
    key: &str,
) -> Option<&'a Value> {
    let own = execution.stage(&stage.id)?;
    graph::ancestors(execution, own)
        .into_iter()
        .find_map(|ancestor| ancestor.outputs.get(key))
}

/// On whose behalf a stage runs: the nearest ancestor judgement that hands on its judge, else whoever submitted the execution
/// (orchestration reference 3.9, `AuthenticationAware.kt`).
#[must_use]
pub fn effective_user(execution: &Execution, stage: &Stage) -> String {
    // Most executions have no such stage, and looking for ancestors costs more than looking for one.
    if !execution.stages.iter().any(|stage| hands_on(stage)) {
        return execution.authentication.user.clone();
    }
    let ancestors = execution.stage(&stage.id).into_iter();
    ancestors
        .flat_map(|own| graph::ancestors(execution, own))
        .filter(|ancestor| hands_on(ancestor))
        .find_map(|judged| judged.last_modified.as_ref())
        .map_or(&execution.authentication.user, |judge| &judge.user)
        .clone()
}

/// Whether what comes after the stage runs as the one who judged it.
fn hands_on(stage: &Stage) -> bool {
    let judgment = || stage.context.get("judgmentStatus")?.as_str();
    stage.kind == "manualJudgment"
        && stage.status != Status::NotStarted
        && flag(&stage.context, "propagateAuthenticationContext") == Some(true)
        && judgment().is_some_and(|status| status.eq_ignore_ascii_case("continue"))
}

/// Whether the execution asks for evaluator v4; anything else is v3.
#[must_use]
pub fn is_v4(execution: &Execution) -> bool {
    execution.spel_evaluator.as_deref() == Some("v4")
}

/// A JSON value as the text that Spinnaker compares: strings as they are, null as nothing, the rest as JSON.
#[must_use]
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// At the end of a stage, failed expressions join `exception.details.errors` (orchestration reference 7.5): the keys to set.
///
/// Quirk of the original: an exception that was there keeps only its `details.errors`.
#[must_use]
pub fn merge_summary_into_exception(context: &Map) -> Map {
    let Some(Value::Object(summary)) = context.get(SUMMARY) else {
        return Map::new();
    };
    let failed: Vec<Value> = summary
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|entry| entry.get("description").cloned())
        .collect();
    if failed.is_empty() {
        return Map::new();
    }
    let exception = match context.get("exception") {
        Some(held) => {
            let mut errors = held
                .pointer("/details/errors")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            errors.extend(
                failed
                    .into_iter()
                    .filter(|failure| !errors.contains(failure))
                    .collect::<Vec<_>>(),
            );
            json!({ "details": { "errors": errors } })
        }
        None => json!({ "details": { "error": "Failed Expression Evaluation", "errors": failed } }),
    };
    [("exception".to_owned(), exception)].into_iter().collect()
}
