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
    /// Byte offset of the failing part in the text as written, when it is known. Ours, so it is not part of the JSON.
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

    /// The map as it stands in a context.
    pub fn to_json(&self) -> Json {
        let entry = |entry: &Entry| {
            let mut out = Map::new();
            out.insert(
                "level".into(),
                Json::from(if entry.level == Level::Error {
                    "ERROR"
                } else {
                    "INFO"
                }),
            );
            out.insert("timestamp".into(), Json::from(entry.timestamp));
            if let Some(exception) = &entry.exception_type {
                out.insert("exceptionType".into(), Json::from(exception.as_str()));
            }
            out.insert("description".into(), Json::from(entry.description.as_str()));
            Json::Object(out)
        };
        let entries = |(key, list): (&String, &Vec<Entry>)| {
            (key.clone(), Json::Array(list.iter().map(entry).collect()))
        };
        Json::Object(self.0.iter().map(entries).collect())
    }
}
