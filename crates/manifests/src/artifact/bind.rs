//! Putting artifacts into manifests.

use indexmap::IndexMap;

use super::{Artifact, ImageMatch};
use crate::Manifest;

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
    pub fn new(_required: &[Artifact], _optional: &[Artifact]) -> Self {
        todo!()
    }

    /// Adds what was just made, in the place of one with the same key.
    pub fn add(&mut self, artifact: Artifact) {
        self.0.insert(artifact.key(), artifact);
    }

    /// Puts the artifacts that fit into every place of a manifest that names them, and returns those that found a place
    /// (`ArtifactReplacer.replaceAll`). `account` is where the manifest goes; objects of other accounts and namespaces do not fit.
    pub fn bind(&self, _manifest: &mut Manifest, _images: ImageMatch, _account: &str) -> Binding {
        todo!()
    }
}

/// Checks that every required artifact was bound.
///
/// # Errors
/// [`Unbound`], which names them.
pub fn unbound(_required: &[Artifact], _bound: &[Artifact]) -> Result<(), Unbound> {
    todo!()
}
