//! Keeping executions: checkpoints, purging the log, leaving memory, coming back.

use std::{sync::Arc, time::Duration};

use gennaker_engine::State;
use gennaker_model::{ExecutionId, command::RefusalCode};
use tokio::sync::OwnedSemaphorePermit;

use super::{Arrival, Ended, Live, Owner, Recovered, Saving, Slot, work::Work};
use crate::{
    checkpoint::{self, LoadError, Loaded, SaveError},
    metrics,
};

/// Pause before a load that failed is tried again.
const LOAD_AGAIN: Duration = Duration::from_millis(250);

/// Why an execution was not loaded.
pub(crate) enum NotLoaded {
    /// It is tried again.
    Now(String),
    /// The archive does not show it; whoever asks is told so.
    Archived {
        /// Whether it may later.
        is_transient: bool,
        /// Why not.
        reason: String,
    },
}

impl From<LoadError> for NotLoaded {
    fn from(error: LoadError) -> Self {
        let reason = crate::chain(&error);
        match error {
            LoadError::Archive(error) => Self::Archived {
                is_transient: error.is_transient(),
                reason,
            },
            LoadError::Bus(_)
            | LoadError::Value(_)
            | LoadError::Decode(..)
            | LoadError::Damaged(..)
            | LoadError::Torn(_) => Self::Now(reason),
        }
    }
}

impl Owner {
    /// Takes what take-over found: arms timers, publishes open tasks, sends open messages and lookups.
    pub(super) fn adopt(&mut self, executions: Vec<Recovered>) {
        let now = self.now();
        for recovered in executions {
            let Recovered {
                state,
                tail,
                deleted,
                saved,
                unsaved,
            } = recovered;
            let id = state.doc.id.clone();
            if let Some((oldest, _)) = unsaved {
                self.unsaved.insert(id.clone(), oldest);
            }
            if deleted {
                self.deleted.insert(id.clone(), now);
            } else {
                self.index.put(&state.doc);
                self.note(&state);
            }
            let changed = unsaved.map_or(saved.sequence, |(_, newest)| newest);
            let live = Live {
                state,
                tail,
                saved,
                changed,
                saving: false,
                held: None,
                deleted,
            };
            self.slots.insert(id.clone(), Slot::Live(Box::new(live)));
            self.resume(&id, now);
        }
    }

    /// Takes what only waits, without reading its large values.
    pub(super) fn adopt_resting(&mut self, resting: Vec<(Box<State>, u64)>) {
        for (state, sequence) in resting {
            let id = state.doc.id.clone();
            self.index.put(&state.doc);
            self.note(&state);
            for (timer, due) in &state.book.timers {
                self.wheel.arm(&id, timer, *due);
            }
            self.slots.insert(id, Slot::Parked { sequence });
        }
    }

    /// Does again everything that an execution has open.
    pub(super) fn resume(&mut self, id: &ExecutionId, now: i64) {
        let Some(Slot::Live(live)) = self
            .slots
            .get(id)
            .filter(|slot| !matches!(slot, Slot::Live(live) if live.deleted))
        else {
            return;
        };
        let state = live.state.clone();
        for (timer, due) in &state.book.timers {
            self.wheel.arm(id, timer, *due);
        }
        for (number, attempt) in &state.book.attempts {
            let message = state.message_of(*number, attempt, self.around.partition);
            self.publish(message, now);
        }
        for peer in state.sendable() {
            self.send_peer(peer.clone());
        }
        for number in state.book.announcements.open.keys() {
            state
                .telling(*number)
                .into_iter()
                .for_each(|telling| self.tell(telling));
        }
        for lookup in state.book.lookups.keys() {
            self.look_up(id.clone(), lookup.clone());
        }
        if state.book.interrupted || !gennaker_engine::audit::zombies(&state).is_empty() {
            self.ready.push_back(Work::audited(id.clone()));
        }
    }

