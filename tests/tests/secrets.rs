//! Values of Secrets are told to nobody: every address that can be read, the live feed and the logs are searched for planted ones.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{Gate, outline, stage};
use gennaker_tests::http::segment;
use gennaker_tests::installation::Dev;
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const WITHIN: Duration = Duration::from_secs(120);
const PLACE: &str = "hidden";

/// In a Secret that somebody else made.
const IN_CLUSTER: &str = "planted-in-cluster";
/// In a Secret that a stage deploys, from an artifact, and in two patches, of which one is refused.
const OF_AUTHORS: [&str; 3] = ["planted-in-artifact", "planted-in-patch", "planted?refused"];

/// Fewest answers with content that are searched: fewer, and the test looks at the wrong places.
const ANSWERS_MIN: usize = 60;

fn object(kind: &str, name: &str, fields: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    let fields = fields.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(fields);
    object
}

fn web() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"run": "web"}},
            "template": {"metadata": {"labels": {"run": "web"}},
                "spec": {"containers": [{"name": "main", "image": "nginx:1",
                    "envFrom": [{"secretRef": {"name": "key"}}]}]}}}})
}

fn kubernetes(reference: &str, after: &[&str], kind: &str, fields: Value) -> Value {
    let mut stage = json!({"refId": reference, "requisiteStageRefIds": after, "type": kind, "name": kind,
        "account": "testbed", "cloudProvider": "kubernetes", "location": PLACE});
    let fields = fields.as_object().unwrap().clone();
    stage.as_object_mut().unwrap().extend(fields);
    stage
}

fn pipeline(receiver: &Receiver) -> Value {
    let from_artifact = json!({"moniker": {"app": "shop"}, "source": "artifact", "namespaceOverride": PLACE,
        "manifestArtifact": {"type": "http/file", "reference": format!("{}/all.json", receiver.url()),
            "artifactAccount": "no-auth-http-account"}});
    let patch = |values: Value| {
        json!({"manifestName": "secret given", "source": "text", "options": {"mergeStrategy": "merge"},
            "failPipeline": false, "continuePipeline": true, "patchBody": [values]})
    };
    json!({"application": "shop", "name": "quiet", "stages": [
        kubernetes("1", &[], "deployManifest", from_artifact),
        kubernetes("2", &["1"], "patchManifest", patch(json!({"stringData": {"b": OF_AUTHORS[1]}}))),
        kubernetes("3", &["2"], "patchManifest", patch(json!({"data": {"c": OF_AUTHORS[2]}}))),
        kubernetes("4", &["3"], "findArtifactsFromResource", json!({"manifestName": "secret key-v000", "mode": "static"})),
        kubernetes("5", &["4"], "deleteManifest", json!({"manifestName": "secret given", "mode": "static"})),
    ]})
}

/// Listens to the feed for as long as the set lives.
async fn listen(gate: &Gate, into: Arc<Mutex<Vec<u8>>>) -> JoinSet<()> {
    let mut stream = TcpStream::connect(gate.address).await.unwrap();
    let request = format!(
        "GET /v2/feed?topics=all HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n",
        gate.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut listening = JoinSet::new();
    listening.spawn(async move {
        let mut piece = vec![0; 16 << 10];
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            into.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    listening
}

/// What a parameter of an address can be.
fn candidates(name: &str, known: &Known) -> Vec<String> {
    let some = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    match name {
        "application" | "app" => some(&["shop"]),
        "account" => some(&["testbed"]),
        "namespace" | "location" | "region" | "scope" => some(&[PLACE]),
        "type" | "provider" => some(&["kubernetes"]),
        "id" => vec![
            known.execution.clone(),
            known.task.clone(),
            known.config.clone(),
            format!("pod {}", known.pod),
        ],
        "stageId" => vec![known.stage.clone()],
        "name" => vec![
            "secret key-v000".to_owned(),
            "secret theirs".to_owned(),
            "deployment web".to_owned(),
            format!("replicaSet {}", known.set),
            "quiet".to_owned(),
        ],
        "kind" => some(&["secret", "deployment"]),
        "cluster" => some(&["secret key", "deployment web"]),
        "serverGroup" => vec![format!("replicaSet {}", known.set)],
        "criteria" => some(&["newest"]),
        "target" => some(&["current_asg"]),
        "pod" => vec![known.pod.clone()],
        "container" => some(&["main"]),
        _ => some(&["x"]),
    }
}

struct Known {
    execution: String,
    stage: String,
    config: String,
    task: String,
    set: String,
    pod: String,
}

/// Every way to fill in the parameters of an address, with everything asked for that it offers.
fn addresses(path: &str, parameters: &Value, known: &Known) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    let mut query = Vec::new();
    for parameter in parameters.as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        if parameter["in"] == "path" {
            let values = candidates(name, known);
            let fill = |path: &String| {
                let fill = |value: &String| path.replace(&format!("{{{name}}}"), &segment(value));
                values.iter().map(fill).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(fill).collect();
        }
        let value = match name {
            "expand" | "includeEvents" | "recursive" => "true",
            "limit" => "100",
            "q" => "key",
            "pageSize" => "500",
            "platform" | "cloudProvider" => "kubernetes",
            "type" => "secrets",
            "applications" | "application" => "shop",
            "pipelineConfigIds" => known.config.as_str(),
            "executionIds" => known.execution.as_str(),
            _ => continue,
        };
        query.push(format!("{name}={value}"));
    }
    all.iter()
        .flat_map(|path| [path.clone(), format!("{path}?{}", query.join("&"))])
        .collect()
}

/// The document without what its author wrote into the stages: that is his, and is shown to whoever may read his pipeline.
fn without_the_authors_own(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map
                .get("cloudProvider")
                .is_some_and(|it| it == "kubernetes")
            {
                for key in ["manifests", "patchBody"] {
                    map.shift_remove(key);
                }
            }
            map.values_mut().for_each(without_the_authors_own);
        }
        Value::Array(list) => list.iter_mut().for_each(without_the_authors_own),
        _ => {}
    }
}

