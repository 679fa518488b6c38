//! Accounts against a real control plane.
#![allow(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod apply;
mod cache;
mod errors;
mod follow;
mod requests;
mod support;
