//! Tests of the sentence about a rollout.

use serde_json::{Value, json};

use super::{pods_of, sentence};
use crate::Manifest;

fn object(kind: &str, api_version: &str, spec: Value, status: Value) -> Manifest {
    let metadata = json!({"name": "web", "namespace": "shop"});
    Manifest::new(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "spec": spec, "status": status})).unwrap()
}

fn pod(name: &str, status: Value) -> Manifest {
    let owners = json!([{"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web-1"}]);
    let metadata = json!({"name": name, "namespace": "shop", "ownerReferences": owners});
    Manifest::new(
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": status}),
    )
    .unwrap()
}

fn waiting(name: &str, reason: &str, message: &str) -> Manifest {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    pod(
        name,
        json!({"phase": "Pending", "containerStatuses": [{"name": "web", "state": state}]}),
    )
}

fn deployment(updated: i64, ready: i64, all: i64) -> Manifest {
    let status = json!({"updatedReplicas": updated, "readyReplicas": ready, "replicas": all});
    object("Deployment", "apps/v1", json!({"replicas": 20}), status)
}

fn told(object: &Manifest, pods: &[Manifest], events: &[Value]) -> String {
    let pods: Vec<&Manifest> = pods.iter().collect();
    sentence(object, &pods, events).unwrap_or_default()
}

#[test]
fn a_rollout_counts_and_names_what_fails_most() {
    let pods = [
        waiting("a", "ImagePullBackOff", "Back-off pulling image \"web:2\""),
        waiting(
            "b",
            "CrashLoopBackOff",
            "back-off 5m0s restarting failed container",
        ),
        waiting("c", "ImagePullBackOff", "Back-off pulling image \"web:2\""),
        waiting("d", "ContainerCreating", ""),
        pod("e", json!({"phase": "Running"})),
    ];
    assert_eq!(
        told(&deployment(20, 12, 20), &pods[..1], &[]),
        "12 of 20 ready, 1 pod failing: ImagePullBackOff: Back-off pulling image \"web:2\""
    );
    assert_eq!(
        told(&deployment(8, 12, 22), &pods, &[]),
        "8 of 20 updated, 12 of 20 ready, 14 of the old ones still there, 2 pods failing: ImagePullBackOff: Back-off pulling image \"web:2\" (and 1 other reason)"
    );
}

#[test]
fn what_is_done_has_nothing_to_tell() {
    assert_eq!(
        told(
            &deployment(20, 20, 20),
            &[pod("a", json!({"phase": "Running"}))],
            &[]
        ),
        ""
    );
    assert_eq!(
        told(&object("ConfigMap", "v1", json!({}), json!({})), &[], &[]),
        ""
    );
    assert_eq!(
        told(
            &object(
                "Job",
                "batch/v1",
                json!({}),
                json!({"succeeded": 1, "failed": 2})
            ),
            &[],
            &[]
        ),
        ""
    );
}

