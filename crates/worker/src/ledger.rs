//! The effect ledger's rules: what to do with an effect, given what its entry says. No IO here.
//!
//! An effect (trigger a build, send a webhook) has one entry in the bucket of its pool, written only by compare-and-set on
//! its revision, so it is the one place where workers, retries and cancels meet. An *intent* says "this worker may be
//! calling right now"; it is written before the call and kept fresh while work goes on. A worker that died leaves a stale
//! intent, and whoever finds it takes it over and asks the target what happened before it does anything.
//!
//! Times. A worker calls only within [`CALL_AFTER_CAS_MS`] of its own last write, and so that the call ends before the
//! heartbeat is [`STALE_AFTER_MS`] old. So a call whose intent is stale has ended on the caller's side; [`SETTLE_MS`] more
//! cover what is still on the wire and clocks that disagree. The age of a foreign heartbeat is counted from the later of
//! the writer's clock and the broker's, so a slow clock of the writer cannot make it look dead; and a heartbeat that did
//! not change for that long while we watched is stale whatever the clocks say.

use gennaker_model::{
    AttemptId,
    work::{Order, Outcome},
};
use serde::{Deserialize, Serialize};

/// Version of [`Entry`].
pub const VERSION: u8 = 1;

/// A heartbeat older than this is that of a dead worker.
pub const STALE_AFTER_MS: i64 = 30_000;

/// A call starts at most this long after the own last write to the entry.
pub const CALL_AFTER_CAS_MS: i64 = 10_000;

/// An intent is renewed this often while its work goes on.
pub const RENEW_MS: i64 = 5_000;

/// How long a call that ended for its caller may still arrive at its target.
pub const SETTLE_MS: i64 = 5_000;

/// A heartbeat plus its call end this much before the heartbeat is stale.
pub const MARGIN_MS: i64 = 500;

/// An entry that changed hands is probed once more after this time: only the target can stop a call of a worker that was
/// suspended between its check and its call.
pub const LATE_PROBE_MS: i64 = 180_000;

/// The record of one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`VERSION`].
    pub v: u8,
    /// How far it is.
    pub state: State,
}

impl Entry {
    /// An entry of the current version.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { v: VERSION, state }
    }
}

/// How far an effect is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", deny_unknown_fields)]
pub enum State {
    /// A worker may be calling.
    Intent {
        /// The process, with a part that its restarts do not share.
        worker: String,
        /// The attempt it does it for.
        attempt: AttemptId,
        /// The worker's clock when it last said so, epoch milliseconds.
        heartbeat_ms: i64,
        /// What the target called it, as soon as that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// Nothing was done, or what was done came to nothing: the next attempt may call without asking the target first.
    Idle {
        /// The attempt that left it.
        attempt: AttemptId,
        /// What that attempt reports; `None` when it was handed back and the same attempt may run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
    },
    /// It happened, or will never: this is the result.
    Done {
        /// The attempt that did it.
        attempt: AttemptId,
        /// The result, for whoever has to report it again.
        outcome: Outcome,
        /// What the target calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// The result is a failure, but something may be there nevertheless.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        uncertain: bool,
    },
    /// It must not happen any more.
    Closed {
        /// The attempt that closed it.
        attempt: AttemptId,
        /// What could not be stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remains: Option<String>,
    },
}

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    /// The own process, as written into intents.
    pub worker: &'a str,
    /// The own attempt.
    pub attempt: AttemptId,
    /// Do it, or see to it that it stays undone.
    pub order: Order,
}

