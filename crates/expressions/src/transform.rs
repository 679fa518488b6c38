//! Evaluates all texts of a document (`ExpressionTransform`, kork).

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::env::{Environment, Lookup};
use crate::error::{Error, Result, SPEL_EVALUATION};
use crate::machine::Machine;
use crate::root::Root;
use crate::summary::{Entry, Level, Summary};
use crate::template::{self, Part};
use crate::value::{Value, order, text};
use crate::{functions, parse};

/// Documents deeper than this are left as they are, with an error entry.
const DOCUMENT_DEPTH_MAX: u32 = 200;

/// What came of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The document with expressions replaced where they could be. Maps are rebuilt in the order of a Java `HashMap`.
    pub value: Json,
    /// Expressions that failed or gave null.
    pub summary: Summary,
    /// Questions without an answer. Texts that asked one are unchanged and have no entry: evaluate again with answers.
    pub needs: Vec<Lookup>,
    /// Keys of expressions that were evaluated without an entry, so that older entries of theirs can be removed.
    pub succeeded: Vec<String>,
}

/// Evaluates keys, values and elements, deep.
pub fn evaluate_json(value: &Json, root: &dyn Root, env: &Environment<'_>) -> Evaluation {
    let mut pass = Pass::new(root, env);
    let value = match value {
        Json::Object(map) => Json::Object(pass.map(map, 0)),
        Json::Array(items) => Json::Array(pass.list(items, &Map::new(), 0)),
        Json::String(text) => pass.text(text, &Map::new()),
        other => other.clone(),
    };
    pass.finish(value)
}

/// Evaluates one text.
pub fn evaluate_text(text: &str, root: &dyn Root, env: &Environment<'_>) -> Evaluation {
    let mut pass = Pass::new(root, env);
    let value = pass.text(text, &Map::new());
    pass.finish(value)
}

struct Pass<'a, 'e> {
    machine: Machine<'a, 'e>,
    env: &'e Environment<'e>,
    summary: Summary,
    needs: BTreeSet<Lookup>,
    attempted: BTreeSet<String>,
}

/// What one text became.
enum Outcome {
    Value(Json, Vec<String>),
    /// A result that is null as a whole.
    Nothing,
}

impl<'a, 'e> Pass<'a, 'e> {
    fn new(root: &'a dyn Root, env: &'e Environment<'e>) -> Self {
        Self {
            machine: Machine::new(root, env),
            env,
            summary: Summary::default(),
            needs: BTreeSet::new(),
            attempted: BTreeSet::new(),
        }
    }

    fn finish(self, value: Json) -> Evaluation {
        let Self {
            summary,
            needs,
            attempted,
            ..
        } = self;
        let succeeded = attempted
            .into_iter()
            .filter(|key| !summary.0.contains_key(key))
            .collect();
        Evaluation {
            value,
            summary,
            needs: needs.into_iter().collect(),
            succeeded,
        }
    }

    fn map(&mut self, map: &Map<String, Json>, depth: u32) -> Map<String, Json> {
        let mut entries: Vec<(String, Json)> = Vec::with_capacity(map.len());
        let mut renamed = false;
        for (key, value) in map {
            let new_key = match key.contains("${") {
                false => key.clone(),
                true => {
                    renamed = true;
                    match self.text(key, map) {
                        Json::String(text) => text,
                        other => java_text(&other),
                    }
                }
            };
            let new_value = self.value(value, map, depth);
            match entries
                .iter_mut()
                .find(|(known, _)| renamed && *known == new_key)
            {
                Some((_, earlier)) => *earlier = new_value,
                None => entries.push((new_key, new_value)),
            }
        }
        order::rebuilt(entries)
    }

    fn list(&mut self, items: &[Json], enclosing: &Map<String, Json>, depth: u32) -> Vec<Json> {
        items
            .iter()
            .map(|item| self.value(item, enclosing, depth))
            .collect()
    }

    fn value(&mut self, value: &Json, enclosing: &Map<String, Json>, depth: u32) -> Json {
        if depth > DOCUMENT_DEPTH_MAX {
            return value.clone();
        }
        match value {
            Json::Object(map) => Json::Object(self.map(map, depth + 1)),
            Json::Array(items) => Json::Array(self.list(items, enclosing, depth + 1)),
            Json::String(text) => self.text(text, enclosing),
            other => other.clone(),
        }
    }

