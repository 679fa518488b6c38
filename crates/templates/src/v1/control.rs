//! Changes of a stage's configuration by path. Source: orca `StageInheritanceControlTransform`, over Jayway's JsonPath.
//!
//! Of JsonPath there is what names places: `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[*]` and `.*`.

use serde_json::Value;

use super::{
    merge,
    model::{Control, Rule, Stage},
};
use crate::problem::Problem;

/// Applies the changes of every stage that has some.
pub(super) fn all(stages: &mut [Stage]) -> Result<(), Problem> {
    for stage in stages {
        if let Some(control) = stage.control.take() {
            apply(&mut stage.config, &control)?;
        }
    }
    Ok(())
}

fn apply(config: &mut Value, control: &Control) -> Result<(), Problem> {
    for rule in &control.merge {
        for place in places(config, &rule.path)? {
            merge_into(place, rule)?;
        }
    }
    for rule in &control.replace {
        for place in places(config, &rule.path)? {
            match (&*place, &rule.value) {
                (Value::Array(_), value) if !value.is_array() => {
                    return Err(Problem::malformed(
                        "cannot replace collection value with non-collection value",
                    ));
                }
                (Value::Object(_), value) if !value.is_object() => {
                    return Err(Problem::malformed(
                        "cannot replace map value with non-map value",
                    ));
                }
                (_, value) => *place = value.clone(),
            }
        }
    }
    for rule in &control.remove {
        let mut steps = steps(&rule.path)?;
        let Some(last) = steps.pop() else {
            return Err(Problem::malformed(
                "inheritance control cannot remove the whole configuration",
            ));
        };
        for holder in find(config, &steps, &rule.path)? {
            remove(holder, &last, &rule.path)?;
        }
    }
    Ok(())
}

fn merge_into(place: &mut Value, rule: &Rule) -> Result<(), Problem> {
    match (place, &rule.value) {
        (Value::Array(held), Value::Array(more)) => {
            held.extend(more.iter().cloned());
            Ok(())
        }
        (Value::Array(_), _) => Err(Problem::malformed(
            "cannot merge non-collection value into collection",
        )),
        (Value::Object(held), Value::Object(more)) => {
            *held = merge::maps(std::mem::take(held), more.clone())?;
            Ok(())
        }
        (Value::Object(_), _) => Err(Problem::malformed("cannot merge non-map value into map")),
        _ => Err(Problem::malformed(format!(
            "merge inheritance control must be given a list or map value: {}",
            rule.path
        ))),
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(i64),
    Every,
}

fn places<'v>(config: &'v mut Value, path: &str) -> Result<Vec<&'v mut Value>, Problem> {
    find(config, &steps(path)?, path)
}

fn steps(path: &str) -> Result<Vec<Step>, Problem> {
    let wrong = || Problem::malformed(format!("'{path}' is no path that can be followed"));
    let mut steps = Vec::new();
    let mut rest = path.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    // A path without `$` begins with a name.
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        let (key, after) = name(rest);
        steps.push(key);
        rest = after;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() || after.starts_with(['.', '[']) {
                return Err(wrong());
            }
            let (key, after) = name(after);
            steps.push(key);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inner, after) = after.split_once(']').ok_or_else(wrong)?;
            let inner = inner.trim();
            let quoted = ['\'', '"'].into_iter().find_map(|quote| {
                let inner = inner.strip_prefix(quote)?;
                inner.strip_suffix(quote)
            });
            steps.push(match quoted {
                Some(key) => Step::Key(key.to_owned()),
                None if inner == "*" => Step::Every,
                None => Step::Index(inner.parse().map_err(|_| wrong())?),
            });
            rest = after;
        } else {
            return Err(wrong());
        }
    }
    Ok(steps)
}

fn name(text: &str) -> (Step, &str) {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    match key {
        "*" => (Step::Every, rest),
        key => (Step::Key(key.to_owned()), rest),
    }
}

fn find<'v>(
    config: &'v mut Value,
    steps: &[Step],
    path: &str,
) -> Result<Vec<&'v mut Value>, Problem> {
    let mut found = vec![config];
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            match (value, step) {
                (Value::Object(map), Step::Every) => next.extend(map.values_mut()),
                (Value::Array(items), Step::Every) => next.extend(items.iter_mut()),
                (Value::Object(map), Step::Key(key)) => next.extend(map.get_mut(key)),
                (Value::Array(items), Step::Index(index)) => {
                    if let Some(place) = place_of(*index, items.len()) {
                        next.push(&mut items[place]);
                    }
                }
                _ => {}
            }
        }
        if next.is_empty() {
            return Err(Problem::unexpected(format!("No results for path: {path}")));
        }
        found = next;
    }
    Ok(found)
}

fn remove(holder: &mut Value, last: &Step, path: &str) -> Result<(), Problem> {
    let missing = || Problem::unexpected(format!("No results for path: {path}"));
    match (holder, last) {
        (Value::Object(map), Step::Key(key)) => {
            map.shift_remove(key).ok_or_else(missing)?;
        }
        (Value::Object(map), Step::Every) => map.clear(),
        (Value::Array(items), Step::Index(index)) => {
            let place = place_of(*index, items.len()).ok_or_else(missing)?;
            items.remove(place);
        }
        (Value::Array(items), Step::Every) => items.clear(),
        _ => return Err(missing()),
    }
    Ok(())
}

fn place_of(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if index < 0 { index + length } else { index };
    usize::try_from(place).ok().filter(|_| place < length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(list: Value) -> Vec<Rule> {
        let list = list.as_array().cloned().unwrap();
        list.into_iter()
            .map(|it| Rule {
                path: it[0].as_str().unwrap().to_owned(),
                value: it[1].clone(),
            })
            .collect()
    }

    fn changed(merge: Value, replace: Value, remove: Value) -> Result<Value, String> {
        let mut config =
            json!({"list": [1, 2], "map": {"a": 1}, "subs": [{"x": 1}, {"x": 2}], "text": "t"});
        let control = Control {
            merge: rules(merge),
            replace: rules(replace),
            remove: rules(remove),
        };
        apply(&mut config, &control)
            .map(|()| config)
            .map_err(|it| it.cause.unwrap().into())
    }

    #[test]
    fn values_are_merged_replaced_and_removed() {
        assert_eq!(
            changed(
                json!([["$.list", [3]], ["$['map']", {"b": 2}]]),
                json!([["$.subs[*].x", 9], ["$.text", "u"]]),
                json!([["$.subs[-1]", null], ["$.map.a", null]])
            ),
            Ok(json!({"list": [1, 2, 3], "map": {"b": 2}, "subs": [{"x": 9}], "text": "u"}))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let none = || json!([]);
        for (result, cause) in [
            (
                changed(json!([["$.list", 1]]), none(), none()),
                "cannot merge non-collection value into collection",
            ),
            (
                changed(json!([["$.map", 1]]), none(), none()),
                "cannot merge non-map value into map",
            ),
            (
                changed(json!([["$.text", 1]]), none(), none()),
                "merge inheritance control must be given a list or map value: $.text",
            ),
            (
                changed(none(), json!([["$.list", 1]]), none()),
                "cannot replace collection value with non-collection value",
            ),
            (
                changed(none(), json!([["$.map", 1]]), none()),
                "cannot replace map value with non-map value",
            ),
            (
                changed(none(), none(), json!([["$.gone", null]])),
                "No results for path: $.gone",
            ),
            (
                changed(none(), json!([["$..x", 1]]), none()),
                "'$..x' is no path that can be followed",
            ),
        ] {
            assert_eq!(result, Err(cause.to_owned()));
        }
    }
}
