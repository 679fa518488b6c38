//! Moving a complete execution to the archive, and reading it there.
//!
//! The order of the writes, each of which may be the last one that this process does:
//!
//! 1. the archive gets the object, whose name follows from its content;
//! 2. the header is replaced, on the revision that was read, by one that says where the object is and names the records that
//!    are not needed any more: that write is the commit;
//! 3. the log's leader is asked whether we are still the owner. A later owner has then read the new header, or will: nobody
//!    else can hold what is deleted now;
//! 4. those records are deleted, then the header stops naming them.
//!
//! After a crash, the sweep of the next owner does again what is missing: the same object, or the rest of the deletions.
//!
//! An object is a line of JSON with the version and the state, and a line for each step of the history; packed. Large values are
//! where they were: they stay as long as the execution does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use gennaker_bus::{Put, Record};
use gennaker_engine::State;
use gennaker_model::{Execution, ExecutionId};
use gennaker_store::{Object, Sealed, cut};
use serde::{Deserialize, Serialize};

use super::{
    Archived, Header, LoadError, Loaded, RECORD_BYTES_MAX, Records, SaveError, Saved, VERSION,
    header_key,
    load::{decode, load_record, opened},
    save::delete_all,
};
use crate::{
    history::{self, Kept, Tail},
    ownership::Ownership,
    packing::{pack, unpack},
};

/// Version of the objects.
const OBJECT_VERSION: u8 = 1;

/// A document that lists show without asking the archive has at most so many bytes; of a longer one the header keeps what the
/// index needs.
const BRIEF_BYTES_MAX: usize = RECORD_BYTES_MAX / 4;

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It is in the archive; so many bytes of it.
    Archived(u64),
    /// It is not complete, or it changed meanwhile, or we may not be the owner any more: not now.
    NotNow,
    /// It was deleted, or is not there.
    Gone,
}

/// First line of an object.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<S> {
    v: u8,
    /// The state.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    state: Option<S>,
    /// The state without its large values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

/// Moves a complete execution to the archive, or ends such a move that was begun.
pub(crate) async fn move_out(
    records: &Records,
    execution: &ExecutionId,
    owner: &Ownership,
) -> Result<Moved, SaveError> {
    let epoch = owner.epoch;
    let Some(record) = records.kv.get(&header_key(execution)).await? else {
        return Ok(Moved::Gone);
    };
    let mut header = decode(execution, &record)?;
    if header.deleted {
        return Ok(Moved::Gone);
    }
    if header.epoch > epoch {
        return Err(SaveError::Superseded);
    }
    let mut revision = record.revision;
    if header.archived.is_none() {
        let Some(made) = archived(records, execution, epoch, record).await? else {
            return Ok(Moved::NotNow);
        };
        header = made;
        match put_header(records, execution, revision, &header).await? {
            Put::Done(newer) => revision = newer,
            Put::Conflict => return Ok(Moved::NotNow),
        }
    }
    let object = header.archived.as_ref().map(|archived| &archived.object);
    let bytes = object.map_or(0, Object::bytes);
    if header.leftovers.is_empty() {
        return Ok(Moved::Archived(bytes));
    }
    if !owner.is_proven().await? {
        return Ok(Moved::NotNow);
    }
    delete_all(records, &std::mem::take(&mut header.leftovers)).await?;
    header.epoch = epoch;
    Ok(
        match put_header(records, execution, revision, &header).await? {
            Put::Done(_) => Moved::Archived(bytes),
            Put::Conflict => Moved::NotNow,
        },
    )
}

/// Reads an object.
pub(super) async fn fetch(
    records: &Records,
    execution: &ExecutionId,
    object: &Object,
    values: &mut BTreeSet<Object>,
) -> Result<(State, Tail), LoadError> {
    let content = records.archive.get(object).await?;
    let plain = unpack(&content).map_err(|error| LoadError::Damaged(execution.clone(), error))?;
    let end = plain.iter().position(|byte| *byte == b'\n');
    let (head, lines) = plain.split_at(end.map_or(plain.len(), |end| end + 1));
    let undecoded = |error| LoadError::Decode(execution.clone(), error);
    let Head { v, state, sealed }: Head<State> = serde_json::from_slice(head).map_err(undecoded)?;
    if v != OBJECT_VERSION {
        let unknown = format!("version {v} is not understood; this is version {OBJECT_VERSION}");
        return Err(undecoded(serde::de::Error::custom(unknown)));
    }
    let state = match (state, sealed) {
        (Some(state), _) => state,
        (None, Some(sealed)) => {
            let text = opened(records, &sealed, values).await?;
            serde_json::from_slice(&text).map_err(undecoded)?
        }
        (None, None) => return Err(undecoded(serde::de::Error::missing_field("state"))),
    };
    Ok((state, Tail::of(lines)))
}

