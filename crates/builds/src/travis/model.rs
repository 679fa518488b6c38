//! Travis' JSON, as far as it is read.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{Build, BuildResult, Revision};

/// Words with which Travis ends a log (Igor: `V3Log`).
const ENDS: [&str; 3] = [
    "Done. Your build exited with ",
    "travis_terminate",
    "Your build has been stopped",
];

/// A build in version 3.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TravisBuild {
    pub(super) id: u64,
    #[serde(deserialize_with = "number")]
    pub(super) number: u64,
    pub(super) state: State,
    duration: Option<u64>,
    event_type: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    repository: Option<Repository>,
    branch: Option<Branch>,
    pub(super) commit: Option<Commit>,
    #[serde(default)]
    pub(super) jobs: Vec<JobId>,
    pub(super) log_complete: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
struct Repository {
    slug: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Branch {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct JobId {
    pub(super) id: u64,
}

/// A commit. In a request it holds the message that the request was made with.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Commit {
    sha: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    pub(super) message: Option<String>,
    compare_url: Option<String>,
    committed_at: Option<String>,
    author: Option<Person>,
}

#[derive(Clone, Debug, Deserialize)]
struct Person {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Builds {
    #[serde(default)]
    pub(super) builds: Vec<TravisBuild>,
}

/// Jobs with the builds that they belong to.
#[derive(Debug, Deserialize)]
pub(super) struct Jobs {
    #[serde(default)]
    pub(super) jobs: Vec<JobOfBuild>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobOfBuild {
    id: u64,
    build: Option<TravisBuild>,
}

/// A build in version 2.
#[derive(Debug, Deserialize)]
pub(super) struct OldBuild {
    pub(super) id: u64,
    #[serde(deserialize_with = "number")]
    number: u64,
    pub(super) state: State,
    duration: Option<u64>,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(default)]
    pub(super) job_ids: Vec<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OldBuilds {
    #[serde(default)]
    pub(super) builds: Vec<OldBuild>,
}

/// How a build stands (Igor: `TravisBuildState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Started,
    Passed,
    Canceled,
    Failed,
    Errored,
    /// `created`, `received`, `queued`, `booting` …: it has not begun.
    #[serde(other)]
    Created,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    content: Option<String>,
    #[serde(default)]
    log_parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    content: Option<String>,
    number: u64,
    #[serde(rename = "final", default)]
    is_final: bool,
}

impl State {
    pub(super) fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::Started)
    }

    fn result(self) -> BuildResult {
        match self {
            Self::Created => BuildResult::NotBuilt,
            Self::Started => BuildResult::Building,
            Self::Passed => BuildResult::Success,
            Self::Canceled => BuildResult::Aborted,
            Self::Failed | Self::Errored => BuildResult::Failure,
        }
    }
}

impl Commit {
    pub(super) fn is_tag(&self) -> bool {
        self.kind() == Some("tags")
    }

    fn is_pull_request(&self) -> bool {
        self.kind() == Some("pull")
    }

    fn kind(&self) -> Option<&str> {
        self.reference.as_deref()?.split('/').nth(1)
    }
}

impl TravisBuild {
    fn slug(&self) -> &str {
        self.repository.as_ref().map_or("", |it| &it.slug)
    }

    /// The names of the jobs whose triggers it fires: its repository, and the part that it belongs to.
    pub(super) fn jobs_of(&self) -> Vec<String> {
        let slug = self.slug();
        if slug.is_empty() {
            return Vec::new();
        }
        let branch = self.branch.as_ref().map_or("", |branch| &branch.name);
        let part = match &self.commit {
            Some(commit) if commit.is_pull_request() => format!("{slug}/pull_request_{branch}"),
            Some(commit) if commit.is_tag() => format!("{slug}/tags"),
            _ => format!("{slug}/{branch}"),
        };
        vec![slug.to_owned(), part]
    }

    /// Whether a pipeline started it: then it fires none, or it would start itself.
    pub(super) fn is_ours(&self) -> bool {
        let message = self
            .commit
            .as_ref()
            .and_then(|commit| commit.message.as_deref());
        let begins = |start: &str| message.is_some_and(|message| message.starts_with(start));
        self.event_type.as_deref() == Some("api")
            && (begins("Triggered from Spinnaker") || begins("Triggered from spinnaker"))
    }

