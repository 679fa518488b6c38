//! A rendered text is read back as YAML 1.1: that is how `"{{ list }}"` becomes a list.
//!
//! Source: orca `YamlRenderedValueConverter`, over SnakeYAML's safe constructor.

use gennaker_expressions::{Limits, read_yaml};
use serde_json::Value;

use crate::problem::Problem;

/// Keeps what follows from being read.
const KEEP: &str = "noexpand:";

/// What a rendered text means. An empty one is null; one that YAML takes for a text stays exactly as it is.
///
/// # Errors
/// It begins as YAML and is none.
pub(crate) fn value_of(rendered: &str, limits: &Limits) -> Result<Value, Problem> {
    let as_it_is = || Value::from(rendered);
    if rendered.is_empty() {
        return Ok(Value::Null);
    }
    if rendered.trim_start().starts_with("${") || is_keyword(rendered) {
        return Ok(as_it_is());
    }
    // A list or bold text of Markdown, and a type name of Jackson, neither of which may begin a document.
    if rendered.starts_with('*') || rendered.starts_with("@class") {
        return Ok(as_it_is());
    }
    if let Some(kept) = rendered.strip_prefix(KEEP) {
        return Ok(Value::from(kept));
    }
    if is_plain(rendered) {
        return Ok(as_it_is());
    }
    match read_yaml(rendered, limits) {
        Ok(Value::Null | Value::String(_)) => Ok(as_it_is()),
        Ok(value) => Ok(value),
        Err(error) => {
            let text = error.to_string();
            // Something follows a quoted text: it is no YAML, and not meant to be.
            if text.contains("document start") || text.starts_with("invalid trailing content") {
                return Ok(as_it_is());
            }
            Err(Problem::new("Failed converting rendered value to YAML").because(text))
        }
    }
}

/// A document as a template's source holds it.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn document(text: &str, limits: &Limits) -> Result<Value, String> {
    read_yaml(text, limits).map_err(|error| error.to_string())
}

/// Words that YAML takes for truth values and people mean as words.
fn is_keyword(text: &str) -> bool {
    ["yes", "no", "on", "off"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// Texts that need no parser to be known as texts: most are.
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_' || it == '/');
    let words = ["true", "false", "null", "y", "n"];
    starts
        && !text.contains([':', '#', '\n', '\t'])
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_what_yaml_makes_of_them() {
        for (text, value) in [
            ("1", json!(1)),
            ("1.1", json!(1.1)),
            ("010", json!(8)),
            ("true", json!(true)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("OFF", json!("OFF")),
            ("", Value::Null),
            ("null", json!("null")),
            ("[us-east-1, us-west-2]", json!(["us-east-1", "us-west-2"])),
            ("- a\n- b: 1", json!(["a", {"b": 1}])),
            ("a: b", json!({"a": "b"})),
            ("http://x.io/y", json!("http://x.io/y")),
            ("* markdown list", json!("* markdown list")),
            ("@class", json!("@class")),
            (
                "noexpand:{\"t\": \"deployment\"}",
                json!("{\"t\": \"deployment\"}"),
            ),
            ("${ parameters.x ?: '' }", json!("${ parameters.x ?: '' }")),
            (
                "#stage(\"A\")[\"status\"] == \"S\"",
                json!("#stage(\"A\")[\"status\"] == \"S\""),
            ),
            (
                "\"${ false }\".equalsIgnoreCase(\"True\")",
                json!("\"${ false }\".equalsIgnoreCase(\"True\")"),
            ),
        ] {
            assert_eq!(value_of(text, &Limits::default()), Ok(value), "{text}");
        }
        let error = value_of("[a, b", &Limits::default()).unwrap_err();
        assert_eq!(error.message, "Failed converting rendered value to YAML");
    }
}
