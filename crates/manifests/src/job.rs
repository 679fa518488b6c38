//! The Run Job stage: what may run, how it stands, what its log says.

use serde_json::{Value, json};

use crate::{Manifest, Map, Native, strategy};

/// Why a job does not run, or its log says nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// None or several manifests.
    #[error("Run Job only supports manifests with a single Job.")]
    NotOne,
    /// Another kind.
    #[error("Only kind of Job is accepted for the Run Job operation.")]
    NotAJob,
    /// A line of the log holds no JSON object.
    #[error("`SPINNAKER_CONFIG_JSON` in the log is no JSON object: {0}")]
    Json(String),
    /// More than fits.
    #[error("the properties in the log exceed {0} bytes")]
    TooLarge(usize),
}

/// Most bytes of properties that are taken from a log.
pub const PROPERTIES_BYTES_MAX: usize = 1 << 20;

/// The one Job of a stage, prepared: its namespace replaced, its strategy `recreate` (`KubernetesRunJobOperation`).
///
/// # Errors
/// [`Error::NotOne`], [`Error::NotAJob`]
pub fn prepare(mut manifests: Vec<Manifest>, namespace: Option<&str>) -> Result<Manifest, Error> {
    let (Some(mut job), true) = (manifests.pop(), manifests.is_empty()) else {
        return Err(Error::NotOne);
    };
    if job.kind() != Native::Job {
        return Err(Error::NotAJob);
    }
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        job.set_namespace(namespace);
    }
    strategy::force_recreate(&mut job);
    Ok(job)
}

/// A job's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Spinnaker's own word")]
pub enum State {
    Running,
    Succeeded,
    Failed,
}

