//! AWS CodeBuild (Igor: `AwsCodeBuildAccount`; CodeBuild's API of 2016-10-06).
//!
//! A start carries an idempotency token, with which CodeBuild itself makes one build of several calls for five minutes, and the
//! same in an environment variable of the build, by which it is found again later.

mod model;
#[cfg(test)]
mod tests;

use gennaker_credentials::aws::{self, Service};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::Error;
pub use model::{CodeBuild, CodeStatus};

/// The version of the protocol.
const PROTOCOL: &str = "1.1";
/// What the names of operations begin with.
const TARGET: &str = "CodeBuild_20161006";
/// The environment variable that carries the token.
const TOKEN: &str = "GENNAKER_BUILD";
/// Most pages of projects, each of 100: CodeBuild allows 5 000 in a region.
const PROJECT_PAGES_MAX: usize = 60;
/// Most pages of builds, each of 100, that are looked through.
const BUILD_PAGES_MAX: usize = 10;
/// How far clocks may differ, in milliseconds.
const CLOCKS_MS: i64 = 60_000;

/// CodeBuild of one account in one region.
#[derive(Debug)]
pub struct AwsCodeBuild {
    service: Service,
}

/// A build to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeStart {
    /// What `StartBuild` takes: `projectName` and what is to be other than in the project.
    pub request: Map,
    /// The identity of the effect.
    pub token: String,
    /// Not before this time was it started, epoch milliseconds.
    pub since_ms: i64,
}

