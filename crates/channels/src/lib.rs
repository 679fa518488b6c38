//! Channels of notifications: mail, chat, telephones, statuses of commits.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