    /// Loads an execution; `waiting` goes on when it is there.
    pub(super) fn load(&mut self, id: &ExecutionId, sequence: u64, waiting: Vec<Work>) {
        self.slots
            .insert(id.clone(), Slot::Loading { waiting, sequence });
        let records = self.around.records.clone();
        let sender = self.sender.clone();
        let execution = id.clone();
        self.beside("load", async move {
            let outcome = match checkpoint::load(&records, &execution).await {
                Ok(loaded) => Ok(loaded.map(Box::new)),
                Err(error) => Err(NotLoaded::from(error)),
            };
            if matches!(outcome, Err(NotLoaded::Now(_))) {
                tokio::time::sleep(LOAD_AGAIN).await;
            }
            let _ = sender.send(Arrival::Loaded { execution, outcome }).await;
        });
    }

    pub(super) fn loaded(
        &mut self,
        id: ExecutionId,
        outcome: Result<Option<Box<Loaded>>, NotLoaded>,
    ) {
        let Some(Slot::Loading { waiting, sequence }) = self.slots.remove(&id) else {
            return;
        };
        let deleted = matches!(&outcome, Ok(Some(loaded)) if loaded.state.is_none());
        let retry = match outcome {
            Ok(Some(loaded)) if loaded.epoch > self.epoch => {
                self.ended = Some(Ended::Superseded);
                return;
            }
            Ok(Some(loaded)) if loaded.saved.sequence >= sequence => {
                self.arrived(&id, *loaded);
                None
            }
            Ok(None) if sequence == 0 => None,
            Ok(_) => Some(format!(
                "the state bucket shows execution {id} older than it is"
            )),
            Err(NotLoaded::Now(error)) => Some(error),
            Err(NotLoaded::Archived {
                is_transient,
                reason,
            }) => return self.not_shown(&id, waiting, is_transient, &reason),
        };
        if let Some(error) = retry {
            tracing::warn!(execution.id = %id, "execution {id} cannot be loaded: {error}; trying again");
            return self.load(&id, sequence, waiting);
        }
        if self.slots.contains_key(&id) {
            self.ready.extend(waiting);
        } else {
            // Whoever counted on it looks again and does not find it.
            self.index.remove(&id);
            let about_it = |work: Work| {
                let deleted = deleted && work.is_about(&id);
                (work, deleted)
            };
            self.absent.extend(waiting.into_iter().map(about_it));
        }
    }

    /// The archive does not show an execution. It is complete, so nothing but questions can wait for it.
    fn not_shown(
        &mut self,
        id: &ExecutionId,
        waiting: Vec<Work>,
        is_transient: bool,
        reason: &str,
    ) {
        metrics::archive_failed();
        let (code, message) = if is_transient {
            tracing::warn!(execution.id = %id, "execution {id} cannot be read from the archive now: {reason}");
            let message = format!("execution {id} is in the archive, which does not answer now");
            (RefusalCode::Busy, message)
        } else {
            tracing::error!(execution.id = %id, "execution {id} cannot be read from the archive: {reason}");
            let message =
                format!("execution {id} is in the archive, and cannot be read there: {reason}");
            (RefusalCode::Internal, message)
        };
        for work in waiting {
            if let Some(responder) = work.responder {
                self.refuse(responder, code, message.clone());
            }
        }
    }

    fn arrived(&mut self, id: &ExecutionId, loaded: Loaded) {
        let Loaded {
            state, tail, saved, ..
        } = loaded;
        let Some(state) = state else { return };
        let changed = saved.sequence;
        self.index.put(&state.doc);
        self.note(&state);
        self.slots.insert(
            id.clone(),
            Slot::Live(Box::new(Live {
                state,
                tail,
                saved,
                changed,
                saving: false,
                held: None,
                deleted: false,
            })),
        );
        let now = self.now();
        self.resume(id, now);
    }

    /// Begins the checkpoint of every execution that changed, and purges what no checkpoint needs any more.
    pub(super) fn checkpoint_due(&mut self) {
        self.to_save.extend(self.unsaved.keys().cloned());
        self.begin_saves();
        let in_memory = |slot: &&Slot| matches!(slot, Slot::Live(_));
        metrics::sizes(
            self.around.partition,
            (self.index.len(), self.index.archived()),
            self.slots.values().filter(in_memory).count(),
            self.wheel.len(),
        );
        self.rest();
        self.purge();
        self.forget_deleted();
        self.retire();
    }

    /// What finished or parked is written at once, so that it can leave memory.
    pub(super) fn save_at_once(&mut self, id: &ExecutionId) {
        if let Some(Slot::Live(live)) = self.slots.get(id)
            && (!live.state.is_live() || live.state.is_parked() || live.deleted)
        {
            self.to_save.insert(id.clone());
            self.begin_saves();
        }
    }

