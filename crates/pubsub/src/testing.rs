//! What tests of this crate share: the in-memory broker, and subscriptions that run beside a test.

use std::time::Duration;

use gennaker_bus::{
    Bucket, Bus, Layout,
    memory::{Broker, Faults},
};
use gennaker_intake::matching::{self, Event};
use gennaker_outbound::{Client, Policy};
use gennaker_runtime::{CancellationToken, Clock};
use tokio::task::JoinSet;

use crate::Subscriptions;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Installation {
    broker: Broker,
    bus: Bus,
}

/// Ends with [`Running::stop`].
pub(crate) struct Running {
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Installation {
    pub(crate) async fn start() -> Self {
        let broker = Broker::new(5);
        let bus = Bus::memory(&broker, "test");
        bus.bootstrap(&Layout::default()).await.unwrap();
        Self { broker, bus }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Subscriptions in a process of their own.
    pub(crate) fn follow(&self, subscriptions: Subscriptions) -> Running {
        let bus = Bus::memory(&self.broker, "triggers");
        bus.remember(&Layout::default());
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let running = subscriptions.run(bus, Clock::system(), cancel.clone());
        tasks.spawn(running);
        Running { cancel, tasks }
    }

    /// Whether no event can be stored.
    pub(crate) fn refuse_events(&self, refused: bool) {
        self.broker.set_faults(Faults {
            append_lost: if refused { 1.0 } else { 0.0 },
            ..Faults::default()
        });
    }

    /// The events, as soon as there are so many.
    pub(crate) async fn events(&self, count: usize) -> Vec<Event> {
        let all = || self.broker.messages("GK_EVENTS");
        until("the events are stored", || all().len() >= count).await;
        all()
            .iter()
            .map(|kept| matching::decode(&kept.payload).unwrap())
            .collect()
    }

    /// How many events there are.
    pub(crate) async fn stored(&self) -> usize {
        self.broker.messages("GK_EVENTS").len()
    }

    /// How many messages of our own broker are no events yet.
    pub(crate) fn waiting(&self) -> usize {
        self.broker.messages("GK_PUBSUB").len()
    }

    /// How it goes with a subscription, as people read it, once it is in this state.
    pub(crate) async fn status(&self, key: &str, state: &str) -> serde_json::Value {
        let waiting = async {
            loop {
                let record = self.bus.kv(Bucket::Poll).get(key).await.unwrap();
                let status: Option<serde_json::Value> =
                    record.map(|record| serde_json::from_slice(&record.value).unwrap());
                match status.filter(|status| status["state"] == state) {
                    Some(status) => return status,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{key} does not become {state}"))
    }

    /// How many messages are remembered by names of their senders.
    pub(crate) async fn claims(&self) -> usize {
        let kv = self.bus.kv(Bucket::Cfg);
        kv.walk("once.").await.unwrap().len()
    }
}

impl Running {
    pub(crate) async fn stop(mut self) {
        self.cancel.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "it does not come about that {what}");
}

pub(crate) fn client() -> Client {
    Client::new(Policy::trusted(), gennaker_outbound::Options::default()).unwrap()
}