impl AwsCodeBuild {
    /// The builds of an account; the service is `codebuild`.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// Starts a build.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(&self, start: &CodeStart) -> Result<CodeBuild, Error> {
        let mut request = start.request.clone();
        request.insert("idempotencyToken".to_owned(), start.token.clone().into());
        let variables = request
            .entry("environmentVariablesOverride")
            .or_insert_with(|| json!([]));
        let variables = variables
            .as_array_mut()
            .ok_or_else(|| Error::invalid("environmentVariablesOverride must be a list"))?;
        variables.push(json!({"name": TOKEN, "value": start.token, "type": "PLAINTEXT"}));
        let answer = self
            .call("StartBuild", &Value::Object(request), true)
            .await?;
        CodeBuild::read(&answer["build"]).ok_or_else(|| unreadable(true))
    }

    /// The build that an earlier [`Self::start`] of the same token made; `None` when it made none.
    ///
    /// # Errors
    /// [`Error`]: nobody knows.
    pub async fn find(&self, start: &CodeStart) -> Result<Option<CodeBuild>, Error> {
        let project = start.request.get("projectName").and_then(Value::as_str);
        let project = project.ok_or_else(|| Error::invalid("projectName is missing"))?;
        let is_it = |build: &&Value| {
            let variables = build.pointer("/environment/environmentVariables");
            let variables = variables.and_then(Value::as_array).into_iter().flatten();
            variables
                .into_iter()
                .any(|one| one["name"] == TOKEN && one["value"] == start.token)
        };
        let mut next = Value::Null;
        for _ in 0..BUILD_PAGES_MAX {
            let mut question = json!({"projectName": project, "sortOrder": "DESCENDING"});
            if next.is_string() {
                question["nextToken"] = next;
            }
            let page = self.call("ListBuildsForProject", &question, false).await?;
            let ids = page["ids"].as_array().cloned().unwrap_or_default();
            let builds = match ids.is_empty() {
                true => Vec::new(),
                false => self.batch(&ids).await?,
            };
            if let Some(found) = builds.iter().find(is_it) {
                return Ok(CodeBuild::read(found));
            }
            let began = builds
                .iter()
                .filter_map(|build| ms(&build["startTime"]))
                .min();
            let passed = began.is_some_and(|ms| ms < start.since_ms.saturating_sub(CLOCKS_MS));
            next = page["nextToken"].clone();
            if passed || !next.is_string() {
                return Ok(None);
            }
        }
        Err(Error::Unavailable {
            status: None,
            sentence:
                "AWS CodeBuild has more builds of the project since then than are looked through"
                    .to_owned(),
            may_have_happened: false,
        })
    }

    /// A build by its id, `project:uuid`, or its full name (`arn:…`).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(&self, id: &str) -> Result<CodeBuild, Error> {
        CodeBuild::read(&self.whole(id).await?).ok_or_else(|| unreadable(false))
    }

    /// Stops a build. One that is over is left as it is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stop(&self, id: &str) -> Result<CodeBuild, Error> {
        let answer = self
            .call("StopBuild", &json!({"id": id_of(id)}), true)
            .await?;
        CodeBuild::read(&answer["build"]).ok_or_else(|| unreadable(true))
    }

    /// The names of the projects, sorted.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn projects(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let mut question = json!({"sortBy": "NAME"});
        for _ in 0..PROJECT_PAGES_MAX {
            let page = self.call("ListProjects", &question, false).await?;
            let names = page["projects"].as_array().into_iter().flatten();
            found.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
            match &page["nextToken"] {
                Value::String(next) => question["nextToken"] = next.clone().into(),
                _ => break,
            }
        }
        Ok(found)
    }

    /// The artifacts that a build left in buckets, as pipelines have them. A project without artifacts has none (Igor fails).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn artifacts(&self, id: &str) -> Result<Vec<Map>, Error> {
        let build = self.whole(id).await?;
        let more = build["secondaryArtifacts"].as_array().into_iter().flatten();
        let all = std::iter::once(&build["artifacts"]).chain(more);
        let located = all.filter_map(|artifact| artifact["location"].as_str());
        let artifact = |location: &str| {
            let path = location.rsplit(':').next().unwrap_or(location);
            let reference = format!("s3://{path}");
            json!({"type": "s3/object", "name": reference, "reference": reference})
                .as_object()
                .cloned()
        };
        Ok(located
            .filter(|location| !location.is_empty())
            .filter_map(artifact)
            .collect())
    }

    async fn whole(&self, id: &str) -> Result<Value, Error> {
        let id = id_of(id);
        let found = self.batch(&[json!(id)]).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| Error::NotFound(format!("there is no build {id}")))
    }

    async fn batch(&self, ids: &[Value]) -> Result<Vec<Value>, Error> {
        let answer = self
            .call("BatchGetBuilds", &json!({"ids": ids}), false)
            .await?;
        Ok(answer["builds"].as_array().cloned().unwrap_or_default())
    }

    async fn call(&self, operation: &str, body: &Value, changes: bool) -> Result<Value, Error> {
        let target = format!("{TARGET}.{operation}");
        let answer = self.service.call(PROTOCOL, &target, body).await;
        answer.map_err(|error| failed(&error, changes))
    }
}

/// The id in a full name: `arn:aws:codebuild:eu-west-1:123:build/project:uuid`.
fn id_of(name: &str) -> &str {
    match name.starts_with("arn:") {
        true => name.split_once('/').map_or(name, |(_, id)| id),
        false => name,
    }
}

/// Seconds since the epoch, with a fraction, as AWS JSON has times.
fn ms(time: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    time.as_f64().map(|seconds| (seconds * 1_000.0) as i64)
}

fn failed(error: &aws::Error, changes: bool) -> Error {
    match error {
        aws::Error::Call(call) => Error::call(call, changes),
        aws::Error::Refused { status, code, .. } => {
            let sentence = error.to_string();
            match code.as_str() {
                "ResourceNotFoundException" => Error::NotFound(sentence),
                _ if error.is_transient() => Error::Unavailable {
                    status: Some(*status),
                    sentence,
                    may_have_happened: changes && *status >= 500,
                },
                _ => Error::Refused {
                    status: *status,
                    sentence,
                },
            }
        }
        aws::Error::Answer(_) => unreadable(changes),
        aws::Error::Unusable(_) => Error::Credentials(error.to_string()),
    }
}

fn unreadable(may_have_happened: bool) -> Error {
    Error::Unreadable {
        sentence: "AWS CodeBuild answers something that is no build".to_owned(),
        may_have_happened,
    }
}
