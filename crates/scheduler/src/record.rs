//! What one log message holds: the facts of a group, or the mark of a new owner.
//!
//! Ours, so strict and versioned. Facts are encoded as they are decided, so that the size of a group is known exactly.

use gennaker_engine::Event;
use gennaker_model::ExecutionId;
use serde::{Deserialize, Serialize};

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
    /// It was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
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
    pub fn message(&self) -> Vec<u8> {
        [self.bytes.as_slice(), b"]}"].concat()
    }
}

/// Encodes the facts about one execution.
pub(crate) fn encode(x: &ExecutionId, events: &[Event]) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        x: &'a ExecutionId,
        e: &'a [Event],
    }
    serde_json::to_vec(&Borrowed { x, e: events })
}

/// Encodes the deletion of an execution.
pub(crate) fn encode_deleted(x: &ExecutionId) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Entry {
        x: x.clone(),
        e: Vec::new(),
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
        writer.add(&encode(&id, &[Event::ExecutionStarted { at: 7 }]).unwrap());
        writer.add(&encode_deleted(&id).unwrap());
        let record: Record = serde_json::from_slice(&writer.message()).unwrap();
        assert_eq!(
            (record.at, record.owner, record.entries.len()),
            (7, None, 2)
        );
        assert_eq!(record.entries[0].e, [Event::ExecutionStarted { at: 7 }]);
        assert!(record.entries[1].deleted);
        let empty: Record = serde_json::from_slice(&Writer::new(1).message()).unwrap();
        assert!(empty.entries.is_empty());
    }
}
