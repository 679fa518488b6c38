//! Artifacts: accounts, and the bytes behind a reference.
//!
//! It must never give a credential to another host than its account's, return more bytes than the limit, or name a
//! secret in an error. Its callers are the tasks and readers of `deploy`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
