//! Clients of continuous-integration servers, behind one trait.
//!
//! | module | what it holds |
//! |---|---|
//! | [`artifacts`] | what a build gives to pipelines |
//! | [`build`] | what a build is to pipelines: Igor's `GenericBuild` and its parts |
//! | [`server`] | [`BuildServer`]: what every kind of server can be asked (Igor's `BuildOperations`) |
//! | [`masters`] | the servers of the settings, by name |
//! | [`properties`] | files of properties that builds leave |
//! | [`jenkins`] | Jenkins |
//!
//! It must never decide what a result means for a stage, keep what it was told, retry what changes something, or put an
//! address's path, a body or a secret into an error or a log line. The pool `jenkins` starts, follows and stops builds with it;
//! `pollers` looks for new ones. Secrets are read at each use by `credentials`; addresses are called through `outbound`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod artifacts;
pub mod build;
pub mod error;
pub mod jenkins;
pub mod masters;
pub mod properties;
pub mod server;

pub use build::{Artifact, Build, BuildResult, Revision, TestResults};
pub use error::Error;
pub use masters::{Kind, Master, Masters};
pub use server::{BuildServer, Project, Queued, Start, Started, Stop};
