//! The contract over the in-memory twin.
#![allow(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod suite;
mod contract;

use gennaker_bus::{Bus, memory};

struct Twin(memory::Broker);

impl contract::Broker for Twin {
    async fn connect(&self, name: &str) -> Bus {
        Bus::memory(&self.0, name)
    }
}

macro_rules! over_memory {
    ($($module:ident :: $test:ident,)*) => {
        $(
            #[tokio::test(flavor = "current_thread", start_paused = true)]
            async fn $test() {
                for seed in 0..5 {
                    contract::$module::$test(&Twin(memory::Broker::new(seed))).await;
                }
            }
        )*
    };
}

for_each_test!(over_memory);
