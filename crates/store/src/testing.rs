//! A store over the in-memory broker, for the tests of this crate.

use gennaker_bus::{Bus, Layout, memory::Broker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Store;

/// A store whose cache runs, and the means to make a second process beside it.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    broker: Broker,
    tasks: std::sync::Mutex<JoinSet<()>>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let broker = Broker::new(1);
        let bus = Bus::memory(&broker, "one");
        bus.bootstrap(&Layout::default()).await.unwrap();
        let fixture = Self {
            store: Store::new(&bus),
            broker,
            tasks: std::sync::Mutex::default(),
        };
        fixture.follow(&fixture.store);
        fixture
    }

    /// A store of another process: it shares nothing but the broker.
    pub(crate) fn another_process(&self) -> Store {
        Store::new(&Bus::memory(&self.broker, "two"))
    }

    /// Keeps the cache of a store current until the fixture is dropped.
    pub(crate) fn follow(&self, store: &Store) {
        let store = store.clone();
        self.tasks
            .lock()
            .unwrap()
            .spawn(async move { store.run(CancellationToken::new()).await });
    }

    /// The broker's time, as its records show it.
    pub(crate) fn broker_now_ms(&self) -> i64 {
        i64::try_from(self.broker.now_ms()).unwrap()
    }
}