/// When somebody looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Own clock, epoch milliseconds.
    pub now_ms: i64,
    /// When the broker stored the entry, epoch milliseconds of its clock.
    pub stored_ms: i64,
    /// For how long the entry's revision has not changed before our eyes, on our own monotonic clock.
    pub watched_ms: i64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'e> {
    /// Nobody called: write an own intent on this revision, then call.
    Claim,
    /// Nobody called and nobody shall: write `closed` on this revision, then report it.
    Seal,
    /// Its worker is gone and may have called: write an own intent on this revision, wait, then ask the target.
    TakeOver {
        /// Milliseconds until the former call can no longer arrive.
        quiet_ms: i64,
    },
    /// Another worker may be calling: look again.
    Hold {
        /// Milliseconds to wait.
        look_ms: i64,
    },
    /// It is settled: report this.
    Report {
        /// The result.
        outcome: &'e Outcome,
        /// What the target calls what was done.
        reference: Option<&'e str>,
    },
    /// It was done but shall not be: stop it, write `closed` on this revision, then report that.
    Undo {
        /// What the target calls it.
        reference: Option<&'e str>,
        /// Something may be there to stop.
        happened: bool,
    },
    /// It was closed before: report that again.
    ReportClosed {
        /// What could not be stopped.
        remains: Option<&'e str>,
    },
    /// It was closed: the task is of no use any more.
    Drop,
}

/// What `me` does with an effect whose entry is `entry` (`None`: there is none).
#[must_use]
pub fn decide<'e>(entry: Option<&'e Entry>, look: Look, me: Me<'_>) -> Step<'e> {
    let Some(entry) = entry else {
        return nobody_called(me.order);
    };
    match (&entry.state, me.order) {
        (
            State::Intent {
                worker,
                attempt,
                heartbeat_ms,
                ..
            },
            Order::Run | Order::Close,
        ) => {
            // Our own intent without us calling: the call of an earlier delivery ended, at the latest just now.
            if worker == me.worker && *attempt == me.attempt {
                return Step::TakeOver {
                    quiet_ms: SETTLE_MS,
                };
            }
            let age = age_ms(*heartbeat_ms, look);
            if age < STALE_AFTER_MS {
                return Step::Hold {
                    look_ms: (STALE_AFTER_MS - age).clamp(250, 2_000),
                };
            }
            Step::TakeOver {
                quiet_ms: (STALE_AFTER_MS + SETTLE_MS - age).max(0),
            }
        }
        (
            State::Idle {
                attempt,
                outcome: Some(outcome),
            },
            Order::Run,
        ) if *attempt >= me.attempt => Step::Report {
            outcome,
            reference: None,
        },
        (State::Idle { .. }, order) => nobody_called(order),
        (
            State::Done {
                outcome, reference, ..
            },
            Order::Run,
        ) => Step::Report {
            outcome,
            reference: reference.as_deref(),
        },
        (
            State::Done {
                outcome,
                reference,
                uncertain,
                ..
            },
            Order::Close,
        ) => Step::Undo {
            reference: reference.as_deref(),
            happened: *uncertain
                || reference.is_some()
                || matches!(outcome, Outcome::Succeeded { .. }),
        },
        (State::Closed { .. }, Order::Run) => Step::Drop,
        (State::Closed { remains, .. }, Order::Close) => Step::ReportClosed {
            remains: remains.as_deref(),
        },
    }
}

/// How long a call may take that starts now, in milliseconds, or `None` when the intent must be renewed first.
///
/// `wanted_ms` is what the call would like; a shorter time is granted when the heartbeat's age leaves no more.
#[must_use]
pub fn call_limit_ms(heartbeat_ms: i64, now_ms: i64, wanted_ms: i64) -> Option<i64> {
    let age = now_ms - heartbeat_ms;
    let left = STALE_AFTER_MS - MARGIN_MS - age;
    let fresh = (0..=CALL_AFTER_CAS_MS).contains(&age);
    // A renewal resets the age to about nothing; do it only when it buys the caller time.
    let enough = left >= wanted_ms || age < 1_000;
    (fresh && enough).then(|| wanted_ms.min(left))
}

fn nobody_called(order: Order) -> Step<'static> {
    match order {
        Order::Run => Step::Claim,
        Order::Close => Step::Seal,
    }
}

fn age_ms(heartbeat_ms: i64, look: Look) -> i64 {
    (look.now_ms - heartbeat_ms.max(look.stored_ms)).max(look.watched_ms)
}

#[cfg(test)]
mod tests;
