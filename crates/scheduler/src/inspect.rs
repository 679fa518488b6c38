//! Reading a partition's log from outside, for simulations and tools. Nothing here changes anything.

use gennaker_engine::Event;
use gennaker_model::ExecutionId;

use crate::record::Record;
pub use crate::record::Unreadable;

/// A message of a partition's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it was decided, epoch milliseconds; never earlier than in the message before.
    pub at: i64,
    /// Who took the partition over with this message; `None` for a message of facts.
    pub owner: Option<String>,
    /// Facts, in order.
    pub facts: Vec<Facts>,
}

/// What a message says about one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Which.
    pub execution: ExecutionId,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// It was deleted.
    pub deleted: bool,
}

/// Reads the payload of a log message.
///
/// # Errors
/// When it is not what this version writes.
pub fn read(payload: &[u8]) -> Result<Message, Unreadable> {
    let Record {
        v: _,
        at,
        owner,
        entries,
    } = Record::read(payload)?;
    let facts = entries
        .into_iter()
        .map(|entry| Facts {
            execution: entry.x,
            events: entry.e,
            deleted: entry.deleted,
        })
        .collect();
    Ok(Message { at, owner, facts })
}
