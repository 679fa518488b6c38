//! Templates by their source. Source: orca `TemplateLoader` and its scheme loaders.

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    need::{Answer, Need},
    problem::{Halt, Problem},
    render::Renderer,
    yaml,
};

/// Most templates in one line of inheritance.
const CHAIN_MAX: usize = 20;

/// The template at `source` with those that it is made from, the eldest first.
pub(crate) fn chain(source: &str, renderer: &Renderer<'_>) -> Result<Vec<Map>, Halt> {
    let template = load(source, renderer)?;
    chain_of(template, renderer)
}

/// The same for a template that came with the request.
pub(crate) fn chain_of(template: Map, renderer: &Renderer<'_>) -> Result<Vec<Map>, Halt> {
    let mut seen: Vec<String> = Vec::new();
    let mut chain = vec![template];
    while let Some(source) = chain.last().and_then(source_of) {
        if seen.contains(&source) {
            let cause = format!("Illegal cycle detected loading pipeline template '{source}'");
            return Err(Problem::loading(cause).into());
        }
        if chain.len() >= CHAIN_MAX {
            let cause = format!("more than {CHAIN_MAX} templates are made from each other");
            return Err(Problem::loading(cause).into());
        }
        chain.push(load(&source, renderer)?);
        seen.push(source);
    }
    chain.reverse();
    Ok(chain)
}

/// What a template is made from.
fn source_of(template: &Map) -> Option<String> {
    match template.get("source")? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The template that a source names.
pub(crate) fn load(source: &str, renderer: &Renderer<'_>) -> Result<Map, Halt> {
    let wrong = |cause: String| Err(Problem::loading(cause).into());
    let Some((scheme, rest)) = source.split_once(':') else {
        return wrong(format!("No TemplateSchemeLoader found for '{source}'"));
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    match scheme.to_ascii_lowercase().as_str() {
        "spinnaker" => {
            let key = rest.split(['/', '?', '#']).next().unwrap_or_default();
            stored(key, renderer)
        }
        // Whether files are read is said by whoever reads them.
        "http" | "https" | "file" => {
            let found = renderer.ask(Need::Address(source.to_owned()))?;
            match found {
                Answer::Text(text) => parsed(source, &text, renderer),
                Answer::Failed(reason) => wrong(reason),
                Answer::Missing | Answer::Template(_) | Answer::Id(_) => {
                    wrong(format!("there is nothing at {source}"))
                }
            }
        }
        _ => wrong(format!("No TemplateSchemeLoader found for '{scheme}'")),
    }
}

/// A stored template by its key.
pub(crate) fn stored(key: &str, renderer: &Renderer<'_>) -> Result<Map, Halt> {
    match renderer.ask(Need::Template(key.to_owned()))? {
        Answer::Template(template) => Ok(template),
        Answer::Failed(reason) => Err(Problem::loading(reason).into()),
        Answer::Missing | Answer::Text(_) | Answer::Id(_) => {
            let cause = format!("Pipeline template not found (id: {key})");
            Err(Problem::loading(cause).into())
        }
    }
}

/// JSON is YAML, but for numbers and tabs: what says that it is JSON is read as such.
fn parsed(source: &str, text: &str, renderer: &Renderer<'_>) -> Result<Map, Halt> {
    let document = match source.to_ascii_lowercase().ends_with(".json") {
        true => serde_json::from_str(text).map_err(|error| error.to_string()),
        false => yaml::document(text, renderer.limits),
    };
    let cause = match document {
        Ok(Value::Object(template)) => return Ok(template),
        Ok(_) => format!("{source} holds no object"),
        Err(error) => error,
    };
    Err(Problem::loading(cause).into())
}