    /// Begins as many of the checkpoints that are wanted as may be under way at once. Those that end begin the others.
    fn begin_saves(&mut self) {
        while let Ok(permit) = Arc::clone(&self.save_slots).try_acquire_owned() {
            let Some(execution) = self.to_save.pop_first() else {
                return;
            };
            self.save(&execution, permit);
        }
    }

    fn save(&mut self, id: &ExecutionId, permit: OwnedSemaphorePermit) {
        let Some(Slot::Live(live)) = self.slots.get_mut(id) else {
            self.unsaved.remove(id);
            return;
        };
        if live.saving || !self.unsaved.contains_key(id) || self.ahead.contains(id) {
            return;
        }
        live.saving = true;
        let state = (!live.deleted).then(|| (live.state.clone(), live.tail.clone()));
        let known = live.saved.clone();
        let (epoch, sequence) = (self.epoch, self.last);
        let records = self.around.records.clone();
        let saves = self.saves.clone();
        let execution = id.clone();
        self.beside("checkpoint", async move {
            let outcome = checkpoint::save(
                &records,
                &execution,
                state.as_ref(),
                epoch,
                sequence,
                &known,
            )
            .await;
            drop(permit);
            let _ = saves.send(Saving { execution, outcome }).await;
        });
    }

    pub(super) fn checkpoint_done(&mut self, saving: Saving) {
        let Saving { execution, outcome } = saving;
        let Some(Slot::Live(live)) = self.slots.get_mut(&execution) else {
            return;
        };
        live.saving = false;
        match outcome {
            Ok(saved) => {
                if saved.sequence >= live.changed {
                    self.unsaved.remove(&execution);
                } else {
                    self.unsaved.insert(execution.clone(), saved.sequence + 1);
                }
                live.tail.forget(saved.moved);
                let values = std::mem::replace(&mut live.saved, saved).values;
                // Those that were stored meanwhile.
                if values
                    .iter()
                    .any(|value| !live.saved.values.contains(value))
                {
                    Arc::make_mut(&mut live.saved.values).extend(values.iter().cloned());
                }
                self.leave_memory(&execution);
                self.save_at_once(&execution);
                self.begin_saves();
            }
            Err(SaveError::Superseded) => self.ended = Some(Ended::Superseded),
            // The next round tries again: what follows would fail in the same way.
            Err(error) => {
                tracing::warn!(execution.id = %execution, "the checkpoint of execution {execution} failed: {error}; the log keeps it meanwhile");
            }
        }
    }

    /// An execution that waits for nothing but a person, a timer or another execution leaves memory, and so does a finished one.
    fn leave_memory(&mut self, id: &ExecutionId) {
        let Some(Slot::Live(live)) = self.slots.get(id) else {
            return;
        };
        if live.saving || live.held.is_some() || self.unsaved.contains_key(id) {
            return;
        }
        if live.deleted || !live.state.is_live() {
            self.slots.remove(id);
        } else if live.state.is_parked() {
            let sequence = live.saved.sequence;
            self.slots.insert(id.clone(), Slot::Parked { sequence });
        }
    }

    /// What was loaded for a question and not changed leaves memory again.
    fn rest(&mut self) {
        let idle: Vec<ExecutionId> = self
            .slots
            .iter()
            .filter(|(id, slot)| {
                matches!(slot, Slot::Live(live) if !live.saving && (!live.state.is_live() || live.state.is_parked()))
                    && !self.unsaved.contains_key(*id)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in idle {
            self.leave_memory(&id);
        }
    }

    /// Purges the log below the oldest change that no acknowledged header has; never the last message.
    fn purge(&mut self) {
        let below = self
            .unsaved
            .values()
            .min()
            .copied()
            .unwrap_or(self.last)
            .min(self.last);
        if below <= self.purged {
            return;
        }
        self.purged = below;
        let log = self.around.log.clone();
        let partition = self.around.partition;
        self.beside("purge", async move {
            if let Err(error) = log.purge_below(below).await {
                tracing::debug!(
                    partition,
                    "the log was not purged: {error}; the next purge does it"
                );
            }
        });
    }
}
