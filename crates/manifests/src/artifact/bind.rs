//! Putting artifacts into manifests.

use indexmap::IndexMap;

use super::replacer::{self, Target};
use super::{Artifact, ImageMatch};
use crate::{Kind, Manifest, Map};

/// The artifacts that a stage may use: one per key, required ones before optional ones, in a stable order.
///
/// Clouddriver tries them in the order of a hash map; we try them in this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Available(IndexMap<String, Artifact>);

/// What a manifest got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binding {
    /// The artifacts whose references were put in
    pub bound: Vec<Artifact>,
}

/// Required artifacts that no manifest took.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "The following required artifacts could not be bound: '[{}]'. Check that the Docker image name above matches the name used in the image field of your manifest. Failing the stage as this is likely a configuration error.",
    .0.join(", ")
)]
pub struct Unbound(pub Vec<String>);

impl Available {
    /// Required ones, then optional ones; of the same key the first.
    #[must_use]
    pub fn new(required: &[Artifact], optional: &[Artifact]) -> Self {
        let mut available = IndexMap::new();
        for artifact in required.iter().chain(optional) {
            available
                .entry(artifact.key())
                .or_insert_with(|| artifact.clone());
        }
        Self(available)
    }

    /// Adds what was just made, in the place of one with the same key.
    pub fn add(&mut self, artifact: Artifact) {
        self.0.insert(artifact.key(), artifact);
    }

    /// Puts the artifacts that fit into every place of a manifest that names them, and returns those that found a place
    /// (`ArtifactReplacer.replaceAll`). `account` is where the manifest goes; objects of other accounts and namespaces do not fit.
    pub fn bind(&self, manifest: &mut Manifest, images: ImageMatch, account: &str) -> Binding {
        let (kind, namespace) = (manifest.kind(), manifest.namespace().to_owned());
        let target = Target {
            namespace: &namespace,
            account,
        };
        self.bind_within(manifest.as_map_mut(), &kind, images, &target)
    }

    /// The same for something that looks like an object of a kind: a patch.
    pub(crate) fn bind_within(
        &self,
        object: &mut Map,
        kind: &Kind,
        images: ImageMatch,
        target: &Target<'_>,
    ) -> Binding {
        let fitting: Vec<&Artifact> = self
            .0
            .values()
            .filter(|artifact| target.takes(artifact))
            .collect();
        let mut bound: Vec<Artifact> = Vec::new();
        for artifact in replacer::replace(object, kind, images, &fitting) {
            if !bound.contains(artifact) {
                bound.push(artifact.clone());
            }
        }
        Binding { bound }
    }
}

/// Checks that every required artifact was bound: one of the same type, name, version, location and reference.
///
/// # Errors
/// [`Unbound`], which names them.
pub fn unbound(required: &[Artifact], bound: &[Artifact]) -> Result<(), Unbound> {
    let mut missing: Vec<String> = Vec::new();
    for artifact in required {
        let text = shown(artifact);
        if !missing.contains(&text) && !bound.iter().any(|bound| shown(bound) == text) {
            missing.push(text);
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Unbound(missing)),
    }
}

/// As Clouddriver's `ArtifactKey` prints.
fn shown(artifact: &Artifact) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "null".to_owned());
    format!(
        "ArtifactKey(type={}, name={}, version={}, location={}, reference={})",
        text(&artifact.artifact_type),
        text(&artifact.name),
        text(&artifact.version),
        text(&artifact.location),
        text(&artifact.reference)
    )
}

#[cfg(test)]
mod tests;
