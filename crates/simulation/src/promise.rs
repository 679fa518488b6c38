//! What the system promises, and the finding that it broke one of them.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A promise that a run watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// 1.
    NothingLost,
    /// 2.
    NoZombies,
    /// 3.
    EffectOnce,
    /// 4.
    NeverBackwards,
    /// No more executions of a pipeline run at once than it allows, and none waits when there is room.
    Limits,
    /// Nothing begins in what is paused or cancelled.
    Stops,
    /// A stage begins inside its execution window, or when a person says so.
    Windows,
    /// Nothing of a frozen pipeline begins.
    Frozen,
    /// A parent knows how its child ended, and goes on with a child that is restarted.
    Families,
    /// Each end starts whatever waits for it once, each notification is sent, and what everybody is to hear is stored.
    Told,
    /// Everything ends once nothing goes wrong any more.
    Ends,
    /// No part of the system panics or ends by itself.
    StandsUp,
    /// One seed gives the same bytes every time.
    Repeats,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was seen, in a sentence.
    pub sentence: String,
    /// When, in milliseconds of the run.
    pub at_ms: u64,
}

/// The first violation of a run. Clones share it.
#[derive(Clone)]
pub(crate) struct Verdict {
    began: tokio::time::Instant,
    found: Arc<Mutex<Option<Violation>>>,
}

impl Verdict {
    pub fn new() -> Self {
        Self {
            began: tokio::time::Instant::now(),
            found: Arc::default(),
        }
    }

    /// Writes down that a promise was broken; the first finding counts, the rest follows from it.
    pub fn broken(&self, promise: Promise, sentence: impl Into<String>) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (mut found, sentence) = (self.lock(), sentence.into());
        found.get_or_insert_with(|| Violation {
            promise,
            sentence,
            at_ms,
        });
    }

    pub fn found(&self) -> Option<Violation> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Violation>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NothingLost => "an acknowledged request is never lost",
            Self::NoZombies => "no zombies: what runs is moved by something",
            Self::EffectOnce => "an effect happens once",
            Self::NeverBackwards => {
                "a finished thing stays finished, and a stale writer or reader is refused"
            }
            Self::Limits => {
                "no more executions of a pipeline run at once than it allows, and none waits when there is room"
            }
            Self::Stops => "nothing begins in what is paused or cancelled",
            Self::Windows => "a stage begins inside its execution window",
            Self::Frozen => "nothing of a frozen pipeline begins",
            Self::Families => {
                "a parent knows how its child ended, and goes on with one that is restarted"
            }
            Self::Told => {
                "what an execution tells is heard: each end starts once what waits for it, each notification is sent"
            }
            Self::Ends => "everything ends once nothing goes wrong any more",
            Self::StandsUp => "no part of the system panics or ends by itself",
            Self::Repeats => "one seed gives the same bytes every time",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "at {} ms: {} (the promise: {})",
            self.at_ms, self.sentence, self.promise
        )
    }
}
