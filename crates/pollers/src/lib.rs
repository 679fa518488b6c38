//! Looks at what others have made, and makes an event of what is new.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
