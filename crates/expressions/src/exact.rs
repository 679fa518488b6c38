//! Integers beyond 64 bits: Spinnaker reads and writes all their digits, the JSON values of this library hold a double.

use std::borrow::Cow;

use num_bigint::BigInt;
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::transform::Evaluation;

/// What a long integer begins with where it stands as text: a code that no text has.
const MARK: char = '\u{FDD0}';

/// Most digits of a number, as Jackson reads it.
const DIGITS_MAX: usize = 1_000;

/// JSON text whose integers beyond 64 bits are marked texts, for whoever has it from outside: evaluation takes these for the
/// numbers that they are. What is not JSON stays as it is.
pub fn with_long_integers(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = &json[at..at + length];
                if is_long_integer(number) {
                    out.push_str(&json[copied..at]);
                    out.extend(['"', MARK]);
                    out.push_str(number);
                    out.push('"');
                    copied = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    match copied {
        0 => Cow::Borrowed(json),
        copied => {
            out.push_str(&json[copied..]);
            Cow::Owned(out)
        }
    }
}

/// The number that a marked text stands for.
pub(crate) fn long_integer(text: &str) -> Option<BigInt> {
    text.strip_prefix(MARK)?.parse().ok()
}

/// The place behind the quote that ends a text.
fn end_of_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn is_long_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_integer = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_integer
        && (19..=DIGITS_MAX).contains(&digits.len())
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_beyond_64_bits_are_marked() {
        for same in [
            r#"{"a": 18446744073709551615, "b": -9223372036854775808, "c": 1e30}"#,
            r#"["123456789012345678901234567890", "\"123456789012345678901234567890"]"#,
            "[0123456789012345678901, 123456789012345678901.0, 1234567890123456789012E1]",
            "\"unclosed 123456789012345678901\\",
            "",
            "-",
        ] {
            assert_eq!(with_long_integers(same), same);
        }
        let marked = with_long_integers(r#"{"é": [18446744073709551616, -9223372036854775809]}"#);
        let json: Json = serde_json::from_str(&marked).unwrap();
        let texts: Vec<&str> = json["é"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(Json::as_str)
            .collect();
        let numbers: Vec<String> = texts
            .iter()
            .map(|text| long_integer(text).unwrap().to_string())
            .collect();
        assert_eq!(numbers, ["18446744073709551616", "-9223372036854775809"]);
        assert_eq!(long_integer("18446744073709551616"), None);
    }
}
