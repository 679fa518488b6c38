//! A template in one piece, as Deck asks for it to show its variables. Source: orca `PipelineTemplateService.resolveTemplate`.

use std::rc::Rc;

use gennaker_expressions::Limits;
use gennaker_model::Map;
use serde_json::Value;

use super::merge::{self, Identified, named};
use crate::{
    Expansion, load,
    need::Answers,
    outcome,
    problem::{Halt, Problem},
    render::{Context, Renderer},
};

impl Identified for Map {
    fn id(&self) -> &str {
        self.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The template at `source` with all that it is made from, unrendered. The source may refer to `trigger`, when there is one.
#[must_use]
pub fn resolve(
    source: &str,
    application: &str,
    trigger: Option<&Map>,
    answers: &Answers<'_>,
) -> Expansion {
    let limits = Limits::default();
    let renderer = Renderer::new(answers, &limits);
    outcome(resolved(source, application, trigger, &renderer))
}

fn resolved(
    source: &str,
    application: &str,
    trigger: Option<&Map>,
    renderer: &Renderer<'_>,
) -> Result<Map, Halt> {
    let mut source = source.to_owned();
    if let Some(trigger) = trigger {
        let trigger = Rc::new(Value::Object(trigger.clone()));
        let context = Context::new(&application.into(), &trigger);
        let rendered = renderer.text(&source, &context)?;
        if !rendered.is_empty() {
            source = rendered;
        }
    }
    let mut merged = Map::new();
    let mut sources: Vec<String> = Vec::new();
    for template in load::chain(&source, renderer)? {
        if let Some(Value::String(source)) = template.get("source") {
            sources.push(source.clone());
        }
        for (key, value) in template {
            let held = merged.shift_remove(&key).unwrap_or(Value::Null);
            let value = over(&key, held, value)?;
            merged.insert(key, value);
        }
    }
    merged.insert("id".to_owned(), "mergedTemplate".into());
    if !sources.is_empty() {
        merged.insert("source".to_owned(), sources.join(",").into());
    }
    Ok(merged)
}

/// One key of a template over the same of what it is made from.
fn over(key: &str, below: Value, above: Value) -> Result<Value, Problem> {
    Ok(match key {
        "variables" => wrapped(named(maps(below), maps(above))),
        "stages" if above.is_string() => above,
        "stages" | "modules" | "partials" => wrapped(merge::by_id(maps(below), maps(above))),
        "protect" => (below == true || above == true).into(),
        "schema" if !below.is_null() => below,
        "configuration" => match (below, above) {
            (Value::Object(below), Value::Object(above)) => {
                let mut merged = below;
                for (key, value) in above {
                    let held = merged.shift_remove(&key).unwrap_or(Value::Null);
                    let value = match (key.as_str(), held, value) {
                        ("concurrentExecutions", Value::Object(held), Value::Object(value)) => {
                            merge::maps(held, value)?.into()
                        }
                        ("expectedArtifacts", held, value) => {
                            wrapped(merge::distinct(maps(held), maps(value)))
                        }
                        ("triggers" | "parameters" | "notifications", held, value) => {
                            wrapped(named(maps(held), maps(value)))
                        }
                        (_, _, value) => value,
                    };
                    merged.insert(key, value);
                }
                merged.into()
            }
            (below, Value::Null) => below,
            (_, above) => above,
        },
        _ => above,
    })
}

fn maps(value: Value) -> Vec<Map> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(map) => Some(map),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn wrapped(maps: Vec<Map>) -> Value {
    maps.into_iter().map(Value::Object).collect()
}
