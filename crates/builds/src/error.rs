//! What can go wrong with a server, told apart as far as callers act differently on it.

/// A question or a wish that a server did not fulfil. Texts are for people and hold neither secrets nor paths of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server does not know the job, the build, the queue item or the file.
    #[error("{0}")]
    NotFound(String),
    /// The server, or a rule that it follows, says no, and will say so again; its sentence.
    #[error("{sentence}")]
    Refused {
        /// Its status code; 400 where we know the rule ourselves.
        status: u16,
        /// Why.
        sentence: String,
    },
    /// This kind of server cannot do it.
    #[error("{0}")]
    NotSupported(String),
    /// No answer, or one that says to come again: 429, 500, 502, 503, 504, a connection that failed.
    #[error("{sentence}")]
    Unavailable {
        /// Its status code, if there was an answer.
        status: Option<u16>,
        /// What happened.
        sentence: String,
        /// Whether a wish that changes something may have been carried out nevertheless.
        may_have_happened: bool,
    },
    /// An answer that is none by the protocol.
    #[error("{sentence}")]
    Unreadable {
        /// What is wrong with it.
        sentence: String,
        /// Whether a wish that changes something was, or may have been, carried out.
        may_have_happened: bool,
    },
    /// What the account proves itself with cannot be read; a text without it.
    #[error("{0}")]
    Credentials(String),
}

impl Error {
    /// Whether the same may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // A file that is being written anew is no reason to give up.
            Self::Unavailable { .. } | Self::Credentials(_) => true,
            Self::NotFound(_)
            | Self::Refused { .. }
            | Self::NotSupported(_)
            | Self::Unreadable { .. } => false,
        }
    }

    /// Whether a wish that changes something may have been carried out although it failed.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Unavailable {
                may_have_happened, ..
            }
            | Self::Unreadable {
                may_have_happened, ..
            } => *may_have_happened,
            Self::NotFound(_)
            | Self::Refused { .. }
            | Self::NotSupported(_)
            | Self::Credentials(_) => false,
        }
    }

    /// The status code that the server answered, 404 for what it does not know.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::NotFound(_) => Some(404),
            Self::Refused { status, .. } => Some(*status),
            Self::Unavailable { status, .. } => *status,
            Self::NotSupported(_) => Some(400),
            Self::Unreadable { .. } | Self::Credentials(_) => None,
        }
    }

    /// A rule that we know ourselves says no.
    #[must_use]
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Self::Refused {
            status: 400,
            sentence: sentence.into(),
        }
    }

    /// From a call that brought no answer; `changes` says whether the request was to change something.
    #[must_use]
    pub fn call(error: &gennaker_outbound::Error, changes: bool) -> Self {
        use gennaker_outbound::Kind;
        let sentence = error.to_string();
        let may_have_happened = changes && error.may_have_arrived();
        match error.kind {
            Kind::Refused(_) | Kind::Invalid(_) => Self::invalid(sentence),
            Kind::TooLarge { .. } | Kind::Redirect(_) => Self::Unreadable {
                sentence,
                may_have_happened,
            },
            _ => Self::Unavailable {
                status: None,
                sentence,
                may_have_happened,
            },
        }
    }
}
