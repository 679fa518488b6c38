//! Sections 2.3 to 2.5: what comes of failures.

use gennaker_model::{Status, command::PeerBody};
use serde_json::{Value, json};

use super::{driver::Driver, judged};

#[test]
fn rule_2_3_a_child_that_halts_completes_its_parent_which_applies_its_own_flags() {
    for (flags, expected) in [
        (json!({}), Status::Terminal),
        (json!({"failPipeline": false}), Status::Stopped),
        (json!({"continuePipeline": true}), Status::FailedContinue),
    ] {
        let mut stage = json!({"refId": "1", "type": "checkPreconditions", "preconditions": [
            {"type": "expression", "failPipeline": true, "continuePipeline": false, "context": {"expression": "false"}}]});
        stage
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        let driver = Driver::start(json!({ "stages": [stage] }));
        assert_eq!(driver.stage("1<1").status, Status::Terminal, "{flags}");
        assert_eq!(driver.stage("1").status, expected, "{flags}");
    }
}

#[test]
fn rule_2_3_a_stopped_child_stops_its_parent_whatever_the_parents_flags() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "checkPreconditions", "continuePipeline": true, "preconditions": [
            {"type": "expression", "failPipeline": false, "continuePipeline": false, "context": {"expression": "false"}}]}]}));
    assert_eq!(driver.stage("1<1").status, Status::Stopped);
    assert_eq!(driver.stage("1").status, Status::Stopped);
}

#[test]
fn rule_2_4_a_failure_cancels_what_runs_beside_it() {
    let more = [
        json!({"refId": "2", "type": "wait", "waitTime": 60}),
        json!({"refId": "3", "type": "wait", "requisiteStageRefIds": ["2"]}),
    ];
    let driver = judged(&json!({}), "stop", &more);
    assert_eq!(driver.status(), Status::Terminal);
    assert_eq!(driver.stage("2").status, Status::Canceled);
    assert_eq!(driver.tasks("2"), [Status::Canceled]);
    assert_eq!(driver.stage("3").status, Status::NotStarted);
}

#[test]
fn rule_2_4_a_stopped_branch_waits_for_the_others() {
    for (then_fail, expected) in [(true, Status::Terminal), (false, Status::Succeeded)] {
        let flags = json!({"failPipeline": false, "completeOtherBranchesThenFail": then_fail});
        let more = [
            json!({"refId": "2", "type": "wait", "waitTime": 60}),
            json!({"refId": "3", "type": "wait", "requisiteStageRefIds": ["2"]}),
        ];
        let mut driver = judged(&flags, "stop", &more);
        assert_eq!(driver.status(), Status::Running);
        driver.advance(60_000);
        assert_eq!(driver.stage("3").status, Status::Succeeded);
        assert_eq!(driver.status(), expected);
    }
}

#[test]
fn rule_2_5_a_pipeline_whose_only_branch_stopped_is_succeeded() {
    let driver = judged(&json!({"failPipeline": false}), "stop", &[]);
    assert_eq!(
        (driver.stage("1").status, driver.status()),
        (Status::Stopped, Status::Succeeded)
    );
}

#[test]
fn rule_2_5_failed_continue_never_makes_the_execution_fail() {
    let driver = judged(&json!({"continuePipeline": true}), "stop", &[]);
    assert_eq!(
        (driver.stage("1").status, driver.status()),
        (Status::FailedContinue, Status::Succeeded)
    );
}

#[test]
fn rule_2_5_a_join_below_a_halted_stage_stays_not_started() {
    let more = [
        json!({"refId": "2", "type": "wait"}),
        json!({"refId": "3", "type": "wait", "requisiteStageRefIds": ["1", "2"]}),
    ];
    for flags in [json!({}), json!({"failPipeline": false})] {
        let driver = judged(&flags, "stop", &more);
        assert!(driver.status().is_complete());
        assert_eq!(driver.stage("3").status, Status::NotStarted);
        assert!(driver.stage("3").tasks.is_empty());
    }
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment"}, more[0], more[1]]}));
    driver.cancel();
    assert_eq!(driver.stage("1").status, Status::Canceled);
    assert_eq!(driver.stage("3").status, Status::NotStarted);
}

