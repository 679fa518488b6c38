//! Restart of a stage (orchestration reference 4.5) and the skipping of one by hand (5.9).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::{Change, explain};
use gennaker_model::{
    ExecutionId, Map, Status,
    command::{PeerBody, Reply},
    work::Outcome,
};
use serde_json::{Value, json};

fn failed() -> Outcome {
    Outcome::Failed {
        exception: Some(json!({"details": {"errors": ["no"]}})),
        context: Map::new(),
        outputs: Map::new(),
    }
}

fn closed() -> Outcome {
    Outcome::Closed {
        remains: None,
        context: Map::new(),
    }
}

fn two_noops() -> Value {
    json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify"},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
    ]})
}

#[test]
fn rule_4_5_3_a_restarted_stage_runs_again_and_says_who_restarted_it() {
    let mut driver = Driver::start(two_noops());
    let first = driver.attempt("noop");
    driver.report(first, failed());
    assert_eq!(driver.status(), Status::Terminal);
    let began = driver.state.doc.start_time;
    driver.advance(5_000);
    driver.restart("1");
    assert_eq!(driver.last_reply(), Some(&Reply::Done));
    assert_eq!(driver.status(), Status::Running);
    assert!(driver.state.doc.start_time > began && driver.state.doc.end_time.is_none());
    let stage = driver.stage("1");
    assert!(!stage.context.contains_key("exception"));
    let details = &stage.context["restartDetails"];
    assert_eq!(details["restartedBy"], "bob");
    assert!(details["restartTime"].is_i64());
    assert_eq!(
        details["previousException"]["details"]["errors"],
        json!(["no"])
    );
    assert!(
        driver.attempt("noop") > first,
        "attempts are never used again"
    );
    driver.succeed("1");
    driver.succeed("2");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_5_4_everything_below_is_reset_and_keeps_what_it_had_learned() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "manualJudgment", "requisiteStageRefIds": ["2"]},
        {"refId": "4", "type": "wait"},
    ]}));
    driver.patch("3", json!({"judgmentStatus": "stop", "judgmentInput": "x"}));
    assert_eq!(driver.status(), Status::Terminal);
    let untouched = driver.stage("4").clone();
    driver.restart("2");
    assert_eq!(
        driver.statuses(),
        [
            ("1", Status::Succeeded),
            ("2", Status::Succeeded),
            ("3", Status::Running),
            ("4", Status::Succeeded)
        ]
    );
    let judged = &driver.stage("3").context;
    assert!(!judged.contains_key("judgmentStatus") && !judged.contains_key("lastModifiedBy"));
    assert_eq!(judged["judgmentInput"], "x");
    assert!(!judged.contains_key("restartDetails"));
    assert_eq!(*driver.stage("4"), untouched);
    assert!(driver.state.doc.end_time.is_none());
    driver.patch("3", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn effects_of_another_turn_have_another_identity() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io/", "method": "POST"}]}));
    let first = driver.attempt("createWebhook");
    let before = driver.message(first).effect.clone().unwrap();
    assert!(before.as_str().ends_with(".0.1.0"));
    driver.report(first, failed());
    driver.restart("1");
    let again = driver.attempt("createWebhook");
    let after = driver.message(again).effect.clone().unwrap();
    assert!(after.as_str().ends_with(".1.1.0"), "{after}");
    assert!(driver.is_stale(first, failed()), "the first turn is over");
}

