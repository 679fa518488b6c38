//! From what a pipeline says to manifests: YAML, JSON, lists, lists of lists.

mod yaml;

use serde_json::Value;

use crate::Manifest;
use crate::manifest::Malformed;

/// Largest text, in bytes.
pub const BYTES_MAX: usize = 32 << 20;
/// Most manifests in one text or one stage.
pub const MANIFESTS_MAX: usize = 10_000;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 100;

/// Why a text gives no manifests.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1
        line: usize,
        /// From 1, in characters
        column: usize,
        /// A sentence, with advice where there is some
        message: String,
    },
    /// A limit is exceeded.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large
        what: &'static str,
        /// How large it may be
        limit: usize,
    },
    /// A document is no manifest.
    #[error("document {document}: {source}")]
    Malformed {
        /// Its number, from 1
        document: usize,
        /// What is wrong with it
        source: Malformed,
    },
    /// Two documents are the same object: the second would overwrite the first.
    #[error("documents {first} and {second} are both {name}")]
    Twice {
        /// Its number, from 1
        first: usize,
        /// Its number, from 1
        second: usize,
        /// e.g. `deployment web in namespace shop`
        name: String,
    },
}

/// Reads YAML 1.1 or JSON of any number of documents, as SnakeYAML's safe constructor does: `0644` is 420, `yes` is true. Empty
/// documents are left out, lists are flattened, `kind: List` stays as it is ([`expand_lists`]).
///
/// # Errors
/// [`Error::Syntax`] with the place, [`Error::TooLarge`].
pub fn parse(_text: &str) -> Result<Vec<Value>, Error> {
    todo!()
}

/// The manifests of a stage's `manifests`: lists in it are flattened, nulls left out, objects of the kind `List` replaced by their
/// items.
///
/// # Errors
/// [`Error::Malformed`], [`Error::TooLarge`]
pub fn manifests(_values: &[Value]) -> Result<Vec<Manifest>, Error> {
    todo!()
}

/// Finds two manifests that are the same object: for checks before a pipeline is saved or run. Spinnaker applies the second over
/// the first.
///
/// # Errors
/// [`Error::Twice`]
pub fn check_unique(_manifests: &[Manifest]) -> Result<(), Error> {
    todo!()
}
