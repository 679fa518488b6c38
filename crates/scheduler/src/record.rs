//! What one log message holds: the facts of a group, or the mark of a new owner.
//!
//! Ours, so strict and versioned. Facts are encoded as they are decided, so that the size of a group is known exactly.

use std::ops::Range;

use gennaker_engine::Event;
use gennaker_model::ExecutionId;
use gennaker_store::Sealed;
use serde::{Deserialize, Serialize};

use crate::packing::{Damaged, pack, unpack};

/// Version of the log's messages.
pub(crate) const VERSION: u8 = 1;

/// A log message as it is read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// [`VERSION`].
    pub v: u8,
    /// When it was decided, epoch milliseconds; never earlier than in the message before.
    pub at: i64,
    /// Set on the first message of an ownership: who took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Facts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// Facts about one execution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Which.
    pub x: ExecutionId,
    /// What happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub e: Vec<Event>,
    /// What happened, without its large values; then the list above is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    /// It was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A log message that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// A large value that it names is not there.
    #[error("a large value is missing")]
    Incomplete,
    /// It says what this version does not know.
    #[error(transparent)]
    Unknown(#[from] serde_json::Error),
}

impl Record {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn read(payload: &[u8]) -> Result<Self, Unreadable> {
        Ok(serde_json::from_slice(&unpack(payload)?)?)
    }
}

/// A log message being written.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    empty: bool,
}

impl Writer {
    pub fn new(at: i64) -> Self {
        Self {
            bytes: format!("{{\"v\":{VERSION},\"at\":{at},\"entries\":[").into_bytes(),
            empty: true,
        }
    }

    /// Adds facts; returns how many bytes they took.
    pub fn add(&mut self, entry: &[u8]) {
        if !self.empty {
            self.bytes.push(b',');
        }
        self.empty = false;
        self.bytes.extend_from_slice(entry);
    }

    pub fn is_empty(&self) -> bool {
        self.empty
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The whole message.
    pub fn message(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"]}");
        pack(self.bytes)
    }
}

/// Facts about one execution, encoded once for the log and for the execution's history.
pub(crate) struct Encoded {
    bytes: Vec<u8>,
    facts: Range<usize>,
    key: Key,
}

/// What facts are called in an entry, and in a step of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// They are there.
    Facts,
    /// They are there but for their large values.
    Sealed,
}

impl Key {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Facts => "e",
            Self::Sealed => "sealed",
        }
    }
}

impl Encoded {
    /// The entry for the log.
    pub fn entry(&self) -> &[u8] {
        &self.bytes
    }

    /// The facts alone: a JSON array, or what [`Self::key`] says.
    pub fn facts(&self) -> &[u8] {
        &self.bytes[self.facts.clone()]
    }

    /// How they are encoded.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// Encodes the facts about one execution.
pub(crate) fn encode(x: &ExecutionId, events: &[Event]) -> Result<Encoded, serde_json::Error> {
    encode_as(x, Key::Facts, events)
}

/// Encodes the facts about one execution whose large values lie elsewhere.
pub(crate) fn encode_sealed(
    x: &ExecutionId,
    sealed: &Sealed,
) -> Result<Encoded, serde_json::Error> {
    encode_as(x, Key::Sealed, sealed)
}

fn encode_as(
    x: &ExecutionId,
    key: Key,
    facts: &(impl Serialize + ?Sized),
) -> Result<Encoded, serde_json::Error> {
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(b"{\"x\":");
    serde_json::to_writer(&mut bytes, x)?;
    bytes.extend_from_slice(b",\"");
    bytes.extend_from_slice(key.name().as_bytes());
    bytes.extend_from_slice(b"\":");
    let start = bytes.len();
    serde_json::to_writer(&mut bytes, facts)?;
    let facts = start..bytes.len();
    bytes.push(b'}');
    Ok(Encoded { bytes, facts, key })
}

/// Encodes the deletion of an execution.
pub(crate) fn encode_deleted(x: &ExecutionId) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Entry {
        x: x.clone(),
        e: Vec::new(),
        sealed: None,
        deleted: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let id = ExecutionId::new("01J").unwrap();
        let mut writer = Writer::new(7);
        assert!(writer.is_empty());
        let encoded = encode(&id, &[Event::ExecutionStarted { at: 7 }]).unwrap();
        writer.add(encoded.entry());
        let facts: Vec<Event> = serde_json::from_slice(encoded.facts()).unwrap();
        assert_eq!(facts, [Event::ExecutionStarted { at: 7 }]);
        writer.add(&encode_deleted(&id).unwrap());
        let record = Record::read(&writer.message()).unwrap();
        assert_eq!(
            (record.at, record.owner, record.entries.len()),
            (7, None, 2)
        );
        assert_eq!(record.entries[0].e, [Event::ExecutionStarted { at: 7 }]);
        assert!(record.entries[1].deleted);
        let empty = Record::read(&Writer::new(1).message()).unwrap();
        assert!(empty.entries.is_empty());
    }
}