#[test]
fn a_restart_waits_until_what_was_begun_is_closed() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://x.io/", "method": "POST"}]}));
    let first = driver.attempt("createWebhook");
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: None,
    });
    driver.restart("1");
    assert_eq!(driver.refusals().len(), 1, "it is still being stopped");
    driver.advance(120_000);
    assert_eq!(driver.status(), Status::Canceled, "nobody could close it");
    driver.restart("1");
    assert_eq!(driver.status(), Status::Canceled);
    assert!(explain::waits(&driver.state)[0].sentence.contains("closed"));
    driver.restart("1");
    assert_eq!(driver.refusals().len(), 2, "one at a time");
    let closing = *driver
        .open_attempts()
        .iter()
        .find(|attempt| driver.is_closing(**attempt))
        .unwrap();
    assert!(driver.is_stale(first, closed()));
    driver.report(closing, closed());
    assert_eq!(driver.status(), Status::Running);
    assert!(!driver.stage("1").context.contains_key("closing"));
    assert!(!driver.state.doc.canceled);
    let again = driver.attempt("createWebhook");
    driver.report(
        again,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn a_branch_that_had_halted_does_not_halt_what_is_restarted() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify"},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "noop", "pool": "notify"},
    ]}));
    let third = driver.open_attempts()[1];
    driver.report(third, failed());
    assert_eq!(driver.stage("1").status, Status::Canceled);
    driver.restart("1");
    driver.succeed("1");
    assert_eq!(driver.status(), Status::Running, "2 is still to run");
    driver.succeed("2");
    assert_eq!(driver.status(), Status::Terminal, "3 counts in the end");
    driver.restart("3");
    driver.succeed("3");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_5_1_what_runs_is_not_restarted_nor_what_comes_before_it() {
    let mut driver = Driver::start(two_noops());
    driver.restart("1");
    driver.succeed("1");
    driver.restart("1");
    assert_eq!(driver.refusals().len(), 2, "{:?}", driver.refusals());
    assert_eq!(driver.status(), Status::Running);
    driver.succeed("2");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_5_1_and_2_synthetic_stages_stand_for_their_parent_and_preconditions_are_replaced() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "checkPreconditions", "preconditions": [
            {"type": "expression", "context": {"expression": "${ execution.canceled }"}}]},
    ]}));
    assert_eq!(driver.status(), Status::Terminal);
    let child = driver.stage("1<1").id.clone();
    driver.restart("1<1");
    assert_eq!(driver.status(), Status::Terminal, "it fails again");
    assert_ne!(driver.stage("1<1").id, child);
    let stage = driver.stage("1").id.clone();
    let corrected = json!([{"type": "expression", "context": {"expression": "${ 1 == 1 }"}}]);
    driver.change(Change::RestartStage {
        stage,
        preconditions: Some([("1".to_owned(), corrected)].into()),
        user: String::new(),
    });
    assert_eq!(driver.status(), Status::Succeeded);
    let details = &driver.stage("1").context["restartDetails"];
    assert_eq!(details["restartedBy"], "anonymous");
}

#[test]
fn rule_4_5_variables_are_evaluated_again() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "evaluateVariables", "requisiteStageRefIds": ["1"],
            "variables": [{"key": "who", "value": "${#judgment('1').toUpperCase()}"}]},
    ], "name": "pipe"}));
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    driver.restart("2");
    let variables = &driver.stage("2").context["variables"];
    assert_eq!(
        variables[0]["sourceValue"],
        "{#judgment('1').toUpperCase()}"
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

fn with_child() -> Driver {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "pipeline", "pipeline": "other", "skippable": true},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
    ]}));
    let child = json!({"id": "other", "name": "child", "stages": []});
    driver.answer_pipeline("other", child);
    driver
}

fn child_of(driver: &Driver) -> ExecutionId {
    let id = driver.stage("1").context["executionId"].as_str().unwrap();
    ExecutionId::new(id).unwrap()
}

#[test]
fn rule_4_5_4_a_restarted_pipeline_stage_starts_another_child() {
    let mut driver = with_child();
    let first = child_of(&driver);
    driver.child_finished(Status::Terminal, json!({}));
    assert_eq!(driver.status(), Status::Terminal);
    driver.restart("1");
    assert!(!driver.stage("1").context.contains_key("executionId"));
    let child = json!({"id": "other", "name": "child", "stages": []});
    driver.answer_pipeline("other", child);
    assert_ne!(child_of(&driver), first);
}

