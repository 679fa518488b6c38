//! Filters by name. Source: Jinjava `FilterLibrary`, and Orca's own: `base64`, `frigga`, `json`, `max`, `min`.

mod data;
mod lists;
mod numbers;
mod texts;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Fault, Interpreter, evaluate::Arguments, operators::as_text};

/// What a filter got.
pub(super) struct Call {
    pub positional: Vec<Value>,
    pub named: BTreeMap<String, Value>,
}

impl Call {
    /// An argument by place or name.
    fn argument(&self, place: usize, name: &str) -> Option<&Value> {
        self.positional
            .get(place)
            .or_else(|| self.named.get(name))
            .filter(|it| !it.is_null())
    }

    fn text(&self, place: usize, name: &str) -> Option<String> {
        self.argument(place, name).map(as_text)
    }

    fn number(&self, place: usize, name: &str) -> Option<i64> {
        self.argument(place, name).and_then(|it| match it {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        })
    }

    fn flag(&self, place: usize, name: &str) -> bool {
        self.argument(place, name).is_some_and(|it| match it {
            Value::Bool(set) => *set,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        })
    }

    fn count(&self) -> usize {
        self.positional.len() + self.named.len()
    }
}

/// What a filter gave, or why not.
type Filtered = Result<Value, String>;

impl Interpreter<'_> {
    /// What a filter makes of a value.
    pub(super) fn filter(
        &mut self,
        name: &str,
        value: Value,
        arguments: Arguments,
    ) -> Result<Value, Fault> {
        self.charge(super::evaluate::weight(&value))?;
        let call = Call {
            positional: arguments.0,
            named: arguments.1,
        };
        if let Some(filtered) = self.of_items(name, &value, &call)? {
            return Ok(filtered);
        }
        if name == "base64" {
            return self.base64(value);
        }
        let filtered = texts::filter(name, &value, &call)
            .or_else(|| numbers::filter(name, &value, &call))
            .or_else(|| lists::filter(name, &value, &call))
            .or_else(|| data::filter(name, &value, &call));
        let filtered = match filtered {
            Some(filtered) => filtered,
            None => Err(format!("there is no filter '{name}'")),
        };
        let filtered = filtered.or_else(|message| self.failed(message))?;
        self.made(filtered)
    }
}
