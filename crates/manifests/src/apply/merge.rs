//! What a server makes of a patch.

use serde_json::Value;

use super::schema::{Rule, Schema};
use super::three_way::Path;
use super::{DELETE, DELETE_PREFIX, DIRECTIVE, Error, ORDER_PREFIX, REPLACE, RETAIN_KEYS, items};
use crate::Map;

/// Merges a JSON merge patch (RFC 7396).
pub(super) fn plain(target: &mut Map, patch: &Map) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.shift_remove(key);
            }
            Value::Object(change) => plain(crate::manifest::object(target, key), change),
            change => {
                target.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Merges a strategic merge patch.
pub(super) fn map(
    target: &mut Map,
    patch: &Map,
    schema: &Schema,
    path: &Path<'_>,
) -> Result<(), Error> {
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some(REPLACE) => {
            *target = patch.clone();
            target.shift_remove(DIRECTIVE);
            return Ok(());
        }
        Some(DELETE) => {
            target.clear();
            return Ok(());
        }
        _ => {}
    }
    if let Some(Value::Array(keys)) = patch.get(RETAIN_KEYS) {
        target.retain(|key, _| keys.iter().any(|kept| kept == key));
    }
    // Orders are about the live lists, as they are before anything is changed.
    let mut lists: Vec<(&str, Vec<Value>)> = Vec::new();
    for key in patch.keys() {
        let name = key.strip_prefix(ORDER_PREFIX).unwrap_or(key);
        if let Some(Value::Array(list)) = target.get(name) {
            lists.push((name, list.clone()));
        }
    }
    for (key, change) in patch {
        if let Some(name) = key.strip_prefix(DELETE_PREFIX)
            && let (Some(Value::Array(list)), Value::Array(gone)) = (target.get_mut(name), change)
        {
            list.retain(|item| !gone.contains(item));
        }
    }
    for (key, change) in patch {
        if key == RETAIN_KEYS
            || key == DIRECTIVE
            || key.starts_with(DELETE_PREFIX)
            || key.starts_with(ORDER_PREFIX)
        {
            continue;
        }
        let (rule, schema) = schema.field(key);
        match (target.get_mut(key), change) {
            (_, Value::Null) => {
                target.shift_remove(key);
            }
            (Some(Value::Object(inner)), Value::Object(change)) if rule != Rule::Replace => {
                map(inner, change, schema, &path.then(key))?;
            }
            (Some(Value::Array(list)), Value::Array(change)) => match rule {
                Rule::Merge { key: by, .. } => objects(list, change, by, schema, &path.then(key))?,
                Rule::MergeScalars => scalars(list, change),
                Rule::Descend | Rule::Replace | Rule::RetainKeys => change.clone_into(list),
            },
            (_, change) => {
                if let Some(value) = without_directives(change) {
                    target.insert(key.clone(), value);
                }
            }
        }
    }
    for (name, before) in lists {
        let by = match schema.field(name).0 {
            Rule::Merge { key, .. } => Some(key),
            Rule::MergeScalars => None,
            Rule::Descend | Rule::Replace | Rule::RetainKeys => continue,
        };
        // Without an order of its own, that of the patch counts.
        let order = patch
            .get(&format!("{ORDER_PREFIX}{name}"))
            .or_else(|| patch.get(name));
        if let (Some(Value::Array(list)), Some(Value::Array(order))) = (target.get_mut(name), order)
        {
            let live = match by {
                // The server looks at the live list after it was changed in its place: new items stand where deleted ones stood.
                Some(_) => list.iter().take(before.len()).cloned().collect(),
                None => before,
            };
            sort(list, order, &live, by);
        }
    }
    Ok(())
}

fn scalars(list: &mut Vec<Value>, change: &[Value]) {
    for item in change {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

fn objects(
    list: &mut Vec<Value>,
    change: &[Value],
    by: &'static str,
    schema: &Schema,
    path: &Path<'_>,
) -> Result<(), Error> {
    let directive = |item: &Value| {
        item.get(DIRECTIVE)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if change
        .iter()
        .any(|item| directive(item).as_deref() == Some(REPLACE))
    {
        *list = change
            .iter()
            .filter(|item| directive(item).is_none())
            .cloned()
            .collect();
        return Ok(());
    }
    for item in items::keyed(change, by, path)?.all {
        if item.map.get(DIRECTIVE).and_then(Value::as_str) == Some(DELETE) {
            list.retain(|live| live.get(by) != Some(item.key));
            continue;
        }
        let found = list.iter_mut().find(|live| live.get(by) == Some(item.key));
        match found.and_then(Value::as_object_mut) {
            Some(live) => map(live, item.map, schema, path)?,
            None => list.extend(without_directives(&Value::Object(item.map.clone()))),
        }
    }
    Ok(())
}

/// Puts the items that are named into the order that is given. The others stay before what they were before in the live list; what is
/// new to it comes as early as its order allows.
fn sort(list: &mut Vec<Value>, order: &[Value], live: &[Value], by: Option<&str>) {
    let same = |item: &Value, other: &Value| match by {
        Some(by) => item.get(by).is_some() && item.get(by) == other.get(by),
        None => item == other,
    };
    let place = |item: &Value, list: &[Value]| list.iter().position(|other| same(item, other));
    let is_named = |item: &Value| place(item, order).is_some();
    let (mut named, mut foreign): (Vec<Value>, Vec<Value>) =
        std::mem::take(list).into_iter().partition(is_named);
    named.sort_by_key(|item| place(item, order));
    foreign.reverse();
    for item in named {
        if let Some(here) = place(&item, live) {
            while foreign
                .last()
                .is_some_and(|other| place(other, live).is_some_and(|there| there < here))
            {
                list.extend(foreign.pop());
            }
        }
        list.push(item);
    }
    list.extend(foreign.into_iter().rev());
}

/// A new value: without members that are null, and without what only says how to merge.
fn without_directives(value: &Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let directive = |key: &str| {
                key == RETAIN_KEYS
                    || key.starts_with(DELETE_PREFIX)
                    || key.starts_with(ORDER_PREFIX)
            };
            let members = map
                .iter()
                .filter(|(key, value)| !value.is_null() && !directive(key));
            Some(Value::Object(
                members
                    .filter_map(|(key, value)| Some((key.clone(), without_directives(value)?)))
                    .collect(),
            ))
        }
        Value::Array(items) => Some(items.iter().filter_map(without_directives).collect()),
        other => Some(other.clone()),
    }
}