    /// One text; `enclosing` is the nearest map around it, whose keys name the place in messages.
    fn text(&mut self, source: &str, enclosing: &Map<String, Json>) -> Json {
        if !source.contains("${") {
            return Json::from(source);
        }
        let rewritten = functions::with_hidden_argument(source);
        let mut key = None;
        let outcome = self.outcome(&rewritten, &mut key);
        let key = key.unwrap_or_else(|| bare(source));
        let result = match outcome {
            Ok(Outcome::Value(value, missing)) => {
                if !missing.is_empty() {
                    self.not_found(&key, source, &rewritten, enclosing);
                }
                value
            }
            Ok(Outcome::Nothing) => {
                self.not_found(&key, source, &rewritten, enclosing);
                Json::from(source)
            }
            Err(error) => {
                if let Some(lookup) = error.needs() {
                    self.needs.insert(lookup.clone());
                    return Json::from(source);
                }
                let place = place(source, &rewritten, enclosing);
                let description =
                    format!("Failed to evaluate {place} {}", error.description()).replace('$', "");
                self.summary.add(
                    key.clone(),
                    Entry {
                        level: Level::Error,
                        timestamp: self.env.now_ms,
                        exception_type: Some(error.exception_type().to_owned()),
                        description,
                        position: error.position(),
                    },
                );
                Json::from(source)
            }
        };
        self.attempted.insert(key);
        result
    }

    fn not_found(
        &mut self,
        key: &str,
        source: &str,
        rewritten: &str,
        enclosing: &Map<String, Json>,
    ) {
        let place = place(source, rewritten, enclosing);
        let description = format!("Failed to evaluate {place} : {key} not found").replace('$', "");
        let timestamp = self.env.now_ms;
        let entry = Entry {
            level: Level::Info,
            timestamp,
            exception_type: None,
            description,
            position: None,
        };
        self.summary.add(key.to_owned(), entry);
    }

    fn outcome(&mut self, text: &str, key: &mut Option<String>) -> Result<Outcome> {
        let parts = template::split(text)?;
        let limits = &self.env.limits;
        let mut parsed = Vec::with_capacity(parts.len());
        for part in &parts {
            parsed.push(match part {
                Part::Literal(_) => None,
                Part::Expression(expression, at) => {
                    Some(parse::parse(expression, limits).map_err(|error| shifted(error, *at))?)
                }
            });
        }
        *key = Some(
            parts
                .iter()
                .map(|part| match part {
                    Part::Literal(text) | Part::Expression(text, _) => *text,
                })
                .collect(),
        );
        if let ([Part::Expression(_, at)], [Some(node)]) = (parts.as_slice(), parsed.as_slice()) {
            let value = self
                .machine
                .run(node)
                .map_err(|error| shifted(error, *at))?;
            return match value {
                Value::Null => Ok(Outcome::Nothing),
                value => Ok(Outcome::Value(self.machine.to_json(&value)?, Vec::new())),
            };
        }
        let mut out = String::new();
        let mut missing = Vec::new();
        for (part, node) in parts.iter().zip(&parsed) {
            match (part, node) {
                (Part::Expression(expression, at), Some(node)) => {
                    let value = self
                        .machine
                        .run(node)
                        .map_err(|error| shifted(error, *at))?;
                    match self
                        .machine
                        .text_from(value)
                        .map_err(|error| shifted(error, *at))?
                    {
                        Value::Text(text) => out.push_str(&text),
                        Value::Null => {
                            out.push_str("${");
                            out.push_str(expression);
                            out.push('}');
                            missing.push((*expression).to_owned());
                        }
                        other => out.push_str(&text::java(&other)),
                    }
                }
                (Part::Literal(text) | Part::Expression(text, _), _) => out.push_str(text),
            }
            if out.len() > limits.result_bytes_max {
                let text = format!(
                    "the result is larger than {} bytes",
                    limits.result_bytes_max
                );
                return Err(Error::new(SPEL_EVALUATION, text));
            }
        }
        Ok(Outcome::Value(Json::from(out), missing))
    }
}

/// The position of an error in the whole text, given where its expression begins.
fn shifted(error: Error, begin: usize) -> Error {
    error.moved(begin)
}

/// The names of the fields whose value is this text, in Java's set order; without one, the text itself.
fn place(source: &str, rewritten: &str, enclosing: &Map<String, Json>) -> String {
    let names: Vec<&str> = enclosing
        .iter()
        .filter(|(_, value)| holds(value, source))
        .map(|(key, _)| key.as_str())
        .collect();
    if names.is_empty() {
        return rewritten.to_owned();
    }
    let hashes: Vec<i32> = names.iter().map(|name| order::hash_text(name)).collect();
    let ordered: Vec<&str> = order::hash_order(&hashes)
        .into_iter()
        .map(|at| names[at])
        .collect();
    format!("[{}]", ordered.join(", "))
}

/// Whether the value is the text, or a map that has it as key or value somewhere. Lists are not looked into.
fn holds(value: &Json, source: &str) -> bool {
    match value {
        Json::String(text) => text == source,
        Json::Object(map) => map
            .iter()
            .any(|(key, value)| key == source || holds(value, source)),
        _ => false,
    }
}

/// The key of a text that could not be parsed (`escapeSimpleExpression`).
fn bare(source: &str) -> String {
    if let Some(inner) = source
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        && !inner.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
    {
        return inner.trim_matches(|c: char| c <= ' ').to_owned();
    }
    source.replace('$', "")
}

/// A key that evaluated to something else than text, as Java's `toString` shows it.
fn java_text(value: &Json) -> String {
    text::java(&crate::value::json::view(value))
}
