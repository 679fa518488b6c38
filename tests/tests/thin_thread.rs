//! A pipeline runs from an HTTP request through log, task and worker and back; and goes on after `kill -9`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_tests::gate::{stage, text};
use gennaker_tests::installation::Dev;
use gennaker_tests::receiver::Receiver;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_and_a_wait_run_through_everything() {
    let receiver = Receiver::start().await;
    let dev = Dev::start().await;
    let gate = dev.gate;
    gate.save_application("thread").await;
    let stages = json!([
        {
            "refId": "1", "requisiteStageRefIds": [], "type": "webhook", "name": "Call", "method": "POST",
            "url": format!("{}/hook?branch=${{parameters.branch}}", receiver.url()),
            "payload": {"who": "${trigger.user}", "number": 7}, "customHeaders": {"X-Own": "yes"},
        },
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Wait", "waitTime": 1},
    ]);
    let parameters = json!([{"name": "branch", "default": "main"}]);
    let pipeline = json!({"application": "thread", "name": "thin", "stages": stages, "parameterConfig": parameters});
    let id = gate.save_pipeline(&pipeline).await;

    let execution = gate.start("thread", "thin", "thin-1").await;
    // The same key is the same start, however often it is sent.
    assert_eq!(gate.start("thread", "thin", "thin-1").await, execution);
    let ended = gate.wait_for_end(&execution, WITHIN).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!(
        (
            text(&ended, "application"),
            text(&ended, "name"),
            text(&ended, "pipelineConfigId")
        ),
        ("thread", "thin", &*id)
    );
    let call = stage(&ended, "1");
    assert_eq!(call["context"]["webhook"]["statusCode"], "OK", "{call:#}");
    assert_eq!(
        call["context"]["webhook"]["statusCodeValue"], 200,
        "{call:#}"
    );
    let wait = stage(&ended, "2");
    let took = wait["endTime"].as_i64().unwrap() - wait["startTime"].as_i64().unwrap();
    assert!(
        (1_000..5_000).contains(&took),
        "a wait of a second took {took} ms"
    );

    let seen = receiver.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path.as_str()),
        ("POST", "/hook?branch=main")
    );
    assert!(
        seen[0]
            .key
            .as_deref()
            .is_some_and(|key| key.contains(&execution)),
        "{seen:?}"
    );
    let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(body["number"], 7);

    let listed = gate
        .ask("GET", "/applications/thread/pipelines?limit=5", None, None)
        .await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["id"], execution.as_str());
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_goes_on_after_kill_9() {
    let receiver = Receiver::start().await;
    let mut dev = Dev::start().await;
    dev.gate.save_application("survivor").await;
    let url = format!("{}/after", receiver.url());
    let stages = json!([
        {"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": 2},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "webhook", "name": "Call", "method": "PUT", "url": url},
        {"refId": "3", "requisiteStageRefIds": ["2"], "type": "manualJudgment", "name": "Judge", "judgmentInputs": []},
    ]);
    dev.gate
        .save_pipeline(&json!({"application": "survivor", "name": "long", "stages": stages}))
        .await;
    let execution = dev.gate.start("survivor", "long", "long-1").await;

    dev.kill_and_restart().await;
    let is_running = |document: &serde_json::Value| stage(document, "3")["status"] == "RUNNING";
    let waiting = dev
        .gate
        .wait_for(&execution, "the judgement", WITHIN, is_running)
        .await;
    assert_eq!(receiver.seen().len(), 1, "{:?}", receiver.seen());

    // Parked executions and what clients were told survive, too.
    dev.kill_and_restart().await;
    let judge = text(stage(&waiting, "3"), "id").to_owned();
    let path = format!("/pipelines/{execution}/stages/{judge}");
    dev.gate
        .ask(
            "PATCH",
            &path,
            Some(&json!({"judgmentStatus": "continue"})),
            None,
        )
        .await;
    let ended = dev.gate.wait_for_end(&execution, WITHIN).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!(
        receiver.seen().len(),
        1,
        "the call was made again: {:?}",
        receiver.seen()
    );
    assert_eq!(
        dev.gate.start("survivor", "long", "long-1").await,
        execution,
        "the key was forgotten"
    );
    dev.check();
}