fn find<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut forms = values
        .into_iter()
        .flat_map(|value| [value.to_owned(), BASE64_STANDARD.encode(value)]);
    forms.find(|form| text.contains(form))
}

async fn on_thread<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(what).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_no_event_and_no_log_has_a_value_of_a_secret() {
    let kubeconfig = on_thread(|| {
        let cluster = Cluster::shared();
        cluster.namespace(PLACE);
        let theirs = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": IN_CLUSTER},
            "metadata": {"name": "theirs", "namespace": PLACE, "annotations": {
                "moniker.spinnaker.io/application": "shop", "moniker.spinnaker.io/cluster": "secret theirs"}}});
        let given = object("Secret", "given", json!({"metadata": {"name": "given", "namespace": PLACE}}));
        cluster.apply(&theirs.to_string());
        cluster.apply(&given.to_string());
        cluster.kubeconfig()
    })
    .await;
    let dev = Dev::start_with(&[("KUBECONFIG", kubeconfig.to_str().unwrap())]).await;
    let gate = dev.gate;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = listen(&gate, Arc::clone(&heard)).await;
    gate.save_application("shop").await;
    let receiver = Receiver::start().await;
    let secret = object("Secret", "key", json!({"stringData": {"a": OF_AUTHORS[0]}}));
    let mut reply = Reply::status(200);
    reply.body = format!("{secret}\n---\n{}\n", web());
    receiver.script("/all.json", &[reply]);
    let config = gate.save_pipeline(&pipeline(&receiver)).await;
    let execution = gate.start("shop", "quiet", "quiet").await;
    let done = gate.wait_for_end(&execution, WITHIN).await;
    for (reference, status) in [
        ("1", "SUCCEEDED"),
        ("2", "SUCCEEDED"),
        ("3", "FAILED_CONTINUE"),
        ("4", "SUCCEEDED"),
        ("5", "SUCCEEDED"),
    ] {
        let found = stage(&done, reference);
        assert_eq!(found["status"], status, "{}\n{found}", outline(&done));
    }
    let job = json!({"type": "scaleManifest", "account": "testbed", "cloudProvider": "kubernetes", "location": PLACE,
        "manifestName": "deployment web", "replicas": 1, "user": "ann"});
    let task = json!({"application": "shop", "description": "Scale", "job": [job]});
    let task = gate.ask("POST", "/tasks", Some(&task), None).await;
    let named = |kind: &'static str| async move {
        on_thread(move || {
            let arguments = [
                "get",
                kind,
                "-n",
                PLACE,
                "-o",
                "jsonpath={.items[0].metadata.name}",
            ];
            Cluster::shared().kubectl(&arguments).unwrap()
        })
        .await
    };
    let known = Known {
        execution,
        stage: stage(&done, "1")["id"].as_str().unwrap().to_owned(),
        config,
        task: task["ref"]
            .as_str()
            .unwrap()
            .trim_start_matches("/tasks/")
            .to_owned(),
        set: named("replicaset").await,
        pod: named("pod").await,
    };

    // Pages are filled by watches, which the first look starts.
    let until = Instant::now() + WITHIN;
    loop {
        let groups = gate
            .ask("GET", "/applications/shop/serverGroups", None, None)
            .await;
        if groups.as_array().is_some_and(|list| !list.is_empty()) {
            break;
        }
        assert!(Instant::now() < until, "no server group is seen: {groups}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let documents = gate.ask("GET", "/v3/api-docs", None, None).await;
    let mut searched = 0;
    for (path, methods) in documents["paths"].as_object().unwrap() {
        // The feed does not end; it is listened to.
        if methods["get"].is_null() || path == "/v2/feed" {
            continue;
        }
        for address in addresses(path, &methods["get"]["parameters"], &known) {
            let answer = gate.try_call("GET", &address, None).await.unwrap();
            let text = answer.text();
            let found = find(&text, [IN_CLUSTER]);
            assert_eq!(found, None, "GET {address} tells {text}");
            // The author's own pipeline, in YAML.
            if path.ends_with("/convertToTemplate") {
                continue;
            }
            let mut document = answer.json();
            without_the_authors_own(&mut document);
            let rest = match document {
                Value::Null => text,
                document => document.to_string(),
            };
            assert_eq!(find(&rest, OF_AUTHORS), None, "GET {address} tells {rest}");
            searched += usize::from(answer.is_success() && rest.len() > 2);
        }
    }
    assert!(
        searched >= ANSWERS_MIN,
        "only {searched} answers had content"
    );
    drop(listening);
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(
        heard.contains(&known.execution),
        "the feed told of it: {heard}"
    );
    for (place, text) in [("the feed", heard), ("the log", dev.process.log())] {
        let all = OF_AUTHORS.into_iter().chain([IN_CLUSTER]);
        assert_eq!(find(&text, all), None, "in {place}");
    }
    dev.check();
}
