//! The program's own verbs against the real server: what they say, how they end, what they did.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_tests::client::Client;
use gennaker_tests::gate::text;
use gennaker_tests::installation::Dev;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);

const PIPELINE: &str = "
application: verbs
name: release
parameterConfig:
- {name: version, required: true}
stages:
- {refId: '1', requisiteStageRefIds: [], type: wait, name: Soak, waitTime: 0}
- {refId: '2', requisiteStageRefIds: ['1'], type: manualJudgment, name: Approve, judgmentInputs: []}
- {refId: '3', requisiteStageRefIds: ['2'], type: evaluateVariables, name: Note, variables: [{key: said, value: '${parameters.version}'}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_file_to_a_finished_execution_and_back() {
    let dev = Dev::shared().await;
    dev.gate.save_application("verbs").await;
    let gennaker = Client::gennaker(dev.gate.address);
    let code = |line: &[&str], wanted: i32| {
        let ended = gennaker.run(line, "");
        assert_eq!(ended.code, Some(wanted), "{line:?}: {ended:?}");
        ended
    };
    let file = gennaker.file("release.yaml", PIPELINE);

    let plan = code(&["plan", &file], 10);
    assert_eq!(plan.out, "+ verbs/release   new");
    code(&["apply", &file, "--yes"], 0);
    assert_eq!(code(&["plan", &file], 0).out, "");
    let edited = gennaker.file(
        "edited.yaml",
        &PIPELINE.replace("waitTime: 0", "waitTime: 1"),
    );
    assert_eq!(
        code(&["plan", &edited], 10).out,
        "~ verbs/release   stage \"Soak\": waitTime: 0 -> 1"
    );

    code(&["freeze", "verbs/release", "--reason", "a drill"], 0);
    let frozen = code(&["run", "verbs/release", "-p", "version=1"], 1);
    assert!(frozen.err.contains("a drill"), "{frozen:?}");
    assert!(code(&["freeze"], 0).out.contains("a drill"));
    code(&["thaw", "verbs/release"], 0);

    let started = code(
        &[
            "run",
            "verbs/release",
            "-p",
            "version=1",
            "--no-wait-judgment",
            "-o",
            "name",
        ],
        6,
    );
    let id = started.out;
    code(&["pause", &id], 0);
    code(&["judge", &id, "stop"], 0);
    code(&["resume", "@last"], 0);
    code(&["watch", "@last"], 3);
    let failed = dev.gate.execution(&id).await;
    assert_eq!(failed["status"], "TERMINAL", "{failed:#}");

    let again = code(&["retry", &id, "--yes"], 0);
    assert!(again.out.contains("begins Approve anew"), "{again:?}");
    code(&["watch", &id, "--no-wait-judgment"], 6);
    code(&["judge", &id, "continue"], 0);
    code(&["watch", &id], 0);

    let replay = code(&["replay", &id], 0).out;
    for said in [
        "created: 3 stages",
        "PAUSED by anonymous",
        "Approve TERMINAL",
        "Approve is to begin anew, asked by anonymous",
        "Approve SUCCEEDED",
        "folded here: verbs/release SUCCEEDED at revision",
    ] {
        assert!(replay.contains(said), "{said}: {replay}");
    }
    // Every fact folded here gives the document that the server has.
    let folded: Value =
        serde_json::from_str(&code(&["replay", &id, "--at", "999999", "-o", "json"], 0).out)
            .unwrap();
    assert_eq!(folded, dev.gate.execution(&id).await);
    let first = code(&["replay", &id, "-o", "jsonpath={.steps[0].rev}"], 0).out;
    let early = code(
        &["replay", &id, "--at", &first, "-o", "jsonpath={.status}"],
        0,
    );
    assert_eq!(early.out, "RUNNING");
    code(&["replay", &id, "--at", "0"], 7);

    let other = code(
        &[
            "run",
            "verbs/release",
            "-p",
            "version=2",
            "--no-wait-judgment",
            "-q",
        ],
        6,
    )
    .out;
    code(&["cancel", &other, "--yes"], 0);
    dev.gate.wait_for_end(&other, WITHIN).await;
    let diff = code(&["diff", &id, &other], 0).out;
    assert!(
        diff.contains("parameters.version: \"1\" -> \"2\"")
            && diff.contains("stage \"Note\": status: \"SUCCEEDED\" -> "),
        "{diff}"
    );
    let applications: Value =
        serde_json::from_str(&code(&["api", "GET", "/applications"], 0).out).unwrap();
    assert!(
        applications
            .as_array()
            .unwrap()
            .iter()
            .any(|it| text(it, "name") == "verbs")
    );
    code(&["trace", "@last"], 1);
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_is_skipped_and_a_change_of_somebody_else_is_not_overwritten() {
    let dev = Dev::shared().await;
    dev.gate.save_application("skipping").await;
    let gennaker = Client::gennaker(dev.gate.address);
    let pipeline = |description: &str| {
        json!({"application": "skipping", "name": "long", "description": description, "stages": [
            {"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Long", "waitTime": 600}]})
    };
    dev.gate.save_pipeline(&pipeline("first")).await;
    let execution = dev.gate.start("skipping", "long", "skip-1").await;
    let is_running = |document: &Value| document["stages"][0]["status"] == "RUNNING";
    dev.gate
        .wait_for(&execution, "the wait", WITHIN, is_running)
        .await;
    let skipped = gennaker.run(&["skip", &execution, "--yes"], "");
    assert_eq!(skipped.code, Some(0), "{skipped:?}");
    assert!(skipped.out.contains("goes on without Long"), "{skipped:?}");
    let ended = dev.gate.wait_for_end(&execution, WITHIN).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");

    // Saved again with what was read before somebody else saved.
    let path = "/applications/skipping/pipelineConfigs/long";
    let read = dev.gate.ask("GET", path, None, None).await;
    dev.gate
        .save_pipeline(&{
            let mut other = pipeline("of somebody else");
            other["id"] = read["id"].clone();
            other
        })
        .await;
    let mut stale = read;
    stale["description"] = json!("mine");
    let refused = dev
        .gate
        .call("POST", "/pipelines?staleCheck=true", Some(&stale), None)
        .await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let stored = dev.gate.ask("GET", path, None, None).await;
    assert_eq!(text(&stored, "description"), "of somebody else");
    dev.check();
}
