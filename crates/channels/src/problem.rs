//! Why something was not delivered: what is to be done about it depends on the class alone.

use std::time::Duration;

/// A delivery that did not succeed. The texts are for people and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing was delivered, and another try may end otherwise.
    #[error("{reason}")]
    Later {
        /// What happened.
        reason: String,
        /// How long the target wants to be left alone.
        after: Option<Duration>,
    },
    /// It will not be delivered.
    #[error("{0}")]
    Refused(String),
    /// It may have been delivered, and a second try might deliver it twice.
    #[error("{0}")]
    Unknown(String),
    /// Nothing was delivered, because the delivery shall not go on.
    #[error("the delivery was stopped")]
    Stopped,
}

impl Problem {
    /// Another try may end otherwise.
    pub(crate) fn later(reason: impl Into<String>) -> Self {
        Self::Later {
            reason: reason.into(),
            after: None,
        }
    }

    /// It will not be delivered.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}
