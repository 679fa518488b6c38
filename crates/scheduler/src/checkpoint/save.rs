//! Writing a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use gennaker_bus::{Kv, Put};
use gennaker_engine::State;
use gennaker_model::{Execution, ExecutionId, Map, Stage, StageId};
use gennaker_store::{Blobs, ObjectError, Unopened, cut};

use super::{
    Header, Leftovers, LoadError, Outline, Part, RECORD_BYTES_MAX, Records, STAGE_BYTES_INLINE,
    Saved, VERSION, archive, header_key, mark_key, part_key,
};
use crate::{
    history::{Kept, ReadError, Tail},
    packing::{Damaged, pack, unpack},
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
    /// The header that is there cannot be read.
    #[error("the header that is there cannot be read")]
    Damaged(#[from] Damaged),
    /// What is to be moved cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The archive, or the place of large values, does not take it.
    #[error(transparent)]
    Archive(#[from] ObjectError),
    /// A large value cannot be read.
    #[error(transparent)]
    Value(#[from] Unopened),
}

impl From<ReadError> for SaveError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Bus(error) => Self::Bus(error),
            ReadError::Damaged(error) => Self::Damaged(error),
        }
    }
}

/// What became of a header that was to be written.
enum Written {
    /// It is there, with this revision.
    Done(u64),
    /// An older owner's late header was there, and is to be replaced.
    Late { revision: u64, header: Box<Header> },
}

/// Writes `state` and the end of its history as of log sequence `sequence`; `None` records a deletion. Returns what is known of
/// its records then.
pub(crate) async fn save(
    records: &Records,
    execution: &ExecutionId,
    state: Option<&(State, Tail)>,
    epoch: u64,
    sequence: u64,
    known: &Saved,
) -> Result<Saved, SaveError> {
    let mut known = known.clone();
    let mut replaced: Vec<String> = Vec::new();
    loop {
        match attempt(records, execution, state, epoch, sequence, &known).await? {
            (Written::Done(_), saved, excess) => {
                replaced.extend(excess);
                if state.is_some() {
                    replaced.extend(known.parts().cloned());
                } else if let Err(error) = delete_all(records, &saved.leftovers)
                    .await
                    .and(forget_values(&records.blobs, execution).await)
                {
                    // The header names it, and is erased in its time with all that it names.
                    tracing::warn!(execution.id = %execution, "not everything of the deleted execution {execution} is gone yet: {}", crate::chain(&error));
                }
                let kept: BTreeSet<&String> = saved.parts().chain(&saved.history.chunks).collect();
                for key in replaced.iter().filter(|key| !kept.contains(key)) {
                    delete(&records.kv, key).await?;
                }
                return Ok(saved);
            }
            (Written::Late { revision, header }, _, _) => {
                // It may have deleted records that we count on, so everything is written anew, from memory.
                replaced.extend(known.parts().cloned());
                replaced.extend(header.pieces);
                replaced.extend(header.stages.into_values().flatten());
                replaced.extend(header.history.chunks);
                known = Saved {
                    revision,
                    pieces: Vec::new(),
                    stages: BTreeMap::new(),
                    ..known
                };
                let ours = &known.history.chunks;
                replaced.retain(|key| !ours.contains(key));
                if let Some(archived) = header.archived {
                    known.leftovers.objects.push(archived.object);
                }
            }
        }
    }
}

/// Deletes what nothing needs any more.
pub(super) async fn delete_all(records: &Records, leftovers: &Leftovers) -> Result<(), SaveError> {
    for key in &leftovers.records {
        delete(&records.kv, key).await?;
    }
    for object in &leftovers.objects {
        records.archive.delete(object).await?;
    }
    Ok(())
}

/// Deletes the large values of an execution that is gone.
pub(super) async fn forget_values(blobs: &Blobs, execution: &ExecutionId) -> Result<(), SaveError> {
    Ok(blobs.forget(execution.as_str()).await?)
}

