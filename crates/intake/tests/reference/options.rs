//! Sections 5.1 to 5.9, without the time limits: options common to all stages.

use gennaker_engine::Rules;
use gennaker_model::{ExecutionType, Status};
use serde_json::{Value, json};

use super::driver::{BEGAN_MS, Driver, submission};

fn only(stage: &Value) -> Value {
    let mut stage = stage.clone();
    stage["refId"] = json!("1");
    json!({ "stages": [stage] })
}

fn enabled(condition: &Value) -> Driver {
    Driver::start(only(&json!({"type": "wait", "stageEnabled": condition})))
}

#[test]
fn rule_5_1_only_true_runs_and_anything_else_is_skipped() {
    for (expression, status) in [
        ("1 == 1", Status::Succeeded),
        ("'TRUE'", Status::Succeeded),
        ("1 == 2", Status::Skipped),
        ("'yes'", Status::Skipped),
        ("nobody.knows.this", Status::Skipped),
        ("execution.stages.size() == 1", Status::Succeeded),
        ("trigger.user == 'ann'", Status::Succeeded),
        ("${ 1 == 1 }", Status::Succeeded),
    ] {
        let driver = enabled(&json!({"type": "Expression", "expression": expression}));
        assert_eq!(driver.stage("1").status, status, "{expression}");
        assert_eq!(driver.status(), Status::Succeeded);
    }
}

#[test]
fn rule_5_1_blank_absent_and_other_types_are_enabled() {
    for condition in [
        json!({}),
        json!(null),
        json!({"type": "expression", "expression": "  "}),
        json!({"type": "expression"}),
        json!({"expression": "false"}),
        json!({"type": "other", "expression": "false"}),
    ] {
        assert_eq!(
            enabled(&condition).stage("1").status,
            Status::Succeeded,
            "{condition}"
        );
    }
}

#[test]
fn rule_5_1_what_is_no_map_fails_the_planning() {
    let driver = enabled(&json!(false));
    assert_eq!(driver.stage("1").status, Status::Terminal);
    let exception = &driver.stage("1").context["exception"];
    assert_eq!(exception["exceptionType"], "ClassCastException");
}

#[test]
fn rule_5_1_stages_of_orchestrations_are_always_enabled() {
    let config = only(
        &json!({"type": "wait", "stageEnabled": {"type": "expression", "expression": "false"}}),
    );
    let mut start = submission(&config, &json!({}));
    start.kind = ExecutionType::Orchestration;
    let driver = Driver::begin(start, Rules::default(), false);
    assert_eq!(driver.stage("1").status, Status::Succeeded);
}

#[test]
fn rule_5_1_a_part_inherits_the_condition_of_its_stage() {
    // True while the stage has no parts yet.
    let driver = Driver::start(only(&json!({"type": "checkPreconditions",
        "stageEnabled": {"type": "expression", "expression": "execution.stages.size() == 1"},
        "preconditions": [{"type": "expression", "stageEnabled": null, "context": {"expression": "false"}}]})));
    assert_eq!(driver.stage("1<1").status, Status::Skipped);
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    let driver = Driver::start(only(
        &json!({"type": "checkPreconditions", "stageEnabled": null,
        "preconditions": [{"type": "expression", "context": {"expression": "true"}}]}),
    ));
    assert_eq!(driver.stage("1<1").status, Status::Succeeded);
}

/// 08:00 on a Friday in UTC, 00:00 in Los Angeles.
fn window(window: &Value, more: &Value) -> Value {
    let mut stage = json!({"type": "wait", "restrictExecutionDuringTimeWindow": true, "restrictedExecutionWindow": window});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    only(&stage)
}

fn from_to(start: (u8, u8), end: (u8, u8)) -> Value {
    json!({"whitelist": [{"startHour": start.0, "startMin": start.1, "endHour": end.0, "endMin": end.1}]})
}

const HOUR_MS: i64 = 3_600_000;

#[test]
fn rule_5_2_a_before_stage_waits_with_a_copy_of_the_context() {
    let more = json!({"alias": "wait", "stageTimeoutMs": 5, "comments": "c"});
    let driver = Driver::start(window(&from_to((9, 0), (17, 0)), &more));
    let stage = driver.stage("1<1");
    assert_eq!(stage.kind, "restrictExecutionDuringTimeWindow");
    assert_eq!(stage.name, "restrictExecutionDuringTimeWindow");
    for key in [
        "restrictExecutionDuringTimeWindow",
        "stageTimeoutMs",
        "alias",
    ] {
        assert!(!stage.context.contains_key(key), "{key}");
    }
    assert_eq!(stage.context["comments"], "c");
    assert_eq!(stage.tasks[0].name, "suspendExecutionDuringTimeWindow");
}

