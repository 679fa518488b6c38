//! The history of an execution: every fact that was decided about it, in order. The partition's log holds the same facts, but is
//! purged behind the checkpoints; this stays as long as the execution does.
//!
//! A step is one decision, a line of JSON: `{"rev":…,"at":…,"e":[facts]}`, or with `"sealed"` in the place of `"e"` when its
//! large values lie elsewhere. The newest steps are the *tail* and stand in the
//! execution's header; when the tail grows it is moved to records of its own (chunks, keys `h.<execution>.…`). Folding all
//! steps with [`gennaker_engine::apply()`] gives the state again.

use gennaker_bus::Kv;
use gennaker_store::{Blobs, Sealed, Unopened};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    packing::{Damaged, unpack},
    record::Key,
};

/// A tail longer than this goes to a chunk at the next checkpoint of an execution that stays in memory, in bytes.
const TAIL_BYTES_LIVE: usize = 8 * 1024;

/// The same for one that leaves memory: one record for a short run costs less than two.
const TAIL_BYTES_LEAVING: usize = 64 * 1024;

/// Most records of one history; after that the oldest go. With the largest records this is 32 MiB.
const KEYS_MAX: usize = 64;

/// Most bytes of the steps that are told at once: what an answer takes, with room for what is read again.
const STEPS_BYTES_MAX: u64 = 40 << 20;

/// Steps that are in no chunk yet, as lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

/// What a header says about the history.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Keys of the chunks, oldest first; their values joined are lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<String>,
    /// Records that were dropped because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// The steps after the chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<Box<RawValue>>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Tail {
    /// Lines that were read.
    pub fn of(lines: &[u8]) -> Self {
        Self(lines.to_vec())
    }

    /// Adds a decision: the revision after it, its time (epoch milliseconds), and its facts as an entry of the log has them.
    pub fn add(&mut self, revision: u64, at: i64, key: Key, facts: &[u8]) {
        let key = key.name();
        let head = format!("{{\"rev\":{revision},\"at\":{at},\"{key}\":");
        self.0.reserve(head.len() + facts.len() + 2);
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(facts);
        self.0.extend_from_slice(b"}\n");
    }

    /// Whether it is to be moved to a chunk.
    pub fn is_long(&self, leaving: bool) -> bool {
        let limit = if leaving {
            TAIL_BYTES_LEAVING
        } else {
            TAIL_BYTES_LIVE
        };
        self.0.len() > limit
    }

    /// The lines.
    pub fn lines(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets the first so many bytes, which are in a chunk now.
    pub fn forget(&mut self, bytes: usize) {
        self.0.drain(..bytes.min(self.0.len()));
    }
}

impl Kept {
    /// What is still to be said of a history that lies as a whole in another place.
    pub fn elsewhere(history: &Self) -> Self {
        Self {
            dropped: history.dropped,
            ..Self::default()
        }
    }

    /// With new chunks; returns the keys of the records that are too many.
    pub fn grow(&mut self, keys: Vec<String>) -> Vec<String> {
        self.chunks.extend(keys);
        let excess = self.chunks.len().saturating_sub(KEYS_MAX);
        self.dropped += excess as u64;
        self.chunks.drain(..excess).collect()
    }

    /// Takes the tail in.
    ///
    /// # Errors
    /// When the lines are no JSON, which is a defect.
    pub fn set_tail(&mut self, tail: &Tail) -> Result<(), serde_json::Error> {
        let Some((_, lines)) = tail.0.split_last() else {
            self.tail = None;
            return Ok(());
        };
        let mut list = Vec::with_capacity(tail.0.len() + 1);
        list.push(b'[');
        // Within a step a line break is escaped.
        list.extend(
            lines
                .iter()
                .map(|byte| if *byte == b'\n' { b',' } else { *byte }),
        );
        list.push(b']');
        let text = String::from_utf8(list).map_err(serde::ser::Error::custom)?;
        self.tail = Some(RawValue::from_string(text)?);
        Ok(())
    }

