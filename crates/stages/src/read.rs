//! Reading sloppy values: quoted numbers and booleans, as Jackson reads them.

use gennaker_model::Map;
use serde_json::Value;

/// A number, also when it is quoted.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A boolean, also when it is quoted; anything else counts as absent.
pub(crate) fn boolean(context: &Map, key: &str) -> Option<bool> {
    gennaker_engine::rollup::flag(context, key)
}

/// A text that is there and not blank.
pub(crate) fn text<'a>(context: &'a Map, key: &str) -> Option<&'a str> {
    context
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}
