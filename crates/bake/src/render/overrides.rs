//! Overrides for Helm, as arguments or as a file.

use gennaker_model::Map;
use serde_json::{Value, json};

/// `k=v,k2=v2`, as Rosco joins them: a comma in a value is Helm's to understand.
pub(super) fn joined(overrides: &Map) -> String {
    let pairs = overrides
        .iter()
        .map(|(key, value)| format!("{key}={}", text_of(value)));
    pairs.collect::<Vec<_>>().join(",")
}

/// The same as the content of a values file. Keys are paths, as after `--set`; one with an index cannot be written so, and
/// nothing is when one of two names what the other holds.
pub(super) fn as_values(overrides: &Map, is_raw: bool) -> Option<String> {
    let mut root = json!({});
    for (key, value) in overrides {
        let parts = parts(key)?;
        let text = text_of(value);
        let value = if is_raw {
            typed(&text)
        } else {
            Value::String(text)
        };
        let mut at = &mut root;
        for part in parts {
            let map = at.as_object_mut()?;
            at = map.entry(part).or_insert_with(|| json!({}));
        }
        *at = value;
    }
    // YAML reads JSON.
    Some(root.to_string())
}

/// A value as Java writes it into a text.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text_of).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}={}", text_of(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What Helm makes of a value after `--set` (`strvals.typedVal`).
fn typed(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        "null" => Value::Null,
        "0" => json!(0),
        digits if !digits.starts_with('0') => digits
            .parse::<i64>()
            .map_or_else(|_| json!(digits), |number| json!(number)),
        other => json!(other),
    }
}

/// The parts of a key: dots separate unless a backslash stands before them.
fn parts(key: &str) -> Option<Vec<String>> {
    if key.contains(['[', ']', '{', '}', ',', '=']) {
        return None;
    }
    let mut parts = vec![String::new()];
    let mut chars = key.chars();
    while let Some(one) = chars.next() {
        match one {
            '\\' => parts.last_mut()?.push(chars.next()?),
            '.' => parts.push(String::new()),
            other => parts.last_mut()?.push(other),
        }
    }
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn pairs_keep_their_order_and_values_are_javas() {
        let overrides = map(
            json!({"z": "1,2", "a.b": true, "c": 1.5, "d": null, "e": ["x", 1], "f": {"g": "h"}}),
        );
        assert_eq!(
            joined(&overrides),
            "z=1,2,a.b=true,c=1.5,d=null,e=[x, 1],f={g=h}"
        );
    }

    #[test]
    fn a_file_says_the_same() {
        let overrides = map(json!({"image.tag": "1", "image.name": "web", "a\\.b": "true"}));
        let read =
            |raw| serde_json::from_str::<Value>(&as_values(&overrides, raw).unwrap()).unwrap();
        assert_eq!(
            read(false),
            json!({"image": {"tag": "1", "name": "web"}, "a.b": "true"})
        );
        assert_eq!(
            read(true),
            json!({"image": {"tag": 1, "name": "web"}, "a.b": true})
        );
        for bad in [
            json!({"a[0]": "x"}),
            json!({"a": "1", "a.b": "2"}),
            json!({"a..b": "1"}),
        ] {
            assert_eq!(as_values(&map(bad), false), None);
        }
        assert_eq!(
            (typed("007"), typed("-3"), typed("0")),
            (json!("007"), json!(-3), json!(0))
        );
    }
}
