//! Options common to all stages: execution windows (orchestration reference 5.2) and retries, which are our addition.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::{Change, explain};
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

/// The driver begins on a Friday at 08:00 UTC.
const HOUR_MS: i64 = 3_600_000;

fn from_nine(stage: &Value) -> Value {
    let mut stage = stage.clone();
    stage["refId"] = json!("1");
    stage["restrictExecutionDuringTimeWindow"] = json!(true);
    stage["restrictedExecutionWindow"]["whitelist"] =
        json!([{"startHour": 9, "startMin": 0, "endHour": 17, "endMin": 0}]);
    json!({ "stages": [stage] })
}

fn failed(message: &str) -> Outcome {
    Outcome::Failed {
        exception: Some(
            json!({"exceptionType": "SomeException", "details": {"errors": [message]}}),
        ),
        context: Map::new(),
        outputs: Map::new(),
    }
}

fn task_statuses(driver: &Driver) -> Vec<(String, Status, u32)> {
    let tasks = driver.stage("1").tasks.iter();
    tasks
        .map(|task| (task.id.clone(), task.status, task.retry))
        .collect()
}

#[test]
fn a_stage_waits_for_its_window_and_shows_when_it_opens() {
    let mut driver = Driver::start(from_nine(&json!({"type": "noop", "pool": "notify"})));
    let window = driver.stage("1<1");
    assert_eq!(
        (
            window.kind.as_str(),
            window.name.as_str(),
            window.tasks.len()
        ),
        (
            "restrictExecutionDuringTimeWindow",
            "restrictExecutionDuringTimeWindow",
            1
        )
    );
    assert_eq!(window.tasks[0].name, "suspendExecutionDuringTimeWindow");
    assert_eq!(window.scheduled_time, Some(1_800_000_000_000 + HOUR_MS));
    assert!(
        !window
            .context
            .contains_key("restrictExecutionDuringTimeWindow")
    );
    driver.advance(HOUR_MS - 1);
    assert_eq!(driver.stage("1<1").status, Status::Running);
    driver.advance(1);
    assert_eq!(driver.stage("1<1").status, Status::Succeeded);
    assert_eq!(driver.open_kinds(), ["noop"]);
}

#[test]
fn inside_the_window_nothing_waits_and_a_person_may_skip_it() {
    let mut stage = json!({"type": "wait"});
    stage["restrictedExecutionWindow"] = json!({"days": [6]});
    let mut config = from_nine(&stage);
    config["stages"][0]["restrictedExecutionWindow"]
        .as_object_mut()
        .unwrap()
        .shift_remove("whitelist");
    assert_eq!(Driver::start(config).status(), Status::Succeeded);

    let mut driver = Driver::start(from_nine(&json!({"type": "wait"})));
    driver.patch("1<1", json!({"skipRemainingWait": true}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.state.book.timers.is_empty());
}

#[test]
fn rule_1_6_other_before_stages_count_on_and_wait_for_the_window() {
    let mut driver = Driver::start(from_nine(
        &json!({"type": "checkPreconditions", "preconditions": [
        {"type": "expression", "context": {"expression": "${1 == 1}"}},
        {"type": "expression", "context": {"expression": "${2 == 2}"}}]}),
    ));
    assert_eq!(driver.stage("1<2").status, Status::NotStarted);
    assert_eq!(driver.stage("1<3").requisite_stage_ref_ids, ["1<1"]);
    assert!(
        !driver
            .stage("1<2")
            .context
            .contains_key("restrictedExecutionWindow")
    );
    driver.advance(HOUR_MS);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn the_window_does_not_count_towards_the_time_limit() {
    let mut driver = Driver::start(from_nine(
        &json!({"type": "manualJudgment", "stageTimeoutMs": 60_000}),
    ));
    driver.advance(HOUR_MS + 59_999);
    assert_eq!(driver.stage("1").status, Status::Running);
    driver.advance(1);
    assert_eq!(driver.stage("1").status, Status::Terminal);
}

#[test]
fn jitter_is_a_task_of_its_own_unless_a_person_started_it() {
    let mut stage = json!({"type": "wait"});
    stage["restrictedExecutionWindow"]["jitter"] =
        json!({"enabled": true, "minDelay": 7_200, "maxDelay": 7_300, "skipManual": true});
    let config = from_nine(&stage);
    let manual = Driver::start(config.clone());
    assert_eq!(manual.stage("1<1").tasks.len(), 1);
    let mut driver = Driver::start_with(config, json!({"type": "cron"}));
    let window = driver.stage("1<1");
    assert_eq!(window.tasks[1].name, "waitForJitter");
    let seconds = window.context["waitTime"].as_i64().unwrap();
    assert!((7_200..=7_300).contains(&seconds), "{seconds}");
    driver.advance(seconds * 1_000 - 1);
    assert_eq!(driver.stage("1<1").status, Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn a_window_that_makes_no_sense_fails_with_a_reason() {
    let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "wait",
        "restrictExecutionDuringTimeWindow": true, "restrictedExecutionWindow": {}}]}));
    assert_eq!(driver.status(), Status::Terminal);
    let reason = driver.stage("1<1").context["failureReason"]
        .as_str()
        .unwrap();
    assert!(reason.contains("neither days nor a whitelist"), "{reason}");
}

