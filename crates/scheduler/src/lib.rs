//! Owns partitions: replays their logs, drives the engine, performs effects, keeps timers.
//!
//! One loop per partition owns everything of it and waits for nothing but its own append:
//!
//! ```text
//! gather   commands, reports, due timers, answers        (up to a limit, without waiting)
//! decide   engine::decide for each, on the state in memory
//! append   all facts of the group as one message, expecting the sequence we know
//! release  after the acknowledgement, and only then: tasks, answers, messages, timers, hints
//! ```
//!
//! Correctness comes from the expected sequence alone: whoever appended last owns the partition, and a former owner learns
//! that it is deposed by its next append or by the leader read that every answer without an append needs. Leases
//! (module `assignment`) only say who should try.
//!
//! It never talks to a target system, and never answers before what it answers is durable. Called by `gennaker` (the
//! `scheduler` role) and by the simulation.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod assignment;
mod checkpoint;
mod config;
mod history;
mod index;
pub mod inspect;
mod listeners;
mod lookup;
mod metrics;
mod owner;
mod ownership;
mod packing;
mod record;
mod takeover;
mod wheel;

pub use assignment::Scheduler;
pub use config::{Config, Retention};
pub(crate) use gennaker_telemetry::chain;
