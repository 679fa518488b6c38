//! JSON and YAML files: one value, duplicate keys refused, and where it went wrong.
//!
//! spin reads JSON through a strict YAML parser (`sigs.k8s.io/yaml` `UnmarshalStrict`), so a file that starts like JSON is
//! read as JSON, and duplicate keys are errors in both. One difference: an unquoted `yes`, `no`, `on`, `off` stays text.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    pub(crate) message: String,
    /// Line and column, from 1.
    pub(crate) at: Option<(usize, usize)>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => {
                write!(formatter, "line {line}, column {column}: {}", self.message)
            }
            None => formatter.write_str(&self.message),
        }
    }
}

/// The one value of a text, read as spin reads it: JSON may have what YAML's flow style allows, a comma at the end for
/// example. `null` for an empty text.
pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    let mut documents = parse_all(text).or_else(|error| {
        let is_duplicate = error.message.contains("duplicate key");
        match yaml(without_mark(text)) {
            Ok(documents) if !is_duplicate => Ok(documents),
            _ => Err(error),
        }
    })?;
    match documents.len() {
        0 => Ok(Value::Null),
        1 => Ok(documents.remove(0)),
        _ => Err(ParseError {
            message: "it holds more than one document".to_owned(),
            at: None,
        }),
    }
}

/// Every document of a text; YAML separates them with `---`. What begins like JSON must be JSON.
pub(crate) fn parse_all(text: &str) -> Result<Vec<Value>, ParseError> {
    let text = without_mark(text);
    if is_json(text) {
        return serde_json::from_str::<Strict>(text)
            .map(|Strict(value)| vec![value])
            .map_err(|error| json_error(&error));
    }
    yaml(text)
}

/// Whether the text is meant to be JSON rather than YAML: it begins with a bracket, and not with YAML's `{name: value}`.
pub(crate) fn is_json(text: &str) -> bool {
    let mut chars = without_mark(text).chars().filter(|c| !c.is_whitespace());
    match (chars.next(), chars.next()) {
        (Some('{'), next) => matches!(next, None | Some('"' | '}')),
        (Some('['), _) => true,
        _ => false,
    }
}

/// The text without a byte order mark.
fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn yaml(text: &str) -> Result<Vec<Value>, ParseError> {
    let mut values = Vec::new();
    for document in serde_norway::Deserializer::from_str(text) {
        match Strict::deserialize(document) {
            Ok(Strict(Value::Null)) => {}
            Ok(Strict(value)) => values.push(value),
            Err(error) => {
                let at = error.location().map(|at| (at.line(), at.column()));
                let message = error.to_string();
                let message = message
                    .split_once(" at line ")
                    .map_or(message.as_str(), |(message, _)| message);
                return Err(ParseError {
                    message: message.to_owned(),
                    at,
                });
            }
        }
    }
    Ok(values)
}

fn json_error(error: &serde_json::Error) -> ParseError {
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message);
    ParseError {
        message: message.to_owned(),
        at: (error.line() > 0).then(|| (error.line(), error.column())),
    }
}

/// A value whose objects have every key once.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            let Strict(value) = entries.next_value()?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate key {key:?}")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// A key: text, or in YAML also a number or a boolean, which JSON writes as text.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        match Strict::deserialize(deserializer)?.0 {
            Value::String(key) => Ok(key),
            other @ (Value::Number(_) | Value::Bool(_)) => Ok(other.to_string()),
            _ => Err(D::Error::custom("a key must be text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_give_the_same_value() {
        let expected = json!({"name": "a", "stages": [{"waitTime": 3, "on": null, "x": 1.5, "y": true}], "7": "k"});
        let json = r#"{"name": "a", "stages": [{"waitTime": 3, "on": null, "x": 1.5, "y": true}], "7": "k"}"#;
        let yaml = "name: a\nstages:\n- waitTime: 3\n  on:\n  x: 1.5\n  y: true\n7: k\n";
        assert_eq!(parse(json), Ok(expected.clone()));
        assert_eq!(parse(yaml), Ok(expected));
        assert_eq!(parse("{name: a}"), Ok(json!({"name": "a"})), "flow style");
        assert_eq!(
            parse("{\"name\": \"a\",}"),
            Ok(json!({"name": "a"})),
            "as spin"
        );
        assert!(parse_all("{\"name\": \"a\",}").is_err(), "no JSON");
        assert_eq!(parse("  \n# nothing\n"), Ok(Value::Null));
        assert_eq!(
            parse_all("a: 1\n---\nb: 2\n"),
            Ok(vec![json!({"a": 1}), json!({"b": 2})])
        );
    }

    #[test]
    fn errors_say_where() {
        let at = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            parse_all("{\"a\": 1,\n \"b\": }").unwrap_err().at,
            Some((2, 7))
        );
        assert_eq!(at("{\"a\": 1,\n \"a\": 2}").message, "duplicate key \"a\"");
        assert!(at("{\"a\": 1,\n \"a\": 2}").at.is_some());
        assert!(
            at("a: 1\na: 2\n").message.contains("duplicate key"),
            "{}",
            at("a: 1\na: 2\n")
        );
        assert_eq!(at("a:\n  - b\n c: [").at.map(|(line, _)| line), Some(3));
        assert!(
            at("a: 1\n---\nb: 2\n")
                .message
                .contains("more than one document")
        );
    }

    #[test]
    fn depth_is_limited() {
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
