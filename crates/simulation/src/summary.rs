//! What a run amounted to, in one line.

use std::fmt;

/// Counts of one run; the same seed gives the same, digit for digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// Executions that were there at the end, children included.
    pub executions: u64,
    /// Their stages.
    pub stages: u64,
    /// Calls of the outside.
    pub calls: u64,
    /// Those that had an effect.
    pub effects: u64,
    /// Faults that were injected, and their ends.
    pub mishaps: u64,
    /// Messages in the partitions' logs.
    pub log_messages: u64,
    /// How often somebody took a partition over.
    pub takeovers: u64,
    /// Effects that had to be closed before they had ended.
    pub closings: u64,
    /// How often facts referred to a large value.
    pub large: u64,
    /// How often the outside was asked what had happened.
    pub probes: u64,
    /// Executions that had to wait for others of their pipeline.
    pub queued: u64,
    /// Pauses of executions.
    pub pauses: u64,
    /// Stages that waited for their execution window.
    pub windows: u64,
    /// Starts that were refused because of a freeze.
    pub frozen: u64,
    /// Restarts of stages.
    pub restarts: u64,
    /// Parents that were restarted with a child of theirs.
    pub rejoined: u64,
    /// Executions that were started by the end of another one.
    pub followed: u64,
    /// Notifications that were delivered.
    pub delivered: u64,
    /// Those that were given up.
    pub given_up: u64,
    /// Announcements to everybody.
    pub forwarded: u64,
    /// Messages that the broker stored in all.
    pub stored: u64,
    /// Simulated time, in milliseconds.
    pub lasted_ms: u64,
    /// Digest of everything that the broker stored; of several runs, the sum of theirs, in whichever order they ended.
    pub digest: u64,
}

impl Summary {
    /// Adds the counts of another run; the seed stays.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.executions, other.executions),
            (&mut self.stages, other.stages),
            (&mut self.calls, other.calls),
            (&mut self.effects, other.effects),
            (&mut self.mishaps, other.mishaps),
            (&mut self.log_messages, other.log_messages),
            (&mut self.takeovers, other.takeovers),
            (&mut self.closings, other.closings),
            (&mut self.large, other.large),
            (&mut self.probes, other.probes),
            (&mut self.queued, other.queued),
            (&mut self.pauses, other.pauses),
            (&mut self.windows, other.windows),
            (&mut self.frozen, other.frozen),
            (&mut self.restarts, other.restarts),
            (&mut self.rejoined, other.rejoined),
            (&mut self.followed, other.followed),
            (&mut self.delivered, other.delivered),
            (&mut self.given_up, other.given_up),
            (&mut self.forwarded, other.forwarded),
            (&mut self.stored, other.stored),
            (&mut self.lasted_ms, other.lasted_ms),
        ] {
            *sum += more;
        }
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "seed {}: {} executions, {} stages, {} calls, {} effects, {} mishaps, {} log messages, {} take-overs, {} closings, {} large values, {} probes, {} queued, {} pauses, {} windows, {} frozen, {} restarts, {} with a child, {} followed, {} notified, {} not, {} announced, {} stored, {} s, digest {:016x}",
            self.seed,
            self.executions,
            self.stages,
            self.calls,
            self.effects,
            self.mishaps,
            self.log_messages,
            self.takeovers,
            self.closings,
            self.large,
            self.probes,
            self.queued,
            self.pauses,
            self.windows,
            self.frozen,
            self.restarts,
            self.rejoined,
            self.followed,
            self.delivered,
            self.given_up,
            self.forwarded,
            self.stored,
            self.lasted_ms / 1_000,
            self.digest
        )
    }
}
