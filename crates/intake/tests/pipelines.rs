//! Real pipeline JSON through `prepare`, `start` and `decide`, with a driver that plays the outside.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "the property test uses the rest")]
mod driver;

use driver::Driver;
use gennaker_engine::{Change, Rules};
use gennaker_expressions::{Limits, TimeZone};
use gennaker_model::{Status, work::Outcome};
use serde_json::{Map, json};

#[test]
fn stages_without_work_finish_in_one_decision() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "waitTime": 0},
        {"refId": "2", "type": "noop", "requisiteStageRefIds": ["1"]},
    ]}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(
        driver.statuses(),
        [("1", Status::Succeeded), ("2", Status::Skipped)]
    );
    assert_eq!(driver.decisions, 1);
}

#[test]
fn a_wait_ends_by_its_timer_or_by_a_person() {
    let mut driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "wait", "waitTime": "30"}]}));
    assert_eq!(driver.status(), Status::Running);
    driver.advance(29_999);
    assert_eq!(driver.status(), Status::Running);
    driver.advance(1);
    assert_eq!(driver.status(), Status::Succeeded);

    let mut driver =
        Driver::start(json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 30}]}));
    driver.patch("1", json!({"skipRemainingWait": true}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.state.book.timers.is_empty());
}

#[test]
fn a_join_waits_for_all_and_a_fan_out_runs_at_once() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
        {"refId": "4", "type": "wait", "requisiteStageRefIds": ["2", "3"]},
    ]}));
    assert_eq!(driver.open_kinds(), ["noop", "noop"]);
    driver.succeed("2");
    assert_eq!(driver.stage("4").status, Status::NotStarted);
    driver.succeed("3");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn failure_options_give_the_four_results_of_the_reference() {
    let run = |flags: serde_json::Value| {
        let mut failing = json!({"refId": "1", "type": "manualJudgment"});
        failing
            .as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        let mut driver = Driver::start(json!({"stages": [
            failing,
            {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]},
            {"refId": "3", "type": "noop", "pool": "notify"},
            {"refId": "4", "type": "wait", "requisiteStageRefIds": ["3"]},
        ]}));
        driver.patch("1", json!({"judgmentStatus": "stop"}));
        if driver.status() == Status::Running {
            driver.succeed("3");
        }
        let statuses: Vec<Status> = driver
            .statuses()
            .into_iter()
            .map(|(_, status)| status)
            .collect();
        (driver.status(), statuses)
    };
    use Status::{Canceled, FailedContinue, NotStarted, Stopped, Succeeded, Terminal};
    assert_eq!(
        run(json!({})),
        (Terminal, vec![Terminal, NotStarted, Canceled, NotStarted])
    );
    assert_eq!(
        run(json!({"failPipeline": false})),
        (Succeeded, vec![Stopped, NotStarted, Succeeded, Succeeded])
    );
    assert_eq!(
        run(json!({"failPipeline": false, "completeOtherBranchesThenFail": true})),
        (Terminal, vec![Stopped, NotStarted, Succeeded, Succeeded])
    );
    assert_eq!(
        run(json!({"failPipeline": false, "continuePipeline": true})),
        (
            Succeeded,
            vec![FailedContinue, Succeeded, Succeeded, Succeeded]
        )
    );
}

#[test]
fn an_unknown_stage_type_fails_when_it_is_reached() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait"},
        {"refId": "2", "type": "doesNotExist", "continuePipeline": true, "requisiteStageRefIds": ["1"]},
    ]}));
    assert_eq!(
        driver.statuses(),
        [("1", Status::Succeeded), ("2", Status::Terminal)]
    );
    let errors = driver.stage("2").context["exception"]["details"]["errors"].clone();
    assert_eq!(
        errors,
        json!(["No StageDefinitionBuilder implementation for doesNotExist found"])
    );
}

