//! Numbers of the scheduler role.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use gennaker_engine::{Forwards, Rules};
use gennaker_intake::AdHocTasks;
use gennaker_stages::Catalogue;

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
    /// Bytes of an execution, and of the facts of one input; more is refused.
    pub execution_bytes_max: usize,
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
    /// What becomes of complete executions.
    pub retention: Retention,
    /// Most executions of one pipeline that may wait for others; one that comes then is cancelled. No limit if there is none.
    pub waiting_max: Option<usize>,
    /// What is told to those who follow all executions.
    pub forwards: Forwards,
    /// Which tasks may be started beside pipelines.
    pub ad_hoc: AdHocTasks,
    /// Numbers of the engine.
    pub rules: Rules,
    /// The stage types.
    pub catalogue: Arc<Catalogue>,
}

/// How long complete executions stay where they are. Times count from when an execution was made (`buildTime`).
///
/// Source: Orca's `OldPipelineCleanupPollingNotificationAgent`, which is off by default and then deletes nothing.
#[derive(Clone, Debug)]
pub struct Retention {
    /// After this time documents move to the archive, milliseconds.
    pub archive_after_ms: i64,
    /// After this time executions are deleted, milliseconds; never if there is none.
    pub delete_after_ms: Option<i64>,
    /// The newest so many executions of each pipeline are neither moved nor deleted, however old they are.
    pub keep_per_pipeline: usize,
    /// Applications, in lower case, whose executions are deleted after [`Self::exceptional_delete_after_ms`].
    pub exceptional_applications: BTreeSet<String>,
    /// Instead of [`field@Self::delete_after_ms`], if that is there, milliseconds.
    pub exceptional_delete_after_ms: i64,
    /// How often all executions are looked at.
    pub sweep_every: Duration,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Default for Retention {
    fn default() -> Self {
        Self {
            archive_after_ms: 30 * DAY_MS,
            delete_after_ms: None,
            keep_per_pipeline: 5,
            exceptional_applications: BTreeSet::new(),
            exceptional_delete_after_ms: 365 * DAY_MS,
            sweep_every: Duration::from_secs(60 * 60),
        }
    }
}

impl Retention {
    /// After which time the executions of an application are deleted.
    pub(crate) fn delete_after_ms(&self, application: &str) -> Option<i64> {
        let usual = self.delete_after_ms?;
        Some(if self.exceptional_applications.contains(application) {
            self.exceptional_delete_after_ms
        } else {
            usual
        })
    }

    /// After which time something may have to be done.
    pub(crate) fn first_ms(&self) -> i64 {
        let deletion = self.delete_after_ms.unwrap_or(i64::MAX);
        self.archive_after_ms
            .min(deletion)
            .min(self.exceptional_delete_after_ms)
    }
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
            execution_bytes_max: 32 << 20,
            linger: Duration::from_millis(2),
            linger_from: 8,
            queue_max: 8_192,
            checkpoint_every: Duration::from_secs(1),
            audit_every: Duration::from_secs(5),
            unseen_ms: 15_000,
            retention: Retention::default(),
            waiting_max: None,
            forwards: Forwards::Nothing,
            ad_hoc: AdHocTasks::default(),
            rules: Rules::default(),
            catalogue: Arc::new(Catalogue::new()),
        }
    }
}
