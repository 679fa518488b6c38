//! Simulation of the whole system: real schedulers and real workers, over the in-memory twin of the broker and clocks that
//! the simulation drives, with a seed that decides everything that happens and everything that goes wrong.
//!
//! ```text
//! clients ── commands ──► schedulers ── tasks ──► workers ── calls ──► outside
//!    │                        │ appends                                   │
//!    └─ what they were told   └──► witness: every log message,            └─ every call, by its key
//!                                  folded and checked at once
//! ```
//!
//! A run plans random pipelines, starts them through random clients, and meanwhile kills, suspends and cuts off processes,
//! loses, delays and repeats messages, sets clocks and restarts the broker. Then nothing goes wrong any more, and everything
//! must end. After each log message and at each answer the promises are checked ([`Promise`]).
//!
//! One seed gives the same bytes every time: a run has one thread, paused time, and no randomness but its seed. A rule that
//! is broken on purpose ([`Rule`]) must be noticed, or the simulation is worth nothing.
//!
//! It must never be a dependency of anything, nor use a part of the system that production does not. `cargo xtask simulate`
//! and `cargo xtask test` run its program.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod case;
mod client;
mod end;
mod faults;
mod fleet;
mod freezer;
mod knowledge;
mod life;
mod outside;
mod panics;
mod pipelines;
mod promise;
mod random;
mod run;
mod summary;
mod tasks;
#[cfg(test)]
mod tests;
mod told;
mod trace;
mod watch;
mod witness;

pub use promise::{Promise, Violation};
pub use summary::Summary;

use panics::Panics;
use trace::Trace;

/// A rule that can be broken on purpose, in the simulation only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Appends to a log are stored whatever sequence they expect: a former owner is not fenced.
    Fence,
    /// Workers keep no entries in the effect ledger.
    Ledger,
    /// The proof that an answer needs is not read from the log's leader but from what the scheduler itself appended last.
    Proof,
    /// Executions are not routed by their pipeline, so that those of one pipeline do not meet in one owner, who could count them.
    Route,
    /// The end of an execution that others wait for is not stored, although the broker says so.
    Tell,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it amounted to.
    pub summary: Summary,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    /// What happened, if that was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed; `traced` keeps what happened as lines and changes nothing else.
#[must_use]
pub fn run_seed(seed: u64, broken: Option<Rule>, traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO needs nothing from the system");
    let panics = Panics::listen();
    let outcome = runtime.block_on(async {
        let trace = Trace::new(traced);
        let listening = trace.listen();
        let (summary, violation) = run::run(seed, broken, &trace, &panics).await;
        drop(listening);
        Outcome {
            summary,
            violation,
            trace: trace.lines(),
        }
    });
    drop(runtime);
    outcome
}
