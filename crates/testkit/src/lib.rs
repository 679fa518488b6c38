//! Fixtures for tests: real servers as child processes.
//!
//! Everything here starts what a test needs, on free ports and in folders of its own, and ends it with the test. It never
//! talks the protocols of those servers beyond asking whether they are ready: that is for the crate under test. Called
//! by tests only, never by the product.

pub mod nats;
