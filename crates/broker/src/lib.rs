//! The program nats-server: finding one that is recent enough, starting it, and ending it.
//!
//! | module | what it does |
//! |---|---|
//! | [`find`] | where servers are looked for, and what to do when there is none |
//! | [`configuration`] | what a server of our own is told: a loopback port, a password, a store |
//! | [`ports`] | the ports that it took; once they are written down it takes connections |
//! | [`monitor`] | asking its monitoring port, which says whether it is healthy |
//! | [`keeper`] | the process between a server and whoever needs it, which ends the server when that one is gone |
//!
//! It must never speak the protocol of clients (that is `bus`), never be part of `gennaker serve`, whose broker somebody else
//! runs, and never wait in an async way: `cargo xtask` uses it too, and is to be built in seconds. Called by `gennaker dev`, by
//! `xtask`, by the testkit, and by `bus` for which versions are recent enough.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod configuration;
pub mod find;
pub mod keeper;
pub mod monitor;
pub mod ports;
mod signal;
mod version;

pub use configuration::Configuration;
pub use find::{Missing, Places};
pub use ports::Ports;
pub use signal::{Signal, signal};
pub use version::{Untold, Version};