/// Writes parts and header once; with the keys of history records that are too many now.
async fn attempt(
    records: &Records,
    execution: &ExecutionId,
    state: Option<&(State, Tail)>,
    epoch: u64,
    sequence: u64,
    known: &Saved,
) -> Result<(Written, Saved, Vec<String>), SaveError> {
    let kv = &records.kv;
    let mut saved = Saved {
        sequence,
        mark: known.mark,
        revision: known.revision,
        leftovers: known.leftovers.clone(),
        values: Arc::clone(&known.values),
        ..Saved::default()
    };
    let mut excess = Vec::new();
    let header = match state {
        Some((state, tail)) => {
            excess = keep_history(kv, state, tail, epoch, &mut saved, known).await?;
            let mut header = encode(records, state, epoch, &mut saved, known).await?;
            header.history.clone_from(&saved.history);
            if saved.moved == 0 {
                header.history.set_tail(tail)?;
            }
            // What the archive has is not what it is any more.
            saved.leftovers.objects.extend(known.archived.clone());
            header.leftovers.clone_from(&saved.leftovers);
            header
        }
        None => {
            saved.leftovers = known.everything();
            Header {
                v: VERSION,
                epoch,
                sequence,
                deleted: true,
                state: None,
                pieces: Vec::new(),
                outline: None,
                rests: false,
                stages: BTreeMap::new(),
                history: Kept::default(),
                archived: None,
                leftovers: saved.leftovers.clone(),
            }
        }
    };
    let bytes = Bytes::from(pack(serde_json::to_vec(&header)?));
    let written = commit(kv, execution, bytes, epoch, known.revision).await?;
    if let Written::Done(revision) = written {
        saved.revision = revision;
        let live = state.is_some_and(|(state, _)| state.is_live());
        saved.mark = mark(kv, execution, live, known.mark).await?;
    }
    Ok((written, saved, excess))
}

/// Moves a long tail to a chunk; returns the keys of chunks that are too many now.
async fn keep_history(
    kv: &Kv,
    state: &State,
    tail: &Tail,
    epoch: u64,
    saved: &mut Saved,
    known: &Saved,
) -> Result<Vec<String>, SaveError> {
    saved.history.clone_from(&known.history);
    if !tail.is_long(!state.is_live() || state.is_parked()) {
        return Ok(Vec::new());
    }
    let lines = Bytes::copy_from_slice(tail.lines());
    let place = Place {
        part: Part::History,
        execution: &state.doc.id,
        epoch,
        sequence: saved.sequence,
    };
    let keys = put_pieces(kv, place, "history", &lines).await?;
    saved.moved = tail.len();
    Ok(saved.history.grow(keys))
}

async fn encode(
    records: &Records,
    state: &State,
    epoch: u64,
    saved: &mut Saved,
    known: &Saved,
) -> Result<Header, SaveError> {
    let kv = &records.kv;
    let sequence = saved.sequence;
    let place = Place {
        part: Part::State,
        execution: &state.doc.id,
        epoch,
        sequence,
    };
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
            let bytes = seal(records, &state.doc.id, serde_json::to_vec(stage)?, saved).await?;
            let keys = put_pieces(kv, place, stage.id.as_str(), &bytes).await?;
            saved
                .stages
                .insert(stage.id.clone(), (Arc::clone(stage), keys));
        } else {
            continue;
        }
        // What lists show of it stays.
        let group = stage.context.get_key_value("group");
        let stub = Stage {
            context: Arc::new(
                group
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .into_iter()
                    .collect(),
            ),
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
    let text = serde_json::to_vec(&slim)?;
    let length = text.len();
    let bytes = seal(records, &state.doc.id, text, saved).await?;
    let rests = !saved.values.is_empty() && rests(state);
    let (inline, outline, pieces) = if length > RECORD_BYTES_MAX || bytes.len() < length {
        let outline = outline(slim, state.is_live())?;
        let pieces = put_pieces(kv, place, "header", &bytes).await?;
        (None, Some(Box::new(outline)), pieces)
    } else {
        (Some(slim), None, Vec::new())
    };
    saved.pieces.clone_from(&pieces);
    Ok(Header {
        v: VERSION,
        epoch,
        sequence,
        deleted: false,
        state: inline,
        pieces,
        outline,
        rests,
        stages,
        history: Kept::default(),
        archived: None,
        leftovers: Leftovers::default(),
    })
}

