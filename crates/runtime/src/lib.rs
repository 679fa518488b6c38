//! What every long-running part of Gennaker stands on: a clock, a tree of tasks, the wish to stop, and waiting
//! between attempts.
//!
//! * [`Clock`] tells the time as epoch milliseconds and wakes sleepers at a moment of that time. Services take it as
//!   a value and never read the system's clock themselves, so that a simulation can hand them one it drives.
//! * [`Scope`] owns tasks. Nothing in Gennaker is spawned any other way: a scope knows what runs in it by name, stops
//!   it through one tree of cancellation tokens and tells what panicked or would not end.
//! * [`shutdown_signal`] resolves when the operating system asks the process to go.
//! * [`Backoff`] is the one schedule of retries: exponential, full jitter, a ceiling, a seed.
//! * [`program`] runs programs of others within limits, and ends what they leave behind.
//!
//! It must never know what runs on it: no settings, no bus, no wire format. Services and adapters call it, and
//! `gennaker` makes the root [`Scope`] and the [`Clock`] of a process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod backoff;
mod clock;
pub mod program;
mod scope;
mod signal;

pub use backoff::Backoff;
pub use clock::Clock;
pub use scope::{Panicked, Report, Scope};
pub use signal::{Signal, shutdown_signal};
pub use tokio_util::sync::CancellationToken;
