//! Reading a partition's log from outside, for simulations and tools. Nothing here changes anything.

use std::collections::BTreeMap;

use bytes::Bytes;
use gennaker_engine::Event;
use gennaker_model::ExecutionId;
use gennaker_store::Object;

pub use crate::record::Unreadable;
use crate::record::{Entry, Record};

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

/// Reads the payload of a log message; large values are those that `value` shows.
///
/// # Errors
/// When it is not what this version writes, or a value is missing.
pub fn read(
    payload: &[u8],
    mut value: impl FnMut(&Object) -> Option<Bytes>,
) -> Result<Message, Unreadable> {
    let Record {
        v: _,
        at,
        owner,
        entries,
    } = Record::read(payload)?;
    let facts = entries
        .into_iter()
        .map(|entry| facts(entry, &mut value))
        .collect::<Result<_, _>>()?;
    Ok(Message { at, owner, facts })
}

fn facts(
    entry: Entry,
    mut value: impl FnMut(&Object) -> Option<Bytes>,
) -> Result<Facts, Unreadable> {
    let Entry {
        x,
        e,
        sealed,
        deleted,
    } = entry;
    let events = match sealed {
        None => e,
        Some(sealed) => {
            let values = sealed
                .objects()
                .map(|object| Some((object.clone(), value(object)?)));
            let values: Option<BTreeMap<Object, Bytes>> = values.collect();
            let text = values.and_then(|values| sealed.filled(&values));
            serde_json::from_slice(&text.ok_or(Unreadable::Incomplete)?)?
        }
    };
    Ok(Facts {
        execution: x,
        events,
        deleted,
    })
}
