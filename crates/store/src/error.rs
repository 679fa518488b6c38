//! What can go wrong, by what the caller may do about it.

use crate::Kind;

/// Failure of a read, or of a plain write.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker did not answer, or refused.
    #[error("the document storage did not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// The bucket of S3 did not answer, or refused.
    #[error("failed to {operation} the bucket")]
    Bucket {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder of documents cannot be read.
    #[error("failed to read {}", path.display())]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// An id that no path of an object can hold.
    #[error("{id:?} cannot be the id of a document in S3")]
    BadId {
        /// The id.
        id: String,
    },
    /// A stored document is larger than any that is saved.
    #[error("the stored document {key} is too large to be read")]
    Unreadable {
        /// Its key.
        key: String,
    },
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

impl Error {
    pub(crate) fn bucket(
        operation: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Bucket {
            operation,
            source: Box::new(source),
        }
    }
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
            Error::BadId { .. } => Self::Rejected(error.to_string()),
            Error::Bus(_)
            | Error::Bucket { .. }
            | Error::Folder { .. }
            | Error::Corrupt { .. }
            | Error::Unreadable { .. }
            | Error::NotReady => Self::Store(error),
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
