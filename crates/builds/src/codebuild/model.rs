//! What pipelines keep of a build (orca: `AwsCodeBuildExecution`).

use gennaker_model::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A build. Its JSON is what stages keep as `buildInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CodeBuild {
    /// Its full name, `arn:aws:codebuild:<region>:<account>:build/<project>:<uuid>`.
    pub arn: String,
    /// How it stands.
    pub status: CodeStatus,
    /// Where its log is: `deepLink`, `s3DeepLink`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Map>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_url: Option<String>,
    /// The variables that it exported: `name`, `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported_environment_variables: Option<Vec<Value>>,
}

/// How a build stands. A word that nobody knows is a failure, as in Orca.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CodeStatus {
    /// It runs.
    InProgress,
    /// It went well.
    Succeeded,
    /// It went badly.
    Failed,
    /// CodeBuild failed.
    Fault,
    /// It took too long.
    TimedOut,
    /// Somebody stopped it.
    Stopped,
    /// A word that is not known, or none.
    #[default]
    #[serde(other)]
    Unknown,
}

impl CodeBuild {
    /// Reads what CodeBuild says of a build; `None` when it has no name.
    pub(super) fn read(build: &Value) -> Option<Self> {
        let arn = build.get("arn").and_then(Value::as_str)?.to_owned();
        let logs = build.get("logs").and_then(Value::as_object).map(|logs| {
            let kept = ["deepLink", "s3DeepLink"];
            let kept = kept
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), logs.get(*key)?.clone())));
            kept.collect()
        });
        let status = build.get("buildStatus").cloned().unwrap_or_default();
        Some(Self {
            build_url: page(&arn),
            status: serde_json::from_value(status).unwrap_or_default(),
            logs,
            exported_environment_variables: build
                .get("exportedEnvironmentVariables")
                .and_then(Value::as_array)
                .cloned(),
            arn,
        })
    }
}

impl CodeStatus {
    /// Whether nothing more will come.
    #[must_use]
    pub fn is_over(self) -> bool {
        self != Self::InProgress
    }
}

fn page(arn: &str) -> Option<String> {
    let (place, id) = arn.split_once('/')?;
    let region = place.split(':').nth(3)?;
    let project = id.split(':').next()?;
    Some(format!(
        "https://{region}.console.aws.amazon.com/codesuite/codebuild/projects/{project}/build/{id}/log?region={region}"
    ))
}
