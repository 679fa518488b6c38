//! Evaluates all texts of a document (`ExpressionTransform`, kork).

mod enclosing;

use std::collections::BTreeSet;

use num_bigint::BigInt;
use serde_json::{Map, Value as Json};

use crate::ast::Node;
use crate::env::{Environment, Lookup};
use crate::error::{Error, Result};
use crate::exact::{self, Digits, Step};
use crate::functions::{self, Rewritten};
use crate::machine::Machine;
use crate::parse;
use crate::root::Root;
use crate::summary::{Entry, Level, Summary};
use crate::template::{self, Part};
use crate::trace::Trace;
use crate::value::{Value, order, text};
use enclosing::Enclosing;

/// What lies deeper in a document is left as it is.
const DOCUMENT_DEPTH_MAX: u32 = 200;

/// Units of work of cutting a text into parts, besides its length.
const PARSE_WORK: usize = 50;

/// Units of work of an entry of the summary.
const ENTRY_WORK: usize = 520;

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
    /// What came of each text, where the environment asks for it.
    pub traces: Vec<Trace>,
    /// Integers of the value that are too long for a JSON number of this library.
    pub(crate) long_integers: Vec<Digits>,
}

/// Evaluates keys, values and elements, deep.
pub fn evaluate_json(value: &Json, root: &dyn Root, env: &Environment<'_>) -> Evaluation {
    let mut pass = Pass::new(root, env);
    let value = pass.value(value, &Enclosing::none(), 0);
    pass.finish(value)
}

/// Evaluates one text.
pub fn evaluate_text(text: &str, root: &dyn Root, env: &Environment<'_>) -> Evaluation {
    let mut pass = Pass::new(root, env);
    let value = pass.text(text, &Enclosing::none());
    pass.finish(value)
}

struct Pass<'a, 'e> {
    machine: Machine<'a, 'e>,
    env: &'e Environment<'e>,
    summary: Summary,
    /// Expressions and descriptions of the summary's entries, to find a repeated one at once.
    entered: BTreeSet<(String, String)>,
    needs: BTreeSet<Lookup>,
    attempted: BTreeSet<String>,
    traces: Vec<Trace>,
    long_integers: Vec<Digits>,
    /// The first text that was left alone because the expressions before it took all the work there is, and how many
    /// there were.
    left: Option<(String, usize)>,
}

/// What one text became.
enum Outcome {
    Value(Json),
    /// The value, with parts that are null standing as they were written.
    Incomplete(Json),
    /// A result that is null as a whole.
    Nothing,
}

/// A text cut into parts, its expressions parsed.
struct Parsed<'t> {
    parts: Vec<Part<'t>>,
    nodes: Vec<Option<Node>>,
}

impl<'a, 'e> Pass<'a, 'e> {
    fn new(root: &'a dyn Root, env: &'e Environment<'e>) -> Self {
        Self {
            machine: Machine::new(root, env),
            env,
            summary: Summary::default(),
            entered: BTreeSet::new(),
            needs: BTreeSet::new(),
            attempted: BTreeSet::new(),
            traces: Vec::new(),
            long_integers: Vec::new(),
            left: None,
        }
    }

    fn finish(mut self, value: Json) -> Evaluation {
        if let Some((first, count)) = self.left.take() {
            let most = self.env.limits.document_work_max;
            let entry = Entry {
                level: Level::Error,
                timestamp: self.env.now_ms,
                exception_type: Some(crate::error::SPEL_EVALUATION.to_owned()),
                description: format!(
                    "the expressions of the document take more than {most} units of work, {count} texts from here on are left as they are"
                ),
                position: None,
            };
            self.enter(bare(&first), entry);
        }
        let Self {
            summary,
            needs,
            attempted,
            traces,
            mut long_integers,
            ..
        } = self;
        let succeeded = attempted
            .into_iter()
            .filter(|key| !summary.0.contains_key(key))
            .collect();
        long_integers.iter_mut().for_each(Digits::turn_round);
        Evaluation {
            value,
            summary,
            needs: needs.into_iter().collect(),
            succeeded,
            traces,
            long_integers,
        }
    }

