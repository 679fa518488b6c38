//! The part of JSON path that constraints use: `$.a.b`, `$['a']`, `$.list[0]`, `$.list[-1]`, `[*]`, `.*`, `..name`.

use gennaker_model::Map;
use serde_json::Value;

use super::PATH_VALUES_MAX;

enum Step {
    Key(String),
    Index(i64),
    Each,
    Deep(String),
}

/// The values at a path; a path without `$` starts at the root, as Jayway's reader takes it.
pub(super) fn read<'a>(root: &'a Map, path: &str) -> Result<Vec<&'a Value>, String> {
    let mut steps = parse(path)?.into_iter();
    let mut found: Vec<&Value> = match steps.next() {
        Some(Step::Key(key)) => root.get(&key).into_iter().collect(),
        Some(Step::Each) => root.values().collect(),
        Some(Step::Deep(key)) => {
            let mut found: Vec<&Value> = root.get(&key).into_iter().collect();
            root.values()
                .for_each(|value| deep(value, &key, &mut found));
            found
        }
        Some(Step::Index(_)) => Vec::new(),
        None => return Err("it names nothing".to_owned()),
    };
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            take(value, &step, &mut next);
        }
        next.truncate(PATH_VALUES_MAX);
        found = next;
    }
    Ok(found)
}

fn take<'a>(value: &'a Value, step: &Step, next: &mut Vec<&'a Value>) {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => next.extend(map.get(key)),
        (Step::Each, Value::Object(map)) => next.extend(map.values()),
        (Step::Each, Value::Array(items)) => next.extend(items),
        (Step::Index(index), Value::Array(items)) => {
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let place = if *index < 0 { length + index } else { *index };
            next.extend(
                usize::try_from(place)
                    .ok()
                    .and_then(|place| items.get(place)),
            );
        }
        (Step::Deep(key), value) => deep(value, key, next),
        (Step::Key(_) | Step::Each | Step::Index(_), _) => {}
    }
}

fn deep<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if found.len() >= PATH_VALUES_MAX {
            return;
        }
        match value {
            Value::Object(map) => {
                found.extend(map.get(key));
                open.extend(map.values().rev());
            }
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn parse(path: &str) -> Result<Vec<Step>, String> {
    let rooted = path.strip_prefix('$');
    let mut rest = rooted.unwrap_or(path);
    let mut steps = Vec::new();
    if rooted.is_none() {
        rest = name(rest, &mut steps, Step::Key)?;
    }
    while !rest.is_empty() {
        rest = if let Some(after) = rest.strip_prefix("..") {
            name(after, &mut steps, Step::Deep)?
        } else if let Some(after) = rest.strip_prefix(".*") {
            steps.push(Step::Each);
            after
        } else if let Some(after) = rest.strip_prefix('.') {
            name(after, &mut steps, Step::Key)?
        } else if let Some(after) = rest.strip_prefix('[') {
            bracket(after, &mut steps)?
        } else {
            return Err(format!("unexpected {rest:?}"));
        };
    }
    Ok(steps)
}

fn name<'a>(
    rest: &'a str,
    steps: &mut Vec<Step>,
    step: fn(String) -> Step,
) -> Result<&'a str, String> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() || name.contains(['(', ')', '?', '@', '*']) {
        return Err(format!("{name:?} is no name"));
    }
    steps.push(step(name.to_owned()));
    Ok(after)
}

fn bracket<'a>(rest: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let end = format!("{quote}]");
            let (name, after) = quoted
                .split_once(end.as_str())
                .ok_or_else(|| format!("{end} is missing"))?;
            steps.push(Step::Key(name.to_owned()));
            return Ok(after);
        }
    }
    let (inside, after) = rest.split_once(']').ok_or("] is missing")?;
    match inside.trim() {
        "*" => steps.push(Step::Each),
        number => {
            let index = number
                .parse()
                .map_err(|_| format!("[{inside}] is not supported"))?;
            steps.push(Step::Index(index));
        }
    }
    Ok(after)
}