/// Stores the object of an execution; the header that names it, or `None` when it is not complete.
async fn archived(
    records: &Records,
    execution: &ExecutionId,
    epoch: u64,
    record: Record,
) -> Result<Option<Header>, SaveError> {
    let loaded = load_record(records, execution, record).await?;
    let Loaded {
        state: Some(state),
        tail,
        saved,
        ..
    } = loaded
    else {
        return Ok(None);
    };
    if state.is_live() {
        return Ok(None);
    }
    let Some(lines) = history::lines(&records.kv, &saved.history, &tail).await? else {
        return Ok(None);
    };
    let mut plain = first_line(records, execution, &state, &saved).await?;
    plain.push(b'\n');
    plain.extend_from_slice(&lines);
    let object = records
        .archive
        .put(execution.as_str(), Bytes::from(pack(plain)))
        .await?;
    Ok(Some(header_of(&state.doc, object, epoch, &saved)?))
}

/// The first line of an object, whose large values are stored.
async fn first_line(
    records: &Records,
    execution: &ExecutionId,
    state: &State,
    saved: &Saved,
) -> Result<Vec<u8>, SaveError> {
    let text = serde_json::to_vec(state)?;
    let Some(cut) = cut(&text, execution.as_str()) else {
        let state = Some(serde_json::value::RawValue::from_string(
            String::from_utf8(text).map_err(<serde_json::Error as serde::ser::Error>::custom)?,
        )?);
        return Ok(serde_json::to_vec(&Head {
            v: OBJECT_VERSION,
            state,
            sealed: None,
        })?);
    };
    records
        .blobs
        .store(&cut, &text.into(), &saved.values)
        .await?;
    Ok(serde_json::to_vec(&Head::<()> {
        v: OBJECT_VERSION,
        state: None,
        sealed: Some(cut.sealed),
    })?)
}

/// A document as a header keeps it: as lists show it, or, when that is long, what the index needs of it. Whether it is the first.
pub(super) fn brief_of(document: Execution) -> Result<(Execution, bool), serde_json::Error> {
    let is_whole = serde_json::to_vec(&document)?.len() <= BRIEF_BYTES_MAX;
    let brief = match is_whole {
        true => document,
        false => indexed(document),
    };
    Ok((brief, is_whole))
}

fn header_of(
    document: &Execution,
    object: Object,
    epoch: u64,
    saved: &Saved,
) -> Result<Header, SaveError> {
    let (brief, is_whole) = brief_of(document.unexpanded())?;
    let mut leftovers = saved.everything();
    // It may have been there before, and come back unchanged.
    leftovers.objects.retain(|older| *older != object);
    Ok(Header {
        v: VERSION,
        epoch,
        sequence: saved.sequence,
        deleted: false,
        state: None,
        pieces: Vec::new(),
        outline: None,
        rests: false,
        stages: BTreeMap::new(),
        history: Kept::elsewhere(&saved.history),
        archived: Some(Box::new(Archived {
            object,
            brief,
            is_whole,
        })),
        leftovers,
    })
}

/// What the index needs of a document.
fn indexed(document: Execution) -> Execution {
    let mut trigger = (*document.trigger).clone();
    trigger.retain(|key, _| matches!(key.as_str(), "type" | "eventId" | "correlationId"));
    Execution {
        stages: Vec::new(),
        trigger: trigger.into(),
        source: None,
        notifications: Arc::default(),
        initial_config: Arc::default(),
        system_notifications: Vec::new(),
        notification_receipts: Arc::default(),
        template_variables: None,
        ..document
    }
}

async fn put_header(
    records: &Records,
    execution: &ExecutionId,
    revision: u64,
    header: &Header,
) -> Result<Put, SaveError> {
    let bytes = Bytes::from(pack(serde_json::to_vec(header)?));
    let key = header_key(execution);
    Ok(records.kv.put_if(&key, revision, bytes, None).await?)
}
