//! `evaluateVariables`: names for values. Source: orca `EvaluateVariablesStage`, `EvaluateVariablesTask`.

use gennaker_engine::{
    Cleared, Lookup, Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition,
    TaskResult, definition::PlanError, scope::SUMMARY,
};
use gennaker_model::{Map, Stage, Status};
use serde_json::{Value, json};

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
    let mut pass = Pass {
        scope: context.context.clone(),
        summary: Map::new(),
    };
    let mut outputs = Map::new();
    let mut variables = Vec::new();
    let given = context.context.get("variables").and_then(Value::as_array);
    for variable in given.into_iter().flatten() {
        let mut variable = variable.clone();
        if let Value::Object(fields) = &mut variable {
            if in_order && let Err(lookup) = pass.evaluate(fields, context) {
                return Step::Lookup(lookup);
            }
            if let Some(key) = key_of(fields) {
                outputs.insert(key, fields.get("value").cloned().unwrap_or_default());
            }
        }
        variables.push(variable);
    }
    let mut learned = Map::new();
    learned.insert("variables".to_owned(), Value::Array(variables));
    add_summary(&mut learned, context, pass.summary);
    TaskResult {
        context: learned,
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}

/// What failed in the task joins what had failed in the rest of the context.
pub(crate) fn add_summary(learned: &mut Map, context: &TaskContext<'_>, failed: Map) {
    if failed.is_empty() {
        return;
    }
    let mut all = context
        .context
        .get(SUMMARY)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    all.extend(failed);
    learned.insert(SUMMARY.to_owned(), Value::Object(all));
}

/// The variables of a stage, one after the other.
struct Pass {
    /// The context with the variables that were evaluated so far.
    scope: Map,
    summary: Map,
}

impl Pass {
    /// Evaluates value and description of a variable together. If either fails, both stay as they are, and later variables
    /// do not see this one; nor do they see one whose value is no text (`EvaluateVariablesStage.processExpressions`).
    fn evaluate(&mut self, fields: &mut Map, context: &TaskContext<'_>) -> Result<(), Lookup> {
        let Some(Value::String(text)) = fields.get("value") else {
            return Ok(());
        };
        let source = text.replace("${", "{");
        // Messages call the value `var`, as Orca's do.
        let both = json!({"var": text, "description": fields.get("description")});
        let evaluated = (context.evaluate)(&both, &self.scope);
        if let Some(lookup) = evaluated.needs.into_iter().next() {
            return Err(lookup);
        }
        if fields.get("sourceValue").is_none_or(Value::is_null) {
            fields.insert("sourceValue".to_owned(), source.into());
        }
        if !evaluated.summary.is_empty() {
            for (expression, entries) in evaluated.summary {
                match (self.summary.get_mut(&expression), entries) {
                    (Some(Value::Array(held)), Value::Array(entries)) => {
                        let new = |entry: &Value| !held.contains(entry);
                        let new: Vec<Value> = entries.into_iter().filter(new).collect();
                        held.extend(new);
                    }
                    (_, entries) => {
                        self.summary.insert(expression, entries);
                    }
                }
            }
            return Ok(());
        }
        let Value::Object(mut both) = evaluated.value else {
            return Ok(());
        };
        if let Some(value) = both.shift_remove("var") {
            if let Some(key) = key_of(fields) {
                self.scope.insert(key, value.clone());
            }
            fields.insert("value".to_owned(), value);
        }
        if let Some(description) = both.shift_remove("description").filter(Value::is_string) {
            fields.insert("description".to_owned(), description);
        }
        Ok(())
    }
}

/// What the variable is called; one without a name is no output.
fn key_of(variable: &Map) -> Option<String> {
    let key = variable.get("key").map(gennaker_engine::scope::text_of)?;
    (!key.is_empty()).then_some(key)
}
