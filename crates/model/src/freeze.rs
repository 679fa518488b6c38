//! Freezes: nothing new of an application or a pipeline is started; what runs goes on. Our addition.

use serde::{Deserialize, Serialize};

/// Prefix of the keys of all freezes in the bucket `gk_cfg`.
pub const KEYS: &str = "freeze";

/// One freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Freeze {
    /// What is frozen.
    pub target: Target,
    /// Who froze it.
    pub by: String,
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// Why.
    pub reason: String,
}

/// What is frozen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Everything of the application with this name, in lower case.
    Application(String),
    /// The pipeline with this id.
    Pipeline(String),
}

impl Target {
    /// The application with this name, however it is written.
    #[must_use]
    pub fn application(name: &str) -> Self {
        Self::Application(name.to_lowercase())
    }
}
