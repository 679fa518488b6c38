//! Numbers of the scheduler role.

use std::time::Duration;

use gennaker_engine::Rules;

/// Settings of one scheduler process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the process, unique among those that run.
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Random number of this process; ids of appends are made from it.
    pub seed: u64,
    /// How long a lease lasts without renewal.
    pub lease_ttl: Duration,
    /// How often it is renewed.
    pub lease_renew: Duration,
    /// Inputs decided in one group.
    pub group_max: usize,
    /// Bytes after which a group is closed.
    pub group_bytes_max: usize,
    /// Bytes of the facts of one input; more is refused. With [`Self::group_bytes_max`] it must stay below the broker's largest
    /// message.
    pub decision_bytes_max: usize,
    /// After a group of [`Self::linger_from`] inputs the next append begins no earlier than this after its append.
    pub linger: Duration,
    /// Inputs in a group that show that many more are on their way.
    pub linger_from: usize,
    /// Requests that may wait; beyond it they are refused as busy.
    pub queue_max: usize,
    /// How often what changed is written to the state bucket.
    pub checkpoint_every: Duration,
    /// How often open things are looked at.
    pub audit_every: Duration,
    /// A task that no worker is known to hold is published again after this time, milliseconds.
    pub unseen_ms: i64,
    /// How long finished executions are kept, milliseconds.
    pub retention_ms: i64,
    /// Numbers of the engine.
    pub rules: Rules,
}

impl Config {
    /// The usual numbers.
    #[must_use]
    pub fn new(name: impl Into<String>, partitions: u32, seed: u64) -> Self {
        Self {
            name: name.into(),
            partitions,
            seed,
            lease_ttl: Duration::from_secs(3),
            lease_renew: Duration::from_secs(1),
            group_max: 256,
            group_bytes_max: 320 * 1024,
            decision_bytes_max: 560 * 1024,
            linger: Duration::from_millis(2),
            linger_from: 8,
            queue_max: 8_192,
            checkpoint_every: Duration::from_secs(1),
            audit_every: Duration::from_secs(5),
            unseen_ms: 15_000,
            retention_ms: 14 * 24 * 60 * 60 * 1000,
            rules: Rules::default(),
        }
    }
}
