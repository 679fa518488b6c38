//! The memory that pages about a large cluster take: 10 000 pods, as an API server sends them, in a process of its own, with the
//! allocator of the product.
//!
//! The API server is played here, object by object, so that its own memory hardly counts; a pod has about eight kilobytes, with
//! environment, volumes, conditions and managed fields, as pods have. What is measured is what a worker does: it answers
//! questions. `cargo test -p gennaker-kubernetes --test memory -- --nocapture` prints the figures.
#![allow(clippy::unwrap_used, reason = "tests")]

mod played;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gennaker_kubernetes::{Accounts, Selection};
use gennaker_manifests::Kind;
use gennaker_model::reads::{Answer, Ask, Question, Reply, VERSION};
use played::{Asked, NAME, Played, accounts, discovery};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PODS: usize = 10_000;
/// Of one application.
const PODS_OF_ONE: usize = 100;
const FILLED_WITHIN: Duration = Duration::from_secs(300);
/// What it may add to a worker, of which 150 MB are promised: filled, and at most, while all pods are asked for at once.
const FILLED_MAX: usize = 40 << 20;
const MOST_MAX: usize = 80 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_pods_fit_into_a_small_worker() {
    let (accounts, _server) = accounts(play).await;
    let before = resident("VmRSS");
    let begin = Instant::now();
    let account = accounts.get(NAME).unwrap();
    let pods = Selection::Kinds(vec![Kind::parse("pod")]);
    account.cached(&pods, FILLED_WITHIN).await.unwrap();
    let filled = begin.elapsed();
    let begin = Instant::now();
    let application = "app7".to_owned();
    let answer = ask(&accounts, Ask::Application { application }).await;
    let asked = begin.elapsed();
    assert_eq!(objects(&answer), PODS_OF_ONE);
    let filled_memory = resident("VmRSS").saturating_sub(before);
    let filled_most = resident("VmHWM").saturating_sub(before);
    let kinds = vec!["pod".to_owned()];
    let all = ask(&accounts, Ask::Kinds { kinds }).await.len();
    let most = resident("VmHWM").saturating_sub(before);
    let cached = account.cached(&pods, Duration::ZERO).await.unwrap();
    assert_eq!(cached.len(), PODS);
    let megabytes = |bytes: usize| bytes >> 20;
    println!(
        "{PODS} pods of {} bytes: filled in {filled:?}, {} bytes kept; one application in {asked:?}; added to {} MB: {} MB filled, {} \
         MB at most meanwhile, {} MB at most when all are asked for at once, which is {all} bytes",
        pod(0).to_string().len(),
        cached.freshness.bytes,
        megabytes(before),
        megabytes(filled_memory),
        megabytes(filled_most),
        megabytes(most)
    );
    assert_eq!(cached.freshness.troubles, []);
    assert!(filled_memory < FILLED_MAX, "{filled_memory} bytes more");
    assert!(most < MOST_MAX, "{most} bytes more at the most");
}

/// What is answered, as it is sent.
async fn ask(accounts: &Accounts, ask: Ask) -> bytes::Bytes {
    let question = Question {
        v: VERSION,
        wait_ms: 600_000,
        ask,
    };
    let question = serde_json::to_vec(&question).unwrap();
    gennaker_kubernetes::answer(accounts, NAME, &question).await
}

fn objects(answer: &[u8]) -> usize {
    match serde_json::from_slice::<Answer>(answer).unwrap().reply {
        Reply::Objects { objects, .. } => objects.len(),
        other => panic!("no objects: {other:?}"),
    }
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
            let mut text =
                format!(r#"{{"metadata":{{"resourceVersion":"9","continue":"{next}"}},"items":["#);
            for number in from..to {
                let comma = if number == from { "" } else { "," };
                write!(text, "{comma}{}", pod(number)).unwrap();
            }
            text + "]}"
        }
        _ => json!({"metadata": {"resourceVersion": "9"}, "items": []}).to_string(),
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
