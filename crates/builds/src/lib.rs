//! Clients of continuous-integration servers.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
