//! Tasks of the `canary` pool: metrics from their sources, judged, as Kayenta does.
//!
//! One analysis is one task. It reads and changes nothing outside, so a worker that is lost in the middle is followed by one
//! that does it again.
//!
//! | module | what it does | Kayenta |
//! |---|---|---|
//! | `accounts` | where metrics can be had | account properties of each source |
//! | `request` | scopes and thresholds of one analysis | `CanaryExecutionRequest` |
//! | `template` | `${…}` of queries | `QueryConfigUtils`, Commons Text |
//! | `prometheus`, … | one metric source each | `kayenta-prometheus`, … |
//! | `mixer` | series of both sides to pairs | `MetricSetMixerService` |
//! | `analysis` | all of it, in order | `CanaryController`, the stages of its pipeline |
//! | `task` | the task of the pool | `RunKayentaCanaryTask` of orca |
//!
//! It must never decide what a failed analysis means for a stage, log queries' results or secrets, or keep state. `gennaker`
//! builds its [`registry`] and hands it to a worker.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod accounts;
mod analysis;
mod atlas;
mod cloudwatch;
mod datadog;
mod events;
mod generic;
mod graphite;
mod influxdb;
mod metric_set;
mod mixer;
mod newrelic;
mod prometheus;
mod request;
mod signalfx;
mod source;
mod stackdriver;
mod task;
mod template;
#[cfg(test)]
mod testing;
mod wavefront;

use std::sync::Arc;

use gennaker_outbound::Client;
use gennaker_store::Store;
use gennaker_worker::Registry;

pub use accounts::{Account, Accounts, Credentials, SourceKind};

/// The pool's name.
pub const POOL: &str = "canary";

/// Every task kind of the pool. `client` may call the addresses of the accounts, which operators choose.
#[must_use]
pub fn registry(client: &Client, store: &Store, accounts: &Arc<Accounts>) -> Registry {
    let task = task::RunCanary::new(client.clone(), store.clone(), Arc::clone(accounts));
    Registry::new([Arc::new(task) as Arc<dyn gennaker_worker::Task>])
}
