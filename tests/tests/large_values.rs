//! Values of megabytes in a pipeline, in what a webhook answers and in a judgement: whoever reads an execution sees them where they
//! belong, also after `kill -9`, also when they lie in a bucket.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use gennaker_testkit::s3;
use gennaker_tests::gate::{Gate, stage, text};
use gennaker_tests::installation::{Dev, Installation};
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);

/// Five megabytes in manifests.
fn manifests() -> Value {
    let manifest = |n: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{n}"), "labels": {"é\"": "\\"}},
            "data": {"settings.conf": "key = \"value\"\n".repeat(16_000)}})
    };
    (0..20).map(manifest).collect()
}

fn answer() -> Value {
    json!({"log": "line é \"quoted\"\n".repeat(300_000), "rows": [{"n": 1}]})
}

/// Starts a pipeline of an application by its whole text, as `gate` takes it.
async fn start(gate: &Gate, application: &str, receiver: &Receiver) -> String {
    let stages = json!([
        {"refId": "w", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": 5},
        {"refId": "1", "requisiteStageRefIds": ["w"], "type": "webhook", "name": "Call", "method": "POST",
         "url": format!("{}/large", receiver.url()), "payload": {"first": "${trigger.payload.manifests[0]}"}},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "manualJudgment", "name": "Judge", "judgmentInputs": [],
         "theirs": "${#stage('Call')['context']['webhook']['body']['log'].length()}"},
        {"refId": "3", "requisiteStageRefIds": ["2"], "type": "webhook", "name": "After", "method": "PUT",
         "url": format!("{}/after", receiver.url()), "payload": {"log": "${#stage('Call')['context']['webhook']['body']['log']}"}},
    ]);
    gate.save_application(application).await;
    gate.save_pipeline(&json!({"application": application, "name": "large", "stages": stages}))
        .await;
    let trigger = json!({"type": "manual", "user": "ann", "payload": {"manifests": manifests()}});
    let path = format!("/pipelines/{application}/large");
    let started = gate
        .ask("POST", &path, Some(&trigger), Some(application))
        .await;
    text(&started, "ref").rsplit('/').next().unwrap().to_owned()
}

/// Waits as a page with a list does: what lists show has no large values.
async fn until(gate: &Gate, application: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/applications/{application}/pipelines?limit=1&expand=false");
    let until = Instant::now() + WITHIN;
    loop {
        let listed = gate.ask("GET", &path, None, None).await;
        if done(&listed[0]) {
            let execution = text(&listed[0], "id");
            return gate
                .ask("GET", &format!("/pipelines/{execution}"), None, None)
                .await;
        }
        let statuses: Vec<&Value> = listed[0]["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["status"])
            .collect();
        assert!(
            Instant::now() < until,
            "no {what} within {WITHIN:?}: {statuses:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn waits(listed: &Value) -> bool {
    stage(listed, "2")["status"] == "RUNNING" || has_ended(listed)
}

fn has_ended(listed: &Value) -> bool {
    !matches!(listed["status"].as_str(), Some("RUNNING" | "NOT_STARTED"))
}

async fn judge(gate: &Gate, document: &Value) {
    let execution = text(document, "id");
    let path = format!(
        "/pipelines/{execution}/stages/{}",
        text(stage(document, "2"), "id")
    );
    let judgement = json!({"judgmentStatus": "continue", "report": "r".repeat(1 << 20)});
    gate.ask("PATCH", &path, Some(&judgement), None).await;
}

/// Everything is where it belongs.
fn check(document: &Value, receiver: &Receiver) {
    let failure = &stage(document, "1")["context"]["exception"];
    assert_eq!(stage(document, "1")["status"], "SUCCEEDED", "{failure}");
    assert_eq!(document["trigger"]["payload"]["manifests"], manifests());
    let call = &stage(document, "1")["context"];
    assert_eq!(call["webhook"]["body"], answer());
    assert_eq!(call["payload"]["first"], manifests()[0]);
    let length = answer()["log"].as_str().unwrap().chars().count();
    assert_eq!(stage(document, "2")["context"]["theirs"], length);
    let sent: Value = serde_json::from_slice(&receiver.seen()[0].body).unwrap();
    assert_eq!(sent["first"], manifests()[0]);
}

fn check_end(ended: &Value, receiver: &Receiver) {
    assert_eq!(
        ended["status"],
        "SUCCEEDED",
        "{}",
        stage(ended, "3")["context"]["exception"]
    );
    check(ended, receiver);
    assert_eq!(
        stage(ended, "2")["context"]["report"]
            .as_str()
            .map(str::len),
        Some(1 << 20)
    );
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    let sent: Value = serde_json::from_slice(&seen[1].body).unwrap();
    assert_eq!(sent["log"], answer()["log"]);
}

async fn receiver() -> Receiver {
    let receiver = Receiver::start().await;
    let large = Reply {
        body: answer().to_string(),
        ..Reply::status(200)
    };
    receiver.script("/large", &[large]);
    receiver
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_pass_through_everything_and_survive_kill_9() {
    let receiver = receiver().await;
    let mut dev = Dev::start().await;
    let execution = start(&dev.gate, "large", &receiver).await;
    dev.kill_and_restart().await;
    let waiting = until(&dev.gate, "large", "judgement", waits).await;
    check(&waiting, &receiver);
    dev.kill_and_restart().await;
    judge(&dev.gate, &waiting).await;
    let ended = until(&dev.gate, "large", "end", has_ended).await;
    check_end(&ended, &receiver);
    // Lists have stages without contexts, and so no large value of a stage.
    let path = "/applications/large/pipelines?limit=5&expand=false";
    let listed = dev.gate.ask("GET", path, None, None).await;
    assert_eq!(listed[0]["id"], execution.as_str());
    assert_eq!(stage(&listed[0], "1")["context"], json!({}));
    let history = format!("/v2/executions/{execution}/history");
    let history = dev.gate.ask("GET", &history, None, None).await.to_string();
    assert!(history.len() > 5_000_000, "{}", history.len());
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_may_lie_in_a_bucket() {
    let receiver = receiver().await;
    let server = s3::Server::shared();
    let (id, secret) = server.credentials();
    let values = format!(
        "[values]\nbackend = \"s3\"\n[values.s3]\nbucket = \"large-values\"\nendpoint = \"{}\"\nregion = \"us-east-1\"\n\
         access_key_id = \"{id}\"\nsecret_access_key = \"{secret}\"\n",
        server.endpoint()
    );
    let mut installation = Installation::start_with(1, &values).await;
    let gate = installation.gate;
    start(&gate, "bucket", &receiver).await;
    let waiting = until(&gate, "bucket", "judgement", waits).await;
    check(&waiting, &receiver);
    for name in ["scheduler-a", "worker-a"] {
        let process = installation.process(name);
        process.kill_9();
        process.start_again();
    }
    judge(&gate, &waiting).await;
    let ended = until(&gate, "bucket", "end", has_ended).await;
    check_end(&ended, &receiver);
    installation.check_processes();
}
