//! The Delete (Manifest) stage: what its options mean.

use crate::Map;

/// What happens to what an object owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It goes some time later
    Background,
    /// It goes before
    Foreground,
    /// It stays
    Orphan,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// None: Kubernetes' own default, which is background for kubectl
    pub propagation: Option<Propagation>,
    /// In seconds; none: the object's own
    pub grace_period_seconds: Option<i64>,
}

/// A propagation that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid cascade value `{0}`: it must be true, false, background, foreground or orphan")]
pub struct BadCascade(pub String);

impl Options {
    /// Reads a stage's `options`: `cascading`, `orphanDependents`, `gracePeriodSeconds`.
    ///
    /// # Errors
    /// [`BadCascade`]
    pub fn from_json(_options: Option<&Map>) -> Result<Self, BadCascade> {
        todo!()
    }
}
