//! When expressions are evaluated: every row of the table of reference 7.2, under both evaluators, and what is said about those
//! that fail (7.5).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

const BOTH: [&str; 2] = ["v3", "v4"];

fn with(evaluator: &str, mut config: Value) -> Value {
    config["spelEvaluator"] = json!(evaluator);
    config
}

fn summary(driver: &Driver, stage: &str) -> Value {
    let held = driver
        .stage(stage)
        .context
        .get("expressionEvaluationSummary");
    held.cloned().unwrap_or(Value::Null)
}

/// The description of the only entry of an expression.
fn said(driver: &Driver, stage: &str, expression: &str) -> String {
    let entries = &summary(driver, stage)[expression];
    assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
    entries[0]["description"].as_str().unwrap().to_owned()
}

/// A judgement keeps the second stage from starting.
#[test]
fn submit() {
    let config = json!({"name": "for ${trigger.user}",
        "notifications": [{"type": "slack", "address": "#${trigger.parameters.team}"}],
        "templateVariables": {"color": "blue"},
        "stages": [
            {"refId": "1", "type": "manualJudgment"},
            {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"], "who": "${trigger.user}", "team": "${parameters.team}",
             "color": "${templateVariables.color}", "later": "${trigger.user} ${image}", "build": "${#stage('1').type}",
             "unknown": "${image ?: 'none'}"}]});
    for evaluator in BOTH {
        let trigger =
            json!({"user": "bob", "parameters": {"team": "red", "copy": "${trigger.user}"}});
        let driver = Driver::start_with(with(evaluator, config.clone()), trigger);
        let doc = &driver.state.doc;
        assert_eq!(doc.name.as_deref(), Some("for bob"));
        assert_eq!(doc.notifications[0]["address"], "#red");
        assert_eq!(doc.trigger["parameters"]["copy"], "bob");
        let context = &driver.stage("2").context;
        let frozen = evaluator == "v3";
        for (key, evaluated, text) in [
            ("who", "bob", "${trigger.user}"),
            ("team", "red", "${parameters.team}"),
            ("color", "blue", "${templateVariables.color}"),
        ] {
            assert_eq!(
                context[key],
                if frozen { evaluated } else { text },
                "{evaluator}"
            );
        }
        // What is not known at submit is an error, and the whole text waits for the stage.
        assert_eq!(context["later"], "${trigger.user} ${image}");
        assert_eq!(context["build"], "${#stage('1').type}");
        assert_eq!(context["unknown"], "${image ?: 'none'}");
        assert_eq!(summary(&driver, "2"), Value::Null);
    }
}

#[test]
fn a_pipeline_stage_evaluates_what_its_child_is_started_with() {
    let child = json!({"id": "child", "name": "child of ${trigger.parameters.from}", "application": "app", "stages": [
        {"refId": "1", "type": "wait", "waitTime": 60, "from": "${parameters.from}", "twice": "${parameters.from}${none}"}]});
    for evaluator in BOTH {
        let config = json!({"stages": [
            {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "image", "value": "app:${trigger.user}"}]},
            {"refId": "2", "type": "pipeline", "pipeline": "child", "requisiteStageRefIds": ["1"],
             "pipelineParameters": {"from": "${image}"}}]});
        let mut driver = Driver::start_with(with(evaluator, config), json!({"user": "bob"}));
        driver.answer_pipeline("child", with(evaluator, child.clone()));
        let start = driver.sent_child_start();
        assert_eq!(start.trigger["parameters"]["from"], "app:bob");
        assert_eq!(start.trigger["type"], "pipeline");
    }
}

#[test]
fn the_start_of_a_stage() {
    for evaluator in BOTH {
        let config = json!({"stages": [
            {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "image", "value": "app:7"}]},
            {"refId": "2", "type": "manualJudgment", "requisiteStageRefIds": ["1"], "instructions": "deploy ${image}?",
             "who": "${#currentStage().name}", "none": "${nobody}", "wrong": "x ${nobody.knows}"}]});
        let driver = Driver::start(with(evaluator, config));
        let stage = driver.stage("2");
        assert_eq!(stage.status, Status::Running);
        assert_eq!(stage.context["instructions"], "deploy app:7?");
        assert_eq!(stage.context["who"], json!(stage.name));
        assert_eq!(stage.context["none"], "${nobody}");
        assert_eq!(
            said(&driver, "2", "nobody"),
            "Failed to evaluate [none] : nobody not found"
        );
        let entry = &summary(&driver, "2")["x nobody.knows"][0];
        assert_eq!(entry["level"], "ERROR");
        // Ours: where in the text.
        assert_eq!(entry["position"], json!("x ${nobody.".len()));
    }
}

