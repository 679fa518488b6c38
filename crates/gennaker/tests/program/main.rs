//! The program as people run it: the built binary, a real nats-server, signals, and kills.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client_verbs;
mod demo;
mod lifecycle;
mod refusals;
mod serve;
mod support;
