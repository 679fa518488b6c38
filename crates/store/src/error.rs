//! What can go wrong, by what the caller may do about it.

use crate::Kind;

/// Failure of a read, or of a plain write.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker did not answer, or refused.
    #[error("the document storage did not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// A stored document is no JSON object.
    #[error("the stored document {key} cannot be read")]
    Corrupt {
        /// Its key in the bucket.
        key: String,
        /// Where the JSON breaks.
        #[source]
        source: serde_json::Error,
    },
    /// Lists are not complete yet; try again.
    #[error("the list of documents is still being loaded")]
    NotReady,
    /// Somebody else wrote the document in between.
    #[error("the {} was changed by somebody else", kind.word())]
    Conflict {
        /// What was to be written.
        kind: Kind,
    },
    /// Above the limit of its kind.
    #[error("the {} has {bytes} bytes, more than the limit of {limit}", kind.word())]
    TooLarge {
        /// What was to be written.
        kind: Kind,
        /// Its size as compact JSON.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Why a document was not saved. The texts are those that Front50 and Orca answer: clients print and match them.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It lacks what every such document has (422).
    #[error("{0}")]
    Invalid(String),
    /// It contradicts what is stored, or makes no sense (400).
    #[error("{0}")]
    Rejected(String),
    /// What is to be changed does not exist (404).
    #[error("{0}")]
    NotFound(String),
    /// Above the limit of its kind (413).
    #[error("{0}")]
    TooLarge(String),
    /// Too many write the same document at once; try again (503).
    #[error("too many writers at once, try again")]
    Busy,
    /// The storage failed (503).
    #[error("{}", chain(.0))]
    Store(#[source] Error),
}

impl SaveError {
    /// The HTTP status that Front50 answers in this case.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 422,
            Self::Rejected(_) => 400,
            Self::NotFound(_) => 404,
            Self::TooLarge(_) => 413,
            Self::Busy | Self::Store(_) => 503,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Store(_) => true,
            Self::Invalid(_) | Self::Rejected(_) | Self::NotFound(_) | Self::TooLarge(_) => false,
        }
    }
}

impl From<Error> for SaveError {
    fn from(error: Error) -> Self {
        match error {
            Error::TooLarge { .. } => Self::TooLarge(error.to_string()),
            Error::Conflict { .. } => Self::Busy,
            Error::Bus(_) | Error::Corrupt { .. } | Error::NotReady => Self::Store(error),
        }
    }
}

impl From<gennaker_bus::Error> for SaveError {
    fn from(error: gennaker_bus::Error) -> Self {
        Self::Store(Error::Bus(error))
    }
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
