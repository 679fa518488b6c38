//! The contract over three real servers with three replicas, where conflicts also come as "in flight" and readers lag.
//! One cluster for each test, so it takes more than a minute.
#![allow(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod suite;
mod contract;

use gennaker_bus::{Bus, Options};
use gennaker_testkit::nats::Cluster;

impl contract::Broker for Cluster {
    async fn connect(&self, name: &str) -> Bus {
        let server = &self.servers()[0];
        let mut options = Options::new("", name).with_password(server.user(), server.password());
        options.urls = self.urls();
        Bus::connect(options).await.unwrap()
    }

    fn replicas(&self) -> u32 {
        3
    }
}

macro_rules! over_cluster {
    ($($module:ident :: $test:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                contract::$module::$test(&Cluster::start(3)).await;
            }
        )*
    };
}

for_each_test!(over_cluster);