#[test]
fn a_before_stage_when_it_is_added() {
    for evaluator in BOTH {
        let config = json!({"stages": [
            {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "image", "value": "app:7"}]},
            {"refId": "2", "type": "checkPreconditions", "requisiteStageRefIds": ["1"], "restrictExecutionDuringTimeWindow": true,
             "restrictedExecutionWindow": {"days": [1], "whitelist": [{"startHour": 0, "startMin": 0, "endHour": 0, "endMin": 1}]},
             "preconditions": [{"type": "expression", "context": {"expression": "${image == 'app:7'}", "failureMessage": "of ${preconditionType}"}}]}]});
        let driver = Driver::start(with(evaluator, config));
        let waiting = driver.stage("2<2");
        assert_eq!(waiting.status, Status::NotStarted);
        // Only the stage that was added knows its type.
        assert_eq!(
            waiting.context["context"],
            json!({"expression": true, "failureMessage": "of expression"})
        );
    }
}

#[test]
fn tasks_start_and_complete() {
    for evaluator in BOTH {
        // Between two tasks, and behind the last.
        let config = json!({"stages": [
            {"refId": "1", "type": "webhook", "url": "http://x.io", "waitForCompletion": true, "early": "${created}", "late": "${done}",
             "never": "${nothing}"}]});
        let mut driver = Driver::start(with(evaluator, config));
        let report = |driver: &mut Driver, kind: &str, key: &str| {
            let attempt = driver.attempt(kind);
            let learned: Map = [(key.to_owned(), json!(7))].into_iter().collect();
            driver.report(
                attempt,
                Outcome::Succeeded {
                    context: learned,
                    outputs: Map::new(),
                },
            );
        };
        assert_eq!(summary(&driver, "1").as_object().map(Map::len), Some(3));
        report(&mut driver, "createWebhook", "created");
        assert_eq!(driver.stage("1").context["early"], json!(7));
        assert_eq!(driver.stage("1").context["late"], "${done}");
        // A pass with failures replaces the summary by its own entries.
        let left = summary(&driver, "1");
        assert!(
            left.get("created").is_none() && left.get("done").is_some(),
            "{left}"
        );
        report(&mut driver, "monitorWebhook", "done");
        assert_eq!(driver.status(), Status::Succeeded);
        assert_eq!(driver.stage("1").context["late"], json!(7));
        let left = summary(&driver, "1");
        assert_eq!(
            left.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["nothing"]
        );
        let errors = &driver.stage("1").context["exception"]["details"];
        assert_eq!(errors["error"], "Failed Expression Evaluation");
        assert_eq!(
            errors["errors"],
            json!(["Failed to evaluate [never] : nothing not found"])
        );
    }
}

#[test]
fn the_summary_goes_when_the_last_expression_of_it_succeeds() {
    for evaluator in BOTH {
        let config = json!({"stages": [{"refId": "1", "type": "manualJudgment", "instructions": "by ${judgmentInput ?: nobody.at.all}"}]});
        let mut driver = Driver::start(with(evaluator, config));
        assert_eq!(
            driver.stage("1").context["instructions"],
            "by ${judgmentInput ?: nobody.at.all}"
        );
        assert!(summary(&driver, "1").is_object());
        driver.patch(
            "1",
            json!({"judgmentStatus": "continue", "judgmentInput": "yes"}),
        );
        assert_eq!(driver.status(), Status::Succeeded);
        assert_eq!(driver.stage("1").context["instructions"], "by yes");
        assert_eq!(summary(&driver, "1"), Value::Null);
        assert!(!driver.stage("1").context.contains_key("exception"));
    }
}

#[test]
fn the_last_task_is_behind_its_own_outputs() {
    for evaluator in BOTH {
        let config = json!({"stages": [{"refId": "1", "type": "evaluateVariables", "comments": "${image}",
            "variables": [{"key": "image", "value": "app:7"}]}]});
        let driver = Driver::start(with(evaluator, config));
        assert_eq!(driver.stage("1").context["comments"], "app:7");
        assert_eq!(summary(&driver, "1"), Value::Null);
    }
}

