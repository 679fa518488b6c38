//! What can be wrong with settings.

use std::fmt;
use std::io;

/// Settings that cannot be used. Texts name the place; values are quoted only where they cannot be secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("read the settings file {name}")]
    Read {
        /// The file.
        name: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{name}:{line}:{column}: {reason}")]
    Syntax {
        /// The file.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser expected.
        reason: String,
    },
    /// A key that is no setting.
    #[error("{name}: there is no setting {path}{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// The file.
        name: String,
        /// The key with its sections.
        path: String,
        /// The setting that looks most like it.
        nearest: Option<String>,
    },
    /// An environment variable that is no setting.
    #[error("the environment variable {variable} is no setting{}", hint(.nearest.as_deref()))]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The variable of a setting that looks most like it.
        nearest: Option<String>,
    },
    /// An environment variable that is not UTF-8.
    #[error("the environment variable {variable} is not UTF-8")]
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// A value of the wrong type.
    #[error("{name}: {path}: {reason}")]
    Value {
        /// The file or the environment variable.
        name: String,
        /// The setting.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Values that are out of range or contradict each other.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
}

/// A setting whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting (`broker.replicas`).
    pub path: String,
    /// What is wrong, as a sentence without subject (`is 2, must be 1, 3 or 5`).
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.reason)
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
