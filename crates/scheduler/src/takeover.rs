//! Taking a partition over: become the one who appended last, load what is live, replay the rest of the log.
//!
//! 1. Append an `owner` record on the sequence that the leader names. Its own sequence is our epoch.
//! 2. Read the log's first sequence, *then* load the headers with a live mark: an older header with a purged log would be a
//!    lost event.
//! 3. Replay from that first sequence to our own record; a fact counts for an execution only above the sequence in its header.
//!    A missing sequence means that a purge passed us: again from 2.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use gennaker_bus::{Appended, subject};
use gennaker_engine::{Event, State, apply};
use gennaker_model::ExecutionId;
use gennaker_store::{Object, Unopened};

use crate::{
    checkpoint::{self, LoadError, Loaded, Saved},
    history::Tail,
    owner::{Recovered, Surroundings, TakenOver},
    record::{Entry, Key, Record, Unreadable, VERSION},
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
    #[error(
        "a checkpoint cannot be read; if another version of Gennaker wrote it, that version can, and for a test installation a new data \
         folder will do"
    )]
    Checkpoint(#[from] LoadError),
    /// The log holds what this version cannot read.
    #[error(
        "log message {0} cannot be read; if another version of Gennaker wrote it, that version can"
    )]
    Log(u64, #[source] Unreadable),
    /// A large value of a log message cannot be read.
    #[error("a large value of log message {0} cannot be read")]
    Value(u64, #[source] Unopened),
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
    /// It only waits and has large values, which were not read.
    resting: Option<Box<State>>,
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
            let mut resting = Vec::new();
            let mut executions = Vec::new();
            for mut found in found.into_values() {
                if let Some(state) = found.resting.take() {
                    resting.push((state, found.saved.sequence));
                } else {
                    executions.extend(recovered(found));
                }
            }
            return Ok(TakenOver {
                epoch,
                nonce,
                time,
                first,
                executions,
                resting,
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
        resting: _,
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
        let found = load_live(around, &id, epoch).await?;
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

/// A parked execution with large values needs none of them in memory.
async fn load_live(around: &Surroundings, id: &ExecutionId, epoch: u64) -> Result<Found, Failure> {
    match checkpoint::load_or_rest(&around.records, id).await? {
        None => Ok(Found::default()),
        Some(checkpoint::Found::Resting { epoch: by, .. }) if by > epoch => {
            Err(Failure::Superseded)
        }
        Some(checkpoint::Found::Resting {
            state, sequence, ..
        }) => Ok(Found {
            saved: Saved::of_sequence(sequence),
            resting: Some(state),
            ..Found::default()
        }),
        Some(checkpoint::Found::Whole(loaded)) => found(*loaded, epoch),
    }
}

async fn load(around: &Surroundings, id: &ExecutionId, epoch: u64) -> Result<Found, Failure> {
    match checkpoint::load(&around.records, id).await? {
        None => Ok(Found::default()),
        Some(loaded) => found(loaded, epoch),
    }
}

fn found(loaded: Loaded, epoch: u64) -> Result<Found, Failure> {
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
            let went_on = |held: &&mut Found| {
                (held.archived || held.resting.is_some()) && held.saved.sequence < entry.sequence
            };
            if let Some(held) = found.get_mut(&fact.x).filter(went_on) {
                *held = load(around, &fact.x, epoch).await?;
            }
            if let Some(execution) = found.get_mut(&fact.x)
                && entry.sequence > execution.saved.sequence
            {
                let facts = Facts::of(around, fact, entry.sequence).await?;
                fold(execution, facts, entry.sequence, record.at)?;
            }
        }
    }
    Ok(expected > epoch)
}

/// An entry of the log with its large values.
struct Facts {
    x: ExecutionId,
    events: Vec<Event>,
    /// As a step of the history has them.
    encoded: (Key, Vec<u8>),
    values: BTreeSet<Object>,
    deleted: bool,
}

impl Facts {
    async fn of(around: &Surroundings, entry: Entry, sequence: u64) -> Result<Self, Failure> {
        let unreadable = |error: serde_json::Error| Failure::Log(sequence, error.into());
        let Entry {
            x,
            e,
            sealed,
            deleted,
        } = entry;
        let (events, encoded, values) = match sealed {
            None => {
                let encoded = (Key::Facts, serde_json::to_vec(&e).map_err(unreadable)?);
                (e, encoded, BTreeSet::new())
            }
            Some(sealed) => {
                let text = around.records.blobs.fill(&sealed).await;
                let text = text.map_err(|error| Failure::Value(sequence, error))?;
                let events = serde_json::from_slice(&text).map_err(unreadable)?;
                let encoded = (
                    Key::Sealed,
                    serde_json::to_vec(&sealed).map_err(unreadable)?,
                );
                (events, encoded, sealed.known())
            }
        };
        Ok(Self {
            x,
            events,
            encoded,
            values,
            deleted,
        })
    }
}

fn fold(found: &mut Found, facts: Facts, sequence: u64, at: i64) -> Result<(), Failure> {
    let Facts {
        x,
        events,
        encoded: (key, facts),
        values,
        deleted,
    } = facts;
    if !values.is_empty() {
        Arc::make_mut(&mut found.saved.values).extend(values);
    }
    for event in events {
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
        found.tail.add(state.revision, at, key, &facts);
    }
    found.deleted |= deleted;
    found.unsaved = Some((
        found.unsaved.map_or(sequence, |(oldest, _)| oldest),
        sequence,
    ));
    Ok(())
}
