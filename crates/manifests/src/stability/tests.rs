//! Tests of every rule, by the sections of Spinnaker's reference.

use serde_json::{Value, json};

use super::status;
use crate::Manifest;

/// An object with generation 2.
fn object(kind: &str, api_version: &str, spec: &Value, reported: Option<&Value>) -> Manifest {
    let mut object = json!({"kind": kind, "apiVersion": api_version, "metadata": {"name": "x", "generation": 2}, "spec": spec});
    if let Some(reported) = reported {
        object["status"] = reported.clone();
    }
    Manifest::new(object).unwrap()
}

/// `stable; available; paused; failed`, only what is not as it should be, with messages.
fn told(object: &Manifest) -> String {
    let status = serde_json::to_value(status(object).unwrap()).unwrap();
    let mut parts = Vec::new();
    for (name, usual) in [
        ("stable", true),
        ("available", true),
        ("paused", false),
        ("failed", false),
    ] {
        let message = status[name]["message"].as_str();
        if status[name]["state"] != usual || message.is_some() {
            parts.push(format!(
                "{name}={}: {}",
                status[name]["state"],
                message.unwrap_or("-")
            ));
        }
    }
    parts.join("; ")
}

fn check(kind: &str, api_version: &str, rows: &[(Value, Option<Value>, &str)]) {
    for (spec, reported, expected) in rows {
        let object = object(kind, api_version, spec, reported.as_ref());
        assert_eq!(told(&object), *expected, "{kind} {spec} {reported:?}");
    }
}

const NONE_REPORTED: &str =
    "stable=false: No status reported yet; available=false: No availability reported";
const OLD: &str = "stable=false: Waiting for status generation to match updated object generation";

#[test]
fn deployment() {
    let spec = || json!({"replicas": 3});
    let counts = |updated: i64, all: i64, available: i64, ready: i64| json!({"observedGeneration": 2, "updatedReplicas": updated, "replicas": all, "availableReplicas": available, "readyReplicas": ready});
    let with = |mut status: Value, condition: Value| {
        status["conditions"] = json!([condition]);
        Some(status)
    };
    let done = || counts(3, 3, 3, 3);
    check(
        "Deployment",
        "apps/v1",
        &[
            (spec(), None, NONE_REPORTED),
            (spec(), Some(json!({})), OLD),
            (
                spec(),
                Some(json!({"observedGeneration": 1, "updatedReplicas": 3})),
                OLD,
            ),
            (
                spec(),
                Some(counts(2, 3, 3, 3)),
                "stable=false: Waiting for all replicas to be updated",
            ),
            (
                spec(),
                Some(counts(3, 4, 3, 3)),
                "stable=false: Waiting for old replicas to finish termination",
            ),
            (
                spec(),
                Some(counts(3, 3, 2, 3)),
                "stable=false: Waiting for all replicas to be available",
            ),
            (
                spec(),
                Some(counts(3, 3, 3, 2)),
                "stable=false: Waiting for all replicas to be ready",
            ),
            (spec(), Some(done()), ""),
            (json!({}), Some(json!({"observedGeneration": 2})), ""),
            (
                spec(),
                with(
                    done(),
                    json!({"type": "Progressing", "reason": "deploymentpaused", "message": "Deployment is paused"}),
                ),
                "paused=true: Deployment is paused",
            ),
            (
                spec(),
                with(
                    counts(3, 3, 1, 1),
                    json!({"type": "Available", "status": "False", "message": "too few"}),
                ),
                "stable=false: Waiting for all replicas to be available; available=false: too few",
            ),
            (
                spec(),
                with(
                    done(),
                    json!({"type": "Available", "status": "False", "message": "too few"}),
                ),
                "stable=false: too few; available=false: too few",
            ),
            (
                spec(),
                with(
                    counts(1, 3, 3, 3),
                    json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}),
                ),
                "stable=false: Waiting for all replicas to be updated; failed=true: Deployment exceeded its progress deadline",
            ),
        ],
    );
}

