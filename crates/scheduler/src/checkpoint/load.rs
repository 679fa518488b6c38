//! Reading a checkpoint.

use std::{collections::BTreeSet, sync::Arc};

use gennaker_bus::{Kv, Record};
use gennaker_engine::State;
use gennaker_model::{Execution, ExecutionId, Stage};
use gennaker_store::{Object, ObjectError, Sealed, Unopened};

use super::{Archived, Header, Loaded, Outline, Records, Saved, archive, header_key, mark_key};
use crate::{
    history::Tail,
    packing::{Damaged, unpack},
};

/// Times that a header is read again because a part it named was replaced meanwhile.
const TRIES: usize = 20;

/// Why an execution could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The bucket does not answer.
    #[error("the state bucket does not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// The archive does not answer, or has lost it.
    #[error(transparent)]
    Archive(#[from] ObjectError),
    /// A large value cannot be read.
    #[error(transparent)]
    Value(#[from] Unopened),
    /// The record is not what this version writes.
    #[error("the checkpoint of {0} cannot be read")]
    Decode(ExecutionId, #[source] serde_json::Error),
    /// The record is damaged.
    #[error("the checkpoint of {0} cannot be read")]
    Damaged(ExecutionId, #[source] Damaged),
    /// Parts are missing although nobody replaces them.
    #[error("the checkpoint of {0} has lost a part")]
    Torn(ExecutionId),
}

/// What a header says about an execution, without its parts.
pub(crate) enum Brief {
    /// The document, without what lists leave out.
    Finished {
        document: Box<Execution>,
        /// Nothing is left to be moved to the archive, or deleted after that.
        is_archived: bool,
    },
    /// It still runs.
    Unfinished(ExecutionId),
    /// It was deleted, at this time (epoch milliseconds).
    Deleted(ExecutionId, i64),
}

/// Loads an execution from its header and parts, from the bucket's leader, or from the archive; `None` when it has no header.
pub(crate) async fn load(
    records: &Records,
    execution: &ExecutionId,
) -> Result<Option<Loaded>, LoadError> {
    match records.kv.get(&header_key(execution)).await? {
        Some(record) => load_record(records, execution, record).await.map(Some),
        None => Ok(None),
    }
}

/// What take-over finds of a live execution.
pub(crate) enum Found {
    /// All of it.
    Whole(Box<Loaded>),
    /// It has large values and only waits. This is what its owner needs to let it.
    Resting {
        /// The document as lists show it, and the timers; not for decisions.
        state: Box<State>,
        /// Of the owner that wrote it.
        epoch: u64,
        /// Log sequence up to which it stands.
        sequence: u64,
    },
}

/// As [`load`], but of an execution with large values that only waits no more than its header says.
pub(crate) async fn load_or_rest(
    records: &Records,
    execution: &ExecutionId,
) -> Result<Option<Found>, LoadError> {
    let Some(record) = records.kv.get(&header_key(execution)).await? else {
        return Ok(None);
    };
    let Header {
        epoch,
        sequence,
        state,
        outline,
        rests,
        ..
    } = decode(execution, &record)?;
    let slim = state.or(outline.map(|outline| outline.state));
    if let Some(state) = slim.filter(|_| rests) {
        let state = Box::new(state);
        return Ok(Some(Found::Resting {
            state,
            epoch,
            sequence,
        }));
    }
    let loaded = load_record(records, execution, record).await?;
    Ok(Some(Found::Whole(Box::new(loaded))))
}

/// The epoch and the log sequence that the header of an execution in the archive stands for; `None` when it is not there.
pub(crate) async fn stands_for(
    records: &Records,
    execution: &ExecutionId,
) -> Result<Option<(u64, u64)>, LoadError> {
    let Some(record) = records.kv.get(&header_key(execution)).await? else {
        return Ok(None);
    };
    let header = decode(execution, &record)?;
    let stands_for = (header.epoch, header.sequence);
    Ok(header.archived.is_some().then_some(stands_for))
}

/// The document of an execution as a list shows it; `None` when there is none.
pub(crate) async fn shown(
    records: &Records,
    execution: &ExecutionId,
    expand: bool,
) -> Result<Option<Execution>, LoadError> {
    let Some(record) = records.kv.get(&header_key(execution)).await? else {
        return Ok(None);
    };
    if !expand {
        let header = decode(execution, &record)?;
        if header.deleted {
            return Ok(None);
        }
        if let Some(state) = header.state {
            return Ok(Some(state.doc.unexpanded()));
        }
        if let Some(outline) = header.outline.filter(|outline| outline.is_whole) {
            return Ok(Some(outline.state.doc));
        }
        if let Some(archived) = header.archived.filter(|archived| archived.is_whole) {
            return Ok(Some(archived.brief));
        }
    }
    let loaded = load_record(records, execution, record).await?;
    let document = loaded.state.map(|state| state.doc);
    Ok(document.map(|document| match expand {
        true => document,
        false => document.unexpanded(),
    }))
}

/// The brief of a header; `None` for what cannot be read (which is logged).
pub(crate) async fn brief_of(records: &Records, record: Record) -> Option<Brief> {
    let execution = gennaker_bus::subject::name(record.key.strip_prefix("x.")?)?;
    let execution = ExecutionId::new(execution).ok()?;
    match read_brief(records, &execution, record).await {
        Ok(brief) => Some(brief),
        Err(error) => {
            tracing::error!(execution.id = %execution, "execution {execution} is left out of lists: {error}");
            None
        }
    }
}

async fn read_brief(
    records: &Records,
    execution: &ExecutionId,
    record: Record,
) -> Result<Brief, LoadError> {
    let written = i64::try_from(record.time_ms).unwrap_or(i64::MAX);
    let header = decode(execution, &record)?;
    if header.deleted {
        return Ok(Brief::Deleted(execution.clone(), written));
    }
    if let Some(archived) = header.archived {
        return Ok(Brief::Finished {
            document: Box::new(archived.brief),
            is_archived: header.leftovers.is_empty(),
        });
    }
    if let Some(Outline { state, is_live, .. }) = header.outline.map(|outline| *outline) {
        return Ok(match is_live {
            true => Brief::Unfinished(execution.clone()),
            false => Brief::Finished {
                document: Box::new(state.doc),
                is_archived: false,
            },
        });
    }
    // The parts hold nothing that lists show.
    let state = match header.state {
        Some(state) => Some(state),
        None => load_record(records, execution, record).await?.state,
    };
    Ok(match state {
        None => Brief::Deleted(execution.clone(), written),
        Some(state) if state.is_live() => Brief::Unfinished(execution.clone()),
        Some(state) => Brief::Finished {
            document: Box::new(state.doc.unexpanded()),
            is_archived: false,
        },
    })
}

/// Loads an execution whose header was read already.
pub(super) async fn load_record(
    records: &Records,
    execution: &ExecutionId,
    mut record: Record,
) -> Result<Loaded, LoadError> {
    for _ in 0..TRIES {
        let missing = match assemble(records, execution, &record).await {
            Ok(Some(loaded)) => return Ok(loaded),
            Ok(None) => LoadError::Torn(execution.clone()),
            Err(LoadError::Archive(lost @ ObjectError::Lost { .. })) => LoadError::Archive(lost),
            // So was what a value of a part is in, or the whole was erased.
            Err(LoadError::Value(lost @ Unopened::Value(ObjectError::Lost { .. }))) => {
                LoadError::Value(lost)
            }
            Err(error) => return Err(error),
        };
        // A part that is gone was replaced: then the header has changed too.
        match records.kv.get(&header_key(execution)).await? {
            Some(newer) if newer.revision != record.revision => record = newer,
            Some(_) | None => return Err(missing),
        }
    }
    Err(LoadError::Torn(execution.clone()))
}

pub(super) fn decode(execution: &ExecutionId, record: &Record) -> Result<Header, LoadError> {
    let plain =
        unpack(&record.value).map_err(|error| LoadError::Damaged(execution.clone(), error))?;
    serde_json::from_slice(&plain).map_err(|error| LoadError::Decode(execution.clone(), error))
}

async fn assemble(
    records: &Records,
    execution: &ExecutionId,
    record: &Record,
) -> Result<Option<Loaded>, LoadError> {
    let Records { kv, .. } = records;
    let undecoded = |error| LoadError::Decode(execution.clone(), error);
    let header = decode(execution, record)?;
    let epoch = header.epoch;
    let mut saved = Saved {
        revision: record.revision,
        sequence: header.sequence,
        leftovers: header.leftovers,
        ..Saved::default()
    };
    if header.deleted {
        return Ok(Some(Loaded {
            state: None,
            tail: Tail::default(),
            epoch,
            saved,
        }));
    }
    saved.history = header.history;
    let mut values = BTreeSet::new();
    if let Some(archived) = header.archived {
        let Archived { object, .. } = *archived;
        let (state, tail) = archive::fetch(records, execution, &object, &mut values).await?;
        saved.archived = Some(object);
        saved.values = Arc::new(values);
        return Ok(Some(Loaded {
            state: Some(state),
            tail,
            epoch,
            saved,
        }));
    }
    let mut state: State = match header.state {
        Some(state) => state,
        None => match read_pieces(kv, execution, &header.pieces).await? {
            Some(bytes) => {
                let text = whole(records, execution, bytes, &mut values).await?;
                serde_json::from_slice(&text).map_err(undecoded)?
            }
            None => return Ok(None),
        },
    };
    saved.pieces = header.pieces;
    let tail = saved.history.take_tail().map_err(undecoded)?;
    for stage in &mut state.doc.stages {
        let Some(keys) = header.stages.get(&stage.id) else {
            continue;
        };
        let Some(bytes) = read_pieces(kv, execution, keys).await? else {
            return Ok(None);
        };
        let text = whole(records, execution, bytes, &mut values).await?;
        *stage = Arc::new(serde_json::from_slice::<Stage>(&text).map_err(undecoded)?);
        saved
            .stages
            .insert(stage.id.clone(), (Arc::clone(stage), keys.clone()));
    }
    saved.values = Arc::new(values);
    if state.is_live() {
        saved.mark = kv
            .get(&mark_key(execution))
            .await?
            .map_or(0, |record| record.revision);
    }
    Ok(Some(Loaded {
        state: Some(state),
        tail,
        epoch,
        saved,
    }))
}

/// The whole text of what was read; its large values are added to `values`.
async fn whole(
    records: &Records,
    execution: &ExecutionId,
    read: Vec<u8>,
    values: &mut BTreeSet<Object>,
) -> Result<Vec<u8>, LoadError> {
    let sealed = Sealed::of_message(&read);
    match sealed.map_err(|error| LoadError::Decode(execution.clone(), error))? {
        Some(sealed) => opened(records, &sealed, values).await,
        None => Ok(read),
    }
}

/// The whole text; its large values are added to `values`.
pub(super) async fn opened(
    records: &Records,
    sealed: &Sealed,
    values: &mut BTreeSet<Object>,
) -> Result<Vec<u8>, LoadError> {
    let text = records.blobs.fill(sealed).await?;
    values.extend(sealed.known());
    Ok(text)
}

async fn read_pieces(
    kv: &Kv,
    execution: &ExecutionId,
    keys: &[String],
) -> Result<Option<Vec<u8>>, LoadError> {
    let mut bytes = Vec::new();
    for key in keys {
        match kv.get(key).await? {
            Some(record) => {
                let plain = unpack(&record.value);
                let plain = plain.map_err(|error| LoadError::Damaged(execution.clone(), error))?;
                bytes.extend_from_slice(&plain);
            }
            None => return Ok(None),
        }
    }
    Ok(Some(bytes))
}
