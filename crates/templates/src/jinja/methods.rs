//! Methods of values: those of Java's texts, lists and maps, and of Jinjava's `PyList` and `PyMap`, that templates call.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{
    Fault, Interpreter,
    evaluate::member,
    operators::{self, Numeric, as_text},
};

impl Interpreter<'_> {
    /// What a method gives; an unknown one gives null, as in Jinjava.
    pub(super) fn method(
        &mut self,
        base: &Value,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, Fault> {
        let size = super::evaluate::weight(base);
        self.charge(size)?;
        let found = match base {
            Value::String(text) => of_text(text, name, arguments),
            Value::Array(items) => Ok(of_list(items, name, arguments)),
            Value::Object(map) => Ok(of_map(map, name, arguments)),
            Value::Null => Ok(Value::Null),
            Value::Bool(_) | Value::Number(_) => Ok(of_any(base, name, arguments)),
        };
        found.or_else(|message| self.failed(message))
    }

    /// A method that changes a variable of the text; `None` when it is none.
    pub(super) fn change(
        &mut self,
        variable: &str,
        name: &str,
        arguments: &[Value],
    ) -> Result<Option<Value>, Fault> {
        let changing = [
            "append", "add", "extend", "addAll", "insert", "pop", "remove", "put", "update",
            "putAll", "clear",
        ];
        if !changing.contains(&name) {
            return Ok(None);
        }
        let Some(held) = self
            .scopes
            .iter_mut()
            .rev()
            .find_map(|scope| scope.get_mut(variable))
        else {
            return Ok(None);
        };
        let first = arguments.first().cloned().unwrap_or(Value::Null);
        let second = arguments.get(1).cloned().unwrap_or(Value::Null);
        Ok(match (held, name) {
            (Value::Array(items), "append" | "add") => {
                items.push(first);
                Some(true.into())
            }
            (Value::Array(items), "extend" | "addAll") => {
                items.extend(operators::items(first));
                Some(true.into())
            }
            (Value::Array(items), "insert") => {
                let place = first.as_u64().and_then(|it| usize::try_from(it).ok());
                items.insert(place.unwrap_or(0).min(items.len()), second);
                Some(true.into())
            }
            (Value::Array(items), "pop") => Some(items.pop().unwrap_or(Value::Null)),
            (Value::Array(items), "remove") => {
                let place = items.iter().position(|it| *it == first);
                Some(place.map_or(Value::Null, |place| items.remove(place)))
            }
            (Value::Array(items), "clear") => {
                items.clear();
                Some(true.into())
            }
            (Value::Object(map), "put") => {
                Some(map.insert(as_text(&first), second).unwrap_or("".into()))
            }
            (Value::Object(map), "update" | "putAll") => {
                if let Value::Object(more) = first {
                    map.extend(more);
                }
                Some(true.into())
            }
            (Value::Object(map), "remove" | "pop") => {
                Some(map.shift_remove(&as_text(&first)).unwrap_or(Value::Null))
            }
            (Value::Object(map), "clear") => {
                map.clear();
                Some(true.into())
            }
            _ => None,
        })
    }
}

fn of_any(base: &Value, name: &str, arguments: &[Value]) -> Value {
    match (name, arguments) {
        ("toString", []) => as_text(base).into(),
        ("equals", [other]) => (base == other).into(),
        ("intValue" | "longValue", []) => match Numeric::of(base) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as Java's cast, which saturates"
            )]
            Ok(number) => (number.real() as i64).into(),
            Err(_) => Value::Null,
        },
        ("doubleValue", []) => match Numeric::of(base) {
            Ok(number) => number.real().into(),
            Err(_) => Value::Null,
        },
        _ => Value::Null,
    }
}