#[test]
fn replica_set() {
    let spec = || json!({"replicas": 2});
    let counts = |generation: i64, labeled: i64, ready: i64, available: i64| {
        Some(json!({
            "observedGeneration": generation, "fullyLabeledReplicas": labeled, "readyReplicas": ready, "availableReplicas": available,
        }))
    };
    check(
        "ReplicaSet",
        "apps/v1",
        &[
            (spec(), None, NONE_REPORTED),
            (
                spec(),
                counts(2, 1, 2, 2),
                "stable=false: Waiting for all replicas to be fully-labeled; available=false: Waiting for all replicas to be fully-labeled",
            ),
            (
                spec(),
                counts(2, 2, 1, 1),
                "stable=false: Waiting for all replicas to be ready; available=false: Waiting for all replicas to be ready",
            ),
            (
                spec(),
                counts(2, 2, 2, 1),
                "stable=false: Waiting for all replicas to be available; available=false: Waiting for all replicas to be available",
            ),
            (
                spec(),
                counts(1, 2, 2, 2),
                "stable=false: Waiting for replicaset spec update to be observed",
            ),
            (spec(), counts(2, 2, 2, 2), ""),
        ],
    );
}

#[test]
fn stateful_set() {
    let spec = |strategy: Value| json!({"replicas": 3, "updateStrategy": strategy});
    let rolling = || spec(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    let half = || spec(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}));
    let bare = || spec(json!({"type": "RollingUpdate"}));
    let counts = |all: i64, ready: i64, updated: i64| {
        Some(
            json!({"observedGeneration": 2, "replicas": all, "readyReplicas": ready, "updatedReplicas": updated}),
        )
    };
    let revisions = |current: i64, from: &str, to: &str| {
        Some(json!({
            "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "currentReplicas": current, "currentRevision": from,
            "updateRevision": to,
        }))
    };
    check(
        "StatefulSet",
        "apps/v1",
        &[
            (spec(json!({"type": "OnDelete"})), None, ""),
            (rolling(), None, NONE_REPORTED),
            (rolling(), Some(json!({"observedGeneration": 1})), OLD),
            (
                rolling(),
                counts(2, 3, 3),
                "stable=false: Waiting for at least the desired replica count to be met",
            ),
            (
                rolling(),
                counts(3, 2, 3),
                "stable=false: Waiting for all updated replicas to be ready",
            ),
            (
                rolling(),
                counts(3, 3, 2),
                "stable=false: Waiting for partitioned roll out to finish",
            ),
            (
                half(),
                counts(3, 3, 2),
                "stable=true: Partitioned roll out complete",
            ),
            (
                bare(),
                revisions(2, "a", "a"),
                "stable=false: Waiting for all updated replicas to be scheduled",
            ),
            (
                bare(),
                revisions(3, "a", "b"),
                "stable=false: Waiting for the updated revision to match the current revision",
            ),
            (bare(), revisions(3, "a", "a"), ""),
            (json!({"replicas": 3}), revisions(3, "a", "a"), ""),
        ],
    );
}

#[test]
fn daemon_set() {
    let spec = || json!({"updateStrategy": {"type": "RollingUpdate"}});
    let counts = |scheduled: i64, updated: i64, available: i64, ready: i64| {
        Some(json!({
            "observedGeneration": 2, "desiredNumberScheduled": 3, "currentNumberScheduled": scheduled,
            "updatedNumberScheduled": updated, "numberAvailable": available, "numberReady": ready,
        }))
    };
    check(
        "DaemonSet",
        "apps/v1",
        &[
            (spec(), None, NONE_REPORTED),
            (spec(), Some(json!({"observedGeneration": 1})), OLD),
            (
                json!({"updateStrategy": {"type": "OnDelete"}}),
                counts(0, 0, 0, 0),
                "",
            ),
            (
                spec(),
                counts(2, 3, 3, 3),
                "stable=false: Waiting for all replicas to be scheduled",
            ),
            (
                spec(),
                counts(3, 2, 3, 3),
                "stable=false: Waiting for all updated replicas to be scheduled",
            ),
            (
                spec(),
                counts(3, 3, 2, 3),
                "stable=false: Waiting for all replicas to be available",
            ),
            (
                spec(),
                counts(3, 3, 3, 2),
                "stable=false: Waiting for all replicas to be ready",
            ),
            (spec(), counts(3, 3, 3, 3), ""),
        ],
    );
}

