//! Services that stages call by name, and channels of notifications: from settings to what the pool `notify` calls.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gennaker_bus::Bus;
use gennaker_channels::{Channels, Clients, jira::Jira, pager_duty::PagerDuty, pubsub::Broker};
use gennaker_cli::{Exit, Failure};
use gennaker_notify::{Gremlin, Services};
use gennaker_outbound::{Client, Policy};
use gennaker_runtime::Clock;
use gennaker_settings::Settings;
use gennaker_worker::BoxFuture;

/// Where the services are, and a client for addresses that operators have set.
///
/// # Errors
/// A proxy variable or certificate cannot be used.
pub(crate) fn services(settings: &Settings) -> Result<Services, Failure> {
    let set = &settings.services;
    Ok(Services {
        client: trusted(settings)?,
        jira: Jira::of(&set.jira),
        pager_duty: PagerDuty::of(&set.pager_duty),
        gremlin: Gremlin {
            base_url: set.gremlin.url.clone(),
            api_key_file: set.gremlin.api_key_file.as_ref().map(PathBuf::from),
        },
    })
}

/// The channels of notifications; `untrusted` is for addresses that pipelines choose.
///
/// # Errors
/// A setting, proxy variable or certificate cannot be used.
pub(crate) fn channels(
    settings: &Settings,
    untrusted: &Client,
    clock: &Clock,
    bus: &Bus,
) -> Result<Channels, Failure> {
    let clients = Clients {
        trusted: trusted(settings)?,
        untrusted: untrusted.clone(),
    };
    let broker: Arc<dyn Broker> = Arc::new(Outward(bus.clone()));
    let channels = Channels::new(settings, clients, clock, Some(broker));
    channels.map_err(|problem| Failure::new(Exit::Usage, problem))
}

fn trusted(settings: &Settings) -> Result<Client, Failure> {
    let outbound = &settings.outbound;
    let options = gennaker_outbound::Options {
        connect_timeout: super::ms(outbound.connect_timeout_ms),
        read_timeout: super::ms(outbound.read_timeout_ms),
        proxies: super::proxies()?,
        ..gennaker_notify::client_options()
    };
    super::client(Policy::trusted(), options)
}

/// Subjects of the broker that others listen to.
struct Outward(Bus);

impl Broker for Outward {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        id: &'a str,
        payload: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let published = self.0.publish_out(topic, id, Bytes::from(payload)).await;
            published.map_err(|error| crate::output::chain(&error))
        })
    }
}
