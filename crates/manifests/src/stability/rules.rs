//! The rules of each kind, in the words of Clouddriver's handlers. A number that is missing is 0.

use serde_json::Value;

use super::Status;
use crate::Manifest;

const OLD_GENERATION: &str = "Waiting for status generation to match updated object generation";

/// `KubernetesDeploymentHandler`.
pub(super) fn deployment(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    if !generation_matches(object) {
        return Status::default().unstable(OLD_GENERATION);
    }
    let mut status = Status::default();
    if let Some(paused) =
        conditions(object).find(|condition| is(condition, "reason", "DeploymentPaused"))
    {
        status = status.paused(message(paused));
    }
    let unavailable =
        |condition: &&Value| is(condition, "type", "Available") && is(condition, "status", "False");
    if let Some(unavailable) = conditions(object).find(unavailable) {
        let reason = message(unavailable).unwrap_or_default();
        status = status.unstable(reason).unavailable(reason);
    }
    let late = |condition: &&Value| {
        is(condition, "type", "Progressing") && is(condition, "reason", "ProgressDeadlineExceeded")
    };
    if conditions(object).any(|condition| late(&condition)) {
        status = status.failed(Some("Deployment exceeded its progress deadline"));
    }
    let desired = spec(object, "replicas");
    let updated = reported(object, "updatedReplicas");
    let short = if updated < desired {
        "Waiting for all replicas to be updated"
    } else if reported(object, "replicas") > updated {
        "Waiting for old replicas to finish termination"
    } else if reported(object, "availableReplicas") < desired {
        "Waiting for all replicas to be available"
    } else if reported(object, "readyReplicas") < desired {
        "Waiting for all replicas to be ready"
    } else {
        return status;
    };
    status.unstable(short)
}

/// `KubernetesReplicaSetHandler`.
pub(super) fn replica_set(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    let counts = [
        (
            "fullyLabeledReplicas",
            "Waiting for all replicas to be fully-labeled",
        ),
        ("readyReplicas", "Waiting for all replicas to be ready"),
        (
            "availableReplicas",
            "Waiting for all replicas to be available",
        ),
    ];
    let desired = spec(object, "replicas");
    let short = counts
        .into_iter()
        .find(|(count, _)| reported(object, count) < desired);
    match short {
        Some((_, reason)) => Status::default().unstable(reason).unavailable(reason),
        None if !generation_matches(object) => {
            Status::default().unstable("Waiting for replicaset spec update to be observed")
        }
        None => Status::default(),
    }
}

/// `KubernetesStatefulSetHandler`.
pub(super) fn stateful_set(object: &Manifest) -> Status {
    let strategy = update_strategy(object);
    if strategy.eq_ignore_ascii_case("OnDelete") {
        return Status::default();
    }
    if no_status(object) {
        return Status::none_reported();
    }
    if !generation_matches(object) {
        return Status::default().unstable(OLD_GENERATION);
    }
    let desired = spec(object, "replicas");
    if reported(object, "replicas") < desired {
        return Status::default()
            .unstable("Waiting for at least the desired replica count to be met");
    }
    if reported(object, "readyReplicas") < desired {
        return Status::default().unstable("Waiting for all updated replicas to be ready");
    }
    let rolling = object
        .at(&["spec", "updateStrategy", "rollingUpdate"])
        .filter(|rolling| !rolling.is_null());
    let updated = number(object.at(&["status", "updatedReplicas"]));
    if let (true, Some(updated), Some(rolling)) = (
        strategy.eq_ignore_ascii_case("RollingUpdate"),
        updated,
        rolling,
    ) {
        let partition = number(rolling.get("partition"));
        let replicas = number(object.at(&["status", "replicas"]));
        return match (replicas, partition) {
            (Some(replicas), Some(partition)) if updated < replicas.saturating_sub(partition) => {
                Status::default().unstable("Waiting for partitioned roll out to finish")
            }
            _ => Status::default().stable("Partitioned roll out complete"),
        };
    }
    if reported(object, "currentReplicas") < desired {
        return Status::default().unstable("Waiting for all updated replicas to be scheduled");
    }
    match object.at(&["status", "currentRevision"]) == object.at(&["status", "updateRevision"]) {
        true => Status::default(),
        false => Status::default()
            .unstable("Waiting for the updated revision to match the current revision"),
    }
}

