//! Tasks of the `canary` pool: metrics from their sources, judged, as Kayenta does.
//!
//! One analysis is one task. It changes nothing outside but its own results, whose ids follow from its own, so a worker that is
//! lost in the middle is followed by one that does it again and leaves the same behind.
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
//! | `storage` | where results lie | `StorageServiceRepository` |
//! | `record` | documents that stay of an analysis | `ExecutionMapper`, `ExecutionArchivalListener` |
//! | `answers` | what the API asks | `kayenta-web` |
//! | `metadata` | names of metrics | `MetadataController` |
//! | `series` | all that a picture needs | - |
//!
//! It must never decide what a failed analysis means for a stage, or log queries' results or secrets. What it keeps lies in `store`. `gennaker`
//! builds its [`registry`] and hands it to a worker.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod accounts;
mod analysis;
mod answers;
mod atlas;
mod cloudwatch;
mod datadog;
mod events;
mod generic;
mod graphite;
mod influxdb;
mod metadata;
mod metric_set;
mod mixer;
mod newrelic;
mod prometheus;
mod record;
mod request;
mod series;
mod signalfx;
mod source;
mod sources;
mod stackdriver;
mod standalone;
mod storage;
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
pub use answers::Kayenta;
pub use storage::{Storage, Storages};

/// The pool's name.
pub const POOL: &str = "canary";

/// Every task kind of the pool. `client` may call the addresses of the accounts, which operators choose.
#[must_use]
pub fn registry(
    client: &Client,
    store: &Store,
    accounts: &Arc<Accounts>,
    storages: &Storages,
) -> Registry {
    let (client, store) = (client.clone(), store.clone());
    let run = task::RunCanary::new(client, store, Arc::clone(accounts), storages.clone());
    let gather = standalone::Gather::new(storages.clone());
    let tasks: [Arc<dyn gennaker_worker::Task>; 2] = [Arc::new(run), Arc::new(gather)];
    Registry::new(tasks)
}
