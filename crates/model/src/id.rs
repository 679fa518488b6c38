//! Newtypes for ids, checked once where they come in.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest id that is accepted from outside, in bytes.
pub const ID_BYTES_MAX: usize = 128;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Copies share their text: ids are copied into every fact, task and index.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(deserialize_with = "shared")] Arc<str>);

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
                Ok(Self(text.into()))
            }

            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        Self(text.into())
    }
}

impl StageId {
    /// Wraps a ULID made by the engine.
    #[must_use]
    pub fn derived(time_ms: i64, random: u128) -> Self {
        Self(crate::ulid::encode(time_ms, random).into())
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
        Self(format!("{execution}.{stage}.{incarnation}.{task}.{round}").into())
    }
}

/// Reads a text into its one allocation.
fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    struct Text;
    impl de::Visitor<'_> for Text {
        type Value = Arc<str>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Arc<str>, E> {
            Ok(Arc::from(text))
        }
    }
    deserializer.deserialize_str(Text)
}

/// Number of an attempt at a task; from a counter of the execution, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub u64);

impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A text that cannot be an id.
#[derive(Debug, thiserror::Error)]
#[error("an id must be 1 to {ID_BYTES_MAX} bytes of printable text")]
pub struct InvalidId;