#[test]
fn graphs_that_cannot_run_end_and_say_why() {
    let reason = |stages: serde_json::Value| {
        let driver = Driver::start(json!({ "stages": stages }));
        assert_eq!(driver.status(), Status::Terminal);
        driver.state.doc.cancellation_reason.clone().unwrap()
    };
    let cycle = reason(json!([
        {"refId": "0", "type": "wait"},
        {"refId": "1", "type": "wait", "requisiteStageRefIds": ["2"]},
        {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"]}]));
    assert_eq!(
        cycle,
        "Invalid stage relationships found: 1 (requires 2); 2 (requires 1)"
    );
    let unknown = reason(
        json!([{"refId": "0", "type": "wait"}, {"refId": "1", "type": "wait", "requisiteStageRefIds": ["9"]}]),
    );
    assert_eq!(unknown, "Invalid stage relationships found: 1 (requires 9)");
    let doubled = reason(json!([{"refId": "1", "type": "wait"}, {"refId": "1", "type": "wait"}]));
    assert!(doubled.contains("stages[1].refId"), "{doubled}");
    assert_eq!(reason(json!([])), "The pipeline has no stages");
}

#[test]
fn cancelling_closes_what_a_worker_may_be_doing() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://example.com/"}]}),
    );
    let first = driver.open_attempts()[0];
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: Some("enough".into()),
    });
    assert_eq!(
        driver.status(),
        Status::Running,
        "the worker may still send it"
    );
    assert_eq!(driver.stage("1").status, Status::Running);
    let closing = *driver
        .open_attempts()
        .iter()
        .find(|attempt| **attempt != first)
        .unwrap();
    driver.report(
        closing,
        Outcome::Closed {
            remains: None,
            context: Map::new(),
        },
    );
    assert_eq!(driver.statuses(), [("1", Status::Canceled)]);
    assert_eq!(driver.status(), Status::Canceled);
    assert_eq!(driver.state.doc.canceled_by.as_deref(), Some("ann"));
    assert!(driver.is_stale(
        first,
        Outcome::Succeeded {
            context: Map::new(),
            outputs: Map::new()
        }
    ));
}

#[test]
fn a_closing_that_nobody_does_ends_after_its_limit() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "webhook", "url": "http://example.com/"}]}),
    );
    driver.change(Change::Cancel {
        user: "ann".into(),
        reason: None,
    });
    driver.advance(120_000);
    assert_eq!(driver.status(), Status::Canceled);
    assert!(
        driver.stage("1").context["closing"]
            .as_str()
            .unwrap()
            .contains("createWebhook")
    );
}

#[test]
fn a_stage_timeout_ends_the_stage_with_orcas_message() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "manualJudgment", "name": "Go?", "stageTimeoutMs": 60_000}]}));
    driver.advance(60_000);
    assert_eq!(driver.status(), Status::Terminal);
    let error = driver.stage("1").context["exception"]["details"]["errors"][0].clone();
    assert!(
        error
            .as_str()
            .unwrap()
            .contains("Go? timed out after 1 minute"),
        "{error}"
    );
}

#[test]
fn a_repeated_command_gets_the_same_answer_and_happens_once() {
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment"}]}));
    driver.pause_twice_with_one_id();
    assert_eq!(driver.status(), Status::Paused);
}

#[test]
fn a_child_runs_and_its_outputs_come_back() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "pipeline", "pipeline": "child-id", "pipelineParameters": {"env": "prod"}},
    ]}));
    driver.answer_pipeline("child-id", json!({"id": "child-id", "name": "child", "application": "app", "stages": [{"type": "wait"}]}));
    let start = driver.sent_child_start();
    assert_eq!(start.trigger["parameters"], json!({"env": "prod"}));
    assert_eq!(
        start.trigger["parentExecution"]["id"],
        json!(driver.state.doc.id)
    );
    assert_eq!(
        driver.stage("1").context["executionId"],
        json!(start.execution)
    );
    driver.child_finished(Status::Succeeded, json!({"x": 1}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("1").outputs["x"], json!(1));
}

#[test]
fn a_child_that_is_refused_fails_the_stage() {
    let mut driver = Driver::start(
        json!({"stages": [{"refId": "1", "type": "pipeline", "pipeline": "child-id"}]}),
    );
    driver.answer_pipeline(
        "child-id",
        json!({"id": "child-id", "name": "child", "stages": []}),
    );
    driver.child_refused("too large");
    assert_eq!(driver.status(), Status::Terminal);
    let errors = &driver.stage("1").context["exception"]["details"]["errors"];
    assert_eq!(
        errors,
        &json!(["The pipeline child could not be started: too large"])
    );
}

