//! Reading a stage's context: theirs, so lenient.

use gennaker_manifests::Coordinates;
use gennaker_model::Map;
use gennaker_worker::{Ctx, Failure};
use serde_json::Value;

use super::trouble;

/// A text that is there and not blank.
pub(super) fn text<'a>(context: &'a Map, key: &str) -> Option<&'a str> {
    context
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// A boolean, also a quoted one.
pub(super) fn boolean(context: &Map, key: &str) -> Option<bool> {
    match context.get(key)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A whole number, also a quoted one.
pub(super) fn integer(context: &Map, key: &str) -> Option<i64> {
    match context.get(key)? {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            Some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Elements of a list that are texts.
pub(super) fn texts<'a>(context: &'a Map, key: &str) -> Vec<&'a str> {
    let list = context.get(key).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The account: `account.name`, `account`, `credentials`.
pub(super) fn account(context: &Map) -> Option<&str> {
    ["account.name", "account", "credentials"]
        .iter()
        .find_map(|key| text(context, key))
}

/// The namespace of the target; empty for what lies in none.
pub(super) fn location(context: &Map) -> &str {
    match text(context, "location") {
        // What Spinnaker's addresses show for it.
        Some("_") | None => "",
        Some(location) => location,
    }
}

/// The object that the stage names.
pub(super) fn target(ctx: &Ctx) -> Result<Coordinates, Failure> {
    let context = ctx.input();
    let name = text(context, "manifestName").ok_or_else(|| {
        trouble::illegal(
            ctx,
            "the stage names no target: manifestName must be \"<kind> <name>\"",
        )
    })?;
    Coordinates::parse(name, location(context))
        .map_err(|error| trouble::illegal(ctx, &error.to_string()))
}
