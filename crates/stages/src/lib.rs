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
mod bake_manifest;
mod bind_artifacts;
mod catalogue;
mod check_preconditions;
mod cloud_builds;
mod concourse;
mod depends_on_execution;
mod document_job;
mod dry_run;
mod entity_tags;
mod evaluate_artifacts;
mod evaluate_variables;
mod execution_window;
pub mod executions;
mod field;
mod find_artifact;
pub mod java;
mod jenkins;
mod kayenta;
mod kubernetes;
mod manual_judgment;
mod monitor_pipeline;
mod noop;
mod not_built;
mod pipeline;
mod pipeline_documents;
mod pipeline_templates;
mod plugin_releases;
pub mod preconfigured;
pub mod preconfigured_job;
mod read;
mod reference;
mod run_multiple_pipelines;
mod save_pipelines;
mod services;
#[cfg(test)]
mod testing;
pub mod timing;
mod travis;
mod wait;
mod wait_until;
mod webhook;

pub use catalogue::{CATALOGUE, Catalogue, NameTaken, StageType};
pub use field::{Field, FieldType};
pub use preconfigured::PreconfiguredWebhook;
pub use preconfigured_job::PreconfiguredJob;
pub use reference::reference_page;
