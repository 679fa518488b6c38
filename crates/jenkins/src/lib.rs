//! Tasks of the `jenkins` pool.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
