//! Offline checks of pipeline files: what a finding is, and the checks that need nothing but the file.

pub(crate) mod graph;
mod known;
pub(crate) mod position;

use serde_json::Value;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline cannot be saved or cannot run.
    Error,
    /// It runs, but probably not as meant.
    Warning,
}

impl Severity {
    /// The word that is printed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something that a check found in a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where, as a JSON pointer (RFC 6901), for example `/stages/2/type`; empty for the whole pipeline.
    pub path: String,
    /// What, as a lower-case sentence without a full stop.
    pub message: String,
}

impl Finding {
    /// Something that stops the pipeline.
    #[must_use]
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
        }
    }

    /// Something that is probably not meant.
    #[must_use]
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            path: path.into(),
            message: message.into(),
        }
    }
}

/// Checks one pipeline document. Pure: the same document gives the same findings, in the order in which they are printed.
pub type Linter = fn(&Value) -> Vec<Finding>;
