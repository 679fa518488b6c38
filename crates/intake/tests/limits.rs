//! Concurrency limits as one execution sees them (orchestration reference 4.1); who is next is the owner's affair.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::{Change, Input, explain};
use gennaker_model::Status;
use serde_json::{Value, json};

fn limited() -> Value {
    json!({"limitConcurrent": true, "stages": [{"refId": "1", "type": "wait"}]})
}

#[test]
fn it_waits_not_started_until_it_is_let_go_on() {
    let mut driver = Driver::start_in_line(limited());
    assert_eq!(driver.status(), Status::NotStarted);
    assert!(driver.state.is_live() && driver.state.is_parked());
    let waits = explain::waits(&driver.state);
    assert!(waits[0].sentence.contains("fewer than 1"), "{waits:?}");
    driver.input(&Input::Audited);
    assert_eq!(driver.status(), Status::NotStarted);
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.status(), Status::Succeeded);
    let ended = driver.state.clone();
    driver.input(&Input::SlotGranted);
    driver.input(&Input::Superseded);
    assert_eq!(driver.state, ended, "too late to matter");
}

#[test]
fn without_a_limit_or_a_pipeline_nobody_waits() {
    let stages = json!([{"refId": "1", "type": "wait"}]);
    for config in [
        json!({ "stages": stages }),
        json!({"stages": stages, "maxConcurrentExecutions": 0}),
        json!({"stages": stages, "maxConcurrentExecutions": -1}),
        json!({"stages": stages, "limitConcurrent": true, "id": null}),
    ] {
        assert_eq!(Driver::start_in_line(config).status(), Status::Succeeded);
    }
    let most = json!({ "stages": stages, "maxConcurrentExecutions": "3" });
    assert_eq!(Driver::start_in_line(most).status(), Status::NotStarted);
}

#[test]
fn one_that_waits_is_cancelled_at_once_and_does_not_start_afterwards() {
    let mut driver = Driver::start_in_line(limited());
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: None,
    });
    assert_eq!(driver.status(), Status::Canceled);
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(driver.stage("1").status, Status::NotStarted);
}

#[test]
fn rule_3_3_one_that_is_superseded_says_so() {
    let mut driver = Driver::start_in_line(limited());
    driver.input(&Input::Superseded);
    let doc = &driver.state.doc;
    assert_eq!(
        (doc.status, doc.canceled_by.as_deref()),
        (Status::Canceled, Some("spinnaker"))
    );
    let reason = doc.cancellation_reason.as_deref().unwrap();
    assert!(reason.contains("superseded"), "{reason}");
}

#[test]
fn past_its_expiry_it_is_cancelled_instead_of_started() {
    let mut config = limited();
    config["startTimeExpiry"] = json!("1800000001000");
    let mut driver = Driver::start_in_line(config);
    driver.advance(2_000);
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.status(), Status::Canceled);
    let reason = driver.state.doc.cancellation_reason.as_deref();
    assert_eq!(
        reason,
        Some("Could not begin execution before start time expiry")
    );
}

#[test]
fn rule_4_5_5_a_restart_waits_in_line_too() {
    let mut driver = Driver::start(json!({"limitConcurrent": true, "stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "manualJudgment", "requisiteStageRefIds": ["1"]}]}));
    driver.patch("2", json!({"judgmentStatus": "stop"}));
    driver.must_wait = true;
    driver.restart("2");
    assert_eq!(driver.status(), Status::NotStarted);
    assert_eq!(driver.stage("2").status, Status::NotStarted);
    driver.restart("2");
    assert_eq!(driver.status(), Status::NotStarted);
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.status(), Status::Running);
    assert_eq!(driver.questions(), ["2"]);
}
