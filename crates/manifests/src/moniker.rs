//! Application, cluster, sequence: what Spinnaker calls an object.

mod frigga;

use serde::{Deserialize, Serialize};

use crate::Manifest;

pub use frigga::Names;

/// Spinnaker's name of an object. Parts that are not there are left out of the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moniker {
    /// The application
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What holds the versions of one thing together, e.g. `replicaSet web`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// e.g. `prod`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// e.g. `blue`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The version number
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
}

/// The moniker of a live object: annotations first, then its name; a ReplicaSet's sequence also from its Deployment's revision
/// (`KubernetesManifestAnnotater.getMoniker`, `KubernetesResourceAwareNames`).
#[must_use]
pub fn of(_manifest: &Manifest) -> Moniker {
    todo!()
}