/// `KubernetesDaemonSetHandler`.
pub(super) fn daemon_set(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    if !generation_matches(object) {
        return Status::default().unstable(OLD_GENERATION);
    }
    if !update_strategy(object).eq_ignore_ascii_case("RollingUpdate") {
        return Status::default();
    }
    let counts = [
        (
            "currentNumberScheduled",
            "Waiting for all replicas to be scheduled",
        ),
        (
            "updatedNumberScheduled",
            "Waiting for all updated replicas to be scheduled",
        ),
        (
            "numberAvailable",
            "Waiting for all replicas to be available",
        ),
        ("numberReady", "Waiting for all replicas to be ready"),
    ];
    let desired = reported(object, "desiredNumberScheduled");
    match counts
        .into_iter()
        .find(|(count, _)| reported(object, count) < desired)
    {
        Some((_, reason)) => Status::default().unstable(reason),
        None => Status::default(),
    }
}

/// `KubernetesJobHandler`.
pub(super) fn job(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    let completions = number(object.at(&["spec", "completions"])).unwrap_or(1);
    if reported(object, "succeeded") >= completions {
        return Status::default();
    }
    let failed =
        |condition: &&Value| is(condition, "type", "Failed") && is(condition, "status", "True");
    match conditions(object).find(failed) {
        Some(condition) => Status::default().failed(message(condition)),
        None => Status::default().unstable("Waiting for jobs to finish"),
    }
}

/// `KubernetesCronJobHandler`.
pub(super) fn cron_job(object: &Manifest) -> Status {
    match no_status(object) {
        true => Status::none_reported(),
        false => Status::default(),
    }
}

/// `KubernetesPodHandler`.
pub(super) fn pod(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    let phase = object
        .at(&["status", "phase"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reason = match phase {
        "Running" | "Succeeded" => return Status::default(),
        "Pending" => "Pod is pending",
        "Failed" => "Pod has failed",
        _ => "Pod phase is unknown",
    };
    Status::default().unstable(reason).unavailable(reason)
}

/// `KubernetesHorizontalPodAutoscalerHandler`.
pub(super) fn autoscaler(object: &Manifest) -> Status {
    if no_status(object) {
        return Status::none_reported();
    }
    let (desired, current) = (
        reported(object, "desiredReplicas"),
        reported(object, "currentReplicas"),
    );
    let direction = match desired.cmp(&current) {
        std::cmp::Ordering::Greater => "up",
        std::cmp::Ordering::Less => "down",
        std::cmp::Ordering::Equal => return Status::default(),
    };
    let text = format!(
        "Waiting for HPA to complete a scale {direction}, current: {current} desired: {desired}"
    );
    Status::default().unstable(&text)
}

fn no_status(object: &Manifest) -> bool {
    object.at(&["status"]).is_none_or(Value::is_null)
}

fn generation_matches(object: &Manifest) -> bool {
    let observed = number(object.at(&["status", "observedGeneration"]));
    observed.is_some() && observed == number(object.at(&["metadata", "generation"]))
}

/// `spec.updateStrategy.type`; servers set it, so a missing one (an error in Clouddriver) is the servers' default.
fn update_strategy(object: &Manifest) -> &str {
    let strategy = object
        .at(&["spec", "updateStrategy", "type"])
        .and_then(Value::as_str);
    strategy.unwrap_or("RollingUpdate")
}

fn conditions(object: &Manifest) -> impl Iterator<Item = &Value> {
    let conditions = object
        .at(&["status", "conditions"])
        .and_then(Value::as_array);
    conditions.map(Vec::as_slice).unwrap_or_default().iter()
}

fn is(condition: &Value, field: &str, expected: &str) -> bool {
    let text = condition.get(field).and_then(Value::as_str);
    text.is_some_and(|text| text.eq_ignore_ascii_case(expected))
}

fn message(condition: &Value) -> Option<&str> {
    condition.get("message")?.as_str()
}

fn spec(object: &Manifest, count: &str) -> i64 {
    number(object.at(&["spec", count])).unwrap_or_default()
}

fn reported(object: &Manifest, count: &str) -> i64 {
    number(object.at(&["status", count])).unwrap_or_default()
}

fn number(value: Option<&Value>) -> Option<i64> {
    value?.as_i64()
}
