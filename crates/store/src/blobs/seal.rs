//! Cutting large values out of a text of JSON, and putting them back. No IO here.
//!
//! A cut text has `null` in the place of each value, and beside it a list of where those places are: numbers of bytes, not
//! anything in the document, so that no document can look like one that was cut. A value is cut where it stands, as the text
//! that it is: put back, every byte is as it was, and the same value has the same hash wherever it stood.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::SEALED;
use crate::objects::Object;

/// A text of up to so many bytes is left as it is, and so is each value in a longer one.
pub const SEAL_FROM: usize = 64 * 1024;

/// What is left of a text may have so many bytes before the frames are cut, too.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What stands for a value that was cut.
const NOTHING: &[u8] = b"null";

/// Keys of what holds values and is none: as many small ones in a large frame stay as long as the whole is not too large. Only
/// a matter of speed; every value may be cut.
const FRAMES: [&[u8]; 16] = [
    b"body",
    b"config",
    b"context",
    b"doc",
    b"e",
    b"execution",
    b"input",
    b"outcome",
    b"outputs",
    b"patch",
    b"peer",
    b"request",
    b"result",
    b"stage",
    b"stages",
    b"trigger",
];

/// A text of JSON without its large values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    json: Box<RawValue>,
    holes: Vec<Hole>,
}

/// Where a value was cut, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// Offset of the `null` that stands there, in bytes.
    at: usize,
    /// The value.
    object: Object,
}

/// A text that was cut, and where its values are in it.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The rest.
    pub sealed: Sealed,
    /// Where each hole's value stood, in bytes.
    ranges: Vec<Range<usize>>,
}

/// Cuts the large values out of a text of JSON; they will belong to `execution`. `None` when there is nothing to cut.
#[must_use]
pub fn cut(text: &[u8], execution: &str) -> Option<Cut> {
    if text.len() <= SEAL_FROM {
        return None;
    }
    let mut ranges = large_values(text, true);
    if length_without(text.len(), &ranges) > TEXT_BYTES_MAX {
        ranges = large_values(text, false);
    }
    if ranges.is_empty() {
        return None;
    }
    let mut rest = Vec::with_capacity(length_without(text.len(), &ranges));
    let mut holes = Vec::with_capacity(ranges.len());
    let mut from = 0;
    for range in &ranges {
        rest.extend_from_slice(&text[from..range.start]);
        holes.push(Hole {
            at: rest.len(),
            object: Object::of(execution, &text[range.clone()]),
        });
        rest.extend_from_slice(NOTHING);
        from = range.end;
    }
    rest.extend_from_slice(&text[from..]);
    let json = RawValue::from_string(String::from_utf8(rest).ok()?).ok()?;
    let sealed = Sealed { json, holes };
    Some(Cut { sealed, ranges })
}

/// Whether there is anything to cut from a text of JSON: as [`cut`], without the work.
#[must_use]
pub fn has_large_values(text: &[u8]) -> bool {
    text.len() > SEAL_FROM && (text.len() > TEXT_BYTES_MAX || !large_values(text, true).is_empty())
}

impl Cut {
    /// The values, and where each stands in the text.
    pub fn values(&self) -> impl Iterator<Item = (&Object, Range<usize>)> {
        let objects = self.sealed.holes.iter().map(|hole| &hole.object);
        objects.zip(self.ranges.iter().cloned())
    }
}

impl Sealed {
    /// What a message says, if values were cut from it.
    ///
    /// # Errors
    /// When it is not what [`Self::message`] wrote.
    pub fn of_message(message: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        match message.split_first() {
            Some((&SEALED, rest)) => serde_json::from_slice(rest).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Whether values were cut from what a message says.
    #[must_use]
    pub fn is_message(message: &[u8]) -> bool {
        message.first() == Some(&SEALED)
    }

    /// As a message.
    #[must_use]
    pub fn message(&self) -> Bytes {
        let mut message = vec![SEALED];
        serde_json::to_writer(&mut message, self).expect("text and numbers always serialise");
        message.into()
    }

    /// The text, with `null` in place of the values.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// The values that it refers to; one that stood in several places comes as often.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.holes.iter().map(|hole| &hole.object)
    }

    /// Length of the whole text in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let values = self.objects().map(Object::bytes);
        values.fold(self.json.get().len() as u64, u64::saturating_add)
    }

