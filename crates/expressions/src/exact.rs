//! Integers beyond 64 bits in results: Spinnaker writes all their digits, the JSON values of this library hold a double.

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::transform::Evaluation;

/// The value of an evaluation with all digits of its integers, for whoever writes it as JSON text.
///
/// [`Evaluation::value`] has the nearest double in their place. Only the serializers of `serde_json` write all digits.
#[derive(Debug)]
pub struct Exact<'e>(pub &'e Evaluation);

/// A long integer and where it is in a value, from the inside out until it is turned round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digits {
    steps: Vec<Step>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Element(usize),
    Member(String),
}

impl Digits {
    pub fn new(text: String) -> Self {
        Self {
            steps: Vec::new(),
            text,
        }
    }

    pub fn lies_in(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// From the outside in.
    pub fn turn_round(&mut self) {
        self.steps.reverse();
    }
}

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = Part {
            value: &self.0.value,
            depth: 0,
            inside: self.0.long_integers.iter().collect(),
        };
        part.serialize(serializer)
    }
}

/// A part of a value, and the long integers inside of it.
struct Part<'e> {
    value: &'e Json,
    depth: usize,
    inside: Vec<&'e Digits>,
}

impl<'e> Part<'e> {
    fn child(&self, value: &'e Json, is_step: impl Fn(&Step) -> bool) -> Self {
        let inside = self.inside.iter().filter(|digits| {
            let step = digits.steps.get(self.depth);
            step.is_some_and(&is_step)
        });
        Self {
            value,
            depth: self.depth + 1,
            inside: inside.copied().collect(),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.value, self.inside.as_slice()) {
            (value, []) => value.serialize(serializer),
            (Json::Number(_), [digits, ..]) => RawValue::from_string(digits.text.clone())
                .map_err(S::Error::custom)?
                .serialize(serializer),
            (Json::Array(items), _) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for (at, item) in items.iter().enumerate() {
                    out.serialize_element(&self.child(item, |step| *step == Step::Element(at)))?;
                }
                out.end()
            }
            (Json::Object(map), _) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map {
                    let is_step = |step: &Step| matches!(step, Step::Member(name) if name == key);
                    out.serialize_entry(key, &self.child(value, is_step))?;
                }
                out.end()
            }
            (value, _) => value.serialize(serializer),
        }
    }
}
