//! What becomes of complete executions: after a time they move to the archive, after a longer one they are deleted, if at all.
//!
//! A sweep looks at all of them, oldest first, a piece at a time. What it finds is done beside the loop, a few at a time; what
//! is asked about such an execution meanwhile waits for that.

use std::{collections::VecDeque, time::Duration};

use gennaker_model::ExecutionId;
use tokio::time::Instant;

use super::{Arrival, Ended, Owner, Slot};
use crate::{
    chain,
    checkpoint::{self, Moved, SaveError},
    index::{Finished, Place},
    metrics,
};

/// Executions that are moved or erased at the same time.
const AT_ONCE: usize = 4;

/// Executions that a sweep looks at in one turn.
const LOOKED_AT: usize = 500;

/// A take-over has better things to do in its first moments.
const FIRST_AFTER: Duration = Duration::from_secs(10);

/// How long the id of a deleted execution is not free for another, and what might be left of it is kept in mind: longer than
/// anything can be delivered again.
const TRACE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How long large values of an execution that does not exist stay: longer than any command is on its way.
const UNKNOWN_MS: i64 = 24 * 60 * 60 * 1000;

/// How often they are looked for, at most.
const VALUES_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Where a sweep is.
pub(super) struct Sweep {
    /// What was looked at last.
    behind: Option<Place>,
    /// What was found and is not begun.
    due: VecDeque<(ExecutionId, Deed)>,
    /// How many are under way.
    busy: usize,
    next_at: Instant,
    /// When values of executions that do not exist are looked for.
    values_at: Instant,
    moved: u64,
    erased: u64,
    failed: u64,
}

/// What is to be done with an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Move,
    Erase,
    /// Delete large values of an execution that does not exist.
    Forget,
}

/// What was done.
pub(crate) enum Retired {
    Moved(Moved),
    /// Whether it is gone; if not, it was changed, or we may not be the owner any more.
    Erased(bool),
    /// Its values are gone.
    Forgotten,
}

impl Sweep {
    pub fn begin(every: Duration) -> Self {
        Self {
            behind: None,
            due: VecDeque::new(),
            busy: 0,
            next_at: Instant::now() + every.min(FIRST_AFTER),
            values_at: Instant::now() + every,
            moved: 0,
            erased: 0,
            failed: 0,
        }
    }
}

impl Owner {
    /// Goes on with the sweep, if it is time.
    pub(super) fn retire(&mut self) {
        if !self.index.complete {
            return;
        }
        if self.sweep.due.is_empty() && Instant::now() >= self.sweep.next_at {
            self.look_on();
        }
        if Instant::now() >= self.sweep.values_at {
            self.look_for_values();
        }
        while self.sweep.busy < AT_ONCE
            && let Some((id, deed)) = self.sweep.due.pop_front()
        {
            // What is in memory was asked for just now: the next sweep finds it again.
            if self.index.contains(&id) != (deed == Deed::Forget) && !self.slots.contains_key(&id) {
                self.begin_deed(id, deed);
            }
        }
        let sweep = &self.sweep;
        if sweep.behind.is_none() && sweep.due.is_empty() && sweep.busy == 0 {
            self.sum_up();
        }
    }

    /// Finds what is due in the next piece.
    fn look_on(&mut self) {
        let now = self.now();
        let rules = &self.around.config.retention;
        let (finished, next) = self.index.sweep(
            self.sweep.behind.as_ref(),
            now.saturating_sub(rules.first_ms()),
            rules.keep_per_pipeline,
            LOOKED_AT,
        );
        let deed_of = |found: Finished| {
            let age = now - found.build_time;
            let is_over = |limit: i64| age > limit;
            if found.is_recent {
                None
            } else if rules
                .delete_after_ms(&found.application)
                .is_some_and(is_over)
            {
                Some((found.id, Deed::Erase))
            } else if !found.is_archived && is_over(rules.archive_after_ms) {
                Some((found.id, Deed::Move))
            } else {
                None
            }
        };
        self.sweep
            .due
            .extend(finished.into_iter().filter_map(deed_of));
        let is_over = next.is_none();
        self.sweep.behind = next;
        if is_over {
            self.sweep.next_at = Instant::now() + rules.sweep_every;
        }
    }

    fn sum_up(&mut self) {
        let Sweep {
            moved,
            erased,
            failed,
            ..
        } = &mut self.sweep;
        let counts = [moved, erased, failed].map(std::mem::take);
        let [moved, erased, failed] = counts;
        let partition = self.around.partition;
        if counts != [0; 3] {
            tracing::info!(
                partition,
                "of the complete executions of partition {partition}, {moved} were moved to the archive, {erased} were deleted \
                 because of their age, and for {failed} that failed"
            );
        }
    }

