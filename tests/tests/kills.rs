//! Every process is killed at random moments while a pipeline of thirty stages runs: it comes to its right end, nothing stays
//! stuck, and nothing happens twice.
//!
//! The moments come from a seed that is printed; `GENNAKER_TEST_SEED` sets it. A worker that was killed between a request and its
//! report is followed after half a minute, the time after which its request cannot arrive any more: that is why this takes long.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "says what was killed")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gennaker_tests::gate::{Gate, stage, text};
use gennaker_tests::installation::Installation;
use gennaker_tests::random::Random;
use gennaker_tests::receiver::Receiver;
use gennaker_tests::storm::{Storm, Weather};
use gennaker_tests::survival::{self, JUDGEMENT};
use serde_json::{Value, json};

/// Runs at the same time, of different pipelines, so that they belong to different partitions.
const RUNS: usize = 3;
const WITHIN: Duration = Duration::from_secs(200);
const APPLICATION: &str = "survival";

const STORM: Weather = Weather {
    pause_ms: (50, 900),
    down_ms: (0, 1_200),
};
/// Until the last runs are complete, or at most so long.
const GUSTS: Weather = Weather {
    pause_ms: (2_000, 5_000),
    down_ms: (0, 2_000),
};
const GUSTS_MOST: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_killed_with_one_broker() {
    survive(1, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_killed_with_three_brokers() {
    survive(3, 3).await;
}

/// In each round everybody is killed once; with three brokers, one of them.
async fn survive(brokers: usize, rounds: usize) {
    let test = format!("kills with {brokers} brokers");
    let random = Random::new(&test);
    let receiver = Receiver::start().await;
    survival::script(&receiver);
    let mut installation = Installation::start(brokers).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let child = gate
        .save_pipeline(&survival::child(APPLICATION, "child", &receiver))
        .await;
    for run in 0..RUNS {
        gate.save_pipeline(&survival::pipeline(
            APPLICATION,
            &format!("thirty-{run}"),
            &receiver,
            &child,
        ))
        .await;
    }

    let (calm, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let runs = async {
        let mut ended = Vec::new();
        // As long as it storms, something runs.
        while ended.is_empty() || !calm.load(Ordering::Relaxed) {
            ended.extend(run_all(gate, ended.len()).await);
        }
        over.store(true, Ordering::Relaxed);
        ended
    };
    let storm = async {
        let mut storm = Storm::new(&mut installation, &receiver, random);
        for _ in 0..rounds {
            storm.round(STORM).await;
        }
        calm.store(true, Ordering::Relaxed);
        storm
            .until(|| over.load(Ordering::Relaxed), GUSTS_MOST, GUSTS)
            .await;
        storm.killed().join(", ")
    };
    let (ended, killed) = tokio::join!(runs, storm);
    eprintln!(
        "{test}: {} runs; {}; killed {killed}",
        ended.len(),
        survival::losses(&ended, &receiver)
    );
    for (number, execution) in ended.iter().enumerate() {
        // A start that was acknowledged is remembered.
        assert_eq!(start(gate, number).await, text(execution, "id"));
        survival::check(execution, &receiver);
        let child = text(&stage(execution, "20")["context"], "executionId").to_owned();
        survival::check_child(execution, &gate.execution(&child).await, &receiver);
    }
    check_nothing_is_left(gate, ended.len() * 2).await;
    installation.check_processes();
}

async fn start(gate: Gate, number: usize) -> String {
    gate.start(
        APPLICATION,
        &format!("thirty-{}", number % RUNS),
        &format!("start-{number}"),
    )
    .await
}

/// Starts one run of each pipeline, lets them go on where they ask, and waits for all of them.
async fn run_all(gate: Gate, first: usize) -> Vec<Value> {
    let mut executions = Vec::new();
    for number in first..first + RUNS {
        executions.push(start(gate, number).await);
    }
    for execution in &executions {
        judge(gate, execution).await;
    }
    let mut ended = Vec::new();
    for execution in &executions {
        ended.push(gate.wait_for_end(execution, WITHIN).await);
    }
    ended
}

/// Says "continue" as soon as that is asked, and again until it is heard.
async fn judge(gate: Gate, execution: &str) {
    let asks = |document: &Value| {
        let judge = stage(document, JUDGEMENT);
        judge["status"] == "RUNNING" || judge["status"] == "SUCCEEDED"
    };
    let document = gate
        .wait_for(execution, "the judgement", WITHIN, asks)
        .await;
    let id = text(stage(&document, JUDGEMENT), "id");
    let judgement = json!({"judgmentStatus": "continue", "judgmentInput": "prod"});
    let answer = gate
        .call(
            "PATCH",
            &format!("/pipelines/{execution}/stages/{id}"),
            Some(&judgement),
            None,
        )
        .await;
    assert!(
        answer.is_success(),
        "the judgement is refused: {}",
        answer.text()
    );
}

/// Every execution is complete, and there are no more of them than were started.
async fn check_nothing_is_left(gate: Gate, count: usize) {
    let listed = gate
        .ask(
            "GET",
            &format!("/applications/{APPLICATION}/pipelines?limit=50"),
            None,
            None,
        )
        .await;
    let listed = listed.as_array().unwrap();
    let statuses: Vec<&str> = listed
        .iter()
        .map(|execution| text(execution, "status"))
        .collect();
    assert_eq!(statuses, vec!["SUCCEEDED"; count]);
}
