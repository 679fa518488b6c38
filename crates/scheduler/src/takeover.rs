//! Taking a partition over: become the one who appended last, load what is live, replay the rest of the log.
//!
//! 1. Append an `owner` record on the sequence that the leader names. Its own sequence is our epoch.
//! 2. Read the log's first sequence, *then* load the headers with a live mark: an older header with a purged log would be a
//!    lost event.
//! 3. Replay from that first sequence to our own record; a fact counts for an execution only above the sequence in its header.
//!    A missing sequence means that a purge passed us: again from 2.

use std::collections::BTreeMap;

use bytes::Bytes;
use gennaker_bus::{Appended, subject};
use gennaker_engine::{State, apply};
use gennaker_model::ExecutionId;

use crate::{
    checkpoint::{self, LoadError, Saved},
    history::Tail,
    owner::{Recovered, Surroundings, TakenOver},
    record::{Entry, Record, Unreadable, VERSION},
};

/// Why a partition was not taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Somebody else was faster, or a record of a later owner was found.
    #[error("another scheduler has it")]
    Superseded,
    /// The broker does not answer.
    #[error("the broker does not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// A checkpoint cannot be read.
    #[error("a checkpoint cannot be read")]
    Checkpoint(#[from] LoadError),
    /// The log holds what this version cannot read.
    #[error("log message {0} cannot be read")]
    Log(u64, #[source] Unreadable),
    /// The log and the state do not fit: they were restored from different times.
    #[error(
        "log message {sequence} does not fit the state of execution {execution}: the log and the state bucket come from \
         different times; restore both from the same backup"
    )]
    Misfit {
        /// The message.
        sequence: u64,
        /// The execution.
        execution: ExecutionId,
        /// What does not fit.
        #[source]
        misfit: apply::Misfit,
    },
}

/// Headers and marks that are read at the same time.
const READS: usize = 32;

#[derive(Default)]
struct Found {
    state: Option<State>,
    tail: Tail,
    deleted: bool,
    /// It is in the archive, and was not read there.
    archived: bool,
    saved: Saved,
    unsaved: Option<(u64, u64)>,
}

/// Takes the partition over; `nonce` is random for each ownership.
pub(crate) async fn take_over(around: &Surroundings, nonce: String) -> Result<TakenOver, Failure> {
    let last = around.log.last().await?;
    let expected = last.as_ref().map_or(0, |entry| entry.sequence);
    let before: Option<Record> = last
        .as_ref()
        .map(|entry| {
            Record::read(&entry.payload).map_err(|error| Failure::Log(entry.sequence, error))
        })
        .transpose()?;
    let time = around
        .clock
        .now_ms()
        .max(before.map_or(0, |record| record.at));
    let mark = Record {
        v: VERSION,
        at: time,
        owner: Some(around.config.name.clone()),
        entries: Vec::new(),
    };
    let payload =
        serde_json::to_vec(&mark).map_err(|error| Failure::Log(expected, error.into()))?;
    let epoch = match around
        .log
        .append(expected, &format!("{nonce}-0"), Bytes::from(payload))
        .await?
    {
        Appended::Committed(sequence) => sequence,
        Appended::Superseded => return Err(Failure::Superseded),
    };
    loop {
        let first = around.log.first_sequence().await?;
        let mut found = live_ones(around, epoch).await?;
        if replay(around, epoch, first, &mut found).await? {
            let executions = found.into_values().filter_map(recovered).collect();
            return Ok(TakenOver {
                epoch,
                nonce,
                time,
                first,
                executions,
            });
        }
        tracing::info!(
            partition = around.partition,
            "the log was purged while it was read; reading again"
        );
    }
}

fn recovered(found: Found) -> Option<Recovered> {
    let Found {
        state,
        tail,
        deleted,
        saved,
        unsaved,
        archived: _,
    } = found;
    let state = state?;
    (unsaved.is_some() || state.is_live()).then_some(Recovered {
        state,
        tail,
        deleted,
        saved,
        unsaved,
    })
}

