//! How Java shows a JSON value: for texts that people know from Spinnaker.

use serde_json::Value;

/// What Java's `toString` shows of a JSON value: `{a=1, b=2}` for an object, `[1, 2]` for a list.
#[must_use]
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => double(float),
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text_of).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}={}", text_of(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn double(float: f64) -> String {
    let size = float.abs();
    if float == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{float:?}");
    }
    let text = format!("{float:E}");
    match text.split_once('E') {
        Some((digits, power)) if !digits.contains('.') => format!("{digits}.0E{power}"),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_java() {
        let value = json!({"a": [1, 2.5, null], "b": {"c": true}, "d": "x"});
        assert_eq!(text_of(&value), "{a=[1, 2.5, null], b={c=true}, d=x}");
        assert_eq!(text_of(&json!(1e10)), "1.0E10");
        assert_eq!(text_of(&json!(0.0)), "0.0");
    }
}
