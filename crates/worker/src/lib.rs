//! The runtime of worker pools: takes tasks, runs them, makes each effect happen once, and tells the owner how they ended.
//!
//! A pool's crate implements [`Task`] for each kind and hands a [`Registry`] of them to a [`Worker`]. The worker pulls tasks
//! of its zone and of any, runs as many as it has slots, keeps the broker and the owners informed, and acknowledges a task
//! only after its owner made the report durable. What is done outside goes through the effect ledger ([`ledger`]), so that a
//! worker that dies between doing and reporting is followed by one that finds what was done.
//!
//! It must never decide what a failure means for a stage (three classes, the engine decides), retry an effect that it can
//! neither find nor safely repeat, log inputs, bodies or secrets, or keep state of its own: everything that must survive is
//! in the broker. `deploy`, `jenkins`, `canary` and `notify` call it, and `gennaker` starts it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod ask;
pub mod asks;
mod attempt;
mod book;
mod ctx;
mod effect;
pub mod exception;
mod holds;
mod incoming;
mod intent;
pub mod ledger;
mod metrics;
mod outcome;
mod report;
mod shared;
mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod worker;

pub use ask::Answers;
pub use ctx::Ctx;
pub use futures_util::future::BoxFuture;
pub use task::{Done, Effect, Failure, GiveUp, Probed, Registry, Stopped, Task};
pub use worker::{Options, Pool, Worker};
