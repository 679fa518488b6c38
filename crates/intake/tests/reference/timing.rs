//! Sections 3.6 and 5.5: time limits and pauses between looks. Tasks with a limit of their own that cannot be overridden are tested in
//! `gennaker-engine`.

use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

use super::driver::Driver;

const HOUR_MS: i64 = 3_600_000;

fn judgement(more: &Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "manualJudgment", "name": "Go?"});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start(json!({ "stages": [stage] }))
}

/// Checks that the stage ends so many milliseconds from now, and not before.
fn ends_after(driver: &mut Driver, ms: i64, status: Status) {
    driver.advance(ms - 1);
    assert_eq!(driver.stage("1").status, Status::Running);
    driver.advance(1);
    assert_eq!(driver.stage("1").status, status);
}

#[test]
fn rule_3_6_a_stage_may_not_take_longer_than_its_stage_timeout_ms() {
    let mut driver = judgement(&json!({"stageTimeoutMs": 3_900_000}));
    ends_after(&mut driver, 3_900_000, Status::Terminal);
    let errors = driver.errors("1");
    assert!(
        errors[0].contains("Go? timed out after 1 hour 5 minutes"),
        "{errors:?}"
    );
    let exception = &driver.stage("1").context["exception"];
    assert_eq!(exception["exceptionType"], "TimeoutException");
}

#[test]
fn rule_3_6_the_limit_of_the_nearest_parent_holds_for_its_parts() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "checkPreconditions", "stageTimeoutMs": 5_000, "preconditions": [
            {"type": "expression", "context": {"expression": "#fromUrl('http://x.io/')"}}]}]}));
    assert_eq!(driver.stage("1<1").status, Status::Running);
    ends_after(&mut driver, 5_000, Status::Terminal);
    assert_eq!(driver.stage("1<1").status, Status::Terminal);
}

#[test]
fn rule_3_6_a_limit_that_is_text_is_ignored_and_an_expression_works() {
    let mut driver = judgement(&json!({"stageTimeoutMs": "5000"}));
    driver.advance(HOUR_MS);
    assert_eq!(driver.stage("1").status, Status::Running);
    let mut driver = judgement(&json!({"stageTimeoutMs": "${ 5 * 1000 }"}));
    ends_after(&mut driver, 5_000, Status::Terminal);
}

#[test]
fn rule_3_6_a_task_has_its_own_limit_unless_the_stage_overrides_it() {
    let day = 24 * HOUR_MS;
    let mut driver = judgement(&json!({}));
    ends_after(&mut driver, 3 * day, Status::Terminal);
    let errors = driver.errors("1");
    assert!(
        errors[0].starts_with("ManualJudgmentStage$WaitForManualJudgmentTask of stage Go? timed out after 3 days. pausedDuration: 0 seconds, "),
        "{errors:?}"
    );
    let mut driver = judgement(&json!({"stageTimeoutMs": 4 * day}));
    ends_after(&mut driver, 4 * day, Status::Terminal);
}

#[test]
fn rule_3_6_paused_time_does_not_count() {
    let mut driver = judgement(&json!({"stageTimeoutMs": 60_000}));
    driver.advance(50_000);
    driver.pause();
    let armed = driver.state.book.timers.len();
    assert_eq!(armed, 0, "nobody looks while it is paused");
    driver.advance(HOUR_MS);
    driver.resume();
    ends_after(&mut driver, 10_000, Status::Terminal);
}

/// Quirk: only the most recent pause is kept, so that an earlier one counts after all.
#[test]
fn rule_3_6_only_the_latest_pause_is_left_out() {
    let mut driver = judgement(&json!({"stageTimeoutMs": 60_000}));
    for _ in 0..2 {
        driver.pause();
        driver.advance(20_000);
        driver.resume();
    }
    ends_after(&mut driver, 40_000, Status::Terminal);
}

#[test]
fn rule_3_6_a_pause_before_the_stage_began_does_not_matter() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "0", "type": "wait", "waitTime": 30},
        {"refId": "1", "type": "manualJudgment", "stageTimeoutMs": 10_000, "requisiteStageRefIds": ["0"]}]}));
    driver.pause();
    driver.advance(20_000);
    driver.resume();
    driver.advance(10_000);
    assert_eq!(driver.stage("1").status, Status::Running);
    ends_after(&mut driver, 10_000, Status::Terminal);
}

fn in_window(more: &Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "manualJudgment", "restrictExecutionDuringTimeWindow": true,
        "restrictedExecutionWindow": {"whitelist": [{"startHour": 9, "startMin": 0, "endHour": 17, "endMin": 0}]}});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start(json!({ "stages": [stage] }))
}

#[test]
fn rule_3_6_and_5_2_the_execution_window_has_no_limit_and_does_not_count_towards_the_stages() {
    let mut driver = in_window(&json!({"stageTimeoutMs": 60_000}));
    driver.advance(HOUR_MS - 1);
    assert_eq!(driver.stage("1<1").status, Status::Running);
    assert!(!driver.stage("1<1").context.contains_key("stageTimeoutMs"));
    driver.advance(1);
    ends_after(&mut driver, 60_000, Status::Terminal);
}

#[test]
fn rule_3_6_looks_are_never_closer_than_backoff_period_ms() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "noop", "pool": "notify",
        "backoffPeriodMs": 30_000}]}),
    );
    for (asked, waits) in [(1_000, 30_000), (45_000, 45_000)] {
        let attempt = driver.attempt("noop");
        driver.report(
            attempt,
            Outcome::Running {
                again_ms: asked,
                context: Map::new(),
            },
        );
        driver.advance(waits - 1);
        assert!(driver.state.book.attempts.is_empty());
        driver.advance(1);
        assert_eq!(driver.state.book.attempts.len(), 1);
    }
}

#[test]
fn rule_5_5_mark_successful_on_timeout_makes_it_a_success() {
    for (flag, status) in [
        (json!(true), Status::Succeeded),
        (json!(false), Status::Terminal),
        (json!(null), Status::Terminal),
    ] {
        let mut driver =
            judgement(&json!({"stageTimeoutMs": 5_000, "markSuccessfulOnTimeout": flag}));
        ends_after(&mut driver, 5_000, status);
        assert_eq!(driver.status(), status);
    }
}

#[test]
fn rule_5_5_the_failure_options_decide_what_a_timeout_means() {
    for (flags, status) in [
        (json!({"continuePipeline": true}), Status::FailedContinue),
        (json!({"failPipeline": false}), Status::Stopped),
    ] {
        let mut flags = flags;
        flags["stageTimeoutMs"] = json!(5_000);
        let mut driver = judgement(&flags);
        ends_after(&mut driver, 5_000, status);
    }
}

#[test]
fn rule_5_5_stage_timeout_ms_is_not_copied_to_outputs() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify", "stageTimeoutMs": 5_000}]}));
    let attempt = driver.attempt("noop");
    let outputs = json!({"stageTimeoutMs": 5_000, "x": 1});
    driver.report(
        attempt,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: outputs.as_object().unwrap().clone(),
        },
    );
    assert_eq!(json!(driver.stage("1").outputs), json!({"x": 1}));
}

#[test]
fn rule_5_5_and_3_4_a_stage_past_its_start_time_expiry_is_skipped() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "waitTime": 60, "startTimeExpiry": "1799999999999"},
        {"refId": "2", "type": "wait", "startTimeExpiry": "1800000000001", "requisiteStageRefIds": ["1"]}]}));
    assert_eq!(driver.stage("1").status, Status::Skipped);
    assert_eq!(driver.stage("2").status, Status::Succeeded);
}
