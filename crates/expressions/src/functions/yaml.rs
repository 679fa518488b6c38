//! `#readYaml` and `#readAllYaml`: YAML 1.1 as the safe constructor of SnakeYAML 2.4 reads it.
//!
//! The parser gives events; what a scalar means, which tags there are, merge keys and aliases are decided here, because
//! the later version of YAML that the parser knows answers differently.

mod scalar;

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value as Json};

use super::text;
use crate::env::{Environment, Limits};
use crate::error::{Error, HELPER, Result};
use crate::machine::Machine;
use crate::root::Root;
use crate::value::json::Writer;
use crate::value::{ListKind, MapKind, Value};
use scalar::Standard;

/// Nesting of collections (`LoaderOptions`).
const DEPTH_MAX: u32 = 50;

/// Aliases of collections in one document (`LoaderOptions`).
const ALIASES_MAX: u32 = 50;

/// One document of YAML, as `#readYaml` gives it; none is null, and null members of maps are left out.
///
/// # Errors
/// The text is no YAML, holds several documents, or takes more than the limits allow.
pub fn read_yaml(source: &str, limits: &Limits) -> Result<Json> {
    let mut environment = Environment::fixed(0, 0);
    environment.limits = *limits;
    let root = Nothing(Map::new());
    let mut machine = Machine::new(&root, &environment);
    let value = single(&mut machine, source)?;
    Writer::new(limits.result_bytes_max).write(&value, &|_| Json::Null)
}

/// A root that lends nothing.
struct Nothing(Map<String, Json>);

impl Root for Nothing {
    fn own(&self) -> &Map<String, Json> {
        &self.0
    }
}

/// `#readYaml(text)`: exactly one document; none is null.
pub(super) fn read<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let source = text(&args[0]);
    let result = source
        .ok_or_else(no_content)
        .and_then(|source| single(machine, source));
    let shown = source.unwrap_or("null");
    result.map_err(|error| error.wrapped(HELPER, format!("#readYaml({shown}) failed")))
}

/// `#readAllYaml(text)`: a list of documents.
pub(super) fn read_all<'a>(machine: &mut Machine<'a, '_>, args: &[Value<'a>]) -> Result<Value<'a>> {
    let source = text(&args[0]);
    let result = source
        .ok_or_else(no_content)
        .and_then(|source| documents(machine, source));
    let shown = source.unwrap_or("null");
    result
        .map(|documents| Value::list(documents.into_iter().map(|(value, _)| value).collect()))
        .map_err(|error| error.wrapped(HELPER, format!("#readAllYaml({shown}) failed")))
}

fn single<'a>(machine: &mut Machine<'a, '_>, source: &str) -> Result<Value<'a>> {
    let mut documents = documents(machine, source)?;
    if let [(_, first), (_, second), ..] = documents.as_slice() {
        let text = format!(
            "expected a single document in the stream\n{}but found another document\n{}",
            mark(source, first),
            mark(source, second)
        );
        return Err(yaml_error("composer.ComposerException", text));
    }
    Ok(documents.pop().map_or(Value::Null, |(value, _)| value))
}

fn no_content() -> Error {
    Error::null_pointer("content")
}

fn yaml_error(class: &str, text: impl Into<String>) -> Error {
    let class = match class {
        "composer.ComposerException" => "org.yaml.snakeyaml.composer.ComposerException",
        "constructor.ConstructorException" => "org.yaml.snakeyaml.constructor.ConstructorException",
        "parser.ParserException" => "org.yaml.snakeyaml.parser.ParserException",
        _ => "org.yaml.snakeyaml.error.YAMLException",
    };
    Error::new(class, text)
}

/// All documents, each with the place where it begins.
fn documents<'a>(machine: &mut Machine<'a, '_>, source: &str) -> Result<Vec<(Value<'a>, Marker)>> {
    // A scanner looks at every character several times.
    machine.charge(source.len().saturating_mul(4))?;
    let mut reader = Reader {
        machine,
        source,
        events: Parser::new_from_str(source),
        anchors: BTreeMap::new(),
        aliases: 0,
    };
    let mut out = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(out),
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                reader.aliases = 0;
                let (event, first) = reader.next()?;
                if event == Event::DocumentEnd {
                    continue;
                }
                let begin = if span.start.index() < first.start.index() {
                    span.start
                } else {
                    first.start
                };
                out.push((reader.node(event, first, 0)?, begin));
            }
            _ => {}
        }
    }
}

/// The key of a mapping that takes over the entries of others.
const MERGE: &str = "<<";

struct Reader<'r, 's, 'a, 'e> {
    machine: &'r mut Machine<'a, 'e>,
    source: &'s str,
    events: Parser<'s, StrInput<'s>>,
    anchors: BTreeMap<usize, Value<'a>>,
    aliases: u32,
}

