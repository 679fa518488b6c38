//! Reading a checkpoint.

use std::sync::Arc;

use gennaker_bus::{Kv, Record};
use gennaker_engine::State;
use gennaker_model::{ExecutionId, Stage};

use super::{Header, Loaded, Saved, header_key, mark_key};
use crate::{
    history::Tail,
    packing::{Damaged, unpack},
};

/// Times that a header is read again because a part it named was replaced meanwhile.
const TRIES: usize = 20;

/// Loads an execution from its header and parts, from the bucket's leader; `None` when it has no header.
pub(crate) async fn load(kv: &Kv, execution: &ExecutionId) -> Result<Option<Loaded>, LoadError> {
    let Some(record) = kv.get(&header_key(execution)).await? else {
        return Ok(None);
    };
    load_record(kv, execution, record).await.map(Some)
}

/// Loads an execution whose header was read already.
pub(crate) async fn load_record(
    kv: &Kv,
    execution: &ExecutionId,
    mut record: Record,
) -> Result<Loaded, LoadError> {
    for _ in 0..TRIES {
        if let Some(loaded) = assemble(kv, execution, &record).await? {
            return Ok(loaded);
        }
        // A part that is gone was replaced: then the header has changed too.
        record = kv
            .get(&header_key(execution))
            .await?
            .ok_or_else(|| LoadError::Torn(execution.clone()))?;
    }
    Err(LoadError::Torn(execution.clone()))
}

async fn assemble(
    kv: &Kv,
    execution: &ExecutionId,
    record: &Record,
) -> Result<Option<Loaded>, LoadError> {
    let decode = |error| LoadError::Decode(execution.clone(), error);
    let plain =
        unpack(&record.value).map_err(|error| LoadError::Damaged(execution.clone(), error))?;
    let header: Header = serde_json::from_slice(&plain).map_err(decode)?;
    let mut saved = Saved {
        revision: record.revision,
        sequence: header.sequence,
        ..Saved::default()
    };
    if header.deleted {
        return Ok(Some(Loaded {
            state: None,
            tail: Tail::default(),
            epoch: header.epoch,
            saved,
        }));
    }
    let mut state: State = match header.state {
        Some(state) => state,
        None => match read_pieces(kv, execution, &header.pieces).await? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(decode)?,
            None => return Ok(None),
        },
    };
    saved.pieces = header.pieces;
    saved.history = header.history;
    let tail = saved.history.take_tail().map_err(decode)?;
    for stage in &mut state.doc.stages {
        let Some(keys) = header.stages.get(&stage.id) else {
            continue;
        };
        let Some(bytes) = read_pieces(kv, execution, keys).await? else {
            return Ok(None);
        };
        let whole: Stage = serde_json::from_slice(&bytes).map_err(decode)?;
        *stage = Arc::new(whole);
        saved
            .stages
            .insert(stage.id.clone(), (Arc::clone(stage), keys.clone()));
    }
    if state.is_live() {
        saved.mark = kv
            .get(&mark_key(execution))
            .await?
            .map_or(0, |record| record.revision);
    }
    Ok(Some(Loaded {
        state: Some(state),
        tail,
        epoch: header.epoch,
        saved,
    }))
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

/// Why an execution could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The bucket does not answer.
    #[error("the state bucket does not answer")]
    Bus(#[from] gennaker_bus::Error),
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

/// What a header says about an execution that is not live.
pub(crate) enum Brief {
    /// The document, without what lists leave out.
    Finished(Box<gennaker_model::Execution>),
    /// It still runs.
    Unfinished(ExecutionId),
    /// It was deleted, at this time (epoch milliseconds).
    Deleted(ExecutionId, i64),
}

/// The brief of a header; `None` for what cannot be read (which is logged).
pub(crate) async fn document_of(kv: &Kv, record: Record) -> Option<Brief> {
    let key = record.key.clone();
    let written = i64::try_from(record.time_ms).unwrap_or(i64::MAX);
    let execution = gennaker_bus::subject::name(key.strip_prefix("x.")?)?;
    let execution = ExecutionId::new(execution).ok()?;
    match load_record(kv, &execution, record).await {
        Ok(loaded) => {
            let Some(state) = loaded.state else {
                return Some(Brief::Deleted(execution, written));
            };
            if state.is_live() {
                Some(Brief::Unfinished(execution))
            } else {
                Some(Brief::Finished(Box::new(state.doc.unexpanded())))
            }
        }
        Err(error) => {
            tracing::error!(execution.id = %execution, "execution {execution} is left out of lists: {error}");
            None
        }
    }
}
