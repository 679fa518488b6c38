//! Section 4.7, with 3.3: cancelling.

use gennaker_model::{Status, command::PeerBody};
use serde_json::json;

use super::driver::Driver;

#[test]
fn rule_4_7_what_runs_ends_canceled_and_the_rest_stays_as_it_is() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "noop", "pool": "notify"},
        {"refId": "3", "type": "wait", "requisiteStageRefIds": ["1"]},
        {"refId": "4", "type": "wait"},
    ]}));
    driver.cancel();
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(
        driver.statuses(),
        [
            ("1", Status::Canceled),
            ("2", Status::Canceled),
            ("3", Status::NotStarted),
            ("4", Status::Succeeded)
        ]
    );
    let doc = &driver.state.doc;
    assert!(doc.canceled);
    assert_eq!(doc.canceled_by.as_deref(), Some("bob"));
    assert_eq!(doc.cancellation_reason.as_deref(), Some("enough"));
}

#[test]
fn rule_4_7_failure_options_do_not_soften_a_cancel() {
    for flags in [
        json!({"continuePipeline": true}),
        json!({"failPipeline": false}),
    ] {
        let mut stage = json!({"refId": "1", "type": "manualJudgment"});
        stage
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        let mut driver = Driver::start(json!({"stages": [stage,
            {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}));
        driver.cancel();
        assert_eq!(driver.stage("1").status, Status::Canceled, "{flags}");
        assert_eq!(driver.stage("2").status, Status::NotStarted);
        assert_eq!(driver.status(), Status::Canceled);
    }
}

#[test]
fn rule_4_7_paused_stages_are_cancelled_as_well() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "wait", "restrictExecutionDuringTimeWindow": true,
            "restrictedExecutionWindow": {"days": [1]}}]}));
    driver.pause();
    driver.cancel();
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(
        driver.statuses(),
        [
            ("1", Status::Canceled),
            ("2<1", Status::Canceled),
            ("2", Status::Canceled)
        ]
    );
}

#[test]
fn rule_3_3_one_that_has_not_started_is_canceled_at_once() {
    let mut driver = Driver::start_in_line(
        json!({"limitConcurrent": true, "stages": [{"refId": "1", "type": "wait"}]}),
    );
    driver.cancel();
    let doc = &driver.state.doc;
    assert_eq!(doc.status, Status::Canceled);
    assert!(doc.start_time.is_none() && doc.end_time.is_none());
}

#[test]
fn rule_3_3_one_whose_stages_are_all_complete_or_not_started_is_canceled_at_once() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "noop", "pool": "notify"},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}));
    driver.pause();
    driver.succeed("1");
    driver.cancel();
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(driver.stage("2").status, Status::NotStarted);
}

#[test]
fn rule_4_7_a_cancelled_parent_cancels_its_running_children() {
    let mut driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "pipeline", "pipeline": "other"}]}));
    driver.answer_pipeline(
        "other",
        json!({"id": "other", "name": "child", "stages": []}),
    );
    driver.all_taken();
    driver.cancel();
    driver.all_taken();
    let bodies: Vec<_> = driver.said()[1..].iter().map(|peer| &peer.body).collect();
    let cancel = PeerBody::CancelChild {
        user: "parent pipeline".into(),
        reason: Some("enough".into()),
    };
    assert_eq!(bodies, [&cancel]);
    assert_eq!(driver.status(), Status::Canceled);
}

#[test]
fn rule_4_7_a_child_that_fails_with_its_parent_takes_the_other_children_along() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "pipeline", "pipeline": "other"}]}));
    driver.answer_pipeline(
        "other",
        json!({"id": "other", "name": "child", "stages": []}),
    );
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    driver.all_taken();
    assert_eq!(driver.stage("2").status, Status::Canceled);
    let body = &driver.said().last().unwrap().body;
    assert!(
        matches!(body, PeerBody::CancelChild { user, .. } if user == "parent pipeline"),
        "{body:?}"
    );
}