impl State {
    /// Spinnaker's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The state of a live Job.
#[must_use]
pub fn state(job: &Manifest) -> State {
    let number = |path: &[&str]| job.at(path).and_then(Value::as_i64);
    if job.at(&["status"]).is_none_or(Value::is_null) {
        return State::Running;
    }
    let completions = number(&["spec", "completions"]).unwrap_or(1);
    match number(&["status", "succeeded"]).unwrap_or_default() >= completions {
        true => State::Succeeded,
        false if failed_condition(job).is_some() => State::Failed,
        false => State::Running,
    }
}

/// The job's status as `GET /applications/{app}/jobs/{account}/{location}/{name}` shows it (`KubernetesJobStatus`). `pods` are those
/// that its selector chooses; with `details` false, `pods` stays empty (`jobs.detailed-pod-status`).
#[must_use]
pub fn status(account: &str, job: &Manifest, pods: &[Manifest], details: bool) -> Value {
    let state = state(job);
    let pods = by_age(pods);
    let mut status = json!({
        "name": job.name(), "cluster": null, "account": account, "id": null, "location": job.namespace(),
        "provider": "kubernetes", "createdTime": job.created_ms(), "completedTime": null, "message": null, "reason": null,
        "exitCode": null, "signal": null, "failureDetails": null, "logs": null, "pods": [],
        "mostRecentPodName": pods.last().map(|pod| pod.name()), "jobState": state.name(),
    });
    if details {
        let shown = |pod: &&Manifest| json!({"name": pod.name(), "status": pod.at(&["status"])});
        status["pods"] = pods.iter().map(shown).collect();
    }
    let condition = failed_condition(job).filter(|_| state == State::Failed);
    if let Some(condition) = condition {
        for field in ["message", "reason"] {
            status[field] = condition.get(field).cloned().unwrap_or_default();
        }
        status["failureDetails"] = pods.iter().find_map(|pod| failure_of_pod(pod)).into();
    }
    let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
    status["completionDetails"] =
        json!({"exitCode": "", "signal": "", "message": text("message"), "reason": text("reason")});
    status
}

/// Orca's sentence about a failed job: `Job: '<n>' failed. Reason: … Details: …` from [`status`] (`WaitOnJobCompletion`).
#[must_use]
pub fn failure(status: &Value) -> String {
    let text = |field: &str| {
        status
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut sentence = format!("Job: '{}' failed.", text("name").unwrap_or_default());
    let parts = [
        ("Reason", "reason"),
        ("Details", "message"),
        ("Additional Details", "failureDetails"),
    ];
    for (title, field) in parts {
        let stop = match field {
            "failureDetails" => "",
            _ => ".",
        };
        if let Some(text) = text(field) {
            sentence.push_str(&format!(" {title}: {text}{stop}"));
        }
    }
    sentence
}

/// The properties that a container printed: lines with `SPINNAKER_PROPERTY_<KEY>=<value>`, and objects after
/// `SPINNAKER_CONFIG_JSON=` (`PropertyParser`).
///
/// # Errors
/// [`Error::Json`], [`Error::TooLarge`]
pub fn properties(log: &str) -> Result<Map, Error> {
    let mut properties = Map::new();
    let mut bytes: usize = 0;
    let mut take = |line: &str| {
        bytes = bytes.saturating_add(line.len());
        match bytes > PROPERTIES_BYTES_MAX {
            true => Err(Error::TooLarge(PROPERTIES_BYTES_MAX)),
            false => Ok(()),
        }
    };
    for line in log.lines().map(str::trim) {
        if line.contains(PROPERTY)
            && let Some((key, value)) = line.split_once('=')
        {
            let key = key.replacen(PROPERTY, "", 1).trim().to_lowercase();
            let value = value.trim();
            if !key.is_empty() && !value.is_empty() {
                take(line)?;
                properties.insert(key, value.into());
            }
        }
        if let Some(text) = line.strip_prefix(CONFIG) {
            take(line)?;
            match serde_json::from_str(text) {
                Ok(Value::Object(map)) => properties.extend(map),
                Ok(other) => return Err(Error::Json(crate::manifest::type_of(&other).to_owned())),
                Err(error) => return Err(Error::Json(error.to_string())),
            }
        }
    }
    Ok(properties)
}

/// The pod whose log is read when the job's own cannot be: a succeeded one, the newest.
#[must_use]
pub fn succeeded_pod(pods: &[Manifest]) -> Option<&Manifest> {
    let succeeded =
        |pod: &&Manifest| pod.at(&["status", "phase"]).and_then(Value::as_str) == Some("Succeeded");
    by_age(pods).into_iter().rfind(succeeded)
}

const PROPERTY: &str = "SPINNAKER_PROPERTY_";
const CONFIG: &str = "SPINNAKER_CONFIG_JSON=";

fn failed_condition(job: &Manifest) -> Option<&Value> {
    let is = |condition: &Value, field: &str, expected: &str| {
        let text = condition.get(field).and_then(Value::as_str);
        text.is_some_and(|text| text.eq_ignore_ascii_case(expected))
    };
    let conditions = job.at(&["status", "conditions"])?.as_array()?;
    conditions
        .iter()
        .find(|condition| is(condition, "type", "Failed") && is(condition, "status", "True"))
}

/// By start, those that have not started last.
fn by_age(pods: &[Manifest]) -> Vec<&Manifest> {
    let started = |pod: &Manifest| {
        pod.at(&["status", "startTime"])
            .and_then(Value::as_str)
            .and_then(crate::manifest::time_ms)
    };
    let mut pods: Vec<&Manifest> = pods.iter().collect();
    pods.sort_by_key(|pod| (started(pod).unwrap_or(i64::MAX), pod.name()));
    pods
}

/// The first container that ended with an error, else the first that waits (`KubernetesJobStatus.captureFailureDetails`).
fn failure_of_pod(pod: &Manifest) -> Option<String> {
    let of = |field| {
        pod.at(&["status", field])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let containers: Vec<&Value> = of("initContainerStatuses")
        .chain(of("containerStatuses"))
        .collect();
    let state = |container: &Value, state: &str| {
        container
            .get("state")?
            .get(state)
            .filter(|state| state.is_object())
            .cloned()
    };
    let ended = containers.iter().find_map(|container| {
        let ended = state(container, "terminated")?;
        let code = ended
            .get("exitCode")
            .and_then(Value::as_i64)
            .filter(|code| *code != 0)?;
        Some((container, ended, code.to_string()))
    });
    let waits = || {
        containers
            .iter()
            .find_map(|container| Some((container, state(container, "waiting")?, String::new())))
    };
    let (container, state, code) = ended.or_else(waits)?;
    let text = |value: &Value, field: &str| {
        value
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or("null")
            .to_owned()
    };
    Some(format!(
        "Pod: '{}' had errors.\n Container: '{}' exited with code: {code}.\n Status: {}.\n Logs: {}",
        pod.name(),
        text(container, "name"),
        text(&state, "reason"),
        text(&state, "message")
    ))
}

#[cfg(test)]
mod tests;
