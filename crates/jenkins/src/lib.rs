//! Tasks of the `jenkins` pool: builds on continuous-integration servers, started, followed and stopped for stages.
//!
//! | task | what it does |
//! |---|---|
//! | `startJenkinsJob`, `startScript` | starts a build: an effect with a probe |
//! | `waitForJenkinsJobStart` | waits until what stands in the queue has a number |
//! | `monitorJenkinsJob` | waits for the end of a build |
//! | `getBuildProperties`, `getBuildArtifacts` | reads what it left |
//! | `stopJenkinsJob` | stops it: what a stage that is cancelled, or fails, wants |
//!
//! They serve every kind of server behind [`gennaker_builds::BuildServer`], as in Orca. A worker that dies between starting a build
//! and saying so is followed by one that asks the server for it: by the effect's identity, which goes along where the server takes
//! such a thing, or by what was there before, which is noted in the ledger ahead of the call (see
//! [`gennaker_builds::jenkins`]: what that means for a job without parameters). What can be neither found nor ruled out is not
//! started again: the stage fails and says so.
//!
//! It answers the API's questions about build servers, too. It must never hold a state of its own, log parameters or properties, or
//! decide what a failure means for the pipeline. `gennaker` builds the [`registry`] and hands it to a [`gennaker_worker::Worker`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod answers;
mod failure;
mod monitor;
mod properties;
mod start;
mod stop;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wait;

use std::sync::Arc;

use gennaker_builds::Masters;
use gennaker_worker::{Registry, Task};

pub use answers::answer;
pub use gennaker_model::build_reads::POOL;

/// What the tasks use.
#[derive(Clone, Default)]
pub struct Config {
    /// The servers.
    pub masters: Masters,
    /// Where the UI is: builds then get a description that links to their execution.
    pub ui_url: Option<String>,
    /// Master and job of the stage type `script`.
    pub script: Option<(String, String)>,
}

/// Every task kind of the pool.
#[must_use]
pub fn registry(config: &Config) -> Registry {
    let masters = &config.masters;
    let tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(start::StartJob::new(masters.clone())),
        Arc::new(start::StartScript::new(
            masters.clone(),
            config.script.clone(),
        )),
        Arc::new(wait::WaitForStart::new(
            masters.clone(),
            config.ui_url.clone(),
        )),
        Arc::new(monitor::MonitorJob::new(masters.clone())),
        Arc::new(properties::GetProperties::new(masters.clone())),
        Arc::new(properties::GetArtifacts::new(masters.clone())),
        Arc::new(stop::StopJob::new(masters.clone())),
    ];
    Registry::new(tasks)
}
