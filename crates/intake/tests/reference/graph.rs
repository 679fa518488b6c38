//! Section 1.5: who waits for whom.

use gennaker_model::Status;
use serde_json::json;

use super::{driver::Driver, judged};

#[test]
fn rule_1_5_stages_without_requisites_are_initial_and_a_join_waits_for_all() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "manualJudgment"},
        {"refId": "3", "type": "wait", "requisiteStageRefIds": ["1", "2"]},
    ]}));
    assert_eq!(driver.questions(), ["1", "2"]);
    driver.patch("2", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("3").status, Status::NotStarted);
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.stage("3").status, Status::Succeeded);
}

#[test]
fn rule_1_5_succeeded_skipped_and_failed_continue_let_a_join_start() {
    let skipped = json!({"refId": "2", "type": "noop"});
    let join = json!({"refId": "3", "type": "wait", "requisiteStageRefIds": ["1", "2"]});
    for (flags, word, above) in [
        (json!({}), "continue", Status::Succeeded),
        (
            json!({"continuePipeline": true}),
            "stop",
            Status::FailedContinue,
        ),
    ] {
        let driver = judged(&flags, word, &[skipped.clone(), join.clone()]);
        assert_eq!(driver.stage("1").status, above);
        assert_eq!(driver.stage("2").status, Status::Skipped);
        assert_eq!(driver.stage("3").status, Status::Succeeded);
    }
}

#[test]
fn rule_1_5_a_requisite_that_does_not_exist_is_ignored_beside_one_that_does() {
    let join = json!({"refId": "2", "type": "wait", "requisiteStageRefIds": ["1", "nobody"]});
    let driver = judged(&json!({}), "continue", &[join]);
    assert_eq!(driver.stage("2").status, Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
}

/// Orca polls for ever.
#[test]
fn rule_1_5_relationships_that_cannot_be_met_end_the_execution_with_orcas_message() {
    for (requisites, message) in [
        (
            json!(["nobody"]),
            "Invalid stage relationships found: 2 (requires nobody)",
        ),
        (
            json!(["2"]),
            "Invalid stage relationships found: 2 (requires 2)",
        ),
    ] {
        let stage = json!({"refId": "2", "type": "wait", "requisiteStageRefIds": requisites});
        let driver = judged(&json!({}), "continue", &[stage]);
        assert_eq!(driver.status(), Status::Terminal);
        let reason = driver.state.doc.cancellation_reason.as_deref();
        assert_eq!(reason, Some(message));
    }
}
