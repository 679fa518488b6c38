//! What is different between two documents, for people: one line per value that was added, removed or changed. Pure.

use serde_json::Value;

use crate::text::{clean, columns, fit};

/// Widest value that is shown, in columns.
const VALUE_COLUMNS: usize = 80;

/// One value that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Where, as people say it: `stage "Deploy": replicas`.
    pub(crate) path: String,
    /// `None`: it was added.
    pub(crate) before: Option<Value>,
    /// `None`: it was removed.
    pub(crate) after: Option<Value>,
}

impl Difference {
    /// `replicas: 200 -> 214`.
    pub(crate) fn line(&self) -> String {
        let path = clean(&self.path);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                format!("{path}: {} -> {}", shown(before), shown(after))
            }
            (None, Some(after)) => format!("{path}: added {}", shown(after)),
            (Some(before), None) => format!("{path}: removed {}", shown(before)),
            (None, None) => path,
        }
    }
}

/// The differences, in the order of the later document, removals behind. Members of lists that have a `refId`, `id` or `name`
/// are compared by it, others by their place.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            for key in after.keys().chain(gone) {
                compare(&below(path, key), before.get(key), after.get(key), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => match key_of(before, after) {
            Some(key) => {
                let with = |list: &'_ [Value], item: &Value| {
                    list.iter().position(|other| other[key] == item[key])
                };
                for item in after {
                    let former = with(before, item).map(|at| &before[at]);
                    compare(&member(path, item, key), former, Some(item), found);
                }
                for item in before.iter().filter(|item| with(after, item).is_none()) {
                    compare(&member(path, item, key), Some(item), None, found);
                }
            }
            None => {
                for at in 0..before.len().max(after.len()) {
                    let path = format!("{path}[{at}]");
                    compare(&path, before.get(at), after.get(at), found);
                }
            }
        },
        _ => found.push(Difference {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

/// What the members of both lists have, each its own.
fn key_of(before: &[Value], after: &[Value]) -> Option<&'static str> {
    ["refId", "id", "name"].into_iter().find(|key| {
        [before, after].into_iter().all(|list| {
            list.iter().enumerate().all(|(at, item)| {
                item[*key].is_string() && !list[..at].iter().any(|other| other[*key] == item[*key])
            })
        })
    })
}

fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        // A stage is named like a sentence; what is in it follows.
        path if path.ends_with('"') => format!("{path}: {key}"),
        path => format!("{path}.{key}"),
    }
}

fn member(path: &str, item: &Value, key: &str) -> String {
    let name = item["name"]
        .as_str()
        .filter(|name| !name.is_empty())
        .or_else(|| item[key].as_str())
        .unwrap_or_default();
    match path {
        "stages" => format!("stage {name:?}"),
        path => format!("{path}[{name:?}]"),
    }
}

fn shown(value: &Value) -> String {
    let text = clean(&value.to_string());
    if columns(&text) > VALUE_COLUMNS {
        fit(&text, VALUE_COLUMNS)
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(before: &Value, after: &Value) -> Vec<String> {
        differences(before, after)
            .iter()
            .map(Difference::line)
            .collect()
    }

    #[test]
    fn stages_are_compared_by_their_ref_id() {
        let before = json!({"name": "p", "stages": [
            {"refId": "1", "name": "Bake", "type": "bake"},
            {"refId": "2", "name": "Deploy EU", "replicas": 200, "old": true}], "x": [1, 2]});
        let after = json!({"name": "p", "stages": [
            {"refId": "2", "name": "Deploy EU", "replicas": 214, "timeout": {"minutes": 20}},
            {"refId": "3", "name": "Check", "type": "wait"}], "x": [1, 3, 4]});
        assert_eq!(
            lines(&before, &after),
            [
                "stage \"Deploy EU\": replicas: 200 -> 214",
                "stage \"Deploy EU\": timeout: added {\"minutes\":20}",
                "stage \"Deploy EU\": old: removed true",
                "stage \"Check\": added {\"refId\":\"3\",\"name\":\"Check\",\"type\":\"wait\"}",
                "stage \"Bake\": removed {\"refId\":\"1\",\"name\":\"Bake\",\"type\":\"bake\"}",
                "x[1]: 2 -> 3",
                "x[2]: added 4",
            ]
        );
        assert_eq!(lines(&after, &after), Vec::<String>::new());
    }

    #[test]
    fn values_are_short_and_harmless() {
        let long = json!({"a": format!("\u{1b}[2J{}", "x".repeat(500))});
        let line = lines(&json!({}), &long).remove(0);
        assert!(line.len() < 120 && !line.contains('\u{1b}'), "{line}");
    }

    #[test]
    fn lists_without_names_go_by_place() {
        assert_eq!(
            lines(
                &json!({"a": [{"name": "x"}, {"name": "x"}]}),
                &json!({"a": [{"name": "x"}]})
            ),
            ["a[1]: removed {\"name\":\"x\"}"]
        );
        assert_eq!(
            lines(
                &json!({"parameterConfig": [{"name": "tag", "default": "1"}]}),
                &json!({"parameterConfig": [{"name": "tag", "default": "2"}]})
            ),
            ["parameterConfig[\"tag\"].default: \"1\" -> \"2\""]
        );
    }
}
