//! The memory that the cache of a large cluster takes: 10 000 pods, as an API server sends them, in a process of its own.
//!
//! The API server is played here, page by page, so that its own memory does not count; a pod has about eight kilobytes, with
//! environment, volumes, conditions and managed fields, as pods have.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use gennaker_kubernetes::{Accounts, Options, Selection};
use gennaker_manifests::Kind;
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{Kubernetes, KubernetesAccount};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const PODS: usize = 10_000;
/// Of one application.
const PODS_OF_ONE: usize = 100;
/// For the whole process of a worker.
const MEMORY_MAX: usize = 150 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_pods_fit_into_a_small_worker() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(serve(listener));
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"http://{address}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let settings = Kubernetes {
        accounts: vec![KubernetesAccount {
            name: "large".to_owned(),
            kubeconfig_contents: Some(gennaker_settings::Secret::new(kubeconfig)),
            requests_per_second: 1_000,
            ..KubernetesAccount::default()
        }],
        ..Kubernetes::default()
    };
    let options = Options {
        clock: Clock::system(),
        scope: Scope::root("test"),
        zone: None,
    };
    let (accounts, _) = Accounts::load(&settings, &options);
    let account = accounts.get("large").unwrap();
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

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) if line.trim().is_empty() => break,
                Ok(_) => head.push(line),
            }
        }
        let address = head[0].split(' ').nth(1).unwrap().to_owned();
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let of = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
        };
        if of("watch").is_some() {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.get_mut().write_all(head.as_bytes()).await.unwrap();
            // Nothing happens.
            std::future::pending::<()>().await;
        }
        let body = match path {
            "/api" => discovery(&[("", "v1", &["Pod", "Service"])]),
            "/apis" => discovery(&[("apps", "v1", &["Deployment", "ReplicaSet"])]),
            "/api/v1/pods" => {
                let number = |name: &str| {
                    of(name)
                        .and_then(|it| it.parse::<usize>().ok())
                        .unwrap_or(0)
                };
                let (from, limit) = (number("continue"), number("limit"));
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
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(head.as_bytes()).await.unwrap();
        stream.get_mut().write_all(body.as_bytes()).await.unwrap();
    }
}

fn discovery(groups: &[(&str, &str, &[&str])]) -> Value {
    let resource = |kind: &&str| {
        json!({
            "resource": format!("{}s", kind.to_lowercase()), "responseKind": {"kind": kind}, "scope": "Namespaced",
            "singularResource": kind.to_lowercase(), "verbs": ["get", "list", "watch"]
        })
    };
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, version, kinds)| {
            let resources: Vec<Value> = kinds.iter().map(resource).collect();
            json!({"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "items": groups})
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