#[test]
fn rule_2_5_after_an_ignored_failure_the_next_task_of_the_stage_starts() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://x.io/",
        "waitForCompletion": true, "continuePipeline": true}]}),
    );
    driver.fail("createWebhook", "no");
    assert_eq!(
        driver.tasks("1"),
        [Status::FailedContinue, Status::Running],
        "a quirk that pipelines may rely on"
    );
}

#[test]
fn rule_2_5_a_stage_skipped_by_hand_is_skipped_and_successful() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "pipeline", "pipeline": "other", "skippable": true},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}));
    driver.patch("1", json!({"manualSkip": true}));
    assert_eq!(driver.stage("1").status, Status::Skipped);
    assert_eq!(driver.stage("2").status, Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
}

/// Orca hangs; reading the text is a superset.
#[test]
fn rule_2_5_flags_may_be_text() {
    for (flags, expected) in [
        (json!({"continuePipeline": "true"}), Status::FailedContinue),
        (json!({"continuePipeline": "false"}), Status::Terminal),
        (json!({"failPipeline": "False"}), Status::Stopped),
        (json!({"failPipeline": "true"}), Status::Terminal),
        (json!({"failPipeline": "${ 1 == 2 }"}), Status::Stopped),
    ] {
        let driver = judged(&flags, "stop", &[]);
        assert_eq!(driver.stage("1").status, expected, "{flags}");
    }
}

#[test]
fn rule_2_5_cancelling_a_complete_execution_says_who_and_why_and_leaves_the_status() {
    let mut driver = judged(&json!({}), "continue", &[]);
    driver.cancel();
    let doc = &driver.state.doc;
    assert_eq!(doc.status, Status::Succeeded);
    assert!(doc.canceled);
    assert_eq!(doc.canceled_by.as_deref(), Some("bob"));
    assert_eq!(doc.cancellation_reason.as_deref(), Some("enough"));
}

/// What is said to the child of a stage with these options, after the child ended so.
fn said_to_child(flags: &Value, status: Status) -> Vec<PeerBody> {
    let mut stage = json!({"refId": "1", "type": "pipeline", "pipeline": "other"});
    stage
        .as_object_mut()
        .unwrap()
        .extend(flags.as_object().unwrap().clone());
    let mut driver = Driver::start(json!({ "stages": [stage] }));
    driver.answer_pipeline(
        "other",
        json!({"id": "other", "name": "child", "stages": []}),
    );
    driver.child_finished(status, json!({}));
    let said = driver.said()[1..].iter();
    said.map(|peer| peer.body.clone()).collect()
}

#[test]
fn rule_2_5_a_child_that_failed_its_parent_stage_shows_as_cancelled_by_the_parent() {
    let flag = || PeerBody::FlagChild {
        user: "parent pipeline".into(),
    };
    for flags in [json!({}), json!({"failPipeline": false})] {
        assert_eq!(said_to_child(&flags, Status::Terminal), [flag()], "{flags}");
    }
    let ignored = json!({"continuePipeline": true});
    assert_eq!(said_to_child(&ignored, Status::Terminal), []);
    assert_eq!(said_to_child(&json!({}), Status::Succeeded), []);
    assert_eq!(
        said_to_child(&json!({}), Status::Canceled),
        [],
        "who cancelled it stays"
    );
    let mut child = judged(&json!({}), "stop", &[]);
    let parent = child.state.doc.id.clone();
    child.hear(parent.clone(), 1, flag());
    let doc = &child.state.doc;
    assert_eq!((doc.status, doc.canceled), (Status::Terminal, true));
    assert_eq!(doc.canceled_by.as_deref(), Some("parent pipeline"));
    // It comes too late for one that was restarted meanwhile.
    let mut child = judged(&json!({}), "stop", &[]);
    child.restart("1");
    child.hear(parent, 1, flag());
    assert!(!child.state.doc.canceled);
    assert_eq!(child.questions(), ["1"]);
}

#[test]
fn rule_2_5_a_stage_without_tasks_and_parts_is_skipped() {
    let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "noop"}]}));
    assert_eq!(
        (driver.stage("1").status, driver.status()),
        (Status::Skipped, Status::Succeeded)
    );
}
