//! An owner is paused beyond its lease and then goes on: it must neither tell what is no longer true nor do anything twice.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gennaker_tests::gate::{Gate, outline, stage, text};
use gennaker_tests::installation::Installation;
use gennaker_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

const APPLICATION: &str = "pauses";
const WITHIN: Duration = Duration::from_secs(60);
/// Several times the lease.
const PAUSED: Duration = Duration::from_secs(8);
/// What a run may take while the owner is paused: the lease, the take-over, and the run itself. Wide, as the machine may be busy.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);
/// Enough pipelines that each partition has some.
const PIPELINES: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_owner_is_replaced_and_does_no_harm_when_it_wakes() {
    let receiver = Receiver::start().await;
    receiver.script("/slow", &[Reply::status(200).after_ms(500)]);
    let mut installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    for number in 0..PIPELINES {
        gate.save_pipeline(&pipeline(number, &receiver)).await;
    }
    let mut done: BTreeMap<String, Value> = BTreeMap::new();
    for scheduler in ["scheduler-a", "scheduler-b"] {
        let before = start_all(gate, &format!("{scheduler}-before")).await;
        installation.process(scheduler).pause();
        let paused = Instant::now();
        // What ran goes on, and what is started meanwhile runs, too.
        let during = start_all(gate, &format!("{scheduler}-during")).await;
        for execution in before.iter().chain(&during) {
            let ended = gate.wait_for_end(execution, TAKEN_OVER_WITHIN).await;
            done.insert(execution.clone(), ended);
        }
        tokio::time::sleep(PAUSED.saturating_sub(paused.elapsed())).await;
        installation.process(scheduler).resume();
        // It wakes with old beliefs and answers must not come from them: asked at once and for a while.
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            for (execution, ended) in &done {
                let now = gate.execution(execution).await;
                assert_eq!(
                    now["status"],
                    ended["status"],
                    "a finished execution changed: {}",
                    outline(&now)
                );
                assert_eq!(
                    now["endTime"],
                    ended["endTime"],
                    "a finished execution changed: {}",
                    outline(&now)
                );
            }
        }
        let after = start_all(gate, &format!("{scheduler}-after")).await;
        for execution in &after {
            done.insert(
                execution.clone(),
                gate.wait_for_end(execution, WITHIN).await,
            );
        }
    }
    for ended in done.values() {
        check(ended, &receiver);
    }
    let listed = gate
        .ask(
            "GET",
            &format!("/applications/{APPLICATION}/pipelines?limit=50"),
            None,
            None,
        )
        .await;
    assert_eq!(
        listed.as_array().map(Vec::len),
        Some(done.len()),
        "a start was lost or made twice"
    );
    installation.check_processes();
}

fn pipeline(number: usize, receiver: &Receiver) -> Value {
    let url = |path: &str| format!("{}/${{execution.id}}/{path}", receiver.url());
    let call = |reference: &str, after: &[&str], method: &str, path: &str| {
        json!({
            "refId": reference, "requisiteStageRefIds": after, "type": "webhook", "name": "Call",
            "method": method, "url": url(path), "payload": {},
        })
    };
    let stages = json!([
        call("1", &[], "POST", "slow"),
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Wait", "waitTime": 1},
        call("3", &["2"], "POST", "fast"),
        call("4", &["2"], "PUT", "put"),
        {"refId": "5", "requisiteStageRefIds": ["3", "4"], "type": "noop", "name": "Nothing", "pool": "notify"},
    ]);
    json!({"application": APPLICATION, "name": format!("pause-{number}"), "stages": stages})
}

async fn start_all(gate: Gate, round: &str) -> Vec<String> {
    let mut started = Vec::new();
    for number in 0..PIPELINES {
        started.push(
            gate.start(
                APPLICATION,
                &format!("pause-{number}"),
                &format!("{round}-{number}"),
            )
            .await,
        );
    }
    started
}

/// No process died, so everything was done, and exactly once.
fn check(execution: &Value, receiver: &Receiver) {
    assert_eq!(execution["status"], "SUCCEEDED", "{}", outline(execution));
    let id = text(execution, "id");
    let paths = receiver.by_path();
    for path in ["slow", "fast", "put"] {
        let seen = paths.get(&format!("/{id}/{path}")).map_or(0, Vec::len);
        assert_eq!(
            seen,
            1,
            "{path} was called {seen} times: {}",
            outline(execution)
        );
    }
    assert_eq!(stage(execution, "5")["status"], "SUCCEEDED");
}