fn retried(retry: Value) -> Value {
    json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://x.io/", "method": "POST", "retry": retry}]})
}

#[test]
fn failed_tasks_are_done_again_and_stay_in_the_list() {
    let mut driver = Driver::start(retried(json!({"max": 2, "backoffMs": 5_000})));
    let first = driver.attempt("createWebhook");
    let key = driver.message(first).effect.clone();
    driver.report(first, failed("no"));
    assert_eq!(
        task_statuses(&driver),
        [
            ("1".into(), Status::FailedContinue, 0),
            ("2".into(), Status::NotStarted, 1)
        ]
    );
    let shown = driver.stage("1").tasks[0]
        .task_exception_details
        .clone()
        .unwrap();
    assert_eq!(shown["exception"]["details"]["errors"], json!(["no"]));
    assert!(!driver.stage("1").context.contains_key("exception"));
    let waits = explain::waits(&driver.state);
    assert!(waits[0].sentence.contains("retry 1"), "{waits:?}");
    driver.advance(4_999);
    assert_eq!(driver.stage("1").tasks[1].status, Status::NotStarted);
    driver.advance(1);
    let second = driver.attempt("createWebhook");
    assert_ne!(driver.message(second).effect, key);
    driver.report(
        second,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn after_the_last_try_the_failure_options_decide() {
    let mut config = retried(json!({"max": 1, "backoffMs": 0}));
    config["stages"][0]["continuePipeline"] = json!(true);
    let mut driver = Driver::start(config);
    for _ in 0..2 {
        let attempt = driver.attempt("createWebhook");
        driver.report(attempt, failed("no"));
        driver.advance(1);
    }
    assert_eq!(driver.stage("1").status, Status::FailedContinue);
    assert_eq!(
        driver.stage("1").context["exception"]["details"]["errors"],
        json!(["no"])
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn only_what_is_named_is_worth_another_try() {
    for (on, again) in [
        (json!(["SomeException"]), true),
        (json!(["TEAPOT"]), true),
        (json!(["OtherException", "503"]), false),
        (json!([]), false),
        (json!(null), true),
    ] {
        let mut driver = Driver::start(retried(json!({"max": "3", "on": on})));
        let attempt = driver.attempt("createWebhook");
        driver.report(attempt, failed("418 I am a teapot"));
        assert_eq!(driver.status() == Status::Running, again, "{on}");
    }
}

#[test]
fn cancelling_between_two_tries_ends_it() {
    let mut driver = Driver::start(retried(json!({"max": 3})));
    let attempt = driver.attempt("createWebhook");
    driver.report(attempt, failed("no"));
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: None,
    });
    assert_eq!(
        (driver.status(), driver.stage("1").status),
        (Status::Canceled, Status::Canceled)
    );
    assert!(driver.state.book.timers.is_empty());
}

#[test]
fn a_pause_between_two_tries_ends_with_the_resume() {
    let mut driver = Driver::start(retried(json!({"max": 3, "backoffMs": 1_000})));
    let attempt = driver.attempt("createWebhook");
    driver.report(attempt, failed("no"));
    driver.change(Change::Pause { user: "ann".into() });
    driver.advance(2_000);
    assert_eq!(driver.stage("1").tasks[1].status, Status::NotStarted);
    driver.change(Change::Resume { user: "ann".into() });
    assert_eq!(driver.stage("1").tasks[1].status, Status::Running);
}

#[test]
fn another_try_starts_another_child_and_a_judgement_is_final() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "pipeline", "pipeline": "other",
        "retry": {"max": 1, "backoffMs": 10}}]}),
    );
    let child = json!({"id": "other", "name": "child", "stages": []});
    driver.answer_pipeline("other", child.clone());
    let first = driver.stage("1").context["executionId"].clone();
    driver.child_finished(Status::Terminal, json!({}));
    driver.advance(10);
    driver.answer_pipeline("other", child);
    assert_ne!(driver.stage("1").context["executionId"], first);

    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "manualJudgment", "retry": {"max": 1}}]}),
    );
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn a_try_that_the_time_limit_would_end_at_once_is_none() {
    let mut config = retried(json!({"max": 3, "backoffMs": 60_000}));
    config["stages"][0]["stageTimeoutMs"] = json!(30_000);
    let mut driver = Driver::start(config);
    let attempt = driver.attempt("createWebhook");
    driver.report(attempt, failed("no"));
    assert_eq!(driver.status(), Status::Terminal);
}
