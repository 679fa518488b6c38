//! What changed, as it happens: hints of owners, numbered, kept for a while, handed to whoever listens.
//!
//! A hint says that an execution is now at a revision; it carries no document. The last ones stay in a ring, so that a client
//! that was away can go on where it was (`Last-Event-ID`). When that is not possible (another process, too long ago, or a
//! broken connection to the broker during which hints were lost) it is told to `resync`: to read again what it shows.

pub(crate) mod stream;
pub(crate) mod streams;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use gennaker_bus::{Bus, subject};
use gennaker_model::ExecutionId;
use gennaker_runtime::CancellationToken;
use serde::Deserialize;
use tokio::sync::broadcast;

/// Hints that are kept for clients that come back.
const RING: usize = 8_192;

/// Hints that one listener may lag behind before it has to read anew.
const LAG: usize = 1_024;

/// Pause before a subscription that failed is made again.
const RETRY: Duration = Duration::from_secs(1);

/// One change of one execution, as its owner publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Hint {
    pub(crate) execution: String,
    pub(crate) application: String,
    pub(crate) rev: u64,
    /// Absent when the execution was deleted.
    #[serde(default)]
    pub(crate) status: Option<String>,
}

/// What a listener gets.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// A change, with its number.
    Change(u64, Arc<Hint>),
    /// Changes were lost: numbers start anew, here.
    Lost(Cursor),
}

/// Where a listener stands: which ring, and the last number it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) ring: u64,
    pub(crate) number: u64,
}

pub(crate) struct Hub {
    state: Mutex<State>,
    sender: broadcast::Sender<Heard>,
}

struct State {
    ring: u64,
    last: u64,
    kept: VecDeque<(u64, Arc<Hint>)>,
}

/// A listener from a point on.
pub(crate) struct Tail {
    /// Kept changes since that point; `None` when they cannot be had any more.
    pub(crate) missed: Option<Vec<(u64, Arc<Hint>)>>,
    /// Where the listener stands before what follows.
    pub(crate) at: Cursor,
    pub(crate) receiver: broadcast::Receiver<Heard>,
}

/// A listener who only wants to know when to look again.
pub(crate) struct Hints {
    receiver: broadcast::Receiver<Heard>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            sender: broadcast::Sender::new(LAG),
        }
    }

    /// Takes hints in until `cancel`.
    pub(crate) async fn run(&self, bus: &Bus, cancel: CancellationToken) {
        let mut generation = bus.generation();
        while !cancel.is_cancelled() {
            match bus.subscribe(subject::feed_all()).await {
                Ok(mut hints) => {
                    // What was published before this subscription is not known.
                    self.lose();
                    loop {
                        tokio::select! {
                            () = cancel.cancelled() => return,
                            changed = generation.changed() => match changed {
                                Ok(()) => self.lose(),
                                Err(_) => return,
                            },
                            hint = hints.next() => match hint {
                                Some((_, payload)) => self.take(&payload),
                                None => return,
                            },
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "changes cannot be followed just now"
                    );
                    tokio::select! {
                        () = cancel.cancelled() => return,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }

    /// Listens from now on.
    pub(crate) fn follow(&self) -> Hints {
        Hints {
            receiver: self.sender.subscribe(),
        }
    }

    /// Where a listener who starts now stands.
    pub(crate) fn cursor(&self) -> Cursor {
        self.lock().cursor()
    }

    /// Listens from `since` on, or from now on.
    pub(crate) fn tail(&self, since: Option<Cursor>) -> Tail {
        // Under the lock, so that no change falls between what is kept and what will be heard.
        let state = self.lock();
        let receiver = self.sender.subscribe();
        let at = state.cursor();
        let missed = match since {
            None => Some(Vec::new()),
            Some(since) => state.since(since),
        };
        Tail {
            missed,
            at,
            receiver,
        }
    }

    fn take(&self, payload: &Bytes) {
        match serde_json::from_slice::<Hint>(payload) {
            Ok(hint) => {
                let mut state = self.lock();
                let hint = Arc::new(hint);
                state.last += 1;
                let number = state.last;
                if state.kept.len() == RING {
                    state.kept.pop_front();
                }
                state.kept.push_back((number, Arc::clone(&hint)));
                // Nobody listening is fine.
                let _ = self.sender.send(Heard::Change(number, hint));
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a hint cannot be read"
            ),
        }
    }

    fn lose(&self) {
        let mut state = self.lock();
        *state = State::new();
        let _ = self.sender.send(Heard::Lost(state.cursor()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hints {
    /// Returns when something changed that may concern the execution. Never returns when nobody takes hints in.
    pub(crate) async fn changed(&mut self, id: &ExecutionId) {
        loop {
            match self.receiver.recv().await {
                Ok(Heard::Change(_, hint)) if hint.execution != id.as_str() => {}
                Ok(Heard::Change(..) | Heard::Lost(_))
                | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            // Random, so that numbers of another process or of before a loss are not mistaken for ours.
            ring: rand::random(),
            last: 0,
            kept: VecDeque::new(),
        }
    }

    fn cursor(&self) -> Cursor {
        Cursor {
            ring: self.ring,
            number: self.last,
        }
    }

    fn since(&self, since: Cursor) -> Option<Vec<(u64, Arc<Hint>)>> {
        let oldest = self
            .kept
            .front()
            .map_or(self.last + 1, |(number, _)| *number);
        let known =
            since.ring == self.ring && since.number <= self.last && since.number + 1 >= oldest;
        known.then(|| {
            self.kept
                .iter()
                .filter(|(number, _)| *number > since.number)
                .cloned()
                .collect()
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:016x}-{}", self.ring, self.number)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ring, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            ring: u64::from_str_radix(ring, 16).map_err(|_| ())?,
            number: number.parse().map_err(|_| ())?,
        })
    }
}