#[test]
fn rule_5_2_scheduled_time_says_when_the_window_opens() {
    let mut driver = Driver::start(window(&from_to((9, 0), (17, 0)), &json!({})));
    assert_eq!(driver.stage("1<1").scheduled_time, Some(BEGAN_MS + HOUR_MS));
    driver.advance(HOUR_MS - 1);
    assert_eq!(driver.stage("1").status, Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_5_2_days_count_from_sunday_and_none_means_every_day() {
    let days = |days: Value| Driver::start(window(&json!({ "days": days }), &json!({})));
    assert_eq!(days(json!([6])).status(), Status::Succeeded);
    assert_eq!(
        days(json!([1])).stage("1<1").scheduled_time,
        Some(BEGAN_MS + 40 * HOUR_MS),
        "Sunday at midnight"
    );
    let mut every_day = from_to((8, 0), (9, 0));
    every_day["days"] = json!([]);
    assert_eq!(
        Driver::start(window(&every_day, &json!({}))).status(),
        Status::Succeeded
    );
}

#[test]
fn rule_5_2_neither_days_nor_whitelist_is_an_error_with_a_reason() {
    let driver = Driver::start(window(&json!({"days": [], "whitelist": []}), &json!({})));
    assert_eq!(driver.stage("1<1").status, Status::Terminal);
    let reason = driver.stage("1<1").context["failureReason"].as_str();
    assert!(reason.unwrap().contains("neither days nor a whitelist"));
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn rule_5_2_windows_are_split_at_midnight_by_their_hours_and_end_inclusive() {
    for (start, end, open) in [
        ((22, 0), (8, 0), true),
        ((22, 0), (7, 59), false),
        ((8, 30), (8, 15), false),
        ((7, 0), (8, 0), true),
    ] {
        let driver = Driver::start(window(&from_to(start, end), &json!({})));
        let now = driver.status() == Status::Succeeded;
        assert_eq!(now, open, "{start:?} to {end:?}");
    }
}

#[test]
fn rule_5_2_hours_are_those_of_the_operators_time_zone() {
    let config = window(&from_to((0, 0), (0, 30)), &json!({}));
    for (zone, status) in [
        ("America/Los_Angeles", Status::Succeeded),
        ("UTC", Status::Running),
    ] {
        let rules = Rules {
            zone: gennaker_expressions::TimeZone::get(zone).unwrap(),
            ..Rules::default()
        };
        let driver = Driver::start_by(config.clone(), json!({}), rules);
        assert_eq!(driver.status(), status, "{zone}");
    }
}

#[test]
fn rule_5_2_jitter_is_a_task_of_its_own_between_its_bounds() {
    let mut jittered = json!({"days": [6]});
    jittered["jitter"] =
        json!({"enabled": true, "minDelay": 10, "maxDelay": 20, "skipManual": true});
    let config = window(&jittered, &json!({}));
    assert_eq!(
        Driver::start(config.clone()).status(),
        Status::Succeeded,
        "a person started it"
    );
    let mut driver = Driver::start_with(config, json!({"type": "cron"}));
    let names: Vec<&str> = driver
        .stage("1<1")
        .tasks
        .iter()
        .map(|task| task.name.as_str())
        .collect();
    assert_eq!(names, ["suspendExecutionDuringTimeWindow", "waitForJitter"]);
    let seconds = driver.stage("1<1").context["waitTime"].as_i64().unwrap();
    assert!((10..=20).contains(&seconds), "{seconds}");
    driver.advance(seconds * 1_000 - 1);
    assert_eq!(driver.status(), Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Succeeded);
    // A wait stage's own time is taken for it.
    let config = window(&jittered, &json!({"waitTime": 3}));
    let driver = Driver::start_with(config, json!({"type": "cron"}));
    assert_eq!(driver.stage("1<1").context["waitTime"], 3);
    for off in [
        json!({"enabled": false, "maxDelay": 20}),
        json!({"enabled": true}),
    ] {
        jittered["jitter"] = off;
        let config = window(&jittered, &json!({}));
        let driver = Driver::start_with(config, json!({"type": "cron"}));
        assert_eq!(driver.status(), Status::Succeeded);
    }
}

#[test]
fn rule_5_2_skip_remaining_wait_ends_the_wait() {
    let mut driver = Driver::start(window(&from_to((9, 0), (17, 0)), &json!({})));
    driver.patch("1<1", json!({"skipRemainingWait": true}));
    assert_eq!(driver.stage("1<1").status, Status::Succeeded);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn rule_5_3_the_failure_options_are_read_from_the_own_context_only() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "continuePipeline", "value": "${true}"}]},
        {"refId": "2", "type": "wait", "waitTime": "soon", "requisiteStageRefIds": ["1"]}]}));
    assert_eq!(driver.stage("1").outputs["continuePipeline"], true);
    assert_eq!(driver.stage("2").status, Status::Terminal);
}

#[test]
fn rule_5_4_failed_expressions_fail_the_stage_that_asks_for_it_whatever_its_failure_options() {
    for (flag, status) in [
        (json!(true), Status::Terminal),
        (json!("true"), Status::Terminal),
        (json!(false), Status::Succeeded),
    ] {
        let driver = Driver::start(only(&json!({"type": "wait",
            "failOnFailedExpressions": flag, "continuePipeline": true, "comments": "${nobody.knows.this}"})));
        assert_eq!(driver.stage("1").status, status);
        assert!(
            driver
                .stage("1")
                .context
                .contains_key("expressionEvaluationSummary")
        );
    }
}

