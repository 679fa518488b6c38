//! What pipelines keep of a build (orca: `GoogleCloudBuild`).

use gennaker_model::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A build. Its JSON is what stages keep as `buildInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CloudBuild {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: CloudStatus,
    /// The page with its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Its full name with its region, as far as Google tells it (an addition to Orca's fields: a build of another region than the
    /// account's is read there).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a build stands. A word that nobody knows counts as running, as in Orca.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloudStatus {
    /// It waits for an approval.
    Pending,
    /// It waits.
    Queued,
    /// It runs.
    Working,
    /// It went well.
    Success,
    /// A step failed.
    Failure,
    /// Google failed.
    InternalError,
    /// It took too long.
    Timeout,
    /// Somebody stopped it.
    Cancelled,
    /// It waited too long (Orca does not know the word and polls until its own limit).
    Expired,
    /// A word that is not known, or none.
    #[default]
    #[serde(other)]
    StatusUnknown,
}

/// What is to be built.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// This definition, as `projects.builds.create` takes it.
    Definition(Map),
    /// What a trigger says.
    Trigger {
        /// The trigger's id.
        id: String,
        /// The revision: `branchName`, `tagName` or `commitSha`; whatever else a `RepoSource` may have.
        source: Map,
    },
}

/// A build to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudStart {
    /// What.
    pub what: What,
    /// The identity of the effect.
    pub token: String,
    /// Not before this time was it started, epoch milliseconds.
    pub since_ms: i64,
}

impl CloudBuild {
    /// Reads what Google says of a build; `None` when it has no id.
    pub(super) fn read(build: &Value) -> Option<Self> {
        let text = |key: &str| build.get(key).and_then(Value::as_str).map(str::to_owned);
        let status = build.get("status").cloned().unwrap_or_default();
        Some(Self {
            id: text("id").filter(|id| !id.is_empty())?,
            status: serde_json::from_value(status).unwrap_or_default(),
            log_url: text("logUrl"),
            name: text("name"),
        })
    }
}

impl CloudStatus {
    /// Whether nothing more will come.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::StatusUnknown | Self::Pending | Self::Queued | Self::Working => false,
            Self::Success
            | Self::Failure
            | Self::InternalError
            | Self::Timeout
            | Self::Cancelled
            | Self::Expired => true,
        }
    }
}
