//! The Run Job stage: what may run, how it stands, what its log says.

use serde_json::Value;

use crate::{Manifest, Map};

/// Why a job does not run, or its log says nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// None or several manifests.
    #[error("Run Job only supports manifests with a single Job.")]
    NotOne,
    /// Another kind.
    #[error("Only kind of Job is accepted for the Run Job operation.")]
    NotAJob,
    /// A line of the log holds no JSON object.
    #[error("`SPINNAKER_CONFIG_JSON` in the log is no JSON object: {0}")]
    Json(String),
    /// More than fits.
    #[error("the properties in the log exceed {0} bytes")]
    TooLarge(usize),
}

/// The one Job of a stage, prepared: its namespace replaced, its strategy `recreate` (`KubernetesRunJobOperation`).
///
/// # Errors
/// [`Error::NotOne`], [`Error::NotAJob`]
pub fn prepare(_manifests: Vec<Manifest>, _namespace: Option<&str>) -> Result<Manifest, Error> {
    todo!()
}

/// A job's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Spinnaker's own word")]
pub enum State {
    Running,
    Succeeded,
    Failed,
}

/// The state of a live Job.
#[must_use]
pub fn state(_job: &Manifest) -> State {
    todo!()
}

/// The job's status as `GET /applications/{app}/jobs/{account}/{location}/{name}` shows it (`KubernetesJobStatus`).
#[must_use]
pub fn status(_account: &str, _job: &Manifest, _pods: &[Manifest]) -> Value {
    todo!()
}

/// Orca's sentence about a failed job: `Job: '<n>' failed. Reason: … Details: …` from [`status`].
#[must_use]
pub fn failure(_status: &Value) -> String {
    todo!()
}

/// The properties that a container printed: lines with `SPINNAKER_PROPERTY_<KEY>=<value>`, and objects after
/// `SPINNAKER_CONFIG_JSON=` (`PropertyParser`).
///
/// # Errors
/// [`Error::Json`], [`Error::TooLarge`]
pub fn properties(_log: &str) -> Result<Map, Error> {
    todo!()
}

/// The pod whose log is read when the job's own cannot be: a succeeded one, the newest.
#[must_use]
pub fn succeeded_pod(_pods: &[Manifest]) -> Option<&Manifest> {
    todo!()
}
