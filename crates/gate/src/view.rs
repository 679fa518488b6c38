//! Documents as clients expect them.

use gennaker_model::{Execution, Map};
use serde_json::{Value, json};

use crate::{answer::value_of, problem::Problem};

/// An execution.
pub(crate) fn execution(document: &Execution) -> Result<Value, Problem> {
    value_of(document)
}

pub(crate) fn executions(documents: &[Execution]) -> Result<Value, Problem> {
    documents
        .iter()
        .map(execution)
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// A task: the flat view of an orchestration. Source: orca `OrchestrationViewModel`, `TaskController.convert`.
pub(crate) fn task(document: &Execution) -> Result<Value, Problem> {
    let variables: Vec<Value> = variables(document)
        .into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let steps = document
        .stages
        .iter()
        .flat_map(|stage| &stage.tasks)
        .map(value_of)
        .collect::<Result<Vec<_>, _>>()?;
    let mut task = json!({
        "id": document.id,
        "name": document.description.as_deref().or(document.name.as_deref()).unwrap_or_default(),
        "application": document.application,
        "status": document.status,
        "variables": variables,
        "steps": steps,
        "buildTime": document.build_time,
        "execution": execution(document)?,
    });
    for (field, time) in [
        ("startTime", document.start_time),
        ("endTime", document.end_time),
    ] {
        if let Some(time) = time {
            task[field] = time.into();
        }
    }
    Ok(task)
}

/// The contexts of all stages in one map; a later value replaces an earlier one unless it is empty.
pub(crate) fn variables(document: &Execution) -> Map {
    let mut all = Map::new();
    for stage in &document.stages {
        for (key, value) in stage.context.iter() {
            if !all.contains_key(key) || !is_empty(value) {
                all.insert(key.clone(), value.clone());
            }
        }
    }
    all
}

/// What a task learned under this key, in a context or an output.
pub(crate) fn learned<'a>(document: &'a Execution, key: &str) -> Option<&'a Value> {
    document
        .stages
        .iter()
        .rev()
        .find_map(|stage| stage.context.get(key).or_else(|| stage.outputs.get(key)))
}

/// First error of a failed task. Source: gate `PipelineController`, `exception.details.errors`.
pub(crate) fn first_error(document: &Execution) -> Option<String> {
    let variables = variables(document);
    let details = variables.get("exception")?.get("details")?;
    let first = details.get("errors").and_then(|errors| errors.get(0));
    first
        .or_else(|| details.get("error"))
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// An application as Gate lists it: attributes at the top, the name in lower case, nulls left out.
///
/// Source: gate `ApplicationService`. `accounts` are those that have clusters, which only [`crate::applications::get`]
/// looks for; here there are none.
pub(crate) fn application_attributes(stored: &Map) -> Map {
    let mut attributes: Map = stored
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let name = attributes
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = name.to_lowercase();
    attributes.insert("name".to_owned(), name.into());
    attributes.insert("accounts".to_owned(), "".into());
    fill(&mut attributes, "trafficGuards", || json!([]));
    attributes
}

fn fill(map: &mut Map, key: &str, value: impl FnOnce() -> Value) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value());
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
