//! Filters that look at a value as data: defaults, JSON, members.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_expressions::Limits;
use serde_json::{Value, json};

use super::{Call, Filtered};
use crate::{
    java,
    jinja::{
        Fault, Interpreter,
        evaluate::member,
        operators::{as_text, is_true},
    },
    yaml,
};

/// `None` when it is no filter of data.
pub(super) fn filter(name: &str, value: &Value, call: &Call) -> Option<Filtered> {
    Some(match name {
        "default" | "d" => {
            let keeps = match call.flag(1, "truthy") || call.flag(1, "boolean") {
                true => is_true(value),
                false => !value.is_null(),
            };
            Ok(match keeps {
                true => value.clone(),
                // Lists and maps stay what they are, anything else becomes its text.
                false => match call.argument(0, "default_value") {
                    None => Value::Null,
                    Some(list @ (Value::Array(_) | Value::Object(_))) => list.clone(),
                    Some(other) => as_text(other).into(),
                },
            })
        }
        "json" if call.count() > 0 => Err("json filter does accept any arguments".to_owned()),
        // Orca's mapper writes with indentation.
        "json" => Ok(serde_json::to_string_pretty(value)
            .unwrap_or_default()
            .into()),
        "tojson" => Ok(value.to_string().into()),
        "fromjson" => serde_json::from_str(&as_text(value))
            .map_err(|error| format!("fromjson cannot read this: {error}")),
        "fromyaml" => yaml::document(&as_text(value), &Limits::default()),
        "attr" => Ok(call
            .argument(0, "name")
            .and_then(|name| member(value, name))
            .cloned()
            .unwrap_or(Value::Null)),
        "dictsort" => Ok(match value {
            Value::Object(map) => {
                let by_value = call.text(1, "by").as_deref() == Some("value");
                let mut entries: Vec<(String, &Value)> = map
                    .iter()
                    .map(|(key, value)| (key.clone(), value))
                    .collect();
                entries.sort_by_key(|(key, value)| match by_value {
                    true => as_text(value).to_lowercase(),
                    false => key.to_lowercase(),
                });
                entries
                    .into_iter()
                    .map(|(key, value)| json!({"key": key, "value": value}))
                    .collect()
            }
            _ => Value::Null,
        }),
        "pprint" => Ok(java::text(value).into()),
        _ => return None,
    })
}

impl Interpreter<'_> {
    /// Base64 of a value whose texts are rendered first. Source: `Base64Filter`.
    pub(in crate::jinja) fn base64(&mut self, value: Value) -> Result<Value, Fault> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let mut context = self.context.clone();
        context.location = "base64".to_owned();
        for scope in &self.scopes {
            context.variables.extend(scope.clone());
        }
        let rendered = self
            .renderer
            .deep(&value, &context)
            .map_err(|halt| {
                halt.within(|| {
                    crate::problem::Problem::new("Failed rendering base64 contents").at("base64")
                })
            })
            .map_err(|halt| self.caught(halt))?;
        Ok(BASE64_STANDARD.encode(as_text(&rendered)).into())
    }
}
