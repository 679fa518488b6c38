//! Whether an object is what was asked for: stable, available, paused, failed.

use serde::Serialize;

use crate::Manifest;

/// One of the four, with the reason in Spinnaker's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// It holds
    pub state: bool,
    /// Why
    pub message: Option<String>,
}

/// An object's status as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// It is what was asked for
    pub stable: Condition,
    /// Its rollout is paused
    pub paused: Condition,
    /// It serves
    pub available: Condition,
    /// It will not become stable
    pub failed: Condition,
}

/// No rule for this version of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("No {kind} is supported at api version {api_version}")]
pub struct UnsupportedVersion {
    /// e.g. `deployment`
    pub kind: String,
    /// e.g. `extensions/v1beta1`
    pub api_version: String,
}

/// The status of a live object, by the rules of its kind.
///
/// # Errors
/// [`UnsupportedVersion`]
pub fn status(_manifest: &Manifest) -> Result<Status, UnsupportedVersion> {
    todo!()
}
