//! What every part of a worker process shares.

use std::{sync::Arc, time::Duration};

use gennaker_bus::Bus;
use gennaker_model::{routing::fnv1a64, work::TaskMessage};
use gennaker_runtime::{Clock, Scope};
use gennaker_store::Blobs;
use tokio::sync::Semaphore;

use crate::{Registry, holds::Holds};

pub(crate) struct Shared {
    pub bus: Bus,
    /// Where large values lie.
    pub blobs: Blobs,
    pub clock: Clock,
    /// Name of the process, for people.
    pub name: String,
    /// The name with a part that a restart does not share, for the ledger.
    pub me: String,
    pub zone: Option<String>,
    pub seed: u64,
    pub holds: Holds,
    pub scope: Scope,
}

/// One pool that the process serves.
pub(crate) struct PoolState {
    pub name: String,
    pub tasks: Registry,
    pub slots: Arc<Semaphore>,
    /// How often the broker is told that a task is being worked on: a third of the time it waits for that.
    pub progress_every: Duration,
}

impl Shared {
    /// A seed for the delays of one attempt: the same attempt in the same process waits the same times again.
    pub(crate) fn seed_for(&self, message: &TaskMessage) -> u64 {
        let attempt = format!("{}/{}", message.execution, message.attempt);
        self.seed ^ fnv1a64(attempt.as_bytes())
    }
}
