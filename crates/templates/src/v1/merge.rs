//! Templates laid over each other. Source: orca `TemplateMerge`, `MapMerge`, `NamedHashMap`.

use gennaker_model::Map;
use serde_json::Value;

use super::model::{Partial, Settings, Stage, Template, Variable};
use crate::{java, problem::Problem, render::Module};

/// A line of templates as one, the eldest first.
pub(super) fn templates(chain: Vec<Template>) -> Result<Template, Problem> {
    let mut result = Template {
        schema: chain.first().and_then(|eldest| eldest.schema.clone()),
        ..Template::default()
    };
    for (place, template) in chain.into_iter().enumerate() {
        result.source = match (result.source.take(), template.source) {
            (None, source) => source,
            (Some(source), None) => Some(source),
            (Some(one), Some(two)) if one.is_empty() => Some(two),
            (Some(one), Some(two)) => Some(format!("{one},{two}")),
        };
        result.protect |= template.protect;
        result.variables = named(result.variables, template.variables);
        result.settings = match place {
            0 => template.settings,
            _ => settings(result.settings, template.settings)?,
        };
        result.stages = by_id(result.stages, template.stages);
        result.modules = by_id(result.modules, template.modules);
        result.partials = by_id(result.partials, template.partials);
        result.metadata = template.metadata;
    }
    Ok(result)
}

fn settings(below: Settings, above: Settings) -> Result<Settings, Problem> {
    Ok(Settings {
        concurrent: maps(below.concurrent, above.concurrent)?,
        triggers: named(below.triggers, above.triggers),
        parameters: named(below.parameters, above.parameters),
        notifications: named(below.notifications, above.notifications),
        artifacts: distinct(below.artifacts, above.artifacts),
    })
}

/// What has a name by which the one below is replaced.
pub(super) trait Named: Sized {
    fn name(&self) -> String;
    /// Whether it only takes away the one below.
    fn removes(&self) -> bool;
    /// Whether what it does not say stays.
    fn merges(&self) -> bool;
    fn over(self, below: Self) -> Self;
}

impl Named for Variable {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn removes(&self) -> bool {
        self.remove
    }

    fn merges(&self) -> bool {
        self.merge
    }

    fn over(self, mut below: Self) -> Self {
        below.kind = self.kind.or(below.kind);
        if !self.default.is_null() {
            below.default = self.default;
        }
        below.notes.extend(self.notes);
        below
    }
}

impl Named for Map {
    /// Without a name it is `null`, as Java writes it: two of them are the same.
    fn name(&self) -> String {
        java::text(self.get("name").unwrap_or(&Value::Null))
    }

    fn removes(&self) -> bool {
        is_set(self, "remove")
    }

    fn merges(&self) -> bool {
        is_set(self, "merge")
    }

    fn over(self, mut below: Self) -> Self {
        below.extend(self);
        below.shift_remove("merge");
        below
    }
}

fn is_set(map: &Map, key: &str) -> bool {
    map.get(key)
        .is_some_and(|value| java::text(value).eq_ignore_ascii_case("true"))
}

/// Things by name: one above replaces, changes or removes the one below.
pub(super) fn named<T: Named>(below: Vec<T>, above: Vec<T>) -> Vec<T> {
    if below.is_empty() {
        return above;
    }
    let mut merged = below;
    for thing in above {
        let name = thing.name();
        match merged.iter().position(|it| it.name() == name) {
            None => merged.push(thing),
            Some(place) if thing.removes() => {
                merged.remove(place);
            }
            Some(place) if thing.merges() => {
                let under = merged.remove(place);
                merged.insert(place, thing.over(under));
            }
            Some(place) => merged[place] = thing,
        }
    }
    merged
}

/// Both lists, each thing once.
pub(super) fn distinct(below: Vec<Map>, above: Vec<Map>) -> Vec<Map> {
    if below.is_empty() || above.is_empty() {
        return if above.is_empty() { below } else { above };
    }
    let mut merged: Vec<Map> = Vec::new();
    for thing in below.into_iter().chain(above) {
        if !merged.contains(&thing) {
            merged.push(thing);
        }
    }
    merged
}

/// What has an id by which the one below is replaced.
pub(super) trait Identified {
    fn id(&self) -> &str;
}

impl Identified for Stage {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Module {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Partial {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Things by id: one above replaces the one below.
pub(super) fn by_id<T: Identified>(below: Vec<T>, above: Vec<T>) -> Vec<T> {
    if below.is_empty() {
        return above;
    }
    let mut merged = below;
    for thing in above {
        match merged.iter().position(|it| it.id() == thing.id()) {
            Some(place) => merged[place] = thing,
            None => merged.push(thing),
        }
    }
    merged
}

/// Maps deep: null takes away, maps go into each other, anything else replaces what has the same shape.
pub(super) fn maps(below: Map, above: Map) -> Result<Map, Problem> {
    let mut merged = below;
    for (key, value) in above {
        let held = merged.get(&key);
        let value = match (held, value) {
            (Some(_), Value::Null) => {
                merged.shift_remove(&key);
                continue;
            }
            (Some(Value::Object(held)), Value::Object(value)) => maps(held.clone(), value)?.into(),
            (Some(Value::Object(_)), value) => {
                let class = java::class_name(&value);
                return Err(Problem::malformed(format!(
                    "Attempt to merge Map with {class}"
                )));
            }
            (Some(Value::Array(_)), value) if !value.is_array() => {
                let class = java::class_name(&value);
                return Err(Problem::malformed(format!(
                    "Attempt to replace Collection with {class}"
                )));
            }
            (_, value) => value,
        };
        merged.insert(key, value);
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn maps_go_into_each_other() {
        let below = map(json!({"a": 1, "b": {"c": 1, "d": [1]}, "e": 2}));
        let above = map(json!({"b": {"c": 2, "d": [2, 3]}, "e": null, "f": null}));
        assert_eq!(
            maps(below.clone(), above).unwrap(),
            map(json!({"a": 1, "b": {"c": 2, "d": [2, 3]}, "f": null}))
        );
        let wrong = maps(below, map(json!({"b": 1}))).unwrap_err();
        assert_eq!(
            wrong.cause.as_deref(),
            Some("Attempt to merge Map with Integer")
        );
    }

    #[test]
    fn things_with_a_name_replace_change_or_remove() {
        let below = vec![
            map(json!({"name": "a", "x": 1, "y": 1})),
            map(json!({"name": "b"})),
            map(json!({"name": "c", "x": 1})),
        ];
        let above = vec![
            map(json!({"name": "a", "y": 2, "merge": true})),
            map(json!({"name": "b", "remove": "true"})),
            map(json!({"name": "c", "z": 1})),
            map(json!({"name": "d"})),
        ];
        let merged: Vec<Value> = named(below, above).into_iter().map(Value::Object).collect();
        assert_eq!(
            merged,
            [
                json!({"name": "a", "x": 1, "y": 2}),
                json!({"name": "c", "z": 1}),
                json!({"name": "d"})
            ]
        );
    }
}
