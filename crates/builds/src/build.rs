//! What a build is to pipelines, with the names and the JSON of Igor's `GenericBuild` (`events.md` 11.7 of the reference):
//! absent values are left out.

use gennaker_model::Map;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A build of a job. Its JSON is what stages keep as `buildInfo`, what `trigger.buildInfo` is, and what Gate answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Build {
    /// Whether it runs.
    pub building: bool,
    /// Its name for people, such as `deploy #12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_display_name: Option<String>,
    /// Its job, as triggers and stages write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its number within the job.
    pub number: u64,
    /// How long it took, in milliseconds; 0 while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// When it began, epoch milliseconds; a text in JSON.
    #[serde(
        rename = "timestamp",
        with = "as_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub timestamp_ms: Option<i64>,
    /// How it ended. `None` while it runs, or when the server does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<BuildResult>,
    /// The files it left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Its tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test_results: Vec<TestResults>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A name that no other build of the server has, such as `deploy-12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was built (Java: `genericGitRevisions`).
    #[serde(rename = "scm", skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// The properties it left.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map,
}

/// How a build ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuildResult {
    /// Well.
    Success,
    /// With failed tests, or whatever the job calls unstable.
    Unstable,
    /// Not yet.
    Building,
    /// Somebody stopped it.
    Aborted,
    /// Badly.
    Failure,
    /// It was never begun, or waits.
    NotBuilt,
}

/// A file that a build left (Java: `GenericArtifact`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Artifact {
    /// Its name without folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_path: Option<String>,
    /// Where it lies among the build's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<String>,
    /// How pipelines refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The name of the artifact: the job, or what a decorator read in the file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The type of the artifact, such as `jenkins/file`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its version: the build's number, or what a decorator read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether name, type and version were read in the file's name.
    pub decorated: bool,
}

/// Tests of a build, in sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TestResults {
    /// How many failed.
    pub fail_count: u64,
    /// How many were left out.
    pub skip_count: u64,
    /// How many there are.
    pub total_count: u64,
    /// The last part of their page's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_name: Option<String>,
}

/// A revision that was built (Java: `GenericGitRevision`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Revision {
    /// The reference, such as `refs/remotes/origin/main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The last part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// Who committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committer: Option<String>,
    /// The page of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_url: Option<String>,
    /// The commit's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was committed, as the server writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_url: Option<String>,
}

impl Build {
    /// As JSON: what a context or a trigger keeps.
    ///
    /// # Panics
    /// Never: every part of it is JSON.
    #[must_use]
    pub fn to_map(&self) -> Map {
        match serde_json::to_value(self).expect("a build is plain data") {
            serde_json::Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// Whether it is over and was good: only these start pipelines (Echo: `BuildEventHandler.isSuccessfulTriggerEvent`).
    #[must_use]
    pub fn is_success(&self) -> bool {
        !self.building && self.result == Some(BuildResult::Success)
    }
}

impl BuildResult {
    /// From the word that Jenkins and Igor write.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "SUCCESS" => Self::Success,
            "UNSTABLE" => Self::Unstable,
            "BUILDING" => Self::Building,
            "ABORTED" => Self::Aborted,
            "FAILURE" => Self::Failure,
            "NOT_BUILT" => Self::NotBuilt,
            _ => return None,
        })
    }

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Unstable => "UNSTABLE",
            Self::Building => "BUILDING",
            Self::Aborted => "ABORTED",
            Self::Failure => "FAILURE",
            Self::NotBuilt => "NOT_BUILT",
        }
    }
}

/// Epoch milliseconds that JSON has as a text; a number is read too.
mod as_text {
    use super::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<i64>, D::Error> {
        let value = Option::<serde_json::Value>::deserialize(deserializer)?;
        Ok(match value {
            Some(serde_json::Value::String(text)) => text.parse().ok(),
            Some(serde_json::Value::Number(number)) => number.as_i64(),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_build_is_igors_json_there_and_back() {
        let json = json!({
            "building": false, "fullDisplayName": "deploy #12", "name": "team/job/deploy", "number": 12, "duration": 1000,
            "timestamp": "1700000000000", "result": "SUCCESS",
            "artifacts": [{
                "fileName": "a.jar", "displayPath": "a.jar", "relativePath": "target/a.jar", "reference": "target/a.jar",
                "name": "team/job/deploy", "type": "jenkins/file", "version": "12", "decorated": false,
            }],
            "testResults": [{"failCount": 0, "skipCount": 0, "totalCount": 10, "urlName": "testReport"}],
            "url": "https://jenkins/job/team/job/deploy/12/", "id": "team/job/deploy-12",
            "scm": [{"name": "refs/remotes/origin/main", "branch": "main", "sha1": "abc", "remoteUrl": "https://git/x"}],
        });
        let build: Build = serde_json::from_value(json.clone()).unwrap();
        assert!(build.is_success());
        assert_eq!(build.timestamp_ms, Some(1_700_000_000_000));
        assert_eq!(serde_json::Value::Object(build.to_map()), json);
    }

    #[test]
    fn words_of_results_are_read_back() {
        for word in [
            "SUCCESS",
            "UNSTABLE",
            "BUILDING",
            "ABORTED",
            "FAILURE",
            "NOT_BUILT",
        ] {
            assert_eq!(BuildResult::parse(word).unwrap().word(), word);
        }
        assert_eq!(BuildResult::parse("success"), None);
    }
}
