//! Sections 3.4 and 3.5: what the steps of a stage leave behind.

use gennaker_model::{Map, Status, work::Outcome};
use serde_json::json;

use super::driver::Driver;

fn webhook() -> Driver {
    Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io/", "waitForCompletion": true, "continuePipeline": true},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}))
}

#[test]
fn rule_3_4_an_ignored_failure_shows_the_errors_of_all_its_tasks() {
    let mut driver = webhook();
    driver.fail("createWebhook", "first");
    driver.fail("monitorWebhook", "second");
    assert_eq!(driver.stage("1").status, Status::FailedContinue);
    assert_eq!(driver.errors("1"), ["second", "first"]);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_3_4_failed_expressions_join_the_exception_of_the_stage() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "comments": "${nobody.knows.this}"}]}));
    let exception = &driver.stage("1").context["exception"];
    assert_eq!(
        exception["details"]["error"],
        "Failed Expression Evaluation"
    );
    assert_eq!(driver.errors("1").len(), 1);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_3_4_expressions_are_evaluated_when_the_stage_starts_and_kept() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment", "who": "${ #stage('other').status.toString() }"},
        {"refId": "2", "type": "wait", "name": "other"}]}));
    assert_eq!(driver.stage("1").context["who"], "NOT_STARTED");
    assert_eq!(driver.stage("2").status, Status::Succeeded);
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("1").context["who"], "NOT_STARTED");
}

#[test]
fn rule_3_5_results_are_merged_into_context_and_outputs() {
    let mut driver = webhook();
    let attempt = driver.attempt("createWebhook");
    let map = |value: serde_json::Value| value.as_object().unwrap().clone();
    driver.report(
        attempt,
        Outcome::Running {
            again_ms: 1_000,
            context: map(json!({"a": 1, "b": 1})),
        },
    );
    driver.advance(1_000);
    let attempt = driver.attempt("createWebhook");
    driver.report(
        attempt,
        Outcome::Succeeded {
            context: map(json!({"b": 2})),
            outputs: map(json!({"c": 3})),
        },
    );
    let stage = driver.stage("1");
    assert_eq!(
        (&stage.context["a"], &stage.context["b"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(json!(stage.outputs), json!({"c": 3}));
}

#[test]
fn rule_3_5_tasks_run_one_after_the_other_and_are_marked() {
    let mut driver = webhook();
    let marks = |driver: &Driver| -> Vec<(bool, bool)> {
        let tasks = driver.stage("1").tasks.iter();
        tasks
            .map(|task| (task.stage_start, task.stage_end))
            .collect()
    };
    assert_eq!(marks(&driver), [(true, false), (false, true)]);
    assert_eq!(driver.tasks("1"), [Status::Running, Status::NotStarted]);
    driver.succeed("1");
    assert_eq!(driver.tasks("1"), [Status::Succeeded, Status::Running]);
    let attempt = driver.attempt("monitorWebhook");
    driver.report(
        attempt,
        Outcome::Canceled {
            context: Map::new(),
        },
    );
    assert_eq!(
        driver.stage("1").status,
        Status::FailedContinue,
        "a task that ended CANCELED meets the failure options"
    );
}
