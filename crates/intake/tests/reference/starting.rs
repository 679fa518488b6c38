//! Sections 3.3 and 4.1 to 4.4: how executions start, and what keeps them from it. Who is next in a line is the owner's affair
//! (`gennaker-scheduler`, `owner/limits.rs` and `tests/limits.rs`).

use gennaker_engine::{Change, Input, Rules};
use gennaker_model::{ExecutionType, Status};
use serde_json::{Value, json};

use super::driver::{BEGAN_MS, Driver, submission};

fn beside_others(more: &Value) -> Driver {
    let mut config = json!({"stages": [{"refId": "1", "type": "wait"}]});
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start_in_line(config)
}

#[test]
fn rule_4_1_without_a_pipeline_config_id_nobody_waits() {
    let driver = beside_others(&json!({"id": null, "limitConcurrent": true}));
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_1_limit_concurrent_waits_for_any_other() {
    let driver = beside_others(&json!({"limitConcurrent": true}));
    assert_eq!(driver.status(), Status::NotStarted);
    assert_eq!(gennaker_engine::limit::most(&driver.state.doc), Some(1));
}

#[test]
fn rule_4_1_max_concurrent_executions_waits_for_so_many() {
    let driver = beside_others(&json!({"maxConcurrentExecutions": 3}));
    assert_eq!(driver.status(), Status::NotStarted);
    assert_eq!(gennaker_engine::limit::most(&driver.state.doc), Some(3));
}

#[test]
fn rule_4_1_limit_concurrent_wins_over_max_concurrent_executions() {
    let driver = beside_others(&json!({"limitConcurrent": true, "maxConcurrentExecutions": 3}));
    assert_eq!(gennaker_engine::limit::most(&driver.state.doc), Some(1));
}

#[test]
fn rule_4_1_with_neither_there_is_no_limit() {
    for more in [
        json!({}),
        json!({"limitConcurrent": false, "maxConcurrentExecutions": 0}),
    ] {
        let driver = beside_others(&more);
        assert_eq!(driver.status(), Status::Succeeded, "{more}");
        assert_eq!(gennaker_engine::limit::most(&driver.state.doc), None);
    }
}

#[test]
fn rule_4_1_orchestrations_are_never_limited() {
    let mut start = submission(
        &json!({"limitConcurrent": true, "stages": [{"refId": "1", "type": "wait"}]}),
        &json!({}),
    );
    start.kind = ExecutionType::Orchestration;
    let driver = Driver::begin(start, Rules::default(), true);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_1_queued_executions_stay_not_started() {
    let mut driver = beside_others(&json!({"limitConcurrent": true}));
    driver.advance(3_600_000);
    assert_eq!(driver.status(), Status::NotStarted);
    assert!(driver.state.doc.start_time.is_none());
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.state.doc.start_time, Some(BEGAN_MS + 3_600_000));
}

#[test]
fn rule_3_3_past_its_start_time_expiry_it_is_cancelled_instead_of_started() {
    let mut driver =
        beside_others(&json!({"limitConcurrent": true, "startTimeExpiry": "1800000001000"}));
    driver.advance(1_001);
    driver.input(&Input::SlotGranted);
    let doc = &driver.state.doc;
    assert_eq!(doc.status, Status::Canceled);
    assert_eq!(doc.canceled_by.as_deref(), Some("spinnaker"));
    let reason = doc.cancellation_reason.as_deref();
    assert_eq!(
        reason,
        Some("Could not begin execution before start time expiry")
    );
}

#[test]
fn rule_3_3_without_initial_stages_it_is_terminal() {
    for stages in [json!([]), json!(null)] {
        let driver = Driver::start(json!({ "stages": stages }));
        assert_eq!(driver.status(), Status::Terminal);
        let reason = driver.state.doc.cancellation_reason.as_deref();
        assert_eq!(reason, Some("The pipeline has no stages"));
    }
}

#[test]
fn rule_4_2_1_the_trigger_is_an_object_with_a_type_and_a_user() {
    let driver = Driver::start(json!({"stages": [{"refId": "1", "type": "wait"}]}));
    let trigger = &driver.state.doc.trigger;
    assert_eq!(
        (&trigger["type"], &trigger["user"]),
        (&json!("manual"), &json!("ann"))
    );
    let mut start = submission(&json!({"stages": []}), &json!({"type": 5, "user": null}));
    start.user = String::new();
    let driver = Driver::begin(start, Rules::default(), false);
    let trigger = &driver.state.doc.trigger;
    assert_eq!(
        (&trigger["type"], &trigger["user"]),
        (&json!("manual"), &json!("[anonymous]"))
    );
}

#[test]
fn rule_4_2_4_a_supplied_parameter_counts_if_the_key_is_there_else_the_default() {
    let config = json!({"stages": [], "parameterConfig": [
        {"name": "a", "default": "1"}, {"name": "b", "default": "2"}, {"name": "c", "default": "3"},
        {"name": "d", "default": "4", "required": true, "options": [{"value": "x"}]}]});
    let supplied = json!({"parameters": {"b": null, "c": "", "d": "none of the options", "e": 5}});
    let driver = Driver::start_with(config, supplied);
    assert_eq!(
        driver.state.doc.trigger["parameters"],
        json!({"b": null, "c": "", "d": "none of the options", "e": 5, "a": "1"})
    );
}

#[test]
fn rule_4_2_6_an_execution_without_application_is_spinnaker_unknown() {
    let driver = Driver::start(json!({"application": null, "stages": []}));
    assert_eq!(driver.state.doc.application, "spinnaker_unknown");
}

#[test]
fn rule_4_2_7_and_4_3_a_disabled_pipeline_is_not_started() {
    let driver =
        Driver::start(json!({"disabled": true, "stages": [{"refId": "1", "type": "wait"}]}));
    assert_eq!(driver.status(), Status::Terminal);
    let reason = driver.state.doc.cancellation_reason.as_deref();
    assert_eq!(
        reason,
        Some("Failed on startup: Pipeline is disabled and cannot be started.")
    );
    assert!(driver.state.doc.stages.is_empty());
}

#[test]
fn rule_4_2_8_without_ref_ids_stages_are_linear() {
    let driver = Driver::start(
        json!({"stages": [{"type": "manualJudgment"}, {"type": "wait"}, {"type": "wait"}]}),
    );
    let stages = &driver.state.doc.stages;
    let refs: Vec<&str> = stages.iter().map(|stage| stage.ref_id.as_str()).collect();
    assert_eq!(refs, ["0", "1", "2"]);
    assert_eq!(driver.stage("2").requisite_stage_ref_ids, ["1"]);
    assert_eq!(driver.stage("1").status, Status::NotStarted);
}

#[test]
fn rule_4_2_8_a_pipeline_that_comes_with_errors_of_its_template_is_not_started() {
    let errors =
        json!([{"severity": "FATAL", "message": "no such template", "location": "source"}]);
    for (errors, reason) in [
        (
            errors,
            "Failed on startup: Pipeline template is invalid\n\nMessage: no such template\n\nLocation: source",
        ),
        (
            json!("odd"),
            "Failed on startup: Pipeline template is invalid",
        ),
    ] {
        let driver = Driver::start(json!({"stages": [{"type": "wait"}], "errors": errors}));
        assert_eq!(driver.status(), Status::Terminal);
        let doc = &driver.state.doc;
        assert_eq!(doc.cancellation_reason.as_deref(), Some(reason));
    }
    let driver = Driver::start(json!({"stages": [{"type": "wait"}], "errors": null}));
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_4_2_9_the_submitted_document_is_evaluated() {
    let config = json!({"name": "to ${parameters.env}", "stages": [{"refId": "1", "type": "wait"}],
        "notifications": [{"type": "email", "address": "${trigger.user}@example.com"}]});
    let driver = Driver::start_with(config, json!({"parameters": {"env": "prod"}}));
    assert_eq!(driver.state.doc.name.as_deref(), Some("to prod"));
    assert_eq!(
        driver.state.doc.notifications[0]["address"],
        "ann@example.com"
    );
}

#[test]
fn rule_4_2_10_origin_and_user_come_from_the_request() {
    let mut start = submission(&json!({"stages": []}), &json!({}));
    start.origin = "deck".into();
    let doc = Driver::begin(start, Rules::default(), false).state.doc;
    assert_eq!(doc.origin.as_deref(), Some("deck"));
    assert_eq!(doc.authentication.user, "ann");
}

#[test]
fn rule_4_2_a_start_that_fails_is_recorded_terminal_and_says_why() {
    for (config, why) in [
        (
            json!({"stages": [], "disabled": true}),
            "Pipeline is disabled and cannot be started.",
        ),
        (
            json!({"stages": [{"name": "x"}]}),
            "type missing from pipeline 'pipe' in application 'app', stage name: 'x'",
        ),
        (json!({"stages": {}}), "stages: must be a list of stages"),
        (
            json!({"stages": [{"type": "wait", "refId": "1"}, {"type": "wait", "refId": "1"}]}),
            "stages[1].refId: \"1\" is used by an earlier stage; each stage needs its own refId",
        ),
    ] {
        let driver = Driver::start(config);
        let doc = &driver.state.doc;
        assert_eq!((doc.status, doc.canceled), (Status::Terminal, true));
        assert_eq!(doc.canceled_by.as_deref(), Some("system"));
        let reason = format!("Failed on startup: {why}");
        assert_eq!(doc.cancellation_reason.as_deref(), Some(reason.as_str()));
        assert!(doc.start_time.is_none() && doc.end_time.is_none());
    }
}

/// `POST /fail`.
#[test]
fn rule_4_2_a_failed_execution_can_be_recorded_on_purpose() {
    let mut start = submission(
        &json!({"stages": [{"refId": "1", "type": "wait"}]}),
        &json!({}),
    );
    start.error = Some("the trigger cannot be resolved".into());
    let doc = Driver::begin(start, Rules::default(), false).state.doc;
    assert_eq!(doc.status, Status::Terminal);
    let reason = doc.cancellation_reason.as_deref();
    assert_eq!(
        reason,
        Some("Failed on startup: the trigger cannot be resolved")
    );
}

/// There is no start at a stage; leaving stages out by expressions is one of its equivalents.
#[test]
fn rule_4_4_a_manual_start_keeps_the_fields_of_its_trigger() {
    let config = json!({"stages": [{"refId": "1", "type": "wait",
        "stageEnabled": {"type": "expression", "expression": "trigger.rebake"}}]});
    let trigger = json!({"type": "manual", "rebake": true, "dryRun": true, "buildNumber": 7, "notifications": [{"type": "sms"}]});
    let driver = Driver::start_with(config, trigger.clone());
    for (key, value) in trigger.as_object().unwrap() {
        assert_eq!(driver.state.doc.trigger.get(key), Some(value), "{key}");
    }
    assert_eq!(driver.stage("1").status, Status::Succeeded);
}

#[test]
fn rule_4_1_a_restart_is_queued_like_a_start() {
    let mut driver = Driver::start(json!({"limitConcurrent": true, "stages": [
        {"refId": "1", "type": "manualJudgment"}]}));
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    driver.must_wait = true;
    driver.restart("1");
    assert_eq!(driver.status(), Status::NotStarted);
    driver.input(&Input::SlotGranted);
    assert_eq!(driver.questions(), ["1"]);
}

/// Orca drops a waiting restart silently and leaves the execution NOT_STARTED for ever.
#[test]
fn rule_4_1_a_waiting_restart_that_is_superseded_ends_canceled() {
    let mut driver = Driver::start(json!({"limitConcurrent": true, "stages": [
        {"refId": "1", "type": "manualJudgment"}]}));
    driver.patch("1", json!({"judgmentStatus": "stop"}));
    driver.must_wait = true;
    driver.restart("1");
    driver.input(&Input::Superseded);
    let doc = &driver.state.doc;
    assert_eq!(
        (doc.status, doc.canceled_by.as_deref()),
        (Status::Canceled, Some("spinnaker"))
    );
}

#[test]
fn rule_4_1_a_resumed_execution_does_not_wait_again() {
    let mut driver = Driver::start(json!({"limitConcurrent": true, "stages": [
        {"refId": "1", "type": "manualJudgment"}]}));
    driver.pause();
    driver.must_wait = true;
    driver.change(Change::Resume { user: "bob".into() });
    assert_eq!(driver.status(), Status::Running);
}