async fn live_ones(
    around: &Surroundings,
    epoch: u64,
) -> Result<BTreeMap<ExecutionId, Found>, Failure> {
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    let mut marks = around.records.kv.scan("l").await?;
    let mut ids = Vec::new();
    while let Some(record) = marks.next().await.transpose()? {
        let id = record
            .key
            .strip_prefix("l.")
            .and_then(subject::name)
            .and_then(|name| ExecutionId::new(name).ok());
        ids.extend(id);
    }
    let loads = ids.into_iter().map(|id| async move {
        let found = load(around, &id, epoch).await?;
        Ok::<_, Failure>((id, found))
    });
    stream::iter(loads).buffered(READS).try_collect().await
}

/// What the log says about an execution in the archive is almost always older than that: a take-over does not need the archive.
async fn look_up(around: &Surroundings, id: &ExecutionId, epoch: u64) -> Result<Found, Failure> {
    let Some((written, sequence)) = checkpoint::stands_for(&around.records, id).await? else {
        return load(around, id, epoch).await;
    };
    if written > epoch {
        return Err(Failure::Superseded);
    }
    Ok(Found {
        saved: Saved::of_sequence(sequence),
        archived: true,
        ..Found::default()
    })
}

async fn load(around: &Surroundings, id: &ExecutionId, epoch: u64) -> Result<Found, Failure> {
    let Some(loaded) = checkpoint::load(&around.records, id).await? else {
        return Ok(Found::default());
    };
    if loaded.epoch > epoch {
        return Err(Failure::Superseded);
    }
    let deleted = loaded.state.is_none();
    Ok(Found {
        state: loaded.state,
        tail: loaded.tail,
        deleted,
        saved: loaded.saved,
        ..Found::default()
    })
}

/// Folds the log; false when a part of it was purged meanwhile.
async fn replay(
    around: &Surroundings,
    epoch: u64,
    first: u64,
    found: &mut BTreeMap<ExecutionId, Found>,
) -> Result<bool, Failure> {
    let mut entries = around.log.read(first, epoch).await?;
    let mut expected = first;
    while let Some(entry) = entries.next().await.transpose()? {
        if entry.sequence != expected {
            return Ok(false);
        }
        expected += 1;
        let record =
            Record::read(&entry.payload).map_err(|error| Failure::Log(entry.sequence, error))?;
        for fact in record.entries {
            if !found.contains_key(&fact.x) {
                let loaded = look_up(around, &fact.x, epoch).await?;
                found.insert(fact.x.clone(), loaded);
            }
            let restarted =
                |held: &&mut Found| held.archived && held.saved.sequence < entry.sequence;
            if let Some(held) = found.get_mut(&fact.x).filter(restarted) {
                *held = load(around, &fact.x, epoch).await?;
            }
            if let Some(execution) = found.get_mut(&fact.x) {
                fold(execution, fact, entry.sequence, record.at)?;
            }
        }
    }
    Ok(expected > epoch)
}

fn fold(found: &mut Found, entry: Entry, sequence: u64, at: i64) -> Result<(), Failure> {
    if sequence <= found.saved.sequence {
        return Ok(());
    }
    let Entry { x, e, deleted } = entry;
    let facts = serde_json::to_vec(&e).map_err(|error| Failure::Log(sequence, error.into()))?;
    for event in e {
        match &mut found.state {
            None if found.deleted => {}
            None => found.state = apply::created(&event),
            Some(state) => {
                apply(state, &event).map_err(|misfit| Failure::Misfit {
                    sequence,
                    execution: x.clone(),
                    misfit,
                })?;
            }
        }
    }
    if let Some(state) = &found.state
        && facts.as_slice() != b"[]"
    {
        found.tail.add(state.revision, at, &facts);
    }
    found.deleted |= deleted;
    found.unsaved = Some((
        found.unsaved.map_or(sequence, |(oldest, _)| oldest),
        sequence,
    ));
    Ok(())
}