#[test]
fn job_and_cron_job() {
    let failed = |status: &str| {
        Some(
            json!({"conditions": [{"type": "Failed", "status": status, "message": "BackoffLimitExceeded"}]}),
        )
    };
    check(
        "Job",
        "batch/v1",
        &[
            (json!({}), None, NONE_REPORTED),
            (
                json!({}),
                Some(json!({})),
                "stable=false: Waiting for jobs to finish",
            ),
            (json!({}), Some(json!({"succeeded": 1})), ""),
            (
                json!({"completions": 2}),
                Some(json!({"succeeded": 1})),
                "stable=false: Waiting for jobs to finish",
            ),
            (
                json!({}),
                failed("True"),
                "failed=true: BackoffLimitExceeded",
            ),
            (
                json!({}),
                failed("False"),
                "stable=false: Waiting for jobs to finish",
            ),
        ],
    );
    check(
        "CronJob",
        "batch/v1",
        &[
            (json!({}), None, NONE_REPORTED),
            (json!({}), Some(json!({})), ""),
        ],
    );
}

#[test]
fn pod() {
    let phase = |phase: &str| Some(json!({"phase": phase}));
    let unknown = "stable=false: Pod phase is unknown; available=false: Pod phase is unknown";
    check(
        "Pod",
        "v1",
        &[
            (json!({}), None, NONE_REPORTED),
            (
                json!({}),
                phase("Pending"),
                "stable=false: Pod is pending; available=false: Pod is pending",
            ),
            (
                json!({}),
                phase("Failed"),
                "stable=false: Pod has failed; available=false: Pod has failed",
            ),
            (json!({}), phase("Unknown"), unknown),
            (json!({}), phase("Odd"), unknown),
            (json!({}), Some(json!({})), unknown),
            (json!({}), phase("Running"), ""),
            (json!({}), phase("Succeeded"), ""),
        ],
    );
}

#[test]
fn horizontal_pod_autoscaler() {
    let replicas = |current: i64, desired: i64| {
        Some(json!({"currentReplicas": current, "desiredReplicas": desired}))
    };
    check(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        &[
            (json!({}), None, NONE_REPORTED),
            (
                json!({}),
                replicas(1, 3),
                "stable=false: Waiting for HPA to complete a scale up, current: 1 desired: 3",
            ),
            (
                json!({}),
                replicas(3, 1),
                "stable=false: Waiting for HPA to complete a scale down, current: 3 desired: 1",
            ),
            (json!({}), replicas(3, 3), ""),
        ],
    );
}

#[test]
fn everything_else_is_stable_at_once() {
    for (kind, version) in [
        ("Service", "v1"),
        ("PersistentVolumeClaim", "v1"),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
        ("APIService", "apiregistration.k8s.io/v1"),
        ("Rollout", "argoproj.io/v1alpha1"),
        // A group of its own makes it another kind.
        ("Deployment", "example.com/v1"),
    ] {
        check(kind, version, &[(json!({}), None, "")]);
    }
}

#[test]
fn other_versions_of_the_api_are_refused() {
    let old = object("Deployment", "extensions/v1beta1", &json!({}), None);
    assert_eq!(
        status(&old).unwrap_err().to_string(),
        "No deployment is supported at api version extensions/v1beta1"
    );
    assert!(status(&object("ReplicaSet", "apps/v1beta2", &json!({}), None)).is_err());
}

#[test]
fn the_json_is_spinnakers() {
    let stable =
        serde_json::to_value(status(&object("Service", "v1", &json!({}), None)).unwrap()).unwrap();
    assert_eq!(
        stable,
        json!({
            "stable": {"state": true, "message": null}, "paused": {"state": false, "message": null},
            "available": {"state": true, "message": null}, "failed": {"state": false, "message": null},
        })
    );
}
