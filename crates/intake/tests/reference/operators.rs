//! What operators set: tasks that are skipped (3.5), dry runs (6.17), lines that are full (4.1).

use std::sync::LazyLock;

use gennaker_engine::{Input, Rules};
use gennaker_model::Status;
use gennaker_stages::Catalogue;
use serde_json::{Value, json};

use super::driver::{Driver, submission};

static DRY: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new().with_dry_runs(true));

fn dry(config: &Value) -> Driver {
    let start = submission(config, &json!({"dryRun": true}));
    Driver::begin_with(start, Rules::default(), false, &DRY)
}

#[test]
fn rule_3_5_a_task_that_operators_have_disabled_is_skipped() {
    let rules = Rules {
        tasks_disabled: ["waitTask".to_owned()].into(),
        ..Rules::default()
    };
    let config = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 60}, {"refId": "2", "type": "manualJudgment"}]});
    let driver = Driver::start_by(config, json!({}), rules);
    assert_eq!(driver.tasks("1"), [Status::Skipped]);
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    assert_eq!(driver.tasks("2"), [Status::Running]);
}

#[test]
fn rule_6_17_a_dry_run_replaces_the_tasks_of_most_stages() {
    let driver = dry(&json!({"stages": [
        {"refId": "1", "type": "wait", "waitTime": 600},
        {"refId": "2", "type": "webhook", "url": "http://x.io", "cancelEndpoint": "http://x.io/no", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "runMultiplePipelines", "requisiteStageRefIds": ["2"]}]}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.open_attempts().is_empty());
    for ref_id in ["1", "2", "3"] {
        let [task] = &driver.stage(ref_id).tasks[..] else {
            panic!("{ref_id}")
        };
        assert_eq!(task.name, "dry run");
        let class = "com.netflix.spinnaker.orca.dryrun.DryRunTask";
        assert_eq!(task.implementing_class, class);
    }
}

#[test]
fn rule_6_17_some_stages_run_for_real_in_a_dry_run() {
    let mut driver = dry(&json!({"stages": [
        {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "a", "value": "${1 + 1}"}]},
        {"refId": "2", "type": "manualJudgment", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "checkPreconditions", "requisiteStageRefIds": ["2"], "preconditions": [
            {"type": "expression", "context": {"expression": "1 == 1"}}]},
        {"refId": "4", "type": "checkPreconditions", "requisiteStageRefIds": ["3"], "preconditions": [
            {"type": "stageStatus", "context": {"stageName": "nobody", "stageStatus": "SUCCEEDED"}}]}]}));
    assert_eq!(driver.stage("1").outputs["a"], 2);
    assert_eq!(driver.tasks("2"), [Status::Running]);
    driver.patch("2", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("3<1").tasks[0].name, "checkPrecondition");
    assert_eq!(
        driver.stage("4<1").tasks[0].name,
        "dry run",
        "it would have failed"
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn what_a_notification_started_is_a_dry_run_without_the_setting() {
    let config = json!({"stages": [
        {"refId": "1", "type": "deployManifest", "account": "x"},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "pipeline", "application": "app", "pipeline": "other"},
        {"refId": "3", "requisiteStageRefIds": ["2"], "type": "wait", "waitTime": 60},
    ]});
    let driver = Driver::start_with(config, json!({"type": "dryrun"}));
    for ref_id in ["1", "2", "3"] {
        let tasks = &driver.stage(ref_id).tasks;
        assert_eq!(tasks[0].name, "dry run", "{ref_id}");
    }
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_6_17_a_dry_run_takes_nothing_back() {
    let mut driver = dry(&json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io", "cancelEndpoint": "http://x.io/no",
         "failOnFailedExpressions": true, "x": "${nobody.knows}"}]}));
    assert_eq!(driver.status(), Status::Terminal);
    assert!(driver.open_attempts().is_empty());
    driver.cancel();
    assert!(driver.open_attempts().is_empty());
}

#[test]
fn rule_6_17_without_the_setting_a_dry_run_is_a_run() {
    let config = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 600}]});
    let driver = Driver::start_with(config, json!({"dryRun": true}));
    assert_eq!(driver.status(), Status::Running);
}

#[test]
fn rule_4_1_one_too_many_in_line_is_cancelled() {
    let config = json!({"limitConcurrent": true, "stages": [{"refId": "1", "type": "wait"}]});
    let mut driver = Driver::start_in_line(config.clone());
    assert_eq!(driver.status(), Status::NotStarted);
    driver.input(&Input::LineIsFull { waiting: 50 });
    let doc = &driver.state.doc;
    assert_eq!(doc.status, Status::Canceled);
    assert_eq!(doc.canceled_by.as_deref(), Some("spinnaker"));
    let reason = "Too many executions (50) already waiting to start";
    assert_eq!(doc.cancellation_reason.as_deref(), Some(reason));
    // One that was let go on meanwhile stays.
    let mut driver = Driver::start_in_line(config);
    driver.must_wait = false;
    driver.input(&Input::SlotGranted);
    driver.input(&Input::LineIsFull { waiting: 50 });
    assert_eq!(driver.status(), Status::Succeeded);
}
