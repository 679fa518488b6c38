//! Versions in names: which objects have them, which number comes next, which old ones go.

use serde_json::Value;

use crate::kind::CustomKinds;
use crate::{Coordinates, Kind, Manifest, Map, annotations, strategy};

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
pub fn is_versioned(manifest: &Manifest, stage: Option<bool>, custom: &CustomKinds) -> bool {
    let annotated = strategy::of(manifest).versioned;
    annotated
        .or(stage)
        .unwrap_or_else(|| custom.is_versioned(&manifest.kind()))
}

/// The earlier versions of the object with this unversioned name among all objects of its kind and namespace, oldest first
/// (`ArtifactProvider.getArtifacts`). Objects of the same age come in the order of their names.
#[must_use]
pub fn priors(objects: &[Manifest], kind: &Kind, name: &str, namespace: &str) -> Vec<Prior> {
    let is_version = |object: &&Manifest| {
        object.kind() == *kind
            && object.namespace() == namespace
            && annotations::text(object, annotations::ARTIFACT_TYPE)
                .is_some_and(|text| !text.is_empty())
            && annotations::text(object, annotations::ARTIFACT_NAME).as_deref() == Some(name)
    };
    let mut versions: Vec<&Manifest> = objects.iter().filter(is_version).collect();
    versions.sort_by_key(|object| (object.created_ms(), object.name()));
    let prior = |object: &Manifest| {
        let version = annotations::text(object, annotations::ARTIFACT_VERSION).unwrap_or_default();
        Prior {
            name: object.name().to_owned(),
            number: parse(&version),
            version,
            last_applied: crate::apply::last_applied(object).ok().flatten(),
        }
    };
    versions.into_iter().map(prior).collect()
}

/// The version for a manifest, after artifacts were bound and before anything of ours was added to it (`ResourceVersioner`): the
/// oldest with the same content but for `metadata`, else the one after the highest.
#[must_use]
pub fn choose(priors: &[Prior], manifest: &Manifest) -> Version {
    let wanted = without_metadata(manifest.as_map());
    let same = |prior: &&Prior| {
        let applied = prior.last_applied.as_ref().and_then(Value::as_object);
        prior.number.is_some() && applied.is_some_and(|applied| without_metadata(applied) == wanted)
    };
    match priors.iter().find(same).and_then(|prior| prior.number) {
        Some(number) => Version {
            number,
            reused: true,
        },
        None => Version {
            number: latest(priors).map_or(0, |number| number.saturating_add(1)),
            reused: false,
        },
    }
}

/// The newest of the earlier versions: the highest number (`ResourceVersioner.getLatestVersion`).
#[must_use]
pub fn latest(priors: &[Prior]) -> Option<i64> {
    priors.iter().filter_map(|prior| prior.number).max()
}

/// `v003`.
#[must_use]
pub fn text(number: i64) -> String {
    format!("v{number:03}")
}

/// Reads `v003`.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('v')?;
    // Neither `v-1` nor `v+1` is a version.
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    }
}

/// What `cleanupArtifacts` deletes after `deployed` was deployed: the oldest above its `max-version-history`, of all objects of
/// its kind and namespace (`KubernetesCleanupArtifactsOperation`). Oldest is by age, not by number, and what was just deployed counts.
///
/// Two differences. Clouddriver can delete the object that was just deployed, when it is an old one that is used again; here that one
/// stays. And a history of 0 leaves, as one of 1, the object that was just deployed.
#[must_use]
pub fn superfluous(deployed: &Manifest, objects: &[Manifest]) -> Vec<Coordinates> {
    let strategy = strategy::of(deployed);
    let Some(keep) = strategy
        .max_version_history
        .and_then(|keep| usize::try_from(keep).ok())
    else {
        return Vec::new();
    };
    let Some(name) = annotations::text(deployed, annotations::ARTIFACT_NAME) else {
        return Vec::new();
    };
    let (kind, namespace) = (deployed.kind(), deployed.namespace());
    let priors = priors(objects, &kind, &name, namespace);
    let surplus = priors.len().saturating_sub(keep.max(1));
    let old = priors
        .iter()
        .filter(|prior| prior.name != deployed.name())
        .take(surplus);
    old.map(|prior| Coordinates::new(kind.clone(), namespace, &prior.name))
        .collect()
}

fn without_metadata(object: &Map) -> Vec<(&String, &Value)> {
    let members = object.iter().filter(|(key, _)| *key != "metadata");
    let mut members: Vec<_> = members.collect();
    members.sort_by_key(|(key, _)| *key);
    members
}

#[cfg(test)]
mod tests;
