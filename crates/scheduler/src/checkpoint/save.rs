//! Writing a checkpoint.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use gennaker_bus::{Kv, Put};
use gennaker_engine::State;
use gennaker_model::{ExecutionId, Stage, StageId};

use super::{
    Header, RECORD_BYTES_MAX, STAGE_BYTES_INLINE, Saved, VERSION, header_key, mark_key, part_key,
};

/// Why a checkpoint was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// A header of a higher epoch is there: we are deposed.
    #[error("another owner has taken over")]
    Superseded,
    /// The bucket does not take it now.
    #[error("the state bucket does not take it")]
    Bus(#[from] gennaker_bus::Error),
    /// It cannot be encoded.
    #[error("the state cannot be encoded")]
    Encode(#[from] serde_json::Error),
}

/// Writes `state` as of log sequence `sequence`; `None` records a deletion. Returns what is known of its records then.
pub(crate) async fn save(
    kv: &Kv,
    execution: &ExecutionId,
    state: Option<&State>,
    epoch: u64,
    sequence: u64,
    known: &Saved,
) -> Result<Saved, SaveError> {
    let mut saved = Saved {
        sequence,
        mark: known.mark,
        revision: known.revision,
        ..Saved::default()
    };
    let header = match state {
        Some(state) => encode(kv, state, epoch, &mut saved, known).await?,
        None => Header {
            v: VERSION,
            epoch,
            sequence,
            deleted: true,
            state: None,
            pieces: Vec::new(),
            stages: BTreeMap::new(),
        },
    };
    let bytes = Bytes::from(serde_json::to_vec(&header)?);
    saved.revision = commit(kv, execution, bytes, epoch, known.revision).await?;
    let live = state.is_some_and(State::is_live);
    saved.mark = mark(kv, execution, live, known.mark).await?;
    let kept: Vec<&String> = saved
        .pieces
        .iter()
        .chain(saved.stages.values().flat_map(|(_, keys)| keys))
        .collect();
    for key in known
        .pieces
        .iter()
        .chain(known.stages.values().flat_map(|(_, keys)| keys))
    {
        if !kept.contains(&key) {
            delete(kv, key).await?;
        }
    }
    Ok(saved)
}

/// Deletes every record of an execution whose retention has ended.
pub(crate) async fn erase(
    kv: &Kv,
    execution: &ExecutionId,
    known: &Saved,
) -> Result<(), SaveError> {
    for key in known
        .pieces
        .iter()
        .chain(known.stages.values().flat_map(|(_, keys)| keys))
    {
        delete(kv, key).await?;
    }
    kv.delete_if(&header_key(execution), known.revision).await?;
    Ok(())
}

async fn encode(
    kv: &Kv,
    state: &State,
    epoch: u64,
    saved: &mut Saved,
    known: &Saved,
) -> Result<Header, SaveError> {
    let sequence = saved.sequence;
    let execution = &state.doc.id;
    let mut slim = state.clone();
    for stage in &mut slim.doc.stages {
        // A stage that is the very same value as at the last checkpoint is in its old records.
        if let Some((held, keys)) = known.stages.get(&stage.id)
            && Arc::ptr_eq(held, stage)
        {
            saved
                .stages
                .insert(stage.id.clone(), (Arc::clone(stage), keys.clone()));
        } else if weighs(stage) > STAGE_BYTES_INLINE {
            let bytes = Bytes::from(serde_json::to_vec(stage)?);
            let keys =
                put_pieces(kv, execution, stage.id.as_str(), epoch, sequence, &bytes).await?;
            saved
                .stages
                .insert(stage.id.clone(), (Arc::clone(stage), keys));
        } else {
            continue;
        }
        let stub = Stage {
            context: Arc::default(),
            outputs: Arc::default(),
            tasks: Vec::new(),
            ..(**stage).clone()
        };
        *stage = Arc::new(stub);
    }
    let stages: BTreeMap<StageId, Vec<String>> = saved
        .stages
        .iter()
        .map(|(id, (_, keys))| (id.clone(), keys.clone()))
        .collect();
    let bytes = serde_json::to_vec(&slim)?;
    let (state, pieces) = if bytes.len() > RECORD_BYTES_MAX {
        (
            None,
            put_pieces(
                kv,
                execution,
                "header",
                epoch,
                sequence,
                &Bytes::from(bytes),
            )
            .await?,
        )
    } else {
        (Some(slim), Vec::new())
    };
    saved.pieces.clone_from(&pieces);
    Ok(Header {
        v: VERSION,
        epoch,
        sequence,
        deleted: false,
        state,
        pieces,
        stages,
    })
}

/// About how many bytes a stage takes; cheap, because it runs for every stage that changed.
fn weighs(stage: &Stage) -> usize {
    fn value(held: &serde_json::Value) -> usize {
        match held {
            serde_json::Value::String(text) => text.len() + 2,
            serde_json::Value::Array(list) => list.iter().map(value_and_comma).sum(),
            serde_json::Value::Object(map) => map
                .iter()
                .map(|(key, held)| key.len() + 4 + value(held))
                .sum(),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                8
            }
        }
    }
    fn value_and_comma(held: &serde_json::Value) -> usize {
        value(held) + 1
    }
    stage
        .context
        .iter()
        .chain(stage.outputs.iter())
        .map(|(key, held)| key.len() + 4 + value(held))
        .sum()
}

async fn put_pieces(
    kv: &Kv,
    execution: &ExecutionId,
    what: &str,
    epoch: u64,
    sequence: u64,
    bytes: &Bytes,
) -> Result<Vec<String>, SaveError> {
    let mut keys = Vec::new();
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(from + RECORD_BYTES_MAX);
        let key = part_key(execution, what, epoch, sequence, keys.len());
        // The key is new for each epoch and sequence; a repeat of the same checkpoint replaces its own piece.
        let revision = kv.get(&key).await?.map_or(0, |record| record.revision);
        kv.put_if(&key, revision, bytes.slice(from..to), None)
            .await?;
        keys.push(key);
        from = to;
    }
    Ok(keys)
}

async fn commit(
    kv: &Kv,
    execution: &ExecutionId,
    bytes: Bytes,
    epoch: u64,
    known: u64,
) -> Result<u64, SaveError> {
    #[derive(serde::Deserialize)]
    struct Epoch {
        epoch: u64,
    }
    let key = header_key(execution);
    let mut expected = known;
    loop {
        match kv.put_if(&key, expected, bytes.clone(), None).await? {
            Put::Done(revision) => return Ok(revision),
            Put::Conflict => {
                let Some(record) = kv.get(&key).await? else {
                    expected = 0;
                    continue;
                };
                let held: Epoch = serde_json::from_slice(&record.value)?;
                if held.epoch > epoch {
                    return Err(SaveError::Superseded);
                }
                expected = record.revision;
            }
        }
    }
}

async fn mark(kv: &Kv, execution: &ExecutionId, live: bool, known: u64) -> Result<u64, SaveError> {
    let key = mark_key(execution);
    match (live, known) {
        (true, 0) => match kv.put_if(&key, 0, Bytes::from_static(b"1"), None).await? {
            Put::Done(revision) => Ok(revision),
            Put::Conflict => Ok(kv.get(&key).await?.map_or(0, |record| record.revision)),
        },
        (false, revision) if revision > 0 => {
            kv.delete_if(&key, revision).await?;
            Ok(0)
        }
        (_, revision) => Ok(revision),
    }
}

async fn delete(kv: &Kv, key: &str) -> Result<(), SaveError> {
    if let Some(record) = kv.get(key).await? {
        kv.erase(key, record.revision).await?;
    }
    Ok(())
}
