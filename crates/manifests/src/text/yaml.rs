//! YAML 1.1 as values: what SnakeYAML's safe constructor reads, with the place of every mistake.
//!
//! The parser gives events; what a scalar means, merge keys, aliases and tags are decided here, because the later version of YAML that
//! the parser knows answers differently: `0644` is 420 in files that people have, and `yes` is true.

mod scalar;

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value;

use super::{DEPTH_MAX, Error, VALUES_MAX};
use crate::Map;

/// The key of a mapping that takes over the entries of others.
const MERGE: &str = "<<";

/// All documents; an empty one is null.
pub(super) fn documents(source: &str) -> Result<Vec<Value>, Error> {
    let mut reader = Reader {
        source,
        events: Parser::new_from_str(source),
        anchors: BTreeMap::new(),
        values: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()?.0 {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                let (event, span) = reader.next()?;
                documents.push(match event {
                    Event::DocumentEnd => Value::Null,
                    event => reader.node(event, span, 0)?.0,
                });
            }
            _ => {}
        }
    }
}

struct Reader<'s> {
    source: &'s str,
    events: Parser<'s, StrInput<'s>>,
    /// Values with anchors, and how much each counts
    anchors: BTreeMap<usize, (Value, usize)>,
    /// How much has been counted
    values: usize,
}

impl<'s> Reader<'s> {
    fn next(&mut self) -> Result<(Event<'s>, Span), Error> {
        match self.events.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.wrong(error.marker(), error.info())),
        }
    }

    /// A value, and how much it counts.
    fn node(
        &mut self,
        event: Event<'s>,
        span: Span,
        depth: usize,
    ) -> Result<(Value, usize), Error> {
        if depth > DEPTH_MAX {
            let (what, limit) = ("the nesting", DEPTH_MAX);
            return Err(Error::TooLarge { what, limit });
        }
        let before = self.values;
        self.count(1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(text.len() / 16)?;
                let plain = style == ScalarStyle::Plain;
                let value = match self.tag(tag.as_deref(), &span)? {
                    None => scalar::resolve(&text, plain),
                    Some(tag) => match scalar::construct(tag, &text) {
                        Some(value) => value,
                        None => {
                            return Err(self.wrong(&span.start, &format!("`{text}` is no !!{tag}")));
                        }
                    },
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), &span)?;
                (Value::Array(self.items(depth)?), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), &span)?;
                (Value::Object(self.entries(depth)?), anchor)
            }
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(
                        self.wrong(&span.start, "this alias stands for a value that holds it")
                    );
                };
                self.count(size)?;
                return Ok((value, size));
            }
            _ => (Value::Null, 0),
        };
        let size = self.values - before;
        if anchor != 0 {
            self.count(size)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok((value, size))
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event, span, depth + 1)?.0),
            }
        }
    }

    /// The entries of a mapping; own ones win over what `<<` merges.
    fn entries(&mut self, depth: usize) -> Result<Map, Error> {
        let mut own = Map::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE);
            let key = match is_merge {
                true => String::new(),
                false => self.key(event, span, depth)?,
            };
            let (event, at) = self.next()?;
            let (value, _) = self.node(event, at, depth + 1)?;
            match (is_merge, value) {
                // Of a key that is there twice the last one counts, as in SnakeYAML: charts are full of them.
                (false, value) => {
                    own.insert(key, value);
                }
                (true, Value::Object(map)) => merged.push(map),
                (true, Value::Array(maps)) => {
                    for map in maps {
                        let Value::Object(map) = map else {
                            return Err(
                                self.wrong(&at.start, "only mappings can be merged by `<<`")
                            );
                        };
                        merged.push(map);
                    }
                }
                (true, _) => {
                    return Err(self.wrong(&at.start, "only mappings can be merged by `<<`"));
                }
            }
        }
        for map in merged {
            for (key, value) in map {
                own.entry(key).or_insert(value);
            }
        }
        Ok(own)
    }

    fn key(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<String, Error> {
        // A brace that opens a mapping where a key belongs is `{{ … }}`.
        if matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)) {
            return Err(self.wrong(&span.start, "a key must be text"));
        }
        let written = match &event {
            Event::Scalar(text, ..) => text.to_string(),
            _ => String::new(),
        };
        match self.node(event, span, depth + 1)?.0 {
            Value::String(text) => Ok(text),
            // As Jackson makes text of other keys: `on:` is `true`, `0644:` is `420`. kubectl does the same.
            other @ (Value::Bool(_) | Value::Number(_)) => Ok(other.to_string()),
            // Jackson refuses these; what is written is what is meant.
            Value::Null => Ok(written),
            Value::Array(_) | Value::Object(_) => {
                Err(self.wrong(&span.start, "a key must be text"))
            }
        }
    }

    fn count(&mut self, more: usize) -> Result<(), Error> {
        self.values = self.values.saturating_add(more);
        match self.values > VALUES_MAX {
            true => Err(Error::TooLarge {
                what: "the number of values",
                limit: VALUES_MAX,
            }),
            false => Ok(()),
        }
    }

    /// The standard type that a tag names; none without a tag.
    fn tag(&self, tag: Option<&Tag>, span: &Span) -> Result<Option<scalar::Standard>, Error> {
        let Some(tag) = tag else { return Ok(None) };
        let name = format!("{}{}", tag.handle, tag.suffix);
        let kind = match name.as_str() {
            "!" => Some("str"),
            name => name.strip_prefix("tag:yaml.org,2002:"),
        };
        match kind.and_then(scalar::Standard::named) {
            Some(standard) => Ok(Some(standard)),
            None => Err(self.wrong(&span.start, &format!("the tag {name} is not allowed"))),
        }
    }

    fn wrong(&self, at: &Marker, message: &str) -> Error {
        let (line, column) = (at.line().max(1), at.col() + 1);
        let advice = match self.has_template_near(line) {
            true => {
                ": this looks like a template (`{{ … }}`), which must be rendered first, by a bake stage, or stand in quotes"
            }
            false => "",
        };
        Error::Syntax {
            line,
            column,
            message: format!("{message}{advice}"),
        }
    }

    /// A parser notices an unfinished mapping at the end of its line or on one of the next.
    fn has_template_near(&self, line: usize) -> bool {
        let lines = self.source.lines().skip(line.saturating_sub(3)).take(3);
        lines.into_iter().any(|line| line.contains("{{"))
    }
}
