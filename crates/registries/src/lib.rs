//! Clients of registries and repositories: images, charts, packages.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
