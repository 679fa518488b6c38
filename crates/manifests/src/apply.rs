//! `kubectl apply`, client side: a patch out of what was applied last, what is to be applied, and what lives.
//!
//! What the manifest does not name stays as it lives (`spec.replicas` of an autoscaler, labels of a controller); what it named last time
//! and names no more goes. Built-in types are merged by the rules of their lists (`patchMergeKey`), custom resources by RFC 7396.
//! `docs/adr/0011-how-manifests-are-applied.md` says why.

use serde_json::Value;

use crate::Manifest;
use crate::patch::MergeStrategy;

/// A patch that makes the live object what the manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How the server merges it
    pub strategy: MergeStrategy,
    /// What is sent
    pub body: Value,
}

/// Why there is no patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// An item of a list that is merged by a key has no such key.
    #[error("{path}: map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// Where the list is
        path: String,
        /// The item
        item: String,
        /// The key
        key: &'static str,
    },
    /// A list that is merged item by item holds values of several types, or the same field has several types.
    #[error("{path}: {message}")]
    Type {
        /// Where
        path: String,
        /// What is wrong
        message: &'static str,
    },
    /// The annotation cannot be read as JSON.
    #[error("the annotation of what was applied last is no JSON")]
    LastApplied,
}

/// A manifest with the annotation that says what was applied: what is created, and what [`patch`] takes as `modified`. The
/// annotation holds the manifest without itself, as JSON with a line end, members in the order of their names, as kubectl writes it.
#[must_use]
pub fn with_last_applied(_manifest: &Manifest) -> Manifest {
    todo!()
}

/// What was applied last, of a live object.
///
/// # Errors
/// [`Error::LastApplied`]
pub fn last_applied(_live: &Manifest) -> Result<Option<Value>, Error> {
    todo!()
}

/// A manifest as it is sent: members of objects that are null are left out, as Clouddriver's JSON writer does.
#[must_use]
pub fn without_nulls(_manifest: &Manifest) -> Manifest {
    todo!()
}

/// The patch from a live object to a manifest that [`with_last_applied`] made; none when nothing is to be changed.
///
/// # Errors
/// [`Error`]
pub fn patch(_live: &Manifest, _modified: &Manifest) -> Result<Option<Patch>, Error> {
    todo!()
}

/// What the server makes of a patch: for previews and tests.
///
/// # Errors
/// [`Error`]
pub fn patched(_live: &Manifest, _patch: &Patch) -> Result<Manifest, Error> {
    todo!()
}