impl<'s, 'a> Reader<'_, 's, 'a, '_> {
    fn next(&mut self) -> Result<(Event<'s>, Span)> {
        self.machine.charge(40)?;
        match self.events.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let text = format!("{}\n{}", error.info(), mark(self.source, error.marker()));
                Err(yaml_error("parser.ParserException", text))
            }
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: u32) -> Result<Value<'a>> {
        if depth > DEPTH_MAX {
            let text = format!("Nesting Depth exceeded max {DEPTH_MAX}");
            return Err(yaml_error("error.YAMLException", text));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && text == MERGE {
                    let tag = "tag:yaml.org,2002:merge";
                    return Err(self.no_constructor(tag, span));
                }
                let value = match self.standard(tag.as_deref(), span)? {
                    None => scalar::resolve(&text, plain),
                    Some(tag) => scalar::construct(tag, &text)?,
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = self.standard(tag.as_deref(), span)?;
                let items = self.items(depth)?;
                let value = match tag {
                    Some(Standard::OrderedMap) => ordered(&items),
                    Some(Standard::Pairs) => pairs(&items),
                    _ => Value::list(items),
                };
                (value, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                let tag = self.standard(tag.as_deref(), span)?;
                let entries = self.entries(depth)?;
                let value = match tag {
                    Some(Standard::Set) => Value::set(
                        ListKind::HashSet,
                        entries.into_iter().map(|(key, _)| key).collect(),
                    ),
                    _ => Value::map(MapKind::Linked, entries),
                };
                (value, anchor)
            }
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.get(&anchor).cloned() else {
                    let text = format!(
                        "a node that holds itself\n{}",
                        mark(self.source, &span.start)
                    );
                    return Err(yaml_error("composer.ComposerException", text));
                };
                if matches!(value, Value::List(_) | Value::Map(_)) {
                    self.aliases += 1;
                    if self.aliases > ALIASES_MAX {
                        let text = format!(
                            "Number of aliases for non-scalar nodes exceeds the specified max={ALIASES_MAX}"
                        );
                        return Err(yaml_error("error.YAMLException", text));
                    }
                }
                return Ok(value);
            }
            _ => (Value::Null, 0),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn items(&mut self, depth: u32) -> Result<Vec<Value<'a>>> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    /// The entries of a mapping: what `<<` merges comes first, and own entries replace it.
    fn entries(&mut self, depth: u32) -> Result<Vec<(Value<'a>, Value<'a>)>> {
        let mut own = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE);
            let key = match merge {
                true => Value::Null,
                false => self.node(event, span, depth + 1)?,
            };
            self.machine.measure(&key)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match merge {
                true => merged.extend(self.merged(&value, span)?),
                false => own.push((key, value)),
            }
        }
        merged.extend(last_of_each(own));
        Ok(merged)
    }

    /// What a merge key brings in: the entries of a map, or of several, of which the first wins.
    fn merged(&mut self, value: &Value<'a>, span: Span) -> Result<Vec<(Value<'a>, Value<'a>)>> {
        let of = |value: &Value<'a>| match value {
            Value::Map(map) => Ok(map.entries()),
            _ => {
                let text = format!(
                    "while constructing a mapping\nexpected a mapping or list of mappings for merging\n{}",
                    mark(self.source, &span.start)
                );
                Err(yaml_error("constructor.ConstructorException", text))
            }
        };
        let maps = match value {
            Value::List(list) => list.items(),
            map => vec![map.clone()],
        };
        let mut entries = Vec::new();
        for map in maps.iter().rev() {
            entries.extend(of(map)?);
        }
        self.machine.charge(entries.len())?;
        Ok(entries)
    }

    /// The standard type that a tag names; none without a tag.
    fn standard(&self, tag: Option<&Tag>, span: Span) -> Result<Option<Standard>> {
        let Some(tag) = tag else { return Ok(None) };
        let name = format!("{}{}", tag.handle, tag.suffix);
        if name == "!" {
            return Ok(Some(Standard::Text));
        }
        let at = mark(self.source, &span.start);
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some(kind) => match Standard::named(kind) {
                Some(standard) => Ok(Some(standard)),
                None => Err(yaml_error(
                    "composer.ComposerException",
                    format!("Global tag is not allowed: {name}\n{at}"),
                )),
            },
            None => Err(self.no_constructor(&name, span)),
        }
    }

    fn no_constructor(&self, tag: &str, span: Span) -> Error {
        let at = mark(self.source, &span.start);
        yaml_error(
            "constructor.ConstructorException",
            format!("could not determine a constructor for the tag {tag}\n{at}"),
        )
    }
}

/// A key that is there twice counts where it is last.
fn last_of_each<'a>(mut entries: Vec<(Value<'a>, Value<'a>)>) -> Vec<(Value<'a>, Value<'a>)> {
    let mut seen = BTreeSet::new();
    entries.reverse();
    entries.retain(|(key, _)| key.as_str().is_none_or(|key| seen.insert(key.to_owned())));
    entries.reverse();
    entries
}

/// A list of maps with one entry each as a list of keys with their values.
fn pairs<'a>(items: &[Value<'a>]) -> Value<'a> {
    let entries = items.iter().filter_map(|item| match item {
        Value::Map(map) => map.entries().into_iter().next(),
        _ => None,
    });
    Value::list(
        entries
            .map(|(key, value)| Value::array("java.lang.Object", vec![key, value]))
            .collect(),
    )
}

/// A list of maps with one entry each as one map.
fn ordered<'a>(items: &[Value<'a>]) -> Value<'a> {
    let maps = items.iter().filter_map(|item| match item {
        Value::Map(map) => map.entries().into_iter().next(),
        _ => None,
    });
    Value::map(MapKind::Linked, maps)
}

/// A place as SnakeYAML shows it: line and column, the line, and a mark below.
fn mark(source: &str, at: &Marker) -> String {
    let line = source
        .lines()
        .nth(at.line().saturating_sub(1))
        .unwrap_or("");
    // SnakeYAML cuts long lines, too.
    let shown: String = line.chars().take(75).collect();
    let blanks = " ".repeat(at.col().min(75));
    format!(
        " in 'string', line {}, column {}:\n    {shown}\n    {blanks}^\n",
        at.line(),
        at.col() + 1
    )
}
