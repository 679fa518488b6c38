//! Filters of lists, those that go through items with another filter or test among them.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{Call, Filtered};
use crate::jinja::{
    Fault, Interpreter,
    ast::Operator,
    evaluate::member,
    operators::{self, as_text, items},
};

/// `None` when it is no filter of lists.
pub(super) fn filter(name: &str, value: &Value, call: &Call) -> Option<Filtered> {
    let list = || items(value.clone());
    let first = call.positional.first().cloned().unwrap_or(Value::Null);
    Some(match name {
        "length" | "count" => Ok(match value {
            Value::Null => 0.into(),
            Value::String(text) => text.encode_utf16().count().into(),
            Value::Array(items) => items.len().into(),
            Value::Object(map) => map.len().into(),
            Value::Bool(_) | Value::Number(_) => 0.into(),
        }),
        "first" => Ok(list().into_iter().next().unwrap_or(Value::Null)),
        "last" => Ok(list().pop().unwrap_or(Value::Null)),
        "list" => Ok(match value {
            Value::String(text) => text.chars().map(String::from).collect(),
            _ => list().into(),
        }),
        "reverse" => Ok(match value {
            Value::String(text) => text.chars().rev().collect::<String>().into(),
            _ => list().into_iter().rev().collect(),
        }),
        "join" => {
            let separator = call.text(0, "d").unwrap_or_default();
            let attribute = call.text(1, "attr");
            let texts: Vec<String> = list()
                .iter()
                .map(|item| match &attribute {
                    Some(attribute) => path(item, attribute).map(as_text).unwrap_or_default(),
                    None => as_text(item),
                })
                .collect();
            Ok(texts.join(&separator).into())
        }
        "sort" => sorted(list(), call),
        "unique" => {
            let attribute = call.text(0, "attr");
            let mut kept: Vec<Value> = Vec::new();
            let mut seen: Vec<Value> = Vec::new();
            for item in list() {
                let key = match &attribute {
                    Some(attribute) => path(&item, attribute).cloned().unwrap_or(Value::Null),
                    None => item.clone(),
                };
                if !seen.contains(&key) {
                    seen.push(key);
                    kept.push(item);
                }
            }
            Ok(kept.into())
        }
        "sum" => list().into_iter().try_fold(Value::from(0), |sum, item| {
            let item = match call.text(1, "attribute") {
                Some(attribute) => path(&item, &attribute).cloned().unwrap_or(Value::Null),
                None => item,
            };
            operators::apply(Operator::Add, sum, item)
        }),
        "batch" | "slice" => {
            let size = call.number(0, "linecount").unwrap_or(0);
            match usize::try_from(size) {
                Ok(size) if size > 0 => {
                    let fill = call.argument(1, "fill_with").cloned();
                    Ok(chunks(list(), size, fill.as_ref()))
                }
                Ok(_) | Err(_) => Err(format!("{name} needs a positive number")),
            }
        }
        "union" => Ok(list()
            .into_iter()
            .chain(items(first))
            .fold(Vec::new(), |mut kept, item| {
                if !kept.contains(&item) {
                    kept.push(item);
                }
                kept
            })
            .into()),
        "intersect" => {
            let other = items(first);
            Ok(list().into_iter().filter(|it| other.contains(it)).collect())
        }
        "difference" => {
            let other = items(first);
            Ok(list()
                .into_iter()
                .filter(|it| !other.contains(it))
                .collect())
        }
        "symmetric_difference" => {
            let (own, other) = (list(), items(first));
            let left = own.iter().filter(|it| !other.contains(it));
            let right = other.iter().filter(|it| !own.contains(it));
            Ok(left.chain(right).cloned().collect())
        }
        "groupby" => {
            let attribute = call.text(0, "attribute").unwrap_or_default();
            let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
            for item in list() {
                let key = path(&item, &attribute).map(as_text).unwrap_or_default();
                match groups.iter_mut().find(|(it, _)| *it == key) {
                    Some((_, group)) => group.push(item),
                    None => groups.push((key, vec![item])),
                }
            }
            let groups = groups.into_iter();
            Ok(groups
                .map(|(key, list)| json!({"grouper": key, "list": list}))
                .collect())
        }
        _ => return None,
    })
}

