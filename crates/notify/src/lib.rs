//! Tasks of the `notify` pool: notifications, webhooks, addresses that expressions read, and the documents that clients save by
//! submitting tasks.
//!
//! One file per task, rules apart from their IO: `webhook/` decides on plain values what a request looks like and what its
//! answer means, and the tasks beside it send and report.
//!
//! It must never log a URL's path, headers or bodies (they carry secrets), send a request twice that may not be, or decide
//! what a failure means for a stage. The `gennaker` binary builds the [`registry`] and hands it to a
//! [`gennaker_worker::Worker`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod address;
mod documents;
mod limits;
mod noop;
pub mod notifications;
mod pause;
mod pipelines_from_artifact;
mod secret_file;
mod services;
mod template_address;
#[cfg(test)]
mod testing;
mod webhook;

use std::{path::PathBuf, sync::Arc, time::Duration};

use gennaker_channels::Channels;
use gennaker_outbound::Client;
use gennaker_runtime::Clock;
use gennaker_store::Store;
use gennaker_worker::{Registry, Task};

pub use limits::client_options;
pub use services::{Gremlin, Services};
use template_address::ReadTemplates;
pub use webhook::{BadAddress, SecretHeaders, SecretHeadersOf};

/// The pool's name.
pub const POOL: &str = "notify";

/// Every task kind of the pool. `client` should have been made with [`client_options`]; that of `services` is for addresses that
/// operators have set, and `template_folder` the one from which templates may be read.
#[must_use]
pub fn registry(
    client: &Client,
    store: &Store,
    secrets: &SecretHeaders,
    services: &Services,
    channels: &Channels,
    clock: &Clock,
    template_folder: Option<PathBuf>,
) -> Registry {
    let again_after = address::AGAIN_AFTER;
    let templates = ReadTemplates::new(client.clone(), template_folder, again_after);
    let registry = registry_with(
        client,
        store,
        secrets,
        services,
        channels,
        templates,
        again_after,
    );
    notifications::answering(registry, channels, clock)
}

/// The same, with another pause before an address is read a second time.
fn registry_with(
    client: &Client,
    store: &Store,
    secrets: &SecretHeaders,
    services: &Services,
    channels: &Channels,
    templates: ReadTemplates,
    read_again_after: Duration,
) -> Registry {
    let mut tasks: Vec<Arc<dyn Task>> = vec![
        Arc::new(webhook::CreateWebhook::new(client.clone(), secrets.clone())),
        Arc::new(webhook::MonitorWebhook::new(
            client.clone(),
            secrets.clone(),
        )),
        Arc::new(webhook::CancelWebhook::new(client.clone(), secrets.clone())),
        Arc::new(address::ReadAddress::new(client.clone(), read_again_after)),
        Arc::new(pipelines_from_artifact::GetPipelinesFromArtifact::new(
            client.clone(),
            store.clone(),
        )),
        Arc::new(noop::Noop),
        Arc::new(notifications::SendNotification::new(channels.clone())),
    ];
    tasks.extend(documents::tasks(store));
    tasks.extend(services::tasks(services, store));
    Registry::new(tasks).answering(Arc::new(templates))
}
