//! The memory that the cache of a large cluster takes: 10 000 pods, as an API server sends them, in a process of its own.
//!
//! The API server is played here, page by page, so that its own memory does not count; a pod has about eight kilobytes, with
//! environment, volumes, conditions and managed fields, as pods have.
#![allow(clippy::unwrap_used, reason = "tests")]

mod played;

use std::time::{Duration, Instant};

use gennaker_kubernetes::Selection;
use gennaker_manifests::Kind;
use played::{Asked, Played, account, discovery};
use serde_json::{Value, json};

const PODS: usize = 10_000;
/// Of one application.
const PODS_OF_ONE: usize = 100;
/// For the whole process of a worker.
const MEMORY_MAX: usize = 150 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_pods_fit_into_a_small_worker() {
    let (account, _server) = account(play).await;
    let before = resident("VmRSS");
    let begin = Instant::now();
    let one = Selection::Application("app7".to_owned());
    let cached = account
        .cached(&one, Duration::from_secs(300))
        .await
        .unwrap();
    let filled = begin.elapsed();
    assert_eq!(cached.freshness.troubles, []);
    assert_eq!(cached.objects.len(), PODS_OF_ONE);
    let begin = Instant::now();
    account.cached(&one, Duration::from_secs(10)).await.unwrap();
    let asked = begin.elapsed();
    drop(cached);
    let filled_memory = resident("VmRSS");
    let all = account
        .cached(
            &Selection::Kinds(vec![Kind::parse("pod")]),
            Duration::from_secs(10),
        )
        .await
        .unwrap();
    assert_eq!(all.objects.len(), PODS);
    let kept = all.freshness.bytes;
    drop(all);
    let most = resident("VmHWM");
    println!(
        "{PODS} pods of {} bytes: filled in {filled:?}, {} bytes kept; one application in {asked:?}; resident {} MB before, {} MB \
         filled, {} MB at most, when all are asked for at once",
        pod(0).to_string().len(),
        kept,
        before >> 20,
        filled_memory >> 20,
        most >> 20
    );
    // All pods at once is no question that pages ask.
    assert!(
        filled_memory < MEMORY_MAX,
        "{} MB are resident",
        filled_memory >> 20
    );
}

/// A line of `/proc/self/status`, in bytes.
fn resident(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with(line)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        << 10
}

fn play(asked: &Asked) -> Played {
    if asked.is_watch() {
        return Played::Watch(Vec::new());
    }
    Played::Body(match asked.path.as_str() {
        "/api" => discovery(&[("", "v1", &["Pod", "Service"])]),
        "/apis" => discovery(&[("apps", "v1", &["Deployment", "ReplicaSet"])]),
        "/api/v1/pods" => {
            let number = |name: &str| asked.of(name).and_then(|it| it.parse::<usize>().ok());
            let (from, limit) = (
                number("continue").unwrap_or(0),
                number("limit").unwrap_or(PODS),
            );
            let to = (from + limit).min(PODS);
            let next = if to < PODS {
                to.to_string()
            } else {
                String::new()
            };
            let items: Vec<Value> = (from..to).map(pod).collect();
            json!({"metadata": {"resourceVersion": "9", "continue": next}, "items": items})
        }
        _ => json!({"metadata": {"resourceVersion": "9"}, "items": []}),
    })
}

fn pod(number: usize) -> Value {
    let app = format!("app{}", number / PODS_OF_ONE);
    let set = format!("{app}-7d9f8c6b5");
    let env: Vec<Value> = (0..30)
        .map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("https://service-{n}.example.com/path")}))
        .collect();
    let volumes: Vec<Value> = (0..6)
        .map(|n| json!({"name": format!("volume-{n}"), "configMap": {"name": format!("{app}-config-v00{n}"), "defaultMode": 420}}))
        .collect();
    let conditions: Vec<Value> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}))
        .collect();
    let fields: serde_json::Map<String, Value> = (0..60)
        .map(|n| {
            (
                format!("f:field{n}"),
                json!({".": {}, "f:name": {}, "f:value": {}}),
            )
        })
        .collect();
    json!({
        "metadata": {
            "name": format!("{set}-{number:05}"), "generateName": format!("{set}-"), "namespace": format!("team-{}", number % 40),
            "uid": format!("00000000-0000-4000-8000-{number:012}"), "resourceVersion": "123456789",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"app.kubernetes.io/name": app, "app.kubernetes.io/managed-by": "spinnaker", "pod-template-hash": "7d9f8c6b5"},
            "annotations": {
                "artifact.spinnaker.io/location": "shop", "artifact.spinnaker.io/name": app,
                "artifact.spinnaker.io/type": "kubernetes/deployment", "artifact.spinnaker.io/version": "",
                "moniker.spinnaker.io/application": app, "moniker.spinnaker.io/cluster": format!("deployment {app}")
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "controller": true, "blockOwnerDeletion": true,
                "uid": format!("00000000-0000-4000-9000-{:012}", number / PODS_OF_ONE)
            }],
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": fields}]
        },
        "spec": {
            "nodeName": format!("node-{}", number % 100), "volumes": volumes, "serviceAccountName": "default",
            "containers": [{"name": "main", "image": format!("registry.example.com/team/{app}:1.2.3"), "env": env}]
        },
        "status": {
            "phase": "Running", "conditions": conditions, "podIP": "10.1.2.3", "hostIP": "10.0.0.1",
            "containerStatuses": [{
                "name": "main", "ready": true, "restartCount": 0, "image": format!("registry.example.com/team/{app}:1.2.3"),
                "imageID": "registry.example.com/team/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}}
            }]
        }
    })
}