impl Interpreter<'_> {
    /// Filters that call another filter or test for each item.
    pub(in crate::jinja) fn of_items(
        &mut self,
        name: &str,
        value: &Value,
        call: &Call,
    ) -> Result<Option<Value>, Fault> {
        let keeps = !name.starts_with("reject");
        match name {
            "map" => {
                let attribute = call.named.get("attribute").map(as_text);
                let filter = call.positional.first().map(as_text);
                let mut mapped = Vec::new();
                for item in items(value.clone()) {
                    self.charge(2)?;
                    let by_name = filter.as_deref().filter(|it| is_filter(it));
                    mapped.push(match (&attribute, by_name) {
                        (None, Some(filter)) => {
                            let arguments = call.positional[1..].to_vec();
                            self.filter(filter, item, (arguments, call.named.clone()))?
                        }
                        (attribute, _) => {
                            let path_of = attribute.as_ref().or(filter.as_ref());
                            let Some(found) = path_of else {
                                return self.failed(
                                    "Syntax error in 'map': requires 1 argument (name of filter or attribute to apply to given sequence)",
                                );
                            };
                            path(&item, found).cloned().unwrap_or(Value::Null)
                        }
                    });
                }
                Ok(Some(mapped.into()))
            }
            "select" | "reject" | "selectattr" | "rejectattr" => {
                let by_attribute = name.ends_with("attr");
                let attribute = call
                    .positional
                    .first()
                    .map(as_text)
                    .filter(|_| by_attribute);
                let from = usize::from(by_attribute);
                let test = call.positional.get(from).map(as_text);
                let test = test.unwrap_or_else(|| "truthy".to_owned());
                let argument = call
                    .positional
                    .get(from + 1)
                    .cloned()
                    .unwrap_or(Value::Null);
                let mut kept = Vec::new();
                for item in items(value.clone()) {
                    self.charge(2)?;
                    let tested = match &attribute {
                        Some(attribute) => path(&item, attribute).cloned().unwrap_or(Value::Null),
                        None => item.clone(),
                    };
                    if self.trial(&test, &tested, &argument)? == keeps {
                        kept.push(item);
                    }
                }
                Ok(Some(kept.into()))
            }
            _ => Ok(None),
        }
    }
}

/// Whether a word names a filter: `map('upper')` against `map('name')`.
fn is_filter(name: &str) -> bool {
    let nothing = Call {
        positional: Vec::new(),
        named: std::collections::BTreeMap::new(),
    };
    let probe = Value::Null;
    matches!(
        name,
        "map" | "select" | "reject" | "selectattr" | "rejectattr" | "base64"
    ) || super::texts::filter(name, &probe, &nothing).is_some()
        || super::numbers::filter(name, &probe, &nothing).is_some()
        || filter(name, &probe, &nothing).is_some()
        || super::data::filter(name, &probe, &nothing).is_some()
}

/// A member by a path with dots.
fn path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(value, |value, key| member(value, &Value::from(key)))
}

fn chunks(list: Vec<Value>, size: usize, fill: Option<&Value>) -> Value {
    list.chunks(size)
        .map(|chunk| {
            let mut chunk = chunk.to_vec();
            if let Some(fill) = fill {
                let missing = size.min(1_000).saturating_sub(chunk.len());
                chunk.extend(std::iter::repeat_n(fill.clone(), missing));
            }
            Value::from(chunk)
        })
        .collect()
}

/// `sort(reverse, case_sensitive, attribute)`.
fn sorted(list: Vec<Value>, call: &Call) -> Filtered {
    let attribute = call.text(2, "attribute");
    let exact = call.flag(1, "case_sensitive");
    let mut failed = None;
    let mut keyed: Vec<(Value, Value)> = list
        .into_iter()
        .map(|item| {
            let key = match &attribute {
                Some(attribute) => path(&item, attribute).cloned().unwrap_or(Value::Null),
                None => item.clone(),
            };
            let key = match key {
                Value::String(text) if !exact => text.to_lowercase().into(),
                other => other,
            };
            (key, item)
        })
        .collect();
    if keyed.iter().any(|(key, _)| key.is_null()) {
        return Err("sort cannot order what is null".to_owned());
    }
    keyed.sort_by(|(one, _), (two, _)| {
        operators::compare(one, two).unwrap_or_else(|message| {
            failed.get_or_insert(message);
            Ordering::Equal
        })
    });
    if call.flag(0, "reverse") {
        keyed.reverse();
    }
    match failed {
        Some(message) => Err(message),
        None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
    }
}
