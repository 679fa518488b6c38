//! Rollouts: undo, pause, resume, restart, scale, and what becomes of the old ones.

use serde_json::Value;

use crate::patch::MergeStrategy;
use crate::{Coordinates, Kind, Manifest};

/// Why a rollout cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer revisions than it takes to go back.
    #[error("There are {total} revision(s) in total, cannot rollback {back}")]
    TooFew {
        /// How many there are
        total: usize,
        /// How many to go back
        back: i64,
    },
    /// Neither `revision` nor `numRevisionsBack`.
    #[error("A revision or number of revisions back must be specified")]
    NoRevision,
    /// No such revision.
    #[error("unable to find specified revision {0} in history")]
    UnknownRevision(i64),
    /// The kind cannot do that.
    #[error("Resource with {kind} does not support {operation}")]
    Unsupported {
        /// The kind
        kind: Kind,
        /// e.g. `scale`
        operation: &'static str,
    },
    /// A paused Deployment is neither restarted nor rolled back.
    #[error("{0}")]
    Paused(String),
    /// The history is not what the kind keeps.
    #[error("{0}")]
    History(String),
}

/// A patch that does it, to be sent to the object.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How it is merged
    pub strategy: MergeStrategy,
    /// What is sent
    pub body: Value,
}

/// The revisions of a Deployment (its ReplicaSets), a StatefulSet or a DaemonSet (their ControllerRevisions), ascending.
#[must_use]
pub fn revisions(_object: &Manifest, _history: &[Manifest]) -> Vec<i64> {
    todo!()
}

/// The revision that a stage's `revision` or `numRevisionsBack` means; the latter wins.
///
/// # Errors
/// [`Error::TooFew`], [`Error::NoRevision`], [`Error::UnknownRevision`]
pub fn choose_revision(_revisions: &[i64], _revision: Option<i64>, _back: Option<i64>) -> Result<i64, Error> {
    todo!()
}

/// What `kubectl rollout undo --to-revision` sends; none when the object is at that revision already.
///
/// # Errors
/// [`Error::Paused`], [`Error::UnknownRevision`], [`Error::Unsupported`]
pub fn undo(_object: &Manifest, _history: &[Manifest], _revision: i64) -> Result<Option<Patch>, Error> {
    todo!()
}

/// What `kubectl rollout pause` or `resume` sends; none when it is so already.
///
/// # Errors
/// [`Error::Unsupported`] for all but Deployments.
pub fn pause(_object: &Manifest, _paused: bool) -> Result<Option<Patch>, Error> {
    todo!()
}

/// What `kubectl rollout restart` sends; `now` is a time as RFC 3339.
///
/// # Errors
/// [`Error::Paused`], [`Error::Unsupported`]
pub fn restart(_object: &Manifest, _now: &str) -> Result<Patch, Error> {
    todo!()
}

/// Checks that a kind can be scaled.
///
/// # Errors
/// [`Error::Unsupported`]
pub fn check_scalable(_kind: &Kind) -> Result<(), Error> {
    todo!()
}

/// A rollout strategy of `trafficManagement.options.strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `none` or nothing
    None,
    /// `redblack`, `bluegreen`
    BlueGreen,
    /// `highlander`
    Highlander,
}

/// What is done to an old ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// `disableManifest`
    Disable(Coordinates),
    /// `deleteManifest`
    Delete(Coordinates),
}

/// What a strategy does to the old ReplicaSets of a cluster, in order, after the new ones named `new` were deployed
/// (`DeployManifestStage`).
#[must_use]
pub fn retire(_strategy: Strategy, _old: &[Manifest]) -> Vec<Retirement> {
    todo!()
}