#[test]
fn preconditions_are_checked_side_by_side() {
    let driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "name": "first"},
        {"refId": "2", "type": "checkPreconditions", "requisiteStageRefIds": ["1"], "preconditions": [
            {"type": "stageStatus", "failPipeline": true, "context": {"stageName": "first", "stageStatus": "SUCCEEDED"}},
            {"type": "stageStatus", "failPipeline": false, "context": {"stageName": "first", "stageStatus": "TERMINAL"}}]},
    ]}));
    let statuses = driver.statuses();
    assert_eq!(
        statuses,
        [
            ("1", Status::Succeeded),
            ("2<1", Status::Succeeded),
            ("2<2", Status::Stopped),
            ("2", Status::Stopped)
        ]
    );
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn expressions_see_parameters_outputs_and_judgements() {
    let config = json!({"parameterConfig": [{"name": "env", "default": "test"}], "stages": [
        {"refId": "1", "type": "evaluateVariables", "variables": [
            {"key": "image", "value": "app:${parameters.tag}"}, {"key": "full", "value": "registry/${image}"}]},
        {"refId": "2", "type": "manualJudgment", "name": "Go?", "requisiteStageRefIds": ["1"], "instructions": "deploy ${full} to ${parameters.env}?"},
        {"refId": "3", "type": "checkPreconditions", "requisiteStageRefIds": ["2"], "preconditions": [
            {"type": "expression", "context": {"expression": "${#judgment('Go?') == 'prod'}"}}]},
        {"refId": "4", "type": "wait", "requisiteStageRefIds": ["3"],
         "stageEnabled": {"type": "expression", "expression": "parameters.env == 'test'"}},
        {"refId": "5", "type": "wait", "requisiteStageRefIds": ["4"],
         "stageEnabled": {"type": "expression", "expression": "#stage('Go?').status == 'TERMINAL'"}}]});
    let mut driver = Driver::start_with(config, json!({"parameters": {"tag": "v7"}}));
    assert_eq!(driver.stage("1").outputs["full"], json!("registry/app:v7"));
    assert_eq!(
        driver.stage("2").context["instructions"],
        json!("deploy registry/app:v7 to test?")
    );
    driver.patch(
        "2",
        json!({"judgmentStatus": "continue", "judgmentInput": "prod"}),
    );
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("3<1").status, Status::Succeeded);
    assert_eq!(driver.stage("4").status, Status::Succeeded);
    assert_eq!(driver.stage("5").status, Status::Skipped);
}

#[test]
fn failed_expressions_are_reported_and_can_fail_the_stage() {
    let stage = |strict: bool| json!({"stages": [{"refId": "1", "type": "wait", "comments": "${nobody.knows}", "failOnFailedExpressions": strict}]});
    let driver = Driver::start(stage(false));
    assert_eq!(driver.status(), Status::Succeeded);
    let summary = &driver.stage("1").context["expressionEvaluationSummary"];
    assert_eq!(
        summary["nobody.knows"][0]["level"],
        json!("ERROR"),
        "{summary}"
    );
    assert_eq!(
        driver.stage("1").context["exception"]["details"]["error"],
        json!("Failed Expression Evaluation")
    );
    let driver = Driver::start(stage(true));
    assert_eq!(driver.status(), Status::Terminal);
}

#[test]
fn v3_freezes_what_it_can_evaluate_at_submit() {
    let config = json!({"spelEvaluator": "v3", "stages": [
        {"refId": "1", "type": "manualJudgment", "instructions": "${trigger.user} and ${#stage('1').name}", "who": "${trigger.user}"}]});
    let driver = Driver::start_with(config, json!({"user": "bob"}));
    assert_eq!(driver.stage("1").context["who"], json!("bob"));
}

/// What they gave is a recorded fact: the driver replays every decision without them and compares.
#[test]
fn zone_and_limits_of_the_operator_hold_at_submit_and_in_stages() {
    let hour = "${new java.text.SimpleDateFormat('HH').format(new java.util.Date())}";
    let config = json!({"spelEvaluator": "v4", "name": hour, "stages": [
        {"refId": "1", "type": "wait", "hour": hour, "long": "${'x'.repeat(2000)}"}]});
    for (zone, wanted) in [("UTC", "08"), ("America/Los_Angeles", "00")] {
        let rules = Rules {
            zone: TimeZone::get(zone).unwrap(),
            limits: Limits {
                expression_chars_max: 100,
                result_bytes_max: 1_024,
                ..Limits::default()
            },
            ..Rules::default()
        };
        let driver = Driver::start_by(config.clone(), json!({}), rules);
        assert_eq!(driver.state.doc.name.as_deref(), Some(wanted), "{zone}");
        let context = &driver.stage("1").context;
        assert_eq!(context["hour"], wanted, "{zone}");
        assert_eq!(context["long"], "${'x'.repeat(2000)}");
        let summary = context["expressionEvaluationSummary"].to_string();
        assert!(summary.contains("larger than 1024 bytes"), "{summary}");
    }
}

#[test]
fn a_thousand_stages_run_in_decisions_of_bounded_size() {
    let stage = |index: u32| {
        let requisites: Vec<String> = index
            .checked_sub(1)
            .map(|before| before.to_string())
            .into_iter()
            .collect();
        json!({"refId": index.to_string(), "type": "wait", "requisiteStageRefIds": requisites})
    };
    let driver = Driver::start(json!({"stages": (0..1000).map(stage).collect::<Vec<_>>()}));
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.decisions > 5, "{} decisions", driver.decisions);
}
