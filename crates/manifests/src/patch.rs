//! The Patch (Manifest) stage: what is sent.

use serde_json::Value;

use crate::artifact::{Artifact, ImageMatch, Unbound};
use crate::{Coordinates, Map};

/// How a patch is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// By the server's knowledge of the kind
    #[default]
    Strategic,
    /// RFC 6902, a list of operations
    Json,
    /// RFC 7396
    Merge,
}

/// A patch to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How it is merged: the content type
    pub strategy: MergeStrategy,
    /// What is sent: a list for [`MergeStrategy::Json`], else an object
    pub body: Value,
    /// The artifacts that were put into it
    pub bound: Vec<Artifact>,
}

/// Why there is no patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A strategy that does not exist.
    #[error("Unknown patch merge strategy `{0}`: it must be strategic, json or merge")]
    Strategy(String),
    /// Several bodies, for strategies that take one.
    #[error("Only one patch object is valid when patching with {0} patch strategies.")]
    Several(&'static str),
    /// No body.
    #[error("The Patch (Manifest) stage requires a valid patch body. Please add a patch body inline or with an artifact.")]
    None,
    /// A body of the wrong shape.
    #[error("a patch of the strategy {strategy} must be {expected}")]
    Shape {
        /// The strategy
        strategy: &'static str,
        /// What it takes
        expected: &'static str,
    },
    /// A required artifact found no place.
    #[error(transparent)]
    Unbound(#[from] Unbound),
}

/// A request to patch one object.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is patched; its namespace decides which artifacts fit
    pub target: Coordinates,
    /// The account
    pub account: &'a str,
    /// `options.mergeStrategy`
    pub strategy: MergeStrategy,
    /// `patchBody`: an object, or a list of them
    pub body: &'a Value,
    /// Artifacts that must find a place
    pub required: &'a [Artifact],
    /// Artifacts that may
    pub optional: &'a [Artifact],
    /// How images are compared
    pub images: ImageMatch,
}

impl MergeStrategy {
    /// Reads `options.mergeStrategy`; nothing is strategic.
    ///
    /// # Errors
    /// [`Error::Strategy`]
    pub fn from_options(_options: Option<&Map>) -> Result<Self, Error> {
        todo!()
    }

    /// Spinnaker's and kubectl's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strategic => "strategic",
            Self::Json => "json",
            Self::Merge => "merge",
        }
    }

    /// The content type of the request.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
        }
    }
}

/// The patch for a request (`PatchManifestTask`, `KubernetesPatchManifestOperation`).
///
/// # Errors
/// [`Error`]
pub fn build(_request: &Request<'_>) -> Result<Patch, Error> {
    todo!()
}