#[test]
fn rule_4_5_6_a_restarted_child_takes_its_parent_along() {
    let mut driver = with_child();
    let child = child_of(&driver);
    driver.child_finished(Status::Terminal, json!({}));
    let stage = driver.stage("1").id.clone();
    let user = "carol".to_owned();
    driver.hear(child.clone(), 2, PeerBody::ChildRestarted { stage, user });
    assert_eq!(driver.status(), Status::Running);
    assert_eq!(child_of(&driver), child);
    let names: Vec<&str> = driver
        .stage("1")
        .tasks
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["monitorPipeline"]);
    assert_eq!(
        driver.stage("1").context["restartDetails"]["restartedBy"],
        "carol"
    );
    let mut result = driver.result_of_child(Status::Succeeded);
    result.outputs.insert("x".to_owned(), json!(1));
    driver.hear(child, 3, PeerBody::ChildFinished(Box::new(result)));
    assert_eq!(driver.stage("1").outputs["x"], 1);
    driver.succeed("2");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_5_6_a_parent_that_goes_on_is_not_restarted_by_its_child() {
    let mut driver = with_child();
    let child = child_of(&driver);
    driver.child_finished(Status::Succeeded, json!({}));
    let stage = driver.stage("1").id.clone();
    let user = "carol".to_owned();
    driver.hear(child, 2, PeerBody::ChildRestarted { stage, user });
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    assert_eq!(driver.stage("2").status, Status::Running);
}

#[test]
fn rule_5_9_a_stage_that_a_person_skips_leaves_its_child_alone() {
    let mut driver = with_child();
    driver.all_taken();
    let said = driver.said().len();
    driver.patch("1", json!({"manualSkip": true}));
    assert_eq!(driver.stage("1").status, Status::Skipped);
    assert_eq!(driver.stage("2").status, Status::Running);
    assert_eq!(driver.said().len(), said, "nothing is said to the child");
    driver.succeed("2");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_5_1_a_stage_that_never_started_can_be_restarted_too() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "manualJudgment", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "noop", "pool": "notify"}]}));
    let third = driver.attempt("noop");
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    driver.patch("2", json!({"comments": "not yet"}));
    driver.report(third, failed());
    assert_eq!(driver.status(), Status::Terminal);
    driver.restart("1");
    driver.cancel();
    assert_eq!(driver.stage("2").status, Status::NotStarted);
    driver.restart("2");
    assert_eq!(
        driver.stage("2").status,
        Status::NotStarted,
        "1 was cancelled"
    );
    assert_eq!(
        driver.stage("2").context["restartDetails"]["restartedBy"],
        "bob"
    );
    assert!(driver.status().is_complete());
}

#[test]
fn rule_4_5_2_preconditions_that_are_not_listed_become_null() {
    let precondition =
        |text: &str| json!([{"type": "expression", "context": {"expression": text}}]);
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "checkPreconditions", "preconditions": precondition("true")},
        {"refId": "2", "type": "checkPreconditions", "preconditions": precondition("false"), "requisiteStageRefIds": ["1"]}]}));
    let stage = driver.stage("2").id.clone();
    driver.change(Change::RestartStage {
        stage,
        preconditions: Some([("2".to_owned(), precondition("true"))].into()),
        user: "bob".into(),
    });
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.stage("1").context["preconditions"].is_null());
}

#[test]
fn rule_4_5_what_an_expression_gave_is_not_evaluated_again() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment", "at": "${ new java.util.Date().getTime() }"}]}));
    let before = driver.stage("1").context["at"].clone();
    assert!(before.is_number(), "{before}");
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    driver.advance(1_000);
    driver.restart("1");
    assert_eq!(driver.stage("1").context["at"], before);
}

#[test]
fn rule_4_5_4_outputs_stay() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "x", "value": "1"}]},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]}]}));
    let attempt = driver.attempt("noop");
    let outputs = json!({"y": 2}).as_object().unwrap().clone();
    driver.report(
        attempt,
        Outcome::Succeeded {
            context: Map::new(),
            outputs,
        },
    );
    driver.restart("1");
    assert_eq!(driver.stage("2").status, Status::Running);
    assert_eq!(driver.stage("2").outputs["y"], 2);
    assert_eq!(driver.stage("2").tasks.len(), 1);
}

#[test]
fn rule_4_5_5_a_restarted_execution_runs_with_a_new_start_time_and_no_longer_cancelled() {
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    driver.advance(1_000);
    driver.cancel();
    driver.advance(1_000);
    driver.restart("1");
    let doc = &driver.state.doc;
    assert_eq!((doc.status, doc.canceled), (Status::Running, false));
    assert_eq!(doc.start_time, Some(driver.now()));
    assert!(doc.end_time.is_none());
}
