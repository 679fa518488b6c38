//! What the bus promises, as tests that run over any broker.

pub mod bootstrap;
pub mod commands;
pub mod kv;
pub mod lease;
pub mod log;
pub mod tasks;

use std::future::Future;
use std::time::Duration;

use gennaker_bus::layout::Pool;
use gennaker_bus::{Bus, Layout};

/// Longest wait for any condition.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// A broker of which several connections can be made.
pub trait Broker {
    /// A new connection; `name` is unique in a test.
    async fn connect(&self, name: &str) -> Bus;

    /// How many replicas it can hold.
    fn replicas(&self) -> u32 {
        1
    }

    /// The layout of the tests: two partitions, two pools, one zone. Each stream and consumer of a cluster is elected for.
    fn layout(&self) -> Layout {
        Layout {
            partitions: 2,
            replicas: self.replicas(),
            pools: ["deploy", "jenkins"].map(Pool::new).to_vec(),
            zones: vec!["a".to_owned()],
            ..Layout::default()
        }
    }
}

/// A connection to a broker that has the layout.
pub async fn ready(broker: &impl Broker) -> Bus {
    let bus = broker.connect("main").await;
    within("bootstrap", bus.bootstrap(&broker.layout()))
        .await
        .unwrap();
    bus
}
