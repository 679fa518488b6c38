//! Spinnaker's rules for Kubernetes objects: kinds, monikers, versions, artifacts, order, strategies, health, and how they are shown.
//!
//! JSON in, JSON out. It must never talk to a cluster, read a clock or a file, or draw a random number; what a cluster
//! said comes in as a value. `kubernetes` knows kinds by it, `deploy` deploys by it, `gate` shows infrastructure by it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
