//! The places in manifests where artifacts go.

use super::Artifact;
use crate::Manifest;

/// How a field and an image's name are compared: `artifact-binding.docker-image`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageMatch {
    /// `match-name-and-tag`, the default and a misnomer: the field without its tag or digest is the artifact's name.
    #[default]
    NameAndTag,
    /// `match-name-only`: the whole field is the artifact's name.
    NameOnly,
}

/// The artifacts that a manifest names: `{type, name, reference}` for each (`ArtifactReplacer.findAll`), without repetitions.
#[must_use]
pub fn find(_manifest: &Manifest) -> Vec<Artifact> {
    todo!()
}