/// Under Orca a task evaluates what it reads; here its context was evaluated as it began, with what people and workers said.
#[test]
fn what_a_task_reads_was_evaluated() {
    for evaluator in BOTH {
        let config = json!({"stages": [
            {"refId": "1", "type": "webhook", "url": "http://x.io/${path ?: 'none'}", "waitForCompletion": true,
             "statusUrlResolution": "getMethod", "payload": {"deep": ["${1 + 1}"]}}]});
        let driver = Driver::start(with(evaluator, config));
        let input = &driver.message(driver.attempt("createWebhook")).input;
        assert!(!json!(input).to_string().contains("${"), "{input:?}");
        assert_eq!(input["payload"]["deep"], json!([2]));
    }
}

#[test]
fn the_condition_of_a_stage() {
    for evaluator in BOTH {
        let stage = |ref_id: &str, condition: &str| {
            json!({"refId": ref_id, "type": "wait", "requisiteStageRefIds": ["1"], "own": "${image}",
                   "stageEnabled": {"type": "expression", "expression": condition}})
        };
        let config = json!({"stages": [
            {"refId": "1", "type": "evaluateVariables", "variables": [{"key": "image", "value": "app:7"}]},
            stage("2", "image == 'app:7'"), stage("3", "image == 'other'"), stage("4", "${image == 'app:7'}"),
            stage("5", "own.startsWith('app')"), stage("6", "nobody.knows")]});
        let driver = Driver::start(with(evaluator, config));
        let statuses: Vec<Status> = ["2", "3", "4", "5", "6"]
            .iter()
            .map(|id| driver.stage(id).status)
            .collect();
        let (runs, not) = (Status::Succeeded, Status::Skipped);
        assert_eq!(statuses, [runs, not, runs, runs, not], "{evaluator}");
    }
}

#[test]
fn variables_are_evaluated_in_order_and_one_that_fails_is_seen_by_none() {
    let variables = json!([
        {"key": "a", "value": "${1 + 1}", "description": "two: ${a ?: 'unset'}"},
        {"key": "b", "value": "${a * 2}"},
        {"key": "failed", "value": "${nothing}"},
        {"key": "sees", "value": "${failed ?: 'not there'}"},
        {"key": "half", "value": "${a}", "description": "${nobody.knows}"},
        {"key": "list", "value": ["${a}"]},
        {"key": "of list", "value": "${list == null}"},
    ]);
    let config =
        json!({"stages": [{"refId": "1", "type": "evaluateVariables", "variables": variables}]});
    let driver = Driver::start(with("v4", config.clone()));
    let outputs = &driver.stage("1").outputs;
    assert_eq!(
        json!(outputs),
        json!({"a": 2, "b": 4, "failed": "${nothing}", "sees": "not there", "half": "${a}", "list": ["${a}"], "of list": true})
    );
    let held = &driver.stage("1").context["variables"];
    assert_eq!(
        held[0],
        json!({"key": "a", "value": 2, "description": "two: unset", "sourceValue": "{1 + 1}"})
    );
    assert_eq!(held[4]["description"], "${nobody.knows}");
    // The messages name the value `var`.
    assert_eq!(
        said(&driver, "1", "nothing"),
        "Failed to evaluate [var] : nothing not found"
    );
    assert!(
        said(&driver, "1", "nobody.knows").starts_with("Failed to evaluate [description] EL1007E")
    );
    // Under v3 all are evaluated together, lists too.
    let driver = Driver::start(with("v3", config));
    assert_eq!(driver.stage("1").outputs["list"], json!(["${a}"]));
    assert_eq!(driver.stage("1").outputs["a"], json!(2));
    assert_eq!(driver.stage("1").outputs["b"], "${a * 2}");
    assert!(
        driver.stage("1").context["variables"][0]
            .get("sourceValue")
            .is_none()
    );
}

#[test]
fn a_failed_expression_fails_the_stage_that_asks_for_it() {
    for evaluator in BOTH {
        for (strict, status) in [
            (json!(true), Status::Terminal),
            (json!(false), Status::Succeeded),
            (json!(null), Status::Succeeded),
        ] {
            // Any entry counts, also of what is only not found.
            let config = json!({"stages": [{"refId": "1", "type": "wait", "comments": "${nothing}", "failOnFailedExpressions": strict}]});
            assert_eq!(Driver::start(with(evaluator, config)).status(), status);
        }
    }
}
