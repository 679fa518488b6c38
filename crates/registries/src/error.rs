//! What can go wrong with a registry or repository, told apart as far as callers act differently on it.

/// A question that was not answered. Texts are for people and hold neither secrets nor paths of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not know the repository, the tag or the file.
    #[error("{0} not found")]
    NotFound(String),
    /// It says no.
    #[error("{host} answers {status}{}", .sentence.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    Status {
        /// Its status code.
        status: u16,
        /// Who.
        host: String,
        /// What it says, if that can be read.
        sentence: Option<String>,
    },
    /// No answer.
    #[error(transparent)]
    Call(#[from] gennaker_outbound::Error),
    /// An answer that is none by the protocol, or that is too large.
    #[error("{0}")]
    Answer(String),
    /// What the account proves itself with cannot be read, or would go to a host that may not have it; a text without it.
    #[error("{0}")]
    Credentials(String),
}

impl Error {
    /// The status code with which we would say so.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::Status { .. } | Self::Answer(_) => 502,
            Self::Call(_) | Self::Credentials(_) => 503,
        }
    }
}
