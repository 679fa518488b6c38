//! Constraint maps: keys of a document, or JSON paths, and the patterns that their values must contain (events reference 3.5).

use gennaker_expressions::JavaPattern;
use gennaker_model::Map;
use gennaker_stages::java;
use serde_json::Value;

use super::{Check, excerpt, path};

/// Steps that a pattern may take on one value before it counts as not matching.
const STEPS_MAX: usize = 1_000_000;

const PAYLOAD: &str = "payload";

/// Whether a payload fits the `payloadConstraints` of a trigger.
pub(super) fn payload_fits(payload: &Map, trigger: &Map) -> Check {
    let Some(Value::Object(constraints)) = trigger.get("payloadConstraints") else {
        return Ok(());
    };
    constraints
        .iter()
        .try_for_each(|(key, pattern)| constraint_fits(payload, key, pattern))
}

/// Whether a flat map of values fits the constraints in a field of a trigger: keys of the map only, no JSON paths. `what` is what
/// reasons call its entries.
///
/// Source: echo `ArtifactMatcher.isConstraintInPayload`.
pub(super) fn plain_fits(what: &str, values: &Map, trigger: &Map, field: &str) -> Check {
    let Some(Value::Object(constraints)) = trigger.get(field) else {
        return Ok(());
    };
    for (key, pattern) in constraints {
        match values.get(key) {
            Some(Value::Null) | None => return Err(format!("{what} key {key:?} is missing")),
            Some(_) if pattern.is_null() => {}
            Some(value) => {
                let found = java::text_of(value);
                if !find(pattern, &found)? {
                    return Err(differs(what, key, pattern, &[&found]));
                }
            }
        }
    }
    Ok(())
}

/// Java's `Matcher.matches`: the whole text.
pub(super) fn matches_whole(pattern: &str, value: &str) -> Result<bool, String> {
    compile(pattern)?
        .is_whole(value, STEPS_MAX)
        .map_err(|_| too_many_steps(pattern, value))
}

/// A key of the body itself, or else a JSON path. A null pattern asks only that a plain key exists.
fn constraint_fits(payload: &Map, key: &str, pattern: &Value) -> Check {
    match payload.get(key) {
        Some(Value::Null) | None => {}
        Some(_) if pattern.is_null() => return Ok(()),
        Some(value) => {
            let found = java::text_of(value);
            return if find(pattern, &found)? {
                Ok(())
            } else {
                Err(differs(PAYLOAD, key, pattern, &[&found]))
            };
        }
    }
    let values = path::read(payload, key).map_err(|problem| {
        format!("payload key {key:?} is missing, and as a JSON path it cannot be read: {problem}")
    })?;
    if values.is_empty() {
        return Err(format!("payload key {key:?} is missing"));
    }
    let found: Vec<&str> = texts_of(&values);
    if found.is_empty() {
        return Err(format!(
            "the value at {key:?} is neither a string nor a list of strings"
        ));
    }
    if pattern.is_null() {
        return Err(format!(
            "payload key {key:?} is missing (a null constraint wants a plain key)"
        ));
    }
    for value in &found {
        if find(pattern, value)? {
            return Ok(());
        }
    }
    Err(differs(PAYLOAD, key, pattern, &found))
}

/// The strings that a path yielded; a single list of strings counts as its elements.
fn texts_of<'a>(values: &[&'a Value]) -> Vec<&'a str> {
    let mut texts = Vec::new();
    for value in values {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(items) => texts.extend(items.iter().filter_map(Value::as_str)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }
    texts
}

/// Java's `Matcher.find`: anywhere in the text. A pattern that cannot be compiled never matches, and says so.
fn find(pattern: &Value, value: &str) -> Result<bool, String> {
    let pattern = java::text_of(pattern);
    compile(&pattern)?
        .is_in(value, STEPS_MAX)
        .map_err(|_| too_many_steps(&pattern, value))
}

fn compile(pattern: &str) -> Result<JavaPattern, String> {
    JavaPattern::compile(pattern)
        .map_err(|problem| format!("the regular expression {pattern:?} cannot be read: {problem}"))
}

fn too_many_steps(pattern: &str, value: &str) -> String {
    format!(
        "the regular expression {pattern:?} took too many steps on {:?}",
        excerpt(value)
    )
}

fn differs(what: &str, key: &str, pattern: &Value, found: &[&str]) -> String {
    let found: Vec<String> = found
        .iter()
        .take(3)
        .map(|value| format!("{:?}", excerpt(value)))
        .collect();
    format!(
        "{what} {key:?} is {}, which {:?} does not match",
        found.join(", "),
        java::text_of(pattern)
    )
}
