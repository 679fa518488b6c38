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
fn a_failed_stage_runs_again_and_says_who_restarted_it() {
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
fn everything_below_is_reset_and_keeps_what_it_had_learned() {
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
fn what_runs_is_not_restarted_nor_what_comes_before_it() {
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
fn synthetic_stages_are_made_anew_and_stand_for_their_parent() {
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
fn variables_are_evaluated_again() {
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
fn a_restarted_pipeline_stage_starts_another_child() {
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
fn a_restarted_child_takes_its_parent_along() {
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
fn a_parent_that_goes_on_is_not_restarted_by_its_child() {
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
fn a_stage_that_a_person_skips_is_skipped_and_its_child_goes_on() {
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
fn cancelling_takes_the_child_along() {
    let mut driver = with_child();
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: Some("enough".into()),
    });
    assert_eq!(driver.status(), Status::Canceled);
    driver.all_taken();
    let body = &driver.said().last().unwrap().body;
    let PeerBody::CancelChild { user, reason } = body else {
        panic!("{body:?}")
    };
    assert_eq!(
        (user.as_str(), reason.as_deref()),
        ("parent pipeline", Some("enough"))
    );
}

#[test]
fn a_paused_execution_stays_paused_and_time_stands_still() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "manualJudgment", "stageTimeoutMs": 60_000, "requisiteStageRefIds": ["1"]},
    ]}));
    driver.advance(50_000);
    driver.change(Change::Pause { user: "ann".into() });
    driver.advance(3_600_000);
    assert_eq!(driver.stage("2").status, Status::Running);
    driver.change(Change::Resume { user: "ann".into() });
    driver.advance(9_999);
    assert_eq!(driver.stage("2").status, Status::Running);
    driver.advance(1_001);
    assert_eq!(driver.status(), Status::Terminal);
    let errors = driver.stage("2").context["exception"]["details"]["errors"][0].clone();
    assert!(
        errors
            .as_str()
            .unwrap()
            .contains("timed out after 1 minute"),
        "{errors}"
    );
}