    /// The whole text; `None` when a value is missing or the holes are not where they say.
    #[must_use]
    pub fn filled(&self, values: &BTreeMap<Object, Bytes>) -> Option<Vec<u8>> {
        let rest = self.json.get().as_bytes();
        let mut text = Vec::with_capacity(usize::try_from(self.bytes()).ok()?);
        let mut from = 0;
        for Hole { at, object } in &self.holes {
            let to = at.checked_add(NOTHING.len())?;
            if rest.get(*at..to)? != NOTHING {
                return None;
            }
            text.extend_from_slice(rest.get(from..*at)?);
            text.extend_from_slice(values.get(object)?);
            from = to;
        }
        text.extend_from_slice(rest.get(from..)?);
        Some(text)
    }

    /// The values that it refers to, each once.
    #[must_use]
    pub fn known(&self) -> BTreeSet<Object> {
        self.objects().cloned().collect()
    }
}

fn length_without(length: usize, ranges: &[Range<usize>]) -> usize {
    let cut: usize = ranges.iter().map(|range| range.len() - NOTHING.len()).sum();
    length - cut
}

/// A list or an object whose end was not met yet.
struct Open {
    start: usize,
    is_object: bool,
    /// It holds values and is none.
    is_frame: bool,
    /// How many cuts were made before it began.
    cuts: usize,
    /// Bytes that were cut from it.
    cut: usize,
    /// The member whose value comes next is a frame.
    next_is_frame: bool,
    /// A key comes next.
    wants_key: bool,
}

/// Where the large values of a text stand, in order; none within another. With `frames` those are left, and the whole, too.
///
/// A value is large when more than [`SEAL_FROM`] bytes are left of it after its own large values were cut; then it is cut
/// as a whole.
fn large_values(text: &[u8], frames: bool) -> Vec<Range<usize>> {
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        let (ended, before, cut, is_frame) = match text[at] {
            b'{' | b'[' => {
                let is_frame = open.last().is_none_or(Open::holds_frames);
                open.push(Open {
                    start,
                    is_object: text[at] == b'{',
                    is_frame,
                    cuts: cuts.len(),
                    cut: 0,
                    next_is_frame: false,
                    wants_key: text[at] == b'{',
                });
                at += 1;
                continue;
            }
            b'"' => {
                at = end_of_string(text, at);
                if let Some(holder) = open.last_mut().filter(|it| it.wants_key) {
                    let key = text.get(start + 1..at - 1).unwrap_or_default();
                    holder.next_is_frame = FRAMES.contains(&key);
                    holder.wants_key = false;
                    continue;
                }
                (start, cuts.len(), 0, false)
            }
            b'}' | b']' => {
                at += 1;
                let Some(closed) = open.pop() else { break };
                (closed.start, closed.cuts, closed.cut, closed.is_frame)
            }
            b',' => {
                at += 1;
                if let Some(holder) = open.last_mut() {
                    holder.wants_key = holder.is_object;
                }
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        let length = at - ended;
        let is_large = length - cut > SEAL_FROM;
        let is_kept = frames && (is_frame || open.is_empty());
        let mut gone = cut;
        if is_large && !is_kept {
            cuts.truncate(before);
            cuts.push(ended..at);
            gone = length - NOTHING.len();
        }
        if let Some(holder) = open.last_mut() {
            holder.cut += gone;
        }
    }
    cuts
}

impl Open {
    /// Whether what it holds next is a frame: what a member is called, or what a list of frames holds.
    fn holds_frames(&self) -> bool {
        if self.is_object {
            self.next_is_frame
        } else {
            self.is_frame
        }
    }
}

/// The offset behind the string that begins at `at`.
fn end_of_string(text: &[u8], at: usize) -> usize {
    let mut place = at + 1;
    while let Some(byte) = text.get(place) {
        match byte {
            b'\\' => place += 2,
            b'"' => return place + 1,
            _ => place += 1,
        }
    }
    text.len()
}
