//! `expressionEvaluationSummary`: what could not be evaluated, as Spinnaker's users and UI read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// How bad an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// The expression failed.
    Error,
    /// The expression gave null.
    Info,
}

/// One message about one expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Error or information.
    pub level: Level,
    /// Epoch milliseconds of the evaluation.
    pub timestamp: i64,
    /// Java class name of the root cause; none for information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// Text as Spinnaker writes it.
    pub description: String,
    /// Byte offset of the failing part in the text as written, when it is known. Ours: only [`Summary::with_positions`]
    /// shows it.
    #[serde(skip)]
    pub position: Option<usize>,
}

/// Entries by expression text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary(pub BTreeMap<String, Vec<Entry>>);

impl Summary {
    /// Whether every expression was evaluated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The map as Spinnaker writes it.
    pub fn to_json(&self) -> Json {
        self.written(false)
    }

    /// The same, and each entry whose place is known has it as `position`: the context of a stage keeps it for people.
    pub fn with_positions(&self) -> Json {
        self.written(true)
    }

    fn written(&self, positions: bool) -> Json {
        let entries = |(key, list): (&String, &Vec<Entry>)| {
            let list = list.iter().map(|entry| entry.written(positions));
            (key.clone(), Json::Array(list.collect()))
        };
        Json::Object(self.0.iter().map(entries).collect())
    }
}

impl Entry {
    fn written(&self, positions: bool) -> Json {
        let mut out = Map::new();
        let level = match self.level {
            Level::Error => "ERROR",
            Level::Info => "INFO",
        };
        out.insert("level".into(), level.into());
        out.insert("timestamp".into(), self.timestamp.into());
        if let Some(exception) = &self.exception_type {
            out.insert("exceptionType".into(), exception.as_str().into());
        }
        out.insert("description".into(), self.description.as_str().into());
        if let Some(position) = self.position.filter(|_| positions) {
            out.insert("position".into(), position.into());
        }
        Json::Object(out)
    }
}
