//! Accounts against a real control plane.

mod accounts;
mod apply;
mod cache;
mod errors;
mod follow;
mod requests;
mod support;
