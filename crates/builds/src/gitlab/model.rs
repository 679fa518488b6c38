//! GitLab's JSON, as far as it is read.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{Build, BuildResult, Revision};

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitlabProject {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) path_with_namespace: String,
    pub(super) builds_access_level: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    sha: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    status: Status,
    created_at: Option<String>,
    duration: Option<f64>,
}

/// How a pipeline stands. Igor fails on words that it does not know; here they count as not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Running,
    /// It is being stopped.
    Canceling,
    Success,
    Failed,
    Canceled,
    /// `created`, `waiting_for_resource`, `preparing`, `scheduled`, `manual`, `skipped` …
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobId {
    pub(super) id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Bridge {
    pub(super) downstream_pipeline: Option<Pipeline>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) key: String,
    pub(super) value: Option<String>,
}

impl Status {
    fn result(self) -> BuildResult {
        match self {
            Self::Running | Self::Canceling => BuildResult::Building,
            Self::Success => BuildResult::Success,
            Self::Failed => BuildResult::Failure,
            Self::Canceled => BuildResult::Aborted,
            Self::Pending | Self::Other => BuildResult::NotBuilt,
        }
    }

    fn is_building(self) -> bool {
        matches!(self, Self::Pending | Self::Running | Self::Canceling)
    }
}

impl Pipeline {
    pub(super) fn is_success(&self) -> bool {
        self.status == Status::Success
    }

    /// Igor's `GitlabCiPipelineUtils.genericBuild`, and the time of its making, which a poller needs.
    pub(super) fn to_build(&self, address: &str, path: &str) -> Build {
        let reference = self.reference.as_deref().unwrap_or_default();
        let name = format!("{reference} ({})", self.id);
        let created = self
            .created_at
            .as_deref()
            .and_then(|at| at.parse::<Timestamp>().ok());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates"
        )]
        let duration = self.duration.map(|seconds| (seconds * 1_000.0) as u64);
        Build {
            building: self.status.is_building(),
            number: self.id,
            duration,
            result: Some(self.status.result()),
            name: Some(name.clone()),
            full_display_name: Some(name),
            url: Some(format!("{address}/{path}/pipelines/{}", self.id)),
            id: Some(self.id.to_string()),
            timestamp_ms: created.map(Timestamp::as_millisecond),
            ..Build::default()
        }
    }

    pub(super) fn revision(&self) -> Revision {
        Revision {
            name: self.reference.clone(),
            branch: self.reference.clone(),
            sha1: self.sha.clone(),
            ..Revision::default()
        }
    }
}
