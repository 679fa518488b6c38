//! The program as people run it: the built binary, a real nats-server, signals, and kills.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bucket;
mod client_verbs;
mod demo;
mod https;
mod import;
mod lifecycle;
mod operators;
mod refusals;
mod rights;
mod serve;
mod support;
mod trust;
