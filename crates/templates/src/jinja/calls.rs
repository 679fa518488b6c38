//! Functions: macros of the text, and the few of Jinjava's that need no clock.

use serde_json::{Map, Value};

use super::{
    Fault, Interpreter,
    evaluate::Arguments,
    operators::{Numeric, as_text},
};
use crate::java;

/// Longest list that `range` makes (`JinjavaConfig.rangeLimit`).
const RANGE_MAX: usize = 1_000;

impl Interpreter<'_> {
    /// What a function gives.
    pub(super) fn function(&mut self, name: &str, arguments: Arguments) -> Result<Value, Fault> {
        if let Some(found) = self.macros.get(name).cloned() {
            return self.call(&found, arguments.0, arguments.1);
        }
        let first = arguments.0.first().unwrap_or(&Value::Null);
        match name {
            "range" => {
                let numbers: Result<Vec<i64>, String> = arguments
                    .0
                    .iter()
                    .map(|it| match Numeric::of(it)? {
                        Numeric::Whole(whole) => Ok(whole),
                        Numeric::Real(_) => Err("range takes whole numbers".to_owned()),
                    })
                    .collect();
                let list = numbers.map(|numbers| range(&numbers));
                list.or_else(|message| self.failed(message))
            }
            "namespace" => {
                let mut space: Map<String, Value> = match first {
                    Value::Object(map) => map.clone(),
                    _ => Map::new(),
                };
                space.extend(arguments.1);
                Ok(space.into())
            }
            "dict" => Ok(arguments.1.into_iter().collect()),
            "type" => Ok(Value::from(match first {
                Value::Null => "null",
                Value::Bool(_) => "bool",
                Value::Number(number) if number.is_f64() => "float",
                Value::Number(number) if i32::try_from(number.as_i64().unwrap_or(0)).is_ok() => {
                    "int"
                }
                Value::Number(_) => "long",
                Value::String(_) => "str",
                Value::Array(_) => "list",
                Value::Object(_) => "dict",
            })),
            "truncate" => {
                let base = first.clone();
                let rest = arguments.0.into_iter().skip(1).collect();
                self.filter("truncate", base, (rest, arguments.1))
            }
            // A macro that a variable holds the name of, or a method of the loop.
            _ => {
                let text = as_text(first);
                self.failed(format!(
                    "Could not resolve function '{name}' (called with '{}')",
                    java::text(&Value::from(text))
                ))
            }
        }
    }
}

fn range(numbers: &[i64]) -> Value {
    let (start, end, step) = match *numbers {
        [] => (0, 0, 1),
        [end] => (0, end, 1),
        [start, end] => (start, end, 1),
        [start, end, step, ..] => (start, end, step),
    };
    let mut list = Vec::new();
    let mut next = start;
    while list.len() < RANGE_MAX && ((step > 0 && next < end) || (step < 0 && next > end)) {
        list.push(Value::from(next));
        next = match next.checked_add(step) {
            Some(next) => next,
            None => break,
        };
    }
    list.into()
}
