//! The catalogue of stage types: one file per type, from context to task graph.
//!
//! Each file says everything about its type: names and aliases, fields with their documentation, how the context becomes
//! tasks and synthetic stages, and what its own (pure) tasks do. The engine asks through [`gennaker_engine::Catalogue`];
//! the linter and the reference page read the same [`StageType`]s.
//!
//! Pure: no IO, no clock. What needs the outside is named here and done by a worker pool.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod applications;
pub mod artifacts;
mod bind_artifacts;
mod catalogue;
mod check_preconditions;
mod document_job;
mod evaluate_variables;
mod execution_window;
mod field;
pub mod java;
mod manual_judgment;
mod noop;
mod pipeline;
mod pipeline_documents;
mod pipeline_templates;
mod read;
pub mod timing;
mod wait;
mod webhook;

pub use catalogue::{CATALOGUE, Catalogue, StageType};
pub use field::{Field, FieldType};
