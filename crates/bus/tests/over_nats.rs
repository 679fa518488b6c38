//! The contract over a real server, one for each test.
#![allow(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod suite;
mod contract;

use gennaker_bus::{Bus, Options};
use gennaker_testkit::nats::Server;

impl contract::Broker for Server {
    async fn connect(&self, name: &str) -> Bus {
        let options = Options::new(self.url(), name).with_password(self.user(), self.password());
        Bus::connect(options).await.unwrap()
    }
}

macro_rules! over_nats {
    ($($module:ident :: $test:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                contract::$module::$test(&Server::start()).await;
            }
        )*
    };
}

for_each_test!(over_nats);