    /// Takes the tail out.
    ///
    /// # Errors
    /// When it is no list.
    pub fn take_tail(&mut self) -> Result<Tail, serde_json::Error> {
        let mut tail = Tail::default();
        if let Some(list) = self.tail.take() {
            let steps: Vec<&RawValue> = serde_json::from_str(list.get())?;
            for step in steps {
                tail.0.extend_from_slice(step.get().as_bytes());
                tail.0.push(b'\n');
            }
        }
        Ok(tail)
    }
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The bucket does not answer.
    #[error(transparent)]
    Bus(#[from] gennaker_bus::Error),
    /// A chunk is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// The lines of a history: all chunks that are kept, then the tail; `None` when a chunk is gone because the header has changed.
///
/// # Errors
/// When the bucket does not answer, or a chunk is damaged.
pub(crate) async fn lines(kv: &Kv, kept: &Kept, tail: &Tail) -> Result<Option<Vec<u8>>, ReadError> {
    let mut lines = Vec::new();
    for key in &kept.chunks {
        match kv.get(key).await? {
            Some(record) => lines.extend_from_slice(&unpack(&record.value)?),
            None => return Ok(None),
        }
    }
    lines.extend_from_slice(tail.lines());
    Ok(Some(lines))
}

/// A step as its line has it.
#[derive(Deserialize)]
struct Line {
    rev: u64,
    at: i64,
    #[serde(default)]
    e: serde_json::Value,
    #[serde(default)]
    sealed: Option<Sealed>,
}

/// The steps of a history, with their large values, as long as all of them have fewer than [`STEPS_BYTES_MAX`] bytes; steps after
/// that have null in the place of a large value, and say in `withheld` how many there are.
///
/// # Errors
/// When a value cannot be read.
pub(crate) async fn steps(lines: &[u8], blobs: &Blobs) -> Result<Vec<serde_json::Value>, Unopened> {
    let mut steps = Vec::new();
    let mut bytes = lines.len() as u64;
    for line in lines.split(|byte| *byte == b'\n') {
        // The first line may have lost its beginning with a dropped record.
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            continue;
        };
        let Line {
            rev,
            at,
            mut e,
            sealed,
        } = line;
        let mut withheld = 0;
        if let Some(sealed) = sealed {
            bytes += sealed.bytes();
            if bytes <= STEPS_BYTES_MAX {
                e = serde_json::from_slice(&blobs.fill(&sealed).await?)?;
            } else {
                e = serde_json::from_str(sealed.json())?;
                withheld = sealed.objects().count();
            }
        }
        let mut step = serde_json::json!({"rev": rev, "at": at, "e": e});
        if withheld > 0 {
            step["withheld"] = withheld.into();
        }
        steps.push(step);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(steps: u64) -> Tail {
        let mut tail = Tail::default();
        for revision in 1..=steps {
            tail.add(revision, 7, Key::Facts, br#"[{"e":"x","text":"a\nb"}]"#);
        }
        tail
    }

    #[test]
    fn a_tail_survives_its_header() {
        for steps in [0, 1, 3] {
            let tail = tail(steps);
            let mut kept = Kept::default();
            kept.set_tail(&tail).unwrap();
            let stored = serde_json::to_string(&kept).unwrap();
            let mut kept: Kept = serde_json::from_str(&stored).unwrap();
            assert_eq!(kept.take_tail().unwrap().lines(), tail.lines());
        }
    }

    #[test]
    fn what_went_to_a_chunk_is_forgotten_and_the_rest_stays() {
        let mut all = tail(3);
        let two = tail(2).len();
        all.forget(two);
        assert!(all.lines().starts_with(br#"{"rev":3"#));
        assert!(tail(1_000).is_long(false) && !tail(1_000).is_long(true));
    }

    #[test]
    fn the_oldest_records_go_when_there_are_too_many() {
        let mut kept = Kept::default();
        let keys = |from: usize, to: usize| (from..to).map(|n| format!("h.{n}")).collect();
        assert!(kept.grow(keys(0, KEYS_MAX)).is_empty());
        assert_eq!(kept.grow(keys(KEYS_MAX, KEYS_MAX + 2)), ["h.0", "h.1"]);
        assert_eq!((kept.dropped, kept.chunks.len()), (2, KEYS_MAX));
    }
}
