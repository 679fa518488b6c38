//! What executions tell: their ends start other pipelines, once, whoever is killed; notifications are in nobody's way.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "says what was killed")]

use std::collections::BTreeMap;

use gennaker_tests::installation::Installation;
use gennaker_tests::patience::{PATIENCE, until};
use gennaker_tests::random::Random;
use gennaker_tests::receiver::Receiver;
use serde_json::{Value, json};

const APPLICATION: &str = "told";

/// Runs of the parent while processes are killed.
const RUNS: usize = 16;

fn say() -> Value {
    json!([{"refId": "1", "type": "evaluateVariables", "name": "Say", "variables": [{"key": "tag", "value": "v1"}]}])
}

fn follows(parent: &str, status: &[&str]) -> Value {
    json!([{"type": "pipeline", "enabled": true, "application": APPLICATION, "pipeline": parent, "status": status}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_starts_what_waits_for_it_once_while_processes_are_killed() {
    let mut random = Random::new("announcements");
    let mut installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let parent = json!({"application": APPLICATION, "name": "parent", "stages": say()});
    let parent = gate.save_pipeline(&parent).await;
    let child = json!({"application": APPLICATION, "name": "child", "stages": say(),
        "triggers": follows(&parent, &["successful"])});
    let child = gate.save_pipeline(&child).await;
    let other = json!({"application": APPLICATION, "name": "other", "stages": say(),
        "triggers": follows(&parent, &["failed", "canceled"])});
    let other = gate.save_pipeline(&other).await;

    let mut started = Vec::new();
    for run in 0..RUNS {
        let victim = ["scheduler-a", "triggers", "scheduler-b"][run % 3];
        let key = format!("run-{run}");
        started.push(gate.start(APPLICATION, "parent", &key).await);
        // The end is told within milliseconds of the start.
        tokio::time::sleep(random.between_ms(0, 40)).await;
        eprintln!("run {run}: {victim} is killed");
        installation.process(victim).kill_9();
        installation.process(victim).start_again();
    }
    for id in &started {
        let ended = gate.wait_for_end(id, PATIENCE).await;
        assert_eq!(ended["status"], "SUCCEEDED");
    }
    let children = until("the last child", async || {
        let children = gate.executions(&child).await;
        (children.len() >= RUNS).then_some(children)
    })
    .await;
    let mut by_parent: BTreeMap<String, usize> = BTreeMap::new();
    for child in &children {
        let trigger = &child["trigger"];
        assert_eq!(
            (&trigger["type"], &trigger["isPipeline"]),
            (&json!("pipeline"), &json!(true))
        );
        let parent = trigger["parentExecution"]["id"].as_str().unwrap();
        *by_parent.entry(parent.to_owned()).or_default() += 1;
    }
    for id in &started {
        assert_eq!(by_parent.get(id), Some(&1), "{by_parent:?}");
    }
    assert_eq!(children.len(), RUNS);
    assert_eq!(gate.executions(&other).await.len(), 0);

    let first = gate.execution(children[0]["id"].as_str().unwrap()).await;
    let shown = &first["trigger"]["parentExecution"];
    assert_eq!(
        shown["stages"][0]["outputs"]["tag"], "v1",
        "the parent is there whole"
    );
    let event = first["trigger"]["eventId"].as_str().unwrap();
    let verdicts = gate
        .ask("GET", &format!("/v2/events/{event}"), None, None)
        .await;
    let verdicts = verdicts["verdicts"].as_array().unwrap();
    let of = |name: &str| verdicts.iter().find(|it| it["pipeline"] == name).unwrap();
    assert_eq!(of("child")["outcome"], "started");
    assert_eq!(
        of("other")["reason"],
        "the execution of \"parent\" ended as \"successful\", the trigger wants failed, canceled"
    );
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_that_cannot_be_sent_is_in_nobodys_way_and_says_why() {
    let mut installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let pipeline = json!({"application": APPLICATION, "name": "loud", "stages": say(), "notifications": [
        {"type": "email", "level": "pipeline", "address": "ops@example.com", "when": ["pipeline.complete", "pipeline.failed"]}]});
    gate.save_pipeline(&pipeline).await;
    let id = gate.start(APPLICATION, "loud", "once").await;
    let ended = gate.wait_for_end(&id, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED");
    for name in ["scheduler-a", "scheduler-b"] {
        installation.process(name).kill_9();
        installation.process(name).start_again();
    }
    let receipt = until("the receipt", async || {
        let execution = gate.execution(&id).await;
        let receipts = execution["notificationReceipts"].as_array().unwrap();
        assert_eq!(receipts.len(), 1);
        (receipts[0]["status"] != "PENDING").then(|| receipts[0].clone())
    })
    .await;
    assert_eq!(
        (&receipt["status"], &receipt["to"]),
        (&json!("FAILED"), &json!("ops@example.com"))
    );
    assert!(!receipt["reason"].as_str().unwrap().is_empty(), "{receipt}");
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_notification_and_each_event_arrives_while_schedulers_are_killed() {
    const RUNS: usize = 6;
    let mut random = Random::new("notifications");
    let receiver = Receiver::start().await;
    let settings = format!(
        "[notifications]\nbase_url = \"https://deploys.example.com\"\n[notifications.microsoft_teams]\nenabled = true\n\
         [[notifications.endpoints]]\nurl = \"{}/all\"\n",
        receiver.url()
    );
    let mut installation = Installation::start_with(1, &settings).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let room = format!("{}/room", receiver.url());
    let pipeline = json!({"application": APPLICATION, "name": "heard", "stages": say(), "notifications": [
        {"type": "microsoftteams", "level": "pipeline", "address": room, "when": ["pipeline.complete", "pipeline.failed"]}]});
    gate.save_pipeline(&pipeline).await;
    let mut started = Vec::new();
    for run in 0..RUNS {
        let victim = ["scheduler-a", "scheduler-b"][run % 2];
        started.push(
            gate.start(APPLICATION, "heard", &format!("run-{run}"))
                .await,
        );
        tokio::time::sleep(random.between_ms(0, 60)).await;
        eprintln!("run {run}: {victim} is killed");
        installation.process(victim).kill_9();
        installation.process(victim).start_again();
    }
    for id in &started {
        let receipt = until("the receipt", async || {
            let execution = gate.execution(id).await;
            let receipt = &execution["notificationReceipts"][0];
            let is_settled = receipt.is_object() && receipt["status"] != "PENDING";
            is_settled.then(|| receipt.clone())
        })
        .await;
        assert_eq!(receipt["status"], "DELIVERED", "{receipt}");
        let heard = receiver.seen();
        let told = heard.iter().filter(|seen| {
            seen.path == "/room" && String::from_utf8_lossy(&seen.body).contains(id)
        });
        assert_eq!(told.count(), 1, "{id}");
    }
    for id in &started {
        for kind in [
            "orca:pipeline:starting",
            "orca:stage:starting",
            "orca:task:complete",
            "orca:stage:complete",
            "orca:pipeline:complete",
        ] {
            until(kind, async || {
                let heard = receiver.seen();
                let events = heard.iter().filter(|seen| seen.path == "/all");
                let mut events =
                    events.filter_map(|seen| serde_json::from_slice::<Value>(&seen.body).ok());
                events.find(|event| {
                    event["details"]["type"] == kind
                        && event["content"]["executionId"] == id.as_str()
                })
            })
            .await;
        }
    }
    installation.check_processes();
}
