//! Execution documents from elsewhere: what Orca leaves out when it writes one, and adds when it reads one.

use gennaker_model::{Execution, Map};
use serde_json::{Value, json};

/// The flags and lists that every trigger has, in the order in which Orca writes them (`Trigger`, orca-api).
const TRIGGER: [&str; 7] = [
    "parameters",
    "artifacts",
    "notifications",
    "rebake",
    "dryRun",
    "strategy",
    "resolvedExpectedArtifacts",
];

/// Reads an execution as Gate shows it, or as much of one as there is.
///
/// # Errors
/// The field that does not have the right form.
pub(super) fn execution(document: &Value) -> Result<Execution, String> {
    let mut execution = without_nulls(document).ok_or("it is no JSON object")?;
    for (key, value) in [
        ("type", json!("PIPELINE")),
        ("id", json!("unknown")),
        ("application", json!("unknown")),
        ("buildTime", json!(0)),
        ("status", json!("NOT_STARTED")),
        ("authentication", json!({})),
        ("trigger", json!({"type": "none"})),
        ("stages", json!([])),
    ] {
        execution.entry(key).or_insert(value);
    }
    if let Some(Value::Object(authentication)) = execution.get_mut("authentication") {
        authentication.retain(|_, value| !value.is_null());
        authentication.entry("user").or_insert(json!("anonymous"));
    }
    if let Some(Value::Object(given)) = execution.get_mut("trigger") {
        *given = trigger(std::mem::take(given));
    }
    if let Some(Value::Array(stages)) = execution.get_mut("stages") {
        for (at, stage) in stages.iter_mut().enumerate() {
            if let Some(read) = self::stage(stage, at) {
                *stage = Value::Object(read);
            }
        }
    }
    serde_json::from_value(Value::Object(execution)).map_err(|error| error.to_string())
}

/// Orca's mapper leaves nulls out of maps when it makes the trigger a map, and writes the fields of the class first.
fn trigger(given: Map) -> Map {
    let mut trigger = Map::new();
    let mut rest = given;
    drop_nulls(&mut rest);
    for key in ["type", "correlationId", "user"] {
        if let Some(value) = rest.shift_remove(key) {
            trigger.insert(key.to_owned(), value);
        }
    }
    trigger.entry("user").or_insert(json!("[anonymous]"));
    for key in TRIGGER {
        let value = rest.shift_remove(key).unwrap_or_else(|| match key {
            "parameters" => json!({}),
            "rebake" | "dryRun" | "strategy" => json!(false),
            _ => json!([]),
        });
        trigger.insert(key.to_owned(), value);
    }
    trigger.extend(rest);
    trigger
}

fn stage(document: &Value, at: usize) -> Option<Map> {
    let mut stage = without_nulls(document)?;
    for (key, value) in [
        ("id", json!(format!("stage-{at}"))),
        ("refId", json!("")),
        ("type", json!("")),
        ("requisiteStageRefIds", json!([])),
        ("status", json!("NOT_STARTED")),
        ("context", json!({})),
        ("outputs", json!({})),
        ("tasks", json!([])),
    ] {
        stage.entry(key).or_insert(value);
    }
    if !stage.contains_key("name") {
        stage.insert("name".to_owned(), stage["type"].clone());
    }
    if let Some(Value::Array(tasks)) = stage.get_mut("tasks") {
        for task in tasks {
            if let Some(read) = self::task(task) {
                *task = Value::Object(read);
            }
        }
    }
    Some(stage)
}

fn task(document: &Value) -> Option<Map> {
    let mut task = without_nulls(document)?;
    for (key, value) in [
        ("id", json!("")),
        ("implementingClass", json!("")),
        ("name", json!("")),
        ("status", json!("NOT_STARTED")),
        ("stageStart", json!(false)),
        ("stageEnd", json!(false)),
        ("taskExceptionDetails", json!({})),
    ] {
        task.entry(key).or_insert(value);
    }
    Some(task)
}

/// A field that is null is as good as none.
fn without_nulls(document: &Value) -> Option<Map> {
    let mut map = document.as_object()?.clone();
    map.retain(|_, value| !value.is_null());
    Some(map)
}

/// Takes null members out of maps, however deep. Nulls in lists stay.
fn drop_nulls(map: &mut Map) {
    map.retain(|_, value| !value.is_null());
    map.values_mut().for_each(drop_nulls_inside);
}

fn drop_nulls_inside(value: &mut Value) {
    match value {
        Value::Object(map) => drop_nulls(map),
        Value::Array(items) => items.iter_mut().for_each(drop_nulls_inside),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
