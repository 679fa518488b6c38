//! Section 4.6, with 3.4 and 3.5: pause and resume.

use gennaker_model::{Map, Status, work::Outcome};
use serde_json::json;

use super::driver::{BEGAN_MS, Driver};

fn looks_again() -> Outcome {
    Outcome::Running {
        again_ms: 1_000,
        context: Map::new(),
    }
}

#[test]
fn rule_4_6_a_paused_execution_shows_who_paused_it_and_its_stages_and_tasks_are_paused() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "waitTime": 60},
        {"refId": "2", "type": "manualJudgment"},
        {"refId": "3", "type": "wait", "requisiteStageRefIds": ["1"]}]}));
    driver.advance(1_000);
    driver.pause();
    assert_eq!(driver.status(), Status::Paused);
    let paused = driver.state.doc.paused.clone().unwrap();
    assert_eq!(paused.paused_by.as_deref(), Some("bob"));
    assert_eq!(paused.pause_time, Some(BEGAN_MS + 1_000));
    for ref_id in ["1", "2"] {
        assert_eq!(driver.stage(ref_id).status, Status::Paused);
        assert_eq!(driver.tasks(ref_id), [Status::Paused]);
    }
    assert_eq!(driver.stage("3").status, Status::NotStarted);
    driver.advance(1_000);
    driver.resume();
    assert_eq!(driver.status(), Status::Running);
    let paused = driver.state.doc.paused.clone().unwrap();
    assert_eq!(paused.resumed_by.as_deref(), Some("bob"));
    assert_eq!(paused.resume_time, Some(BEGAN_MS + 2_000));
    for ref_id in ["1", "2"] {
        assert_eq!(driver.stage(ref_id).status, Status::Running);
        assert_eq!(driver.tasks(ref_id), [Status::Running]);
    }
    driver.advance(58_000);
    assert_eq!(
        driver.stage("1").status,
        Status::Succeeded,
        "a wait counts from the start of its stage, paused or not"
    );
    driver.patch("2", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_6_parents_of_paused_stages_are_paused() {
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "wait",
        "restrictExecutionDuringTimeWindow": true, "restrictedExecutionWindow": {"whitelist": [
            {"startHour": 9, "startMin": 0, "endHour": 17, "endMin": 0}]}}]}));
    driver.pause();
    assert_eq!(driver.stage("1<1").status, Status::Paused);
    assert_eq!(driver.stage("1").status, Status::Paused);
    driver.advance(3_600_000);
    assert_eq!(driver.stage("1<1").status, Status::Paused);
    driver.resume();
    assert_eq!(driver.stage("1<1").status, Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_6_what_a_worker_has_goes_on_and_pauses_when_it_reports() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io/", "waitForCompletion": true},
        {"refId": "2", "type": "noop", "pool": "notify"},
        {"refId": "3", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["2"]}]}));
    driver.pause();
    assert_eq!(driver.tasks("1")[0], Status::Running);
    driver.succeed("1");
    assert_eq!(
        (driver.stage("1").status, driver.tasks("1")),
        (Status::Paused, vec![Status::Succeeded, Status::NotStarted]),
        "the next task does not start"
    );
    let attempt = driver.attempt("noop");
    driver.report(attempt, looks_again());
    assert_eq!(driver.tasks("2"), [Status::Paused]);
    assert!(driver.state.book.attempts.is_empty());
    driver.advance(60_000);
    assert!(driver.state.book.attempts.is_empty(), "nobody is asked");
    driver.resume();
    driver.succeed("2");
    assert_eq!(driver.stage("3").status, Status::Running);
    assert_eq!(driver.tasks("1")[1], Status::Running);
}

#[test]
fn rule_4_6_what_completes_while_paused_lets_nothing_start() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify"},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}));
    driver.pause();
    driver.succeed("1");
    assert_eq!(
        driver.statuses(),
        [("1", Status::Succeeded), ("2", Status::NotStarted)]
    );
    assert_eq!(driver.status(), Status::Paused);
    driver.resume();
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_6_only_what_runs_is_paused_and_only_what_is_paused_is_resumed() {
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    driver.resume();
    driver.pause();
    driver.pause();
    driver.resume();
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    driver.pause();
    assert_eq!(
        driver.refusals(),
        [
            "only a paused execution can be resumed; this one is RUNNING",
            "only a running execution can be paused; this one is PAUSED",
            "only a running execution can be paused; this one is SUCCEEDED"
        ]
    );
}

