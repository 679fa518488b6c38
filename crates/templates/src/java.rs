//! What users see of Java: values as text, and the order of a `HashMap`.

use serde_json::{Number, Value};

/// `Objects.toString` of a value as Jackson reads it: lists and maps without quotes, which YAML reads again.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (place, (key, item)) in map.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push('=');
                write(item, out);
            }
            out.push('}');
        }
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(double) => double_text(double),
        None => number.to_string(),
    }
}

/// `Double.toString`.
fn double_text(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let text = value.to_string();
        return match text.contains('.') {
            true => text,
            false => format!("{text}.0"),
        };
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => text,
    }
}

/// The simple name of the class that Jackson makes of a value.
pub(crate) fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) => match number.as_i64() {
            Some(long) if i32::try_from(long).is_ok() => "Integer",
            Some(_) => "Long",
            None if number.is_f64() => "Double",
            None => "BigInteger",
        },
        Value::String(_) => "String",
        Value::Array(_) => "ArrayList",
        Value::Object(_) => "LinkedHashMap",
    }
}

/// The places of these keys in the order in which a `HashMap` that received them one by one gives them back.
///
/// The order of stages in a planned pipeline comes from it.
pub(crate) fn hash_order<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<usize> {
    let spread: Vec<u32> = keys
        .into_iter()
        .map(|key| {
            let hash = key.encode_utf16().fold(0u32, |hash, unit| {
                hash.wrapping_mul(31).wrapping_add(u32::from(unit))
            });
            hash ^ (hash >> 16)
        })
        .collect();
    let mut capacity = 16u64;
    while spread.len() as u64 > capacity * 3 / 4 {
        capacity *= 2;
    }
    let mut order: Vec<usize> = (0..spread.len()).collect();
    order.sort_by_key(|place| u64::from(spread[*place]) & (capacity - 1));
    order
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_java_writes_them() {
        for (value, written) in [
            (json!(["a", 1, null]), "[a, 1, null]"),
            (json!({"a": {"b": [true]}}), "{a={b=[true]}}"),
            (json!(2.0), "2.0"),
            (json!(1.5e10), "1.5E10"),
            (json!(1e-4), "1.0E-4"),
            (json!(-0.25), "-0.25"),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
        ] {
            assert_eq!(text(&value), written);
        }
    }

    #[test]
    fn keys_come_back_in_the_order_of_their_hashes() {
        let keys = ["wait1", "wait2", "wait3", "configWait1", "configWait2"];
        let order: Vec<&str> = hash_order(keys).into_iter().map(|at| keys[at]).collect();
        assert_eq!(
            order,
            ["wait3", "wait1", "wait2", "configWait2", "configWait1"]
        );
    }
}
