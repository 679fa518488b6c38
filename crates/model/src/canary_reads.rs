//! What the API asks workers about canary analysis, on `gk.ask.<pool>.<place>`, and what they answer: what Kayenta's own API
//! answers (canary reference 4).
//!
//! A question goes to one worker. All of them may be repeated: what they store they store under an id that comes with them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// The pool whose workers answer.
pub const POOL: &str = "canary";

/// Where questions go that any worker of the pool can answer, and those about a source of metrics.
#[must_use]
pub fn place(metrics_account: Option<&str>) -> String {
    match metrics_account {
        Some(account) => format!("metrics:{account}"),
        None => "kayenta".to_owned(),
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// What is asked.
    pub read: Read,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "read",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Read {
    /// The accounts, without anything secret.
    Accounts,
    /// Metrics that a source knows.
    Metadata {
        /// The account of the source; the first one if absent.
        account: Option<String>,
        /// What their names contain.
        filter: Option<String>,
    },
    /// The ids in a group, and when they were written.
    List {
        /// The group.
        group: Group,
        /// The account of the storage; the first one if absent.
        account: Option<String>,
    },
    /// One object.
    Get {
        /// The group.
        group: Group,
        /// The account of the storage.
        account: Option<String>,
        /// Its id.
        id: String,
    },
    /// Stores an object.
    Put {
        /// The group.
        group: Group,
        /// The account of the storage.
        account: Option<String>,
        /// Its id.
        id: String,
        /// Whether it must be there already, or must not; either way if absent.
        exists: Option<bool>,
        /// The file is called as the id is.
        by_id: bool,
        /// The object.
        body: Value,
    },
    /// Deletes an object.
    Delete {
        /// The group.
        group: Group,
        /// The account of the storage.
        account: Option<String>,
        /// Its id.
        id: String,
    },
    /// Judges stored pairs.
    Judge {
        /// The configuration.
        config: Map,
        /// The id of the list of pairs.
        pairs: String,
        /// The account of the storage.
        account: Option<String>,
        /// From here on the canary passes.
        pass: f64,
        /// From here on it is marginal.
        marginal: f64,
        /// By which judges, in place of the one that the configuration names; two are compared, and what they say is stored.
        judges: Vec<String>,
        /// The id under which a comparison is stored.
        id: String,
    },
    /// Asks a source once, and stores what it gives.
    Fetch {
        /// The account of the source.
        account: Option<String>,
        /// The account of the storage.
        storage: Option<String>,
        /// `query.type`.
        source: String,
        /// `{metric, templates, scope}`: a metric of a configuration, its templates, and one side of a scope.
        request: Map,
        /// The id of the list.
        id: String,
        /// Only tell the query.
        dry_run: bool,
    },
    /// Both series of each metric with the thresholds and the verdict.
    Series {
        /// The account of the storage.
        account: Option<String>,
        /// The id of the analysis.
        id: String,
    },
}

/// A group of stored objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Group {
    /// What came of an analysis.
    Archive,
    /// What came of a standalone analysis.
    StandaloneArchive,
    /// Series as a source gave them.
    MetricSets,
    /// Series of both sides.
    MetricPairs,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u8,
    /// The HTTP status with which Kayenta would answer.
    pub status: u16,
    /// What was asked for; a sentence for people when the status is not 200.
    pub body: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_have_a_written_form() {
        let question = Question {
            v: VERSION,
            read: Read::Put {
                group: Group::MetricPairs,
                account: None,
                id: "p".to_owned(),
                exists: None,
                by_id: false,
                body: json!([]),
            },
        };
        let written = json!({"v": 1, "read": {"read": "put", "group": "metricPairs", "account": null, "id": "p",
            "exists": null, "byId": false, "body": []}});
        assert_eq!(serde_json::to_value(&question).unwrap(), written);
        let read: Question = serde_json::from_value(written).unwrap();
        assert_eq!(read, question);
        assert_eq!(place(None), "kayenta");
        assert_eq!(place(Some("prom")), "metrics:prom");
    }
}