    fn begin_deed(&mut self, id: ExecutionId, deed: Deed) {
        let waiting = Vec::new();
        self.slots.insert(id.clone(), Slot::Retiring { waiting });
        self.sweep.busy += 1;
        let records = self.around.records.clone();
        let ownership = self.ownership();
        let before = self.now() - UNKNOWN_MS;
        let sender = self.sender.clone();
        self.beside("retire", async move {
            let outcome = match deed {
                Deed::Move => checkpoint::move_out(&records, &id, &ownership)
                    .await
                    .map(Retired::Moved),
                Deed::Erase => checkpoint::erase(&records, &id, &ownership)
                    .await
                    .map(Retired::Erased),
                Deed::Forget => checkpoint::forget(&records, &id, before, &ownership)
                    .await
                    .map(|()| Retired::Forgotten),
            };
            let _ = sender
                .send(Arrival::Retired {
                    execution: id,
                    outcome,
                })
                .await;
        });
    }

    pub(super) fn retired(&mut self, id: ExecutionId, outcome: Result<Retired, SaveError>) {
        self.sweep.busy -= 1;
        match outcome {
            Ok(Retired::Moved(Moved::Archived(bytes))) => {
                self.index.set_archived(&id, true);
                self.sweep.moved += 1;
                metrics::archived(bytes);
                tracing::debug!(execution.id = %id, "execution {id} is in the archive now");
            }
            Ok(Retired::Erased(true)) => {
                self.index.remove(&id);
                // Of one that somebody deleted only traces were left.
                if self.deleted.remove(&id).is_none() {
                    self.sweep.erased += 1;
                    metrics::erased();
                    tracing::debug!(execution.id = %id, "execution {id} was deleted because of its age");
                }
            }
            Ok(Retired::Moved(Moved::Gone)) => self.index.remove(&id),
            // The next sweep looks at it again.
            Ok(Retired::Moved(Moved::NotNow) | Retired::Erased(false) | Retired::Forgotten) => {}
            Err(SaveError::Superseded) => self.ended = Some(Ended::Superseded),
            Err(error) => {
                self.sweep.failed += 1;
                metrics::archive_failed();
                tracing::warn!(
                    execution.id = %id,
                    "execution {id} can be neither archived nor deleted now: {}", chain(&error)
                );
            }
        }
        if let Some(Slot::Retiring { mut waiting }) = self.slots.remove(&id) {
            // What was stored may be gone.
            for work in &mut waiting {
                work.values = None;
            }
            self.ready.extend(waiting);
        }
        self.retire();
    }

    /// Looks for large values of executions that do not exist: of starts that were refused, of reports that came too late.
    fn look_for_values(&mut self) {
        self.sweep.values_at =
            Instant::now() + VALUES_EVERY.max(self.around.config.retention.sweep_every);
        let blobs = self.around.records.blobs.clone();
        let before = self.now() - UNKNOWN_MS;
        let sender = self.sender.clone();
        self.beside("old values", async move {
            match blobs.older_than(before).await {
                Ok(names) => {
                    let found = names
                        .into_iter()
                        .filter_map(|name| ExecutionId::new(name).ok());
                    let _ = sender.send(Arrival::OldValues(found.collect())).await;
                }
                Err(error) => {
                    tracing::warn!(
                        "values of executions that do not exist cannot be looked for: {}",
                        chain(&error)
                    );
                }
            }
        });
    }

    /// Of executions with old values, deletes those of what does not exist.
    pub(super) fn forget_values(&mut self, found: Vec<ExecutionId>) {
        for id in found {
            // Of one that was deleted everything goes in its time.
            if self.is_ours(&id) && !self.index.contains(&id) && !self.deleted.contains_key(&id) {
                self.sweep.due.push_back((id, Deed::Forget));
            }
        }
        self.retire();
    }

    /// Forgets executions that were deleted long ago, with what might be left of them.
    pub(super) fn forget_deleted(&mut self) {
        if !self.index.complete {
            return;
        }
        let instant = self.now() - TRACE_MS;
        let free = AT_ONCE.saturating_sub(self.sweep.busy);
        let old = self
            .deleted
            .iter()
            .filter(|(id, at)| **at < instant && !self.slots.contains_key(*id));
        let old: Vec<ExecutionId> = old.map(|(id, _)| id.clone()).take(free).collect();
        for id in old {
            self.begin_deed(id, Deed::Erase);
        }
    }
}