    fn value(&mut self, value: &Json, enclosing: &Enclosing<'_>, depth: u32) -> Json {
        if depth > DOCUMENT_DEPTH_MAX {
            return value.clone();
        }
        match value {
            Json::Object(map) => Json::Object(self.map(map, depth)),
            Json::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    let new = self.long_integers.len();
                    out.push(self.value(item, enclosing, depth + 1));
                    self.located(new, || Step::Element(at));
                }
                Json::Array(out)
            }
            Json::String(text) => match exact::long_integer(text) {
                Some(number) => self.number(number),
                None => self.text(text, enclosing),
            },
            other => other.clone(),
        }
    }

    /// A long integer as it came.
    fn number(&mut self, number: BigInt) -> Json {
        let value = Value::Big(number.into());
        match self.machine.json_of(&value) {
            Ok((json, long_integers)) => {
                self.long_integers.extend(long_integers);
                json
            }
            Err(_) => Json::Null,
        }
    }

    fn map(&mut self, map: &Map<String, Json>, depth: u32) -> Map<String, Json> {
        let enclosing = Enclosing::of(map);
        let mut entries: Vec<(String, Json)> = Vec::with_capacity(map.len());
        let mut renamed = false;
        for (key, value) in map {
            let new = self.long_integers.len();
            let new_key = match key.contains("${") {
                false => key.clone(),
                true => {
                    renamed = true;
                    match self.text(key, &enclosing) {
                        Json::String(text) => text,
                        other => java_text(&other),
                    }
                }
            };
            self.long_integers.truncate(new);
            let new_value = self.value(value, &enclosing, depth + 1);
            self.located(new, || Step::Member(new_key.clone()));
            match entries
                .iter_mut()
                .find(|(known, _)| renamed && *known == new_key)
            {
                Some((_, earlier)) => *earlier = new_value,
                None => entries.push((new_key, new_value)),
            }
        }
        let mut rebuilt = order::rebuilt(entries);
        // As Orca's mapper writes a map.
        rebuilt.retain(|_, value| !value.is_null());
        rebuilt
    }

    /// Says of the long integers that came since where in the value around them they are.
    fn located(&mut self, new: usize, step: impl Fn() -> Step) {
        for digits in &mut self.long_integers[new..] {
            digits.lies_in(step());
        }
    }

    fn text(&mut self, source: &str, enclosing: &Enclosing<'_>) -> Json {
        if !source.contains("${") {
            return Json::from(source);
        }
        if self.machine.is_exhausted() {
            let left = self.left.get_or_insert_with(|| (source.to_owned(), 0));
            left.1 += 1;
            return Json::from(source);
        }
        let rewritten = functions::with_hidden_argument(source);
        let parsed = self.parsed(&rewritten.text);
        let mut forms = Vec::new();
        let (key, outcome) = match &parsed {
            Ok(parsed) => {
                if self.env.trace {
                    forms.extend(parsed.nodes.iter().flatten().map(Node::to_string));
                }
                (parsed.key(), self.outcome(parsed))
            }
            Err(error) => (bare(source), Err(error.clone())),
        };
        let (value, entry) = match outcome {
            Ok(Outcome::Value(value)) => (value, None),
            Ok(Outcome::Incomplete(value)) => {
                let entry = self.not_found(&key, source, &rewritten, enclosing);
                (value, entry)
            }
            Ok(Outcome::Nothing) => {
                let entry = self.not_found(&key, source, &rewritten, enclosing);
                (Json::from(source), entry)
            }
            Err(error) => {
                if let Some(lookup) = error.needs() {
                    self.needs.insert(lookup.clone());
                    return Json::from(source);
                }
                let entry = self.failed(&error, source, &rewritten, enclosing);
                (Json::from(source), entry)
            }
        };
        if self.env.trace {
            self.traces.push(Trace {
                text: source.to_owned(),
                parsed: forms,
                uses: self.machine.uses(),
                value: value.clone(),
                entry: entry.clone(),
            });
        }
        if let Some(entry) = entry {
            self.enter(key.clone(), entry);
        }
        self.attempted.insert(key);
        value
    }

    /// Adds an entry unless the same one is there; the time does not make entries different.
    fn enter(&mut self, expression: String, entry: Entry) {
        let mark = format!(
            "{:?} {:?} {}",
            entry.level, entry.exception_type, entry.description
        );
        if self.entered.insert((expression.clone(), mark)) {
            self.summary.0.entry(expression).or_default().push(entry);
        }
    }

    /// The entry of an error; nothing if the same text failed in the same way in the same map before.
    fn failed(
        &mut self,
        error: &Error,
        source: &str,
        rewritten: &Rewritten<'_>,
        enclosing: &Enclosing<'_>,
    ) -> Option<Entry> {
        let cause = error.description();
        if !self.env.trace && enclosing.is_repeated(source, &cause) {
            return None;
        }
        let place = self.place(source, rewritten, enclosing);
        Some(Entry {
            level: Level::Error,
            timestamp: self.env.now_ms,
            exception_type: Some(error.exception_type().to_owned()),
            description: format!("Failed to evaluate {place} {cause}").replace('$', ""),
            position: error.position().map(|at| rewritten.original(at)),
        })
    }

    fn not_found(
        &mut self,
        key: &str,
        source: &str,
        rewritten: &Rewritten<'_>,
        enclosing: &Enclosing<'_>,
    ) -> Option<Entry> {
        if !self.env.trace && enclosing.is_repeated(source, "") {
            return None;
        }
        let place = self.place(source, rewritten, enclosing);
        Some(Entry {
            level: Level::Info,
            timestamp: self.env.now_ms,
            exception_type: None,
            // Unlike an error's, this description keeps its dollar signs.
            description: format!("Failed to evaluate {place} : {key} not found"),
            position: None,
        })
    }

    /// The names of the fields whose value is this text, in Java's set order; without one, the text itself.
    fn place(
        &mut self,
        source: &str,
        rewritten: &Rewritten<'_>,
        enclosing: &Enclosing<'_>,
    ) -> String {
        let names = enclosing.keys_of(source, |looked_at| self.machine.spend(looked_at));
        self.machine.spend(ENTRY_WORK + names.len() * 8);
        if names.is_empty() {
            return rewritten.text.to_string();
        }
        let hashes: Vec<i32> = names.iter().map(|name| order::hash_text(name)).collect();
        let ordered: Vec<&str> = order::hash_order(&hashes)
            .into_iter()
            .map(|at| names[at])
            .collect();
        format!("[{}]", ordered.join(", "))
    }

    fn parsed<'t>(&mut self, text: &'t str) -> Result<Parsed<'t>> {
        self.machine.spend(PARSE_WORK + text.len());
        let mut parts = Vec::new();
        let whole = template::split_into(text, &mut parts);
        let mut nodes = Vec::with_capacity(parts.len());
        for part in &parts {
            nodes.push(match part {
                Part::Literal(_) => None,
                Part::Expression(expression, at) => Some(
                    parse::parse(expression, &self.env.limits).map_err(|error| error.moved(*at))?,
                ),
            });
        }
        whole?;
        Ok(Parsed { parts, nodes })
    }

    fn outcome(&mut self, parsed: &Parsed<'_>) -> Result<Outcome> {
        if let ([Part::Expression(_, at)], [Some(node)]) =
            (parsed.parts.as_slice(), parsed.nodes.as_slice())
        {
            let value = self.machine.run(node).map_err(|error| error.moved(*at))?;
            return match value {
                Value::Null => Ok(Outcome::Nothing),
                value => {
                    let (json, long_integers) = self.machine.json_of(&value)?;
                    self.long_integers.extend(long_integers);
                    Ok(Outcome::Value(json))
                }
            };
        }
        let mut out = String::new();
        let mut complete = true;
        for (part, node) in parsed.parts.iter().zip(&parsed.nodes) {
            match (part, node) {
                (Part::Expression(expression, at), Some(node)) => {
                    let value = self.machine.run(node).map_err(|error| error.moved(*at))?;
                    let converted = self.machine.text_from(value);
                    match converted.map_err(|error| error.moved(*at))? {
                        Value::Text(text) => out.push_str(&text),
                        Value::Null => {
                            out.push_str("${");
                            out.push_str(expression);
                            out.push('}');
                            complete = false;
                        }
                        other => out.push_str(&text::java(&other)),
                    }
                }
                (Part::Literal(text) | Part::Expression(text, _), _) => out.push_str(text),
            }
            if out.len() > self.env.limits.result_bytes_max {
                return Err(Error::too_large(self.env.limits.result_bytes_max));
            }
        }
        self.machine.spend(out.len());
        Ok(match complete {
            true => Outcome::Value(Json::from(out)),
            false => Outcome::Incomplete(Json::from(out)),
        })
    }
}

impl Parsed<'_> {
    /// The key of the text's entries in a summary: its parts without `${` and `}`.
    fn key(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) | Part::Expression(text, _) => *text,
            })
            .collect()
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
