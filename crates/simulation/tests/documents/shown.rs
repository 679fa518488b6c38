//! Documents as `expected.json` has them: names for ids, seconds since the beginning for times, and what is short on one line.

use std::collections::BTreeMap;

use gennaker_model::Execution;
use serde_json::{Value, json};

use crate::world::BEGAN_MS;

/// What is not longer stands on one line.
const LINE: usize = 250;

/// Numbers so far from the beginning are no times of this run.
const RUN_MS: i64 = 400 * 24 * 3_600_000;

/// The text of `expected.json`.
pub fn text(documents: &BTreeMap<String, Execution>) -> String {
    let names = Names::of(documents);
    let mut all = serde_json::Map::new();
    for (name, document) in documents {
        let mut shown = serde_json::to_value(document).unwrap();
        shorten_parent(&mut shown);
        all.insert(name.clone(), names.normal(shown));
    }
    let mut text = String::new();
    write(&Value::Object(all), 0, &mut text);
    text.push('\n');
    text
}

/// The parent's document as it was when the child was started is told by its name and status alone.
fn shorten_parent(document: &mut Value) {
    if let Some(parent) = document.pointer_mut("/trigger/parentExecution") {
        let stages = parent["stages"].as_array().map_or(0, Vec::len);
        *parent = json!({"id": parent["id"], "status": parent["status"], "stages": stages});
    }
}

/// Ids and what stands for them.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(documents: &BTreeMap<String, Execution>) -> Self {
        let mut names = Vec::new();
        for (name, document) in documents {
            names.push((document.id.to_string(), format!("<execution {name}>")));
            for stage in &document.stages {
                let shown = format!("<stage {} of {name}>", stage.ref_id);
                names.push((stage.id.to_string(), shown));
            }
        }
        Self(names)
    }

    fn normal(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) => match number.as_i64().and_then(instant) {
                Some(shown) => Value::String(shown),
                None => Value::Number(number),
            },
            Value::Array(list) => list.into_iter().map(|item| self.normal(item)).collect(),
            Value::Object(map) => {
                let entries = map.into_iter();
                Value::Object(
                    entries
                        .map(|(key, value)| (self.text(&key), self.normal(value)))
                        .collect(),
                )
            }
            other => other,
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.0 {
            text = text.replace(id, name);
        }
        // Times within texts, as in a correlation id.
        let parts: Vec<String> = text
            .split('_')
            .map(|part| {
                let time = part.parse().ok().and_then(instant);
                time.unwrap_or_else(|| part.to_owned())
            })
            .collect();
        parts.join("_")
    }
}

fn instant(ms: i64) -> Option<String> {
    let since = ms - BEGAN_MS;
    if since.abs() > RUN_MS {
        return None;
    }
    let (sign, since) = if since < 0 {
        ('-', -since)
    } else {
        ('+', since)
    };
    let (seconds, rest) = (since / 1_000, since % 1_000);
    Some(if rest == 0 {
        format!("{sign}{seconds} s")
    } else {
        format!("{sign}{seconds}.{rest:03} s")
    })
}

fn write(value: &Value, indent: usize, text: &mut String) {
    let short = serde_json::to_string(value).unwrap();
    let is_stage = value.get("refId").is_some() || value.get("stages").is_some_and(Value::is_array);
    let space = |text: &mut String, indent: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
    };
    match value {
        Value::Object(map) if !map.is_empty() && (is_stage || indent + short.len() > LINE) => {
            text.push('{');
            for (place, (key, value)) in map.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                space(text, indent + 1);
                text.push_str(&format!("{}: ", json!(key)));
                write(value, indent + 1, text);
            }
            space(text, indent);
            text.push('}');
        }
        Value::Array(list) if !list.is_empty() && (indent + short.len() > LINE) => {
            text.push('[');
            for (place, value) in list.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                space(text, indent + 1);
                write(value, indent + 1, text);
            }
            space(text, indent);
            text.push(']');
        }
        other => text.push_str(&spaced(other)),
    }
}

/// On one line, with a space behind each comma and colon.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", json!(key), spaced(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
