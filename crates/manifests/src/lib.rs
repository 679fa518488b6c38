//! Spinnaker's rules for Kubernetes objects: kinds, monikers, versions, artifacts, order, strategies, health, and how they are shown.
//!
//! JSON in, JSON out. It must never talk to a cluster, read a clock or a file, or draw a random number; what a cluster
//! said comes in as a value. `kubernetes` knows kinds by it, `deploy` deploys by it, `gate` shows infrastructure by it.
//!
//! A deployment in three steps: [`text`] makes manifests of what a pipeline says, [`deploy::Request::reads`] names what must be read
//! from the cluster, [`deploy::Request::prepare`] gives what is to be sent, in order. [`apply`] makes the patch that `kubectl apply`
//! would send, [`stability`] judges what came of it, [`progress`] tells it in a sentence, and [`views`] shows it.
//!
//! Source: Clouddriver's Kubernetes provider (`clouddriver-kubernetes`); where we differ, it is said beside the code.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod annotations;
pub mod apply;
pub mod artifact;
pub mod coordinates;
pub mod delete;
pub mod deploy;
pub mod job;
pub mod kind;
pub mod labels;
pub mod manifest;
pub mod moniker;
pub mod patch;
pub mod priority;
pub mod progress;
pub mod redact;
pub mod rollout;
pub mod selector;
pub mod stability;
pub mod strategy;
#[cfg(test)]
mod survival;
pub mod target;
pub mod text;
pub mod traffic;
pub mod version;
pub mod views;

pub use artifact::Artifact;
pub use coordinates::{Coordinates, FullName};
pub use kind::{Kind, Native};
pub use manifest::Manifest;
pub use moniker::Moniker;

/// A JSON object whose keys keep the order in which they were written.
pub type Map = serde_json::Map<String, serde_json::Value>;
