//! `evaluateVariables`: names for values. Source: orca `EvaluateVariablesStage`, `EvaluateVariablesTask`.

use gennaker_engine::{
    Cleared, Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Stage, Status};
use serde_json::Value;

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
};

/// The stage type.
pub(crate) struct EvaluateVariables;

static EVALUATE: TaskDefinition = TaskDefinition {
    name: "evaluateVariables",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.EvaluateVariablesTask",
    step,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for EvaluateVariables {
    fn names(&self) -> &'static [&'static str] {
        &["evaluateVariables"]
    }

    fn summary(&self) -> &'static str {
        "Evaluates expressions and gives the results names that later stages can use."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[Field::required(
                "variables",
                FieldType::List,
                "List of {key, value}; each key becomes an output.",
            )]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&EVALUATE] }
    }
}

impl StageDefinition for EvaluateVariables {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(Plan::of_tasks([&EVALUATE]))
    }

    /// The texts come back from `sourceValue`, so that they are evaluated again (reference 6.4).
    fn restarted(&self, stage: &Stage, _by_child: bool) -> Cleared {
        let mut cleared = Cleared {
            outputs_removed: stage.outputs.keys().cloned().collect(),
            ..Cleared::default()
        };
        if let Some(Value::Array(variables)) = stage.context.get("variables") {
            let restored = variables.iter().map(|variable| {
                let mut variable = variable.clone();
                if let Value::Object(fields) = &mut variable
                    && let Some(Value::String(source)) = fields.shift_remove("sourceValue")
                    && fields.get("value") != Some(&Value::String(source.clone()))
                {
                    // Orca's own rule; a brace that was written alone becomes an expression by it.
                    fields.insert("value".to_owned(), source.replace('{', "${").into());
                }
                variable
            });
            let restored = Value::Array(restored.collect());
            cleared.context.insert("variables".to_owned(), restored);
        }
        cleared
    }
}

/// Under v4 the values are evaluated here, in order, each seeing the earlier keys; only text is evaluated (reference 6.4).
/// Under v3 they were evaluated with the rest of the context and are taken as they are.
fn step(context: &TaskContext<'_>) -> Step {
    let in_order = gennaker_engine::scope::is_v4(&context.state.doc);
    let mut scope = context.context.clone();
    let mut outputs = Map::new();
    let mut summary = Map::new();
    let mut variables = Vec::new();
    let empty = Vec::new();
    for variable in context
        .context
        .get("variables")
        .and_then(Value::as_array)
        .unwrap_or(&empty)
    {
        let Value::Object(variable) = variable else {
            variables.push(variable.clone());
            continue;
        };
        let mut variable = variable.clone();
        if in_order {
            if let Some(source @ Value::String(text)) = variable.get("value").cloned().as_ref() {
                let evaluated = (context.evaluate)(source, &scope);
                if let Some(lookup) = evaluated.needs.first() {
                    return Step::Lookup(lookup.clone());
                }
                summary.extend(evaluated.summary);
                variable.insert("value".to_owned(), evaluated.value);
                variable.insert(
                    "sourceValue".to_owned(),
                    Value::String(text.replace("${", "{")),
                );
            }
            if let Some(description @ Value::String(_)) =
                variable.get("description").cloned().as_ref()
            {
                let evaluated = (context.evaluate)(description, &scope);
                if let Some(lookup) = evaluated.needs.first() {
                    return Step::Lookup(lookup.clone());
                }
                variable.insert("description".to_owned(), evaluated.value);
            }
        }
        let key = variable
            .get("key")
            .map(gennaker_engine::scope::text_of)
            .unwrap_or_default();
        if !key.is_empty() {
            let value = variable.get("value").cloned().unwrap_or(Value::Null);
            scope.insert(key.clone(), value.clone());
            outputs.insert(key, value);
        }
        variables.push(Value::Object(variable));
    }
    let mut learned = Map::new();
    learned.insert("variables".to_owned(), Value::Array(variables));
    if !summary.is_empty() {
        let mut all = context
            .context
            .get(gennaker_engine::scope::SUMMARY)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        all.extend(summary);
        learned.insert(
            gennaker_engine::scope::SUMMARY.to_owned(),
            Value::Object(all),
        );
    }
    TaskResult {
        context: learned,
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}
