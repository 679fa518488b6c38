//! The one crate that talks to Kubernetes clusters: accounts, requests, watches, logs.
//!
//! It must never decide what a manifest means (that is `manifests`), hold back an API server's own sentence, or let one
//! cluster that does not answer delay another. Its callers are the tasks and readers of `deploy`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
