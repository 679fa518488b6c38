//! Tasks of the `deploy` pool: what Clouddriver and Rosco do.
//!
//! One folder per provider, one file per task. It must never decide what a failure means for a stage, or put the data of
//! a Secret into an output. `gennaker` builds its registry and hands it to a worker.
//!
//! What was done is found again in the target itself: every object that a stage applies carries the identity of the effect in the
//! annotation [`EFFECT`], so that a worker that follows a dead one looks before it writes. Tasks are therefore repeatable, and a
//! repetition sends only what is missing.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod kubernetes;

use std::sync::Arc;

use gennaker_kubernetes::Accounts;
use gennaker_worker::{Registry, Task};

pub use kubernetes::{EFFECT, Patience};

/// The pool's name.
pub const POOL: &str = "deploy";

/// Every task kind of the pool.
#[must_use]
pub fn registry(accounts: &Accounts) -> Registry {
    registry_with(accounts, Patience::default())
}

/// The same with another patience: how long a cluster that does not answer is tried.
#[must_use]
pub fn registry_with(accounts: &Accounts, patience: Patience) -> Registry {
    let tasks: Vec<Arc<dyn Task>> = kubernetes::tasks(accounts, patience);
    Registry::new(tasks)
}
