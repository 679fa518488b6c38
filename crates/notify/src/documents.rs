//! Documents that clients save by submitting a task: applications and pipelines.
//!
//! All are repeatable: a redelivered task finds what it did before, because new ids are derived from the effect's identity.

mod application_tasks;
mod failure;
mod input;
mod pipeline_tasks;
#[cfg(test)]
mod tests;

pub(crate) use application_tasks::{DeleteApplication, UpsertApplication};
pub(crate) use pipeline_tasks::{DeletePipeline, SavePipeline, UpdatePipeline};

use std::time::Duration;

use gennaker_worker::Effect;

/// Saving takes some round trips to the broker.
const REPEATABLE: Effect = Effect::Repeatable {
    call_ms_max: 20_000,
};

/// Longest save, in one piece.
const CALL_MAX: Duration = Duration::from_secs(20);
