//! JSON as Go's `encoding/json` writes it, and values as Go's `fmt` prints them, because scripts compare spin's output byte
//! for byte.
//!
//! spin decodes into `interface{}`, so every number passes through a 64-bit float: `1.0` prints as `1`, and integers beyond
//! 2^53 lose digits. That is kept.

use serde_json::{Map, Number, Value};

/// `json.MarshalIndent(value, "", " ")`: one blank per level, keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn indented(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

/// One line of JSON with the keys as they came; for machines that read our own streams.
pub(crate) fn compact(value: &Value) -> String {
    value.to_string()
}

/// The value with the keys of every object sorted.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(map) => Value::Object(
            sorted_entries(map)
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// How Go's `fmt` prints what is no string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Printed {
    /// `%v`.
    AsValue,
    /// `%s`, which complains about everything but strings.
    AsString,
}

/// A decoded document as Go's `fmt` prints it: `map[a:1 b:[x y]]`.
pub(crate) fn printed(value: &Value, how: Printed) -> String {
    let complain = |kind: &str, text: &str| match how {
        Printed::AsValue => text.to_owned(),
        Printed::AsString => format!("%!s({kind}={text})"),
    };
    match value {
        // Inside a map or a list `%s` does not complain about it.
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => complain("bool", &truth.to_string()),
        Value::Number(number) => complain("float64", &general(as_float(number))),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| printed(item, how)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = sorted_entries(map)
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", printed(value, how)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

fn write(text: &mut String, value: &Value, level: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&json_number(number)),
        Value::String(string) => write_string(text, string),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                new_line(text, index, level + 1);
                write(text, item, level + 1);
            }
            new_line(text, 0, level);
            text.push(']');
        }
        Value::Object(map) if map.is_empty() => text.push_str("{}"),
        Value::Object(map) => {
            text.push('{');
            for (index, (key, value)) in sorted_entries(map).into_iter().enumerate() {
                new_line(text, index, level + 1);
                write_string(text, key);
                text.push_str(": ");
                write(text, value, level + 1);
            }
            new_line(text, 0, level);
            text.push('}');
        }
    }
}

/// A comma after every element but the last, then the line end and the indent of the next.
fn new_line(text: &mut String, index: usize, level: usize) {
    if index > 0 {
        text.push(',');
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', level));
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

fn sorted_entries(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn as_float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

/// `encoding/json`: plain digits between 1e-6 and 1e21, else an exponent.
fn json_number(number: &Number) -> String {
    let float = as_float(number);
    if float != 0.0 && (float.abs() < 1e-6 || float.abs() >= 1e21) {
        exponent(float, 1)
    } else {
        float.to_string()
    }
}

/// `%v` of a float: plain digits between 1e-4 and 1e6, else an exponent of at least two digits.
fn general(float: f64) -> String {
    if float != 0.0 && (float.abs() < 1e-4 || float.abs() >= 1e6) {
        exponent(float, 2)
    } else {
        float.to_string()
    }
}

fn exponent(float: f64, digits: usize) -> String {
    let text = format!("{float:e}");
    let Some((mantissa, power)) = text.split_once('e') else {
        return text;
    };
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{power:0>digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_those_of_go() {
        let cases = [
            ("1", "1"),
            ("1.0", "1"),
            ("-0.5", "-0.5"),
            ("1755600000000", "1755600000000"),
            ("1e3", "1000"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("0.0000001", "1e-7"),
            ("9007199254740993", "9007199254740992"),
        ];
        for (source, expected) in cases {
            let value: Value = serde_json::from_str(source).unwrap();
            assert_eq!(indented(&value), expected, "{source}");
        }
    }

    #[test]
    fn strings_are_escaped_for_html() {
        assert_eq!(
            indented(&json!("<a href=\"x\">&\u{2028}\u{1}\u{8}\n ü</a>")),
            r#""\u003ca href=\"x\"\u003e\u0026\u2028\u0001\u0008\n ü\u003c/a\u003e""#
        );
    }

    #[test]
    fn empty_containers_stay_on_one_line() {
        assert_eq!(
            indented(&json!({"z": {}, "a": [], "m": [[]]})),
            "{\n \"a\": [],\n \"m\": [\n  []\n ],\n \"z\": {}\n}"
        );
    }

    #[test]
    fn fmt_prints_maps_as_go_does() {
        let value = json!({"b": [true, null, 80], "a": "x", "c": {"d": 0.00001, "e": 1_755_600_000_000_i64}});
        assert_eq!(
            printed(&value, Printed::AsValue),
            "map[a:x b:[true <nil> 80] c:map[d:1e-05 e:1.7556e+12]]"
        );
        assert_eq!(
            printed(&value, Printed::AsString),
            "map[a:x b:[%!s(bool=true) <nil> %!s(float64=80)] c:map[d:%!s(float64=1e-05) e:%!s(float64=1.7556e+12)]]"
        );
    }
}
