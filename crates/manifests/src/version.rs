//! Versions in names: which objects have them, which number comes next, which old ones go.

use serde_json::Value;

use crate::kind::CustomKinds;
use crate::{Coordinates, Kind, Manifest};

/// An earlier version of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    /// Its name in the cluster
    pub name: String,
    /// The number in its version annotation; none when that is not `v` and a number
    pub number: Option<i64>,
    /// `artifact.spinnaker.io/version` as it stands there
    pub version: String,
    /// What was applied, when it was applied by kubectl's rules
    pub last_applied: Option<Value>,
}

/// The version that a manifest gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// From 0 up
    pub number: i64,
    /// An earlier object has the same content and is used again
    pub reused: bool,
}

/// Whether a manifest is versioned: its annotation, then the stage's `versioned`, then its kind.
#[must_use]
pub fn is_versioned(_manifest: &Manifest, _stage: Option<bool>, _custom: &CustomKinds) -> bool {
    todo!()
}

/// The earlier versions of the object with this unversioned name among all objects of its kind and namespace, oldest first
/// (`ArtifactProvider.getArtifacts`).
#[must_use]
pub fn priors(_objects: &[Manifest], _kind: &Kind, _name: &str, _namespace: &str) -> Vec<Prior> {
    todo!()
}

/// The version for a manifest, after artifacts were bound and before anything of ours was added to it (`ResourceVersioner`).
#[must_use]
pub fn choose(_priors: &[Prior], _manifest: &Manifest) -> Version {
    todo!()
}

/// The newest of the earlier versions: the highest number (`ResourceVersioner.getLatestVersion`).
#[must_use]
pub fn latest(_priors: &[Prior]) -> Option<i64> {
    todo!()
}

/// `v003`.
#[must_use]
pub fn text(number: i64) -> String {
    format!("v{number:03}")
}

/// Reads `v003`.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    text.strip_prefix('v')?.parse().ok()
}

/// What `cleanupArtifacts` deletes after `deployed` was deployed: the oldest above its `max-version-history`, of all objects of
/// its kind and namespace (`KubernetesCleanupArtifactsOperation`).
#[must_use]
pub fn superfluous(_deployed: &Manifest, _objects: &[Manifest]) -> Vec<Coordinates> {
    todo!()
}