#[test]
fn rule_5_4_an_expression_in_any_field_counts_also_in_one_that_is_only_passed_through() {
    for field in ["comments", "instructions", "anythingElse"] {
        let mut stage = json!({"type": "wait", "failOnFailedExpressions": true});
        stage[field] = json!({"deep": ["${nobody.knows.this}"]});
        let driver = Driver::start(only(&stage));
        assert_eq!(driver.stage("1").status, Status::Terminal, "{field}");
    }
    let fine = json!({"type": "wait", "failOnFailedExpressions": true, "comments": "${ 1 + 1 }"});
    assert_eq!(Driver::start(only(&fine)).status(), Status::Succeeded);
}

#[test]
fn rule_5_6_notifications_of_a_stage_stay_in_its_context() {
    let notifications = json!([{"type": "slack", "address": "#c", "when": ["stage.complete"]}]);
    let driver = Driver::start(only(
        &json!({"type": "wait", "sendNotifications": true, "notifications": notifications}),
    ));
    assert_eq!(driver.stage("1").context["notifications"], notifications);
    assert_eq!(driver.stage("1").context["sendNotifications"], true);
}

#[test]
fn rule_5_6_notifications_of_the_pipeline_are_evaluated_when_it_starts_and_when_it_ends() {
    let mut driver = Driver::start(json!({
        "notifications": [{"type": "email", "address": "a@x.io", "message": {
            "pipeline.starting": {"text": "${execution.id} of ${trigger.user} runs: ${execution.status}"},
            "pipeline.complete": {"text": "${execution.stages[0].context.judgmentStatus}, ${nobody.knows}"}}}],
        "stages": [{"refId": "1", "type": "manualJudgment"}]}));
    let texts = |driver: &Driver| {
        let message = &driver.state.doc.notifications[0]["message"];
        ["pipeline.starting", "pipeline.complete"].map(|when| message[when]["text"].clone())
    };
    let starting = format!("{} of ann runs: RUNNING", driver.state.doc.id);
    let [first, second] = texts(&driver);
    assert_eq!(first, starting.as_str());
    assert!(
        second.as_str().unwrap().contains("${nobody.knows}"),
        "{second}"
    );
    driver.patch("1", json!({"judgmentStatus": "continue"}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(texts(&driver)[0], starting.as_str(), "what was said stays");
}

#[test]
fn rule_5_7_unknown_fields_stay_and_their_expressions_are_evaluated() {
    let driver = Driver::start(only(
        &json!({"type": "wait", "comments": "by ${trigger.user}", "isNew": true,
        "group": "g", "whatever": {"a": [1, null, "${ 2 }"]}}),
    ));
    let context = &driver.stage("1").context;
    assert_eq!(context["comments"], "by ann");
    assert_eq!(context["isNew"], true);
    assert_eq!(context["group"], "g");
    assert_eq!(context["whatever"], json!({"a": [1, null, 2]}));
}

#[test]
fn rule_5_8_the_alias_alone_decides_and_an_unknown_one_fails() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "nobodyKnowsThis", "alias": "wait"},
        {"refId": "2", "type": "wait", "alias": "nobodyKnowsThis"},
        {"refId": "3", "type": "wait", "alias": null}]}));
    assert_eq!(driver.stage("1").status, Status::Succeeded);
    assert_eq!(driver.stage("1").kind, "nobodyKnowsThis");
    assert_eq!(driver.stage("2").status, Status::Terminal);
    let driver = Driver::start(only(&json!({"type": "wait", "alias": null})));
    assert_eq!(driver.stage("1").status, Status::Succeeded);
}

fn skippable(more: &Value) -> Driver {
    let mut stage = json!({"refId": "1", "type": "pipeline", "pipeline": "other"});
    stage
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Driver::start(json!({"stages": [stage,
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]}))
}

#[test]
fn rule_5_9_only_a_stage_that_says_so_can_be_skipped_by_hand() {
    for more in [json!({}), json!({"skippable": false})] {
        let mut driver = skippable(&more);
        driver.patch("1", json!({"manualSkip": true}));
        assert_eq!(driver.stage("1").status, Status::Running);
        assert!(!driver.stage("1").context.contains_key("manualSkip"));
        assert_eq!(
            driver.refusals(),
            ["stage pipeline of type pipeline cannot be skipped by hand"]
        );
        assert!(!driver.stage("1").context.contains_key("canManuallySkip"));
    }
}

#[test]
fn rule_5_9_a_stage_that_can_be_skipped_shows_it_and_is_skipped_with_its_tasks() {
    for kind in [
        json!({}),
        json!({"type": "named otherwise", "alias": "pipeline"}),
    ] {
        let mut more = kind;
        more["skippable"] = json!(true);
        let mut driver = skippable(&more);
        assert_eq!(driver.stage("1").context["canManuallySkip"], true);
        driver.patch("1", json!({"manualSkip": true}));
        assert_eq!(driver.stage("1").status, Status::Skipped);
        assert_eq!(driver.tasks("1")[0], Status::Skipped);
        assert_eq!(driver.stage("2").status, Status::Succeeded);
    }
}
