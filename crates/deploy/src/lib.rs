//! Tasks of the `deploy` pool: what Clouddriver and Rosco do.
//!
//! One folder per provider, one file per task. It must never decide what a failure means for a stage, or put the data of
//! a Secret into an output. `gennaker` builds its registry and hands it to a worker.
//!
//! What was done is found again in the target itself: every object that a stage applies carries the identity of the effect in the
//! annotation [`EFFECT`], so that a worker that follows a dead one looks before it writes. Tasks are therefore repeatable, and a
//! repetition sends only what is missing.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod artifacts;
mod bake;
mod kubernetes;

use std::sync::Arc;

use gennaker_bake::Baker;
use gennaker_kubernetes::Accounts;
use gennaker_worker::{Registry, Task};

pub use artifacts::{StoredTemplates, answer};
pub use kubernetes::{EFFECT, Patience};

/// The pool's name.
pub const POOL: &str = "deploy";

/// Every task kind of the pool. `clouds` are the clusters, `artifacts` the accounts through which artifacts are read.
#[must_use]
pub fn registry(
    clouds: &Accounts,
    artifacts: &gennaker_artifacts::Accounts,
    baker: &Arc<Baker>,
) -> Registry {
    let mut tasks = kubernetes::tasks(clouds, Patience::default(), Some(artifacts));
    tasks.extend(bake::tasks(artifacts, baker));
    Registry::new(tasks)
}

/// The tasks of the clusters alone, with another patience: how long a cluster that does not answer is tried. Of artifacts only
/// embedded ones are read.
#[must_use]
pub fn registry_with(clouds: &Accounts, patience: Patience) -> Registry {
    let tasks: Vec<Arc<dyn Task>> = kubernetes::tasks(clouds, patience, None);
    Registry::new(tasks)
}