#[test]
fn rule_4_6_a_judgement_made_while_paused_counts_after_the_resume() {
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    driver.pause();
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("1").status, Status::Paused);
    driver.resume();
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_6_a_child_that_ends_while_its_parent_is_paused_is_noticed_after_the_resume() {
    let mut driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "pipeline", "pipeline": "other"}]}));
    driver.answer_pipeline(
        "other",
        json!({"id": "other", "name": "child", "stages": []}),
    );
    driver.pause();
    driver.child_finished(Status::Succeeded, json!({"x": 1}));
    assert_eq!(driver.stage("1").status, Status::Paused);
    driver.resume();
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("1").outputs["x"], 1);
}

#[test]
fn rule_3_5_run_task_looks_at_cancel_before_pause_before_skip_before_the_time_limit() {
    let start = || {
        Driver::start(
            json!({"stages": [{"refId": "1", "type": "pipeline", "pipeline": "other",
            "skippable": true, "stageTimeoutMs": 5_000}]}),
        )
    };
    let mut driver = start();
    driver.pause();
    driver.cancel();
    assert_eq!(driver.stage("1").status, Status::Canceled);
    let mut driver = start();
    driver.pause();
    driver.advance(10_000);
    driver.patch("1", json!({"manualSkip": true}));
    assert_eq!(driver.stage("1").status, Status::Paused);
    driver.resume();
    assert_eq!(driver.stage("1").status, Status::Skipped);
}

#[test]
fn rule_3_6_paused_time_moves_the_deadline_of_what_a_worker_has() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify", "stageTimeoutMs": 60_000}]}));
    let attempt = driver.attempt("noop");
    let deadline = |driver: &Driver| driver.state.book.attempts[&attempt].deadline_ms;
    assert_eq!(deadline(&driver), Some(BEGAN_MS + 60_000));
    driver.advance(50_000);
    driver.pause();
    assert!(
        driver.state.book.timers.is_empty(),
        "nothing is timed while it is paused"
    );
    driver.advance(3_600_000);
    assert_eq!(
        driver.stage("1").status,
        Status::Running,
        "its worker has it"
    );
    driver.resume();
    assert_eq!(deadline(&driver), Some(BEGAN_MS + 3_660_000));
    driver.advance(9_999);
    assert_eq!(driver.status(), Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn rule_3_6_a_worker_that_comes_too_late_because_of_a_pause_gets_the_task_again() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify", "stageTimeoutMs": 60_000}]}));
    driver.advance(50_000);
    driver.pause();
    driver.advance(20_000);
    // A worker that says so has not started it.
    let late = driver.attempt("noop");
    driver.report(late, looks_again());
    assert_eq!(driver.tasks("1"), [Status::Paused]);
    driver.advance(3_600_000);
    driver.resume();
    let again = driver.attempt("noop");
    let due = driver.message(again).deadline_ms;
    assert_eq!(
        due,
        Some(driver.now() + 10_000),
        "what was left when it was paused"
    );
    driver.succeed("1");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_3_6_a_task_whose_time_is_over_ends_by_the_clock_of_the_owner() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify", "stageTimeoutMs": 60_000}]}));
    driver.advance(59_500);
    // The clock of the worker is ahead.
    let attempt = driver.attempt("noop");
    driver.report(attempt, looks_again());
    driver.advance(500);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(driver.errors("1"), ["Stage noop timed out after 1 minute"]);
}

#[test]
fn rule_4_7_a_closing_that_is_under_way_is_not_paused() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io/", "stageTimeoutMs": 60_000},
        {"refId": "2", "type": "manualJudgment"}]}));
    driver.advance(60_000);
    let mut open = driver.open_attempts().into_iter();
    let closing = open.find(|attempt| driver.is_closing(*attempt)).unwrap();
    driver.pause();
    assert_eq!(
        driver.message(closing).deadline_ms,
        None,
        "it takes the time that it takes"
    );
    driver.advance(120_000);
    let stage = driver.stage("1");
    assert_eq!(
        stage.status,
        Status::Terminal,
        "nobody closed it, paused or not"
    );
    assert!(
        stage.context["closing"]
            .as_str()
            .unwrap()
            .contains("may still take effect")
    );
}