#[test]
fn a_crash_tells_how_the_container_ended_last() {
    let status = json!({"phase": "Running", "containerStatuses": [{
        "name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }]});
    assert_eq!(
        told(&deployment(20, 19, 20), &[pod("a", status)], &[]),
        "19 of 20 ready, 1 pod failing: CrashLoopBackOff: back-off; last ended with code 137 (OOMKilled)"
    );
    let ended = json!({"phase": "Running", "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
    assert_eq!(
        told(&deployment(20, 19, 20), &[pod("a", ended)], &[]),
        "19 of 20 ready, 1 pod failing: Error: container init ended with code 1"
    );
}

#[test]
fn a_pod_without_a_node_says_why() {
    let conditions = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available:\n  3 Insufficient cpu."}]);
    assert_eq!(
        told(
            &deployment(20, 19, 20),
            &[pod(
                "a",
                json!({"phase": "Pending", "conditions": conditions})
            )],
            &[]
        ),
        "19 of 20 ready, 1 pod failing: Unschedulable: 0/3 nodes are available: 3 Insufficient cpu."
    );
    let evicted = pod(
        "a",
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource"}),
    );
    assert!(
        told(&deployment(20, 19, 20), &[evicted], &[])
            .ends_with("1 pod failing: Evicted: The node was low on resource")
    );
}

#[test]
fn events_explain_what_pods_do_not() {
    let event = |kind: &str, name: &str, time: &str, reason: &str, event_type: &str| json!({"involvedObject": {"kind": kind, "name": name}, "type": event_type, "reason": reason, "message": "because", "lastTimestamp": time});
    let events = [
        event(
            "Deployment",
            "web",
            "2026-01-02T00:00:00Z",
            "FailedCreate",
            "Warning",
        ),
        event(
            "Deployment",
            "web",
            "2026-01-01T00:00:00Z",
            "Older",
            "Warning",
        ),
        event(
            "Deployment",
            "web",
            "2026-01-03T00:00:00Z",
            "ScalingReplicaSet",
            "Normal",
        ),
        event("Pod", "a", "2026-01-03T00:00:00Z", "FailedMount", "Warning"),
    ];
    assert_eq!(
        told(&deployment(20, 0, 20), &[], &events),
        "0 of 20 ready, FailedCreate: because"
    );
    let creating = waiting("a", "ContainerCreating", "");
    assert_eq!(
        told(&deployment(20, 0, 20), &[creating], &events),
        "0 of 20 ready, 1 pod failing: FailedMount: because"
    );
}

#[test]
fn a_paused_rollout_says_so() {
    let spec = json!({"replicas": 2, "paused": true});
    let status = json!({"updatedReplicas": 1, "readyReplicas": 2, "replicas": 2});
    let paused = object("Deployment", "apps/v1", spec, status);
    assert_eq!(
        told(&paused, &[], &[]),
        "1 of 2 updated, 1 of the old ones still there, paused"
    );
}

#[test]
fn every_kind_with_pods_counts() {
    let rows = [
        (
            object(
                "ReplicaSet",
                "apps/v1",
                json!({"replicas": 3}),
                json!({"readyReplicas": 1}),
            ),
            "1 of 3 ready",
        ),
        (
            object(
                "StatefulSet",
                "apps/v1",
                json!({"replicas": 3}),
                json!({"updatedReplicas": 1, "readyReplicas": 2}),
            ),
            "1 of 3 updated, 2 of 3 ready",
        ),
        (
            object(
                "DaemonSet",
                "apps/v1",
                json!({}),
                json!({"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberReady": 3}),
            ),
            "3 of 4 ready",
        ),
        (
            object(
                "Job",
                "batch/v1",
                json!({"completions": 5}),
                json!({"succeeded": 2, "active": 1, "failed": 1}),
            ),
            "2 of 5 succeeded, 1 running, 1 failed",
        ),
        (
            object("Pod", "v1", json!({}), json!({"phase": "Pending"})),
            "the pod is pending",
        ),
    ];
    for (object, expected) in rows {
        assert_eq!(told(&object, &[], &[]), expected);
    }
}

#[test]
fn long_messages_are_cut() {
    let told = told(
        &deployment(20, 19, 20),
        &[waiting("a", "Bad", &"ä".repeat(1_000))],
        &[],
    );
    assert!(told.chars().count() < 300 && told.ends_with('…'), "{told}");
}

#[test]
fn pods_belong_through_replica_sets() {
    let owners = json!([{"kind": "Deployment", "apiVersion": "apps/v1", "name": "web"}]);
    let metadata = json!({"name": "web-1", "namespace": "shop", "ownerReferences": owners});
    let owned = [Manifest::new(
        json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata}),
    )
    .unwrap()];
    let mut stranger = pod("stranger", json!({}));
    stranger.set_namespace("prod");
    let pods = [pod("a", json!({})), stranger];
    let names = |owned: &[Manifest]| {
        pods_of(&deployment(1, 1, 1), owned, &pods)
            .iter()
            .map(|pod| pod.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&owned), ["a"]);
    assert_eq!(names(&[]), Vec::<String>::new());
    assert_eq!(pods_of(&pods[0], &[], &pods).len(), 1, "a pod is its own");
}
