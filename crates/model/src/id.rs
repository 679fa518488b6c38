//! Newtypes for ids, checked once where they come in.

use serde::{Deserialize, Serialize};

/// Longest id that is accepted from outside, in bytes.
pub const ID_BYTES_MAX: usize = 128;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Accepts any non-empty printable text of at most [`ID_BYTES_MAX`] bytes.
            ///
            /// # Errors
            /// [`InvalidId`] when it is empty, too long or holds control characters.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if text.is_empty() || text.len() > ID_BYTES_MAX || text.chars().any(char::is_control) {
                    return Err(InvalidId);
                }
                Ok(Self(text))
            }

            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// Id of an execution: a ULID whose routing bits name its partition (see [`crate::routing`]).
    ExecutionId
}
text_id! {
    /// Id of a stage within all executions: a ULID derived by the engine.
    StageId
}
text_id! {
    /// Id of a command, drawn once per request and kept over retries, so that a repeat is recognised.
    CommandId
}
text_id! {
    /// Identity of an effect on the outside world; the idempotency key that targets see. See [`EffectId::of`].
    EffectId
}

impl ExecutionId {
    pub(crate) fn from_ulid(text: String) -> Self {
        Self(text)
    }
}

impl StageId {
    /// Wraps a ULID made by the engine.
    #[must_use]
    pub fn derived(time_ms: i64, random: u128) -> Self {
        Self(crate::ulid::encode(time_ms, random))
    }
}

impl EffectId {
    /// The identity of what one task of one stage does outside, the same for every attempt at it.
    #[must_use]
    pub fn of(
        execution: &ExecutionId,
        stage: &StageId,
        incarnation: u32,
        task: &str,
        round: u32,
    ) -> Self {
        Self(format!("{execution}.{stage}.{incarnation}.{task}.{round}"))
    }
}

/// Number of an attempt at a task; from a counter of the execution, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub u64);

impl std::fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A text that cannot be an id.
#[derive(Debug, thiserror::Error)]
#[error("an id must be 1 to {ID_BYTES_MAX} bytes of printable text")]
pub struct InvalidId;
