//! Documents, ids and messages that every part of Gennaker shares.
//!
//! Two families live here. *Theirs*: Spinnaker's execution JSON ([`Execution`], [`Stage`], [`Task`]), lenient and served back
//! field for field. *Ours*: what processes say to each other over the broker ([`command`], [`reads`], [`work`]), strict and versioned.
//!
//! This crate decides nothing: it knows no stage type, no transition and no route. It reads no clock, draws no randomness
//! and does no IO. Everybody depends on it; it depends on serde only.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod artifact_reads;
pub mod ask;
pub mod build_reads;
pub mod build_service_reads;
pub mod canary_reads;
pub mod command;
pub mod execution;
pub mod freeze;
pub mod id;
pub mod polling;
pub mod reads;
pub mod registry_reads;
pub mod routing;
mod shown;
pub mod status;
pub mod switch;
pub mod ulid;
mod uuid;
pub mod work;

pub use execution::{Execution, ExecutionType, LastModified, Stage, SyntheticOwner, Task};
pub use id::{AttemptId, CommandId, EffectId, ExecutionId, StageId};
pub use shown::{shown_address, shown_key};
pub use status::Status;
pub use uuid::uuid;

/// A JSON object whose keys keep the order in which they were written.
pub type Map = serde_json::Map<String, serde_json::Value>;
