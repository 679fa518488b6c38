//! Concourse's JSON, as far as it is read.

use serde::Deserialize;

use crate::{Build, BuildResult};

#[derive(Deserialize)]
pub(super) struct Info {
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: Option<String>,
    pub(super) id_token: Option<String>,
}

/// A team, a pipeline or a resource.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) team_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ConcourseJob {
    pub(super) name: String,
    pub(super) pipeline_name: String,
    pub(super) team_name: String,
    finished_build: Option<ConcourseBuild>,
    next_build: Option<ConcourseBuild>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ConcourseBuild {
    pub(super) id: u64,
    /// Its number, with a point and another number when it was run again.
    pub(super) name: String,
    status: String,
    /// Seconds since the epoch.
    start_time: Option<i64>,
    end_time: Option<i64>,
}

impl Info {
    /// Major and minor version; what cannot be read is new.
    pub(super) fn version(&self) -> (u64, u64) {
        let mut parts = self.version.split('.').map(str::parse::<u64>);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            _ => (u64::MAX, 0),
        }
    }
}

impl ConcourseJob {
    pub(super) fn path(&self) -> String {
        format!("{}/{}/{}", self.team_name, self.pipeline_name, self.name)
    }

    pub(super) fn last(&self) -> Option<&ConcourseBuild> {
        self.next_build.as_ref().or(self.finished_build.as_ref())
    }
}

impl ConcourseBuild {
    pub(super) fn number(&self) -> u64 {
        self.order().0
    }

    /// Number and how often it was run again.
    pub(super) fn order(&self) -> (u64, u64) {
        let (number, again) = self.name.split_once('.').unwrap_or((&self.name, "0"));
        (number.parse().unwrap_or(0), again.parse().unwrap_or(0))
    }

    fn result(&self) -> BuildResult {
        match self.status.as_str() {
            "succeeded" => BuildResult::Success,
            "failed" => BuildResult::Failure,
            "started" => BuildResult::Building,
            "aborted" => BuildResult::Aborted,
            // `pending`, `errored`.
            _ => BuildResult::NotBuilt,
        }
    }

    /// Igor's `getGenericBuild` without resources. Igor says of no build that it runs; here those do that run or wait.
    pub(super) fn to_build(&self, job: &str, full_name: &str, page: String) -> Build {
        let ms = |seconds: i64| seconds.saturating_mul(1_000);
        let took = self.start_time.zip(self.end_time);
        Build {
            building: matches!(self.status.as_str(), "started" | "pending"),
            number: self.number(),
            duration: took.and_then(|(start, end)| u64::try_from(ms(end - start)).ok()),
            result: Some(self.result()),
            name: Some(job.to_owned()),
            full_display_name: Some(full_name.to_owned()),
            url: Some(page),
            id: Some(self.id.to_string()),
            timestamp_ms: self.start_time.map(ms),
            ..Build::default()
        }
    }
}