/// What is written for a text: the text, or the text without its large values, which are stored then.
async fn seal(
    records: &Records,
    execution: &ExecutionId,
    text: Vec<u8>,
    saved: &mut Saved,
) -> Result<Bytes, SaveError> {
    let Some(cut) = cut(&text, execution.as_str()) else {
        return Ok(text.into());
    };
    records
        .blobs
        .store(&cut, &text.into(), &saved.values)
        .await?;
    Arc::make_mut(&mut saved.values).extend(cut.sealed.known());
    Ok(cut.sealed.message())
}

/// Whether an execution need not be in memory, and nothing of it has to be mended.
fn rests(state: &State) -> bool {
    state.is_live() && state.is_parked() && gennaker_engine::audit::zombies(state).is_empty()
}

fn outline(mut slim: State, is_live: bool) -> Result<Outline, SaveError> {
    let (doc, is_whole) = archive::brief_of(slim.doc.unexpanded())?;
    slim.doc = doc;
    let book = std::mem::take(&mut slim.book);
    slim.book.timers = book.timers;
    slim.book.waits_since = book.waits_since;
    Ok(Outline {
        state: slim,
        is_whole,
        is_live,
    })
}

/// Whose record, and of which checkpoint.
#[derive(Clone, Copy)]
struct Place<'a> {
    part: Part,
    execution: &'a ExecutionId,
    epoch: u64,
    sequence: u64,
}

/// About how many bytes a document takes.
pub(crate) fn weight(document: &Execution) -> usize {
    let stages: usize = document.stages.iter().map(|stage| weighs(stage)).sum();
    stages + weighs_map(&document.trigger) + weighs_map(&document.initial_config)
}

/// About how many bytes a stage takes; cheap, because it runs for every stage that changed.
fn weighs(stage: &Stage) -> usize {
    weighs_map(&stage.context) + weighs_map(&stage.outputs)
}

fn weighs_map(map: &Map) -> usize {
    map.iter()
        .map(|(key, held)| key.len() + 4 + weighs_value(held))
        .sum()
}

fn weighs_value(held: &serde_json::Value) -> usize {
    match held {
        serde_json::Value::String(text) => text.len() + 2,
        serde_json::Value::Array(list) => list.iter().map(|held| weighs_value(held) + 1).sum(),
        serde_json::Value::Object(map) => weighs_map(map),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => 8,
    }
}

async fn put_pieces(
    kv: &Kv,
    place: Place<'_>,
    what: &str,
    bytes: &Bytes,
) -> Result<Vec<String>, SaveError> {
    let mut keys = Vec::new();
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(from + RECORD_BYTES_MAX);
        let Place {
            part,
            execution,
            epoch,
            sequence,
        } = place;
        let key = part_key(part, execution, what, epoch, sequence, keys.len());
        // The key is new for each epoch and sequence; a repeat of the same checkpoint replaces its own piece.
        let revision = kv.get(&key).await?.map_or(0, |record| record.revision);
        let piece = Bytes::from(pack(bytes[from..to].to_vec()));
        kv.put_if(&key, revision, piece, None).await?;
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
) -> Result<Written, SaveError> {
    let key = header_key(execution);
    let mut expected = known;
    loop {
        match kv.put_if(&key, expected, bytes.clone(), None).await? {
            Put::Done(revision) => return Ok(Written::Done(revision)),
            Put::Conflict => {
                let Some(record) = kv.get(&key).await? else {
                    expected = 0;
                    continue;
                };
                let header: Header = serde_json::from_slice(&unpack(&record.value)?)?;
                if header.epoch > epoch {
                    return Err(SaveError::Superseded);
                }
                return Ok(Written::Late {
                    revision: record.revision,
                    header: Box::new(header),
                });
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