fn of_text(text: &str, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let argument = |place: usize| arguments.get(place).map(as_text).unwrap_or_default();
    let number = |place: usize| arguments.get(place).and_then(Value::as_i64);
    Ok(match (name, arguments.len()) {
        ("length", 0) => text.encode_utf16().count().into(),
        ("isEmpty", 0) => text.is_empty().into(),
        ("isBlank", 0) => text.trim().is_empty().into(),
        ("toUpperCase" | "upper", 0) => text.to_uppercase().into(),
        ("toLowerCase" | "lower", 0) => text.to_lowercase().into(),
        ("trim" | "strip", 0) => text.trim().into(),
        ("contains", 1) => text.contains(&argument(0)).into(),
        ("startsWith", 1) => text.starts_with(&argument(0)).into(),
        ("endsWith", 1) => text.ends_with(&argument(0)).into(),
        ("equalsIgnoreCase", 1) => (text.to_lowercase() == argument(0).to_lowercase()).into(),
        ("concat", 1) => (text.to_owned() + &argument(0)).into(),
        ("replace", 2) => text.replace(&argument(0), &argument(1)).into(),
        ("replaceAll" | "replaceFirst", 2) => {
            let pattern = pattern(&argument(0))?;
            let by = argument(1);
            match name {
                "replaceAll" => pattern.replace_all(text, by.as_str()).into_owned(),
                _ => pattern.replace(text, by.as_str()).into_owned(),
            }
            .into()
        }
        ("matches", 1) => pattern(&format!("^(?:{})$", argument(0)))?
            .is_match(text)
            .into(),
        ("split", 1 | 2) => split(text, &argument(0), number(1).unwrap_or(0))?,
        ("indexOf", 1) => place_of(text, text.find(&argument(0))),
        ("lastIndexOf", 1) => place_of(text, text.rfind(&argument(0))),
        ("charAt", 1) => {
            let place = number(0).and_then(|it| usize::try_from(it).ok());
            let found = place.and_then(|place| text.chars().nth(place));
            found.map_or(Value::Null, |it| it.to_string().into())
        }
        ("substring", 1 | 2) => {
            let chars: Vec<char> = text.chars().collect();
            let place = |place: Option<i64>, default: usize| match place {
                None => Some(default),
                Some(place) => usize::try_from(place).ok(),
            };
            let from = place(number(0), 0);
            let to = place(number(1), chars.len());
            let part = from.zip(to).and_then(|(from, to)| chars.get(from..to));
            match part {
                Some(part) => part.iter().collect::<String>().into(),
                None => return Err(format!("String index out of range: {}", chars.len())),
            }
        }
        _ => of_any(&text.into(), name, arguments),
    })
}

/// A pattern; what takes too much room to compile is refused. Source: RE2/J is the same kind of engine.
pub(super) fn pattern(source: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(source)
        .size_limit(1 << 18)
        .build()
        .map_err(|_| format!("'{source}' is no pattern"))
}

/// `String.split`: a pattern, and empty texts at the end are dropped.
fn split(text: &str, by: &str, limit: i64) -> Result<Value, String> {
    let pattern = pattern(by)?;
    let mut parts: Vec<&str> = match usize::try_from(limit) {
        Ok(limit) if limit > 0 => pattern.splitn(text, limit).collect(),
        Ok(_) | Err(_) => pattern.split(text).collect(),
    };
    if limit == 0 {
        while parts.len() > 1 && parts.last().is_some_and(|it| it.is_empty()) {
            parts.pop();
        }
    }
    Ok(parts.into())
}

fn place_of(text: &str, found: Option<usize>) -> Value {
    match found {
        Some(place) => text[..place].encode_utf16().count().into(),
        None => (-1).into(),
    }
}

fn of_list(items: &[Value], name: &str, arguments: &[Value]) -> Value {
    let first = arguments.first().unwrap_or(&Value::Null);
    match (name, arguments.len()) {
        ("size" | "length", 0) => items.len().into(),
        ("isEmpty", 0) => items.is_empty().into(),
        ("contains", 1) => items.contains(first).into(),
        ("get", 1) => member(&items.into(), first).cloned().unwrap_or(Value::Null),
        ("indexOf" | "index", 1) => match items.iter().position(|it| it == first) {
            Some(place) => place.into(),
            None => (-1).into(),
        },
        ("count", 1) => items.iter().filter(|it| *it == first).count().into(),
        ("subList", 2) => {
            let place = |place: usize| {
                let number = arguments.get(place).and_then(Value::as_u64)?;
                usize::try_from(number).ok()
            };
            let part = place(0)
                .zip(place(1))
                .and_then(|(from, to)| items.get(from..to));
            part.map_or(Value::Null, Value::from)
        }
        _ => of_any(&items.into(), name, arguments),
    }
}

fn of_map(map: &Map, name: &str, arguments: &[Value]) -> Value {
    let key = arguments.first().map(as_text).unwrap_or_default();
    match (name, arguments.len()) {
        ("size" | "length", 0) => map.len().into(),
        ("isEmpty", 0) => map.is_empty().into(),
        ("keys" | "keySet", 0) => map.keys().cloned().collect(),
        ("values", 0) => map.values().cloned().collect(),
        ("items" | "entrySet", 0) => map
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect(),
        ("containsKey", 1) => map.contains_key(&key).into(),
        ("containsValue", 1) => map.values().any(|it| Some(it) == arguments.first()).into(),
        ("get", 1) => map.get(&key).cloned().unwrap_or(Value::Null),
        ("get" | "getOrDefault", 2) => map
            .get(&key)
            .or(arguments.get(1))
            .cloned()
            .unwrap_or(Value::Null),
        _ => of_any(&Value::Object(map.clone()), name, arguments),
    }
}
