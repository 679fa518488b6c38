//! The attempts that this process holds: for heartbeats, for aborts, and against running one twice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use gennaker_model::{
    AttemptId, ExecutionId,
    work::{Abort, Order, TaskMessage},
};
use gennaker_runtime::CancellationToken;

type Key = (ExecutionId, AttemptId);

/// The attempts held now. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Holds(Arc<Mutex<BTreeMap<Key, Entry>>>);

struct Entry {
    partition: u32,
    pool: String,
    order: Order,
    cancel: CancellationToken,
    aborted: Arc<AtomicBool>,
}

/// The place of one attempt; leaves the list when dropped.
pub(crate) struct Hold {
    place: Option<(Holds, Key)>,
    /// Cancelled when the attempt shall end: by an abort, or because the process stops.
    pub cancel: CancellationToken,
    aborted: Arc<AtomicBool>,
}

impl Holds {
    /// Takes a place, or `None` when this attempt is held already.
    pub(crate) fn take(&self, message: &TaskMessage, stop: &CancellationToken) -> Option<Hold> {
        let key = (message.execution.clone(), message.attempt);
        let mut entries = self.lock();
        if entries.contains_key(&key) {
            return None;
        }
        let cancel = stop.child_token();
        let aborted = Arc::new(AtomicBool::new(false));
        entries.insert(
            key.clone(),
            Entry {
                partition: message.partition,
                pool: message.pool.clone(),
                order: message.order,
                cancel: cancel.clone(),
                aborted: Arc::clone(&aborted),
            },
        );
        Some(Hold {
            place: Some((self.clone(), key)),
            cancel,
            aborted,
        })
    }

    /// Asks an attempt to end; false when it is not held here. A closing is never aborted: it is what ends an effect.
    pub(crate) fn abort(&self, abort: &Abort) -> bool {
        let entries = self.lock();
        match entries.get(&(abort.execution.clone(), abort.attempt)) {
            Some(Entry {
                order: Order::Run,
                cancel,
                aborted,
                ..
            }) => {
                aborted.store(true, Ordering::Release);
                cancel.cancel();
                true
            }
            Some(Entry {
                order: Order::Close,
                ..
            })
            | None => false,
        }
    }

    /// What is held, by partition.
    pub(crate) fn by_partition_and_pool(&self) -> BTreeMap<(u32, String), Vec<Key>> {
        let mut held: BTreeMap<(u32, String), Vec<Key>> = BTreeMap::new();
        for (key, entry) in self.lock().iter() {
            let addressed = (entry.partition, entry.pool.clone());
            held.entry(addressed).or_default().push(key.clone());
        }
        held
    }

    /// How many attempts are held.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// A hold on no attempt, for work that outlives one.
    pub(crate) fn of_nothing(stop: &CancellationToken) -> Self {
        Self {
            place: None,
            cancel: stop.child_token(),
            aborted: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Whether somebody asked this attempt to end, other than by stopping the process.
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some((holds, key)) = &self.place {
            holds.lock().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::message;

    #[test]
    fn an_attempt_is_held_once_and_let_go() {
        let (holds, stop) = (Holds::default(), CancellationToken::new());
        let hold = holds.take(&message("a", 1), &stop).unwrap();
        assert!(holds.take(&message("a", 1), &stop).is_none());
        let other = holds.take(&message("a", 2), &stop).unwrap();
        assert_eq!(
            holds
                .by_partition_and_pool()
                .into_values()
                .map(|held| held.len())
                .sum::<usize>(),
            2
        );
        drop(hold);
        assert_eq!(holds.count(), 1);
        assert!(holds.take(&message("a", 1), &stop).is_some());
        drop(other);
        assert_eq!(holds.count(), 0);
    }

    #[test]
    fn an_abort_cancels_its_attempt_and_no_closing() {
        let (holds, stop) = (Holds::default(), CancellationToken::new());
        let run = holds.take(&message("a", 1), &stop).unwrap();
        let close = holds
            .take(
                &TaskMessage {
                    order: Order::Close,
                    ..message("a", 2)
                },
                &stop,
            )
            .unwrap();
        for attempt in [1, 2, 3] {
            let abort = Abort {
                execution: message("a", 1).execution,
                attempt: AttemptId(attempt),
            };
            assert_eq!(holds.abort(&abort), attempt == 1);
        }
        assert!(run.is_aborted() && run.cancel.is_cancelled());
        assert!(!close.is_aborted() && !close.cancel.is_cancelled());
        stop.cancel();
        assert!(
            close.cancel.is_cancelled() && !close.is_aborted(),
            "stopping the process is no abort"
        );
    }
}