    pub(super) fn began_ms(&self) -> Option<i64> {
        ms(self.started_at.as_deref()).or_else(|| self.finished_ms())
    }

    pub(super) fn finished_ms(&self) -> Option<i64> {
        ms(self.finished_at.as_deref())
    }

    pub(super) fn to_build(&self, base_url: &str) -> Build {
        made(
            self.slug(),
            base_url,
            self.id,
            self.number,
            self.state,
            self.duration,
            self.began_ms(),
        )
    }

    pub(super) fn revision(&self) -> Option<Revision> {
        let commit = self.commit.as_ref()?;
        let branch = self.branch.as_ref().map(|branch| branch.name.clone());
        Some(Revision {
            name: branch.clone(),
            branch,
            sha1: commit.sha.clone(),
            committer: commit
                .author
                .as_ref()
                .and_then(|author| author.name.clone()),
            compare_url: commit.compare_url.clone(),
            message: commit.message.clone(),
            timestamp: commit.committed_at.clone(),
            remote_url: None,
        })
    }
}

impl OldBuild {
    pub(super) fn finished_ms(&self) -> Option<i64> {
        ms(self.finished_at.as_deref())
    }

    pub(super) fn to_build(&self, slug: &str, base_url: &str) -> Build {
        let began = ms(self.started_at.as_deref()).or_else(|| self.finished_ms());
        made(
            slug,
            base_url,
            self.id,
            self.number,
            self.state,
            self.duration,
            began,
        )
    }
}

/// Igor's `TravisBuildConverter`, with two differences: a build that has not begun counts as running, and its time is that of its
/// beginning, as everywhere else.
fn made(
    slug: &str,
    base_url: &str,
    id: u64,
    number: u64,
    state: State,
    duration_s: Option<u64>,
    began_ms: Option<i64>,
) -> Build {
    Build {
        building: !state.is_over(),
        number,
        duration: duration_s,
        result: Some(state.result()),
        name: Some(slug.to_owned()),
        full_display_name: Some(format!("{slug} #{number}")),
        url: Some(format!("{base_url}/{slug}/builds/{id}")),
        id: Some(id.to_string()),
        timestamp_ms: began_ms,
        ..Build::default()
    }
}

impl Log {
    /// Whether nothing more will come.
    pub(super) fn is_complete(&self) -> bool {
        let Some(last) = self.log_parts.last() else {
            return false;
        };
        let text = self.text();
        let is_whole =
            usize::try_from(last.number).is_ok_and(|number| number + 1 == self.log_parts.len());
        is_whole && last.is_final && ENDS.iter().any(|end| text.contains(end))
    }

    pub(super) fn text(&self) -> String {
        match &self.content {
            Some(content) => content.clone(),
            None => {
                let parts = self.log_parts.iter();
                parts.filter_map(|part| part.content.as_deref()).collect()
            }
        }
    }
}

/// Adds the builds of jobs, each once, with the ids of its jobs.
pub(super) fn gather(found: &mut Vec<TravisBuild>, jobs: Vec<JobOfBuild>) {
    for job in jobs {
        let Some(mut build) = job.build else {
            continue;
        };
        match found.iter_mut().find(|known| known.id == build.id) {
            Some(known) => known.jobs.push(JobId { id: job.id }),
            None => {
                build.jobs = vec![JobId { id: job.id }];
                found.push(build);
            }
        }
    }
}

/// Parameters that a job's configuration suggests: `global_env`, a list or one text of `KEY=value` (Igor: `Config`).
pub(super) fn parameters(config: &Value) -> Vec<Value> {
    let entries: Vec<String> = match &config["global_env"] {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    let pairs = entries.iter().filter_map(|entry| entry.split_once('='));
    pairs
        .map(|(name, value)| json!({"name": name, "defaultValue": value.trim_matches(['"', '\''])}))
        .collect()
}

fn ms(time: Option<&str>) -> Option<i64> {
    Some(time?.parse::<Timestamp>().ok()?.as_millisecond())
}

/// A number, which version 3 writes as a text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| serde::de::Error::custom("the number of a build is none"))
}
