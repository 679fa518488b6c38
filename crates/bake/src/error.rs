//! Why a bake fails. Every text is read by the person who looks at the stage.

use crate::tools::Missing;

/// A bake that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request makes no sense.
    #[error("{0}")]
    Request(String),
    /// The tool is not there.
    #[error("{0}")]
    Missing(Missing),
    /// An archive is not what it should be, or tries what it must not.
    #[error("the archive of input artifact {place} cannot be unpacked: {source}")]
    Archive {
        /// Its place among the inputs, from 1.
        place: usize,
        /// What is wrong.
        source: crate::unpack::Refused,
    },
    /// The tool ran and failed; in Rosco's words.
    #[error("Bake failed: {0}")]
    Failed(String),
    /// A limit was met.
    #[error("Bake failed: {tool} was ended: {why}")]
    Limit {
        /// The tool.
        tool: &'static str,
        /// Which limit.
        why: String,
    },
    /// A file that Kustomize needs cannot be fetched.
    #[error("{what} cannot be read: {reason}")]
    File {
        /// Which file.
        what: String,
        /// Why.
        reason: String,
        /// Whether another try may end otherwise.
        is_transient: bool,
    },
    /// This machine has no room, or no right to make a folder.
    #[error("the worker cannot bake: {0}")]
    Machine(String),
}

impl Error {
    /// Whether another try, a little later, may end otherwise.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::File { is_transient, .. } => *is_transient,
            Self::Machine(_) => true,
            Self::Request(_)
            | Self::Missing(_)
            | Self::Archive { .. }
            | Self::Failed(_)
            | Self::Limit { .. } => false,
        }
    }
}
