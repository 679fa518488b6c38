//! Subscriptions: messages of other systems become events.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
