//! The annotations that Spinnaker writes and reads.

use serde_json::Value;

use crate::{Artifact, Manifest, Moniker};

/// The application.
pub const APPLICATION: &str = "moniker.spinnaker.io/application";
/// The cluster.
pub const CLUSTER: &str = "moniker.spinnaker.io/cluster";
/// The stack.
pub const STACK: &str = "moniker.spinnaker.io/stack";
/// The detail.
pub const DETAIL: &str = "moniker.spinnaker.io/detail";
/// The version number, as text; also a label.
pub const SEQUENCE: &str = "moniker.spinnaker.io/sequence";
/// `kubernetes/<kind>`.
pub const ARTIFACT_TYPE: &str = "artifact.spinnaker.io/type";
/// The name without the version.
pub const ARTIFACT_NAME: &str = "artifact.spinnaker.io/name";
/// The namespace.
pub const ARTIFACT_LOCATION: &str = "artifact.spinnaker.io/location";
/// `v003`, or empty.
pub const ARTIFACT_VERSION: &str = "artifact.spinnaker.io/version";
/// Whether this object is versioned.
pub const VERSIONED: &str = "strategy.spinnaker.io/versioned";
/// How many versions stay.
pub const MAX_VERSION_HISTORY: &str = "strategy.spinnaker.io/max-version-history";
/// Keep the live object's number of replicas.
pub const USE_SOURCE_CAPACITY: &str = "strategy.spinnaker.io/use-source-capacity";
/// Delete before applying.
pub const RECREATE: &str = "strategy.spinnaker.io/recreate";
/// Replace instead of applying.
pub const REPLACE: &str = "strategy.spinnaker.io/replace";
/// Apply at the server.
pub const SERVER_SIDE_APPLY: &str = "strategy.spinnaker.io/server-side-apply";
/// A JSON list of `"kind name"`.
pub const LOAD_BALANCERS: &str = "traffic.spinnaker.io/load-balancers";
/// Do not show this object.
pub const IGNORE_CACHING: &str = "caching.spinnaker.io/ignore";
/// A template of an address where a job's logs are.
pub const JOB_LOGS: &str = "job.spinnaker.io/logs";
/// What `kubectl apply` sent last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The revision of a Deployment and its ReplicaSets.
pub const REVISION: &str = "deployment.kubernetes.io/revision";

/// A text annotation. Values that old versions of Spinnaker stored as quoted JSON are read, too.
#[must_use]
pub fn text(manifest: &Manifest, key: &str) -> Option<String> {
    let raw = manifest.annotation(key)?;
    if raw.len() >= 2
        && raw.starts_with('"')
        && raw.ends_with('"')
        && let Ok(text) = serde_json::from_str(raw)
    {
        return Some(text);
    }
    Some(raw.to_owned())
}

/// A whole number.
#[must_use]
pub fn integer(manifest: &Manifest, key: &str) -> Option<i64> {
    text(manifest, key)?.trim().parse().ok()
}

/// `true` in any case is true, everything else false; none when there is no annotation.
#[must_use]
pub fn boolean(manifest: &Manifest, key: &str) -> Option<bool> {
    // A YAML boolean where a string belongs is what people mean by it.
    if let Some(Value::Bool(value)) = manifest.at(&["metadata", "annotations", key]) {
        return Some(*value);
    }
    Some(text(manifest, key)?.eq_ignore_ascii_case("true"))
}

/// Writes where the object lies and which version it is (`artifact.spinnaker.io/…`). What is there already stays.
pub fn annotate_artifact(manifest: &mut Manifest, artifact: &Artifact) {
    let pairs = [
        (ARTIFACT_TYPE, &artifact.artifact_type),
        (ARTIFACT_NAME, &artifact.name),
        (ARTIFACT_LOCATION, &artifact.location),
        (ARTIFACT_VERSION, &artifact.version),
    ];
    write(manifest, pairs.map(|(key, value)| (key, value.clone())));
}

/// Writes the moniker (`moniker.spinnaker.io/…`). What is there already stays.
pub fn annotate(manifest: &mut Manifest, moniker: &Moniker) {
    let pairs = [
        (CLUSTER, moniker.cluster.clone()),
        (APPLICATION, moniker.app.clone()),
        (STACK, moniker.stack.clone()),
        (DETAIL, moniker.detail.clone()),
        (SEQUENCE, moniker.sequence.map(|number| number.to_string())),
    ];
    write(manifest, pairs);
}

/// Writes annotations to the object and to its template's metadata, when it has them (`KubernetesManifestAnnotater.annotateManifest`).
pub(crate) fn write<const N: usize>(manifest: &mut Manifest, pairs: [(&str, Option<String>); N]) {
    let pairs = pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    for (key, value) in pairs {
        manifest
            .annotations_mut()
            .entry(key)
            .or_insert_with(|| value.clone().into());
        if let Some(metadata) = manifest.template_metadata_mut() {
            crate::manifest::object(metadata, "annotations")
                .entry(key)
                .or_insert_with(|| value.into());
        }
    }
}
