//! Expressions of a running pipeline, as a client of the API reads them back: when each is evaluated (reference 7.2), what is
//! said about those that fail (7.5), and who names a stage that does not exist.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;
use std::time::Duration;

use gennaker_tests::gate::{Gate, stage, text};
use gennaker_tests::installation::Dev;
use gennaker_tests::process::program;
use gennaker_tests::receiver::Receiver;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);
const APPLICATION: &str = "expressions";
const EVALUATORS: [&str; 2] = ["v3", "v4"];

/// Starts a pipeline that is not saved; the execution's id.
async fn run(gate: Gate, evaluator: &str, stages: Value) -> String {
    let pipeline = json!({
        "application": APPLICATION, "name": "for ${trigger.parameters.team}", "spelEvaluator": evaluator, "stages": stages,
        "trigger": {"type": "manual", "parameters": {"team": "red", "copy": "${trigger.parameters.team}"}},
    });
    let started = gate
        .ask("POST", "/pipelines/start", Some(&pipeline), None)
        .await;
    let path = started["ref"].as_str().unwrap();
    path.trim_start_matches("/pipelines/").to_owned()
}

async fn wait_running(gate: Gate, id: &str, reference: &str) -> Value {
    let is = |document: &Value| {
        let stages = document["stages"].as_array().unwrap().iter();
        stages
            .filter(|stage| stage["refId"] == reference)
            .any(|stage| stage["status"] == "RUNNING" && stage["tasks"][0]["status"] == "RUNNING")
    };
    gate.wait_for(id, "the stage", WITHIN, is).await
}

async fn judge(gate: Gate, execution: &Value, reference: &str, input: &str) {
    let path = format!(
        "/pipelines/{}/stages/{}",
        text(execution, "id"),
        text(stage(execution, reference), "id")
    );
    let judgement = json!({"judgmentStatus": "continue", "judgmentInput": input});
    gate.ask("PATCH", &path, Some(&judgement), None).await;
}

/// What is said about a stage's expressions, without the time.
fn summary(stage: &Value) -> Value {
    let mut summary = stage["context"]["expressionEvaluationSummary"].clone();
    for entries in summary
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        for entry in entries.as_array_mut().unwrap() {
            let time = entry.as_object_mut().unwrap().remove("timestamp");
            assert!(time.unwrap().as_i64() > Some(1_700_000_000_000));
        }
    }
    summary
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_timing_is_read_back_under_both_evaluators() {
    let dev = Dev::start().await;
    let receiver = Receiver::start().await;
    for evaluator in EVALUATORS {
        let stages = json!([
            {"refId": "1", "requisiteStageRefIds": [], "type": "manualJudgment", "name": "Go", "instructions": "for ${parameters.team}",
             "given": "${judgmentInput}"},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "evaluateVariables", "name": "Name", "variables": [
                {"key": "image", "value": "app:${#judgment('Go')}"}, {"key": "full", "value": "registry/${image}"}]},
            {"refId": "3", "requisiteStageRefIds": ["2"], "type": "webhook", "name": "Call", "method": "POST",
             "url": format!("{}/${{image}}", receiver.url()), "team": "${parameters.team}", "code": "${webhook.statusCodeValue}"},
            {"refId": "4", "requisiteStageRefIds": ["3"], "type": "wait", "name": "Never", "waitTime": 0,
             "stageEnabled": {"type": "expression", "expression": "#stage('Call').context.code == 500"}},
            {"refId": "5", "requisiteStageRefIds": ["4"], "type": "wait", "name": "Always", "waitTime": 0,
             "stageEnabled": {"type": "expression", "expression": "#stage('Call').context.code == 200"}},
            {"refId": "6", "requisiteStageRefIds": ["5"], "type": "checkPreconditions", "name": "Check", "preconditions": [
                {"type": "expression", "failPipeline": true,
                 "context": {"expression": "${image.startsWith('app')}", "failureMessage": "of ${preconditionType}"}}]},
        ]);
        let id = run(dev.gate, evaluator, stages).await;

        // Submit: what the trigger knows is evaluated, under v3 in the stages, too.
        let waiting = wait_running(dev.gate, &id, "1").await;
        assert_eq!(waiting["name"], "for red");
        assert_eq!(waiting["trigger"]["parameters"]["copy"], "red");
        let later = &stage(&waiting, "3")["context"];
        assert_eq!(
            later["team"],
            if evaluator == "v3" {
                "red"
            } else {
                "${parameters.team}"
            }
        );
        assert_eq!(later["code"], "${webhook.statusCodeValue}");
        assert_eq!(summary(stage(&waiting, "3")), Value::Null);
        // The start of a stage.
        let going = stage(&waiting, "1");
        assert_eq!(going["context"]["instructions"], "for red");
        assert_eq!(going["context"]["given"], "${judgmentInput}");
        let unknown = json!({"judgmentInput": [
            {"level": "INFO", "description": "Failed to evaluate [given] : judgmentInput not found"}]});
        assert_eq!(summary(going), unknown);

        judge(dev.gate, &waiting, "1", "7").await;
        let ended = dev.gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
        // A task, once more with what a person said; what has succeeded is not reported any more.
        assert_eq!(stage(&ended, "1")["context"]["given"], "7");
        assert_eq!(summary(stage(&ended, "1")), Value::Null);
        // Variables: in order under v4, together under v3.
        let full = if evaluator == "v3" {
            "registry/${image}"
        } else {
            "registry/app:7"
        };
        assert_eq!(
            stage(&ended, "2")["outputs"],
            json!({"image": "app:7", "full": full})
        );
        // The end of a task, with what it has found out.
        assert_eq!(stage(&ended, "3")["context"]["code"], 200);
        assert_eq!(stage(&ended, "3")["context"]["team"], "red");
        assert!(receiver.seen().iter().any(|seen| seen.path == "/app:7"));
        // Conditions, and stages that are added.
        assert_eq!(stage(&ended, "4")["status"], "SKIPPED");
        assert_eq!(stage(&ended, "5")["status"], "SUCCEEDED");
        let added = &stage(&ended, "6<1")["context"]["context"];
        assert_eq!(added["failureMessage"], "of expression", "{added}");
    }
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_started_with_evaluated_values() {
    let dev = Dev::start().await;
    for evaluator in EVALUATORS {
        let child = json!({"application": APPLICATION, "name": format!("child {evaluator}"), "spelEvaluator": evaluator,
            "parameterConfig": [{"name": "image"}, {"name": "by", "default": "${trigger.parameters.image}"}],
            "stages": [{"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": 0,
                        "from": "${parameters.image} ${trigger.parentExecution.name}"}]});
        let child = dev.gate.save_pipeline(&child).await;
        let stages = json!([
            {"refId": "1", "requisiteStageRefIds": [], "type": "evaluateVariables", "name": "Name",
             "variables": [{"key": "image", "value": "app:${parameters.team}"}]},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "pipeline", "name": "Child", "application": APPLICATION,
             "pipeline": child, "waitForCompletion": true, "pipelineParameters": {"image": "${image}"}},
        ]);
        let id = run(dev.gate, evaluator, stages).await;
        let ended = dev.gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
        let child = text(&stage(&ended, "2")["context"], "executionId").to_owned();
        let child = dev.gate.execution(&child).await;
        assert_eq!(
            child["trigger"]["parameters"],
            json!({"image": "app:red", "by": "app:red"}),
            "{child:#}"
        );
        assert_eq!(stage(&child, "1")["context"]["from"], "app:red for red");
    }
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_summary_is_read_back() {
    let dev = Dev::start().await;
    for evaluator in EVALUATORS {
        let stages = json!([
            {"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": 0,
             "someField": "${noexists.foo}", "other": "${noexists.foo}", "known": "${parameters.team}",
             "composite": "a ${missing} b ${parameters.team}", "unparsable": "${parameters.team + }",
             "nested": {"inner": "${missing}"}, "list": ["${#toInt('x')}"]},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Strict", "waitTime": 0,
             "comments": "${missing}", "failOnFailedExpressions": true},
        ]);
        let id = run(dev.gate, evaluator, stages).await;
        let ended = dev.gate.wait_for_end(&id, WITHIN).await;
        let waited = stage(&ended, "1");
        let context = &waited["context"];
        assert_eq!(waited["status"], "SUCCEEDED");
        assert_eq!(context["known"], "red");
        assert_eq!(context["composite"], "a ${missing} b red");
        assert_eq!(context["unparsable"], "${parameters.team + }");
        let evaluation = "org.springframework.expression.spel.SpelEvaluationException";
        let said = summary(waited);
        assert_eq!(
            said["noexists.foo"],
            json!([{"level": "ERROR", "exceptionType": evaluation, "position": 11,
                "description": "Failed to evaluate [other, someField] EL1007E: Property or field 'foo' cannot be found on null"}])
        );
        assert_eq!(
            said["missing"],
            json!([{"level": "INFO", "description": "Failed to evaluate [inner] : missing not found"}])
        );
        // The task's pass has seen the part that was replaced.
        assert_eq!(
            said["a missing b red"],
            json!([{"level": "INFO", "description": "Failed to evaluate [composite] : a missing b red not found"}])
        );
        assert_eq!(
            said["parameters.team +"][0]["exceptionType"],
            "org.springframework.expression.spel.SpelParseException"
        );
        let number = &said["#toInt('x')"][0];
        assert_eq!(number["exceptionType"], "java.lang.NumberFormatException");
        assert!(
            text(number, "description")
                .starts_with("Failed to evaluate {#toInt('x')} For input string: \"x\"")
        );
        assert_eq!(said.as_object().unwrap().len(), 5, "{said:#}");
        // At the end of the stage the exception lists them; they do not fail it.
        let details = &context["exception"]["details"];
        assert_eq!(details["error"], "Failed Expression Evaluation");
        assert_eq!(
            details["errors"].as_array().unwrap().len(),
            5,
            "{details:#}"
        );
        let strict = stage(&ended, "2");
        assert_eq!(
            (&strict["status"], &ended["status"]),
            (&json!("TERMINAL"), &json!("TERMINAL"))
        );
        assert_eq!(
            strict["context"]["exception"]["details"]["errors"],
            json!(["Failed to evaluate [comments] : missing not found"])
        );
    }
    dev.check();
}

/// `#stage('Bulid')`, where only `Build` exists: the linter, the save and the execution say so, each with the place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_does_not_exist_is_named_everywhere() {
    let dev = Dev::start().await;
    dev.gate.save_application(APPLICATION).await;
    let wrong = "is ${#stage('Bulid').status}";
    let position = "is ${#stage(".len();
    for evaluator in EVALUATORS {
        let name = format!("typo {evaluator}");
        let pipeline = json!({"application": APPLICATION, "name": name, "spelEvaluator": evaluator, "stages": [
            {"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Build", "waitTime": 0},
            {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "name": "Deploy", "waitTime": 0, "comments": wrong,
             "failOnFailedExpressions": true}]});

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pipeline.json");
        std::fs::write(&file, serde_json::to_vec_pretty(&pipeline).unwrap()).unwrap();
        let linted = Command::new(program())
            .arg("lint")
            .arg(&file)
            .output()
            .unwrap();
        let page = String::from_utf8(linted.stdout).unwrap();
        let line = page.lines().find(|line| line.contains("Bulid"));
        let line = line.unwrap_or_else(|| panic!("lint does not name it: {page}"));
        assert!(line.contains("did you mean \"Build\"?"), "{line}");
        // The line of the file, and the place in the text.
        let row = 1 + std::fs::read_to_string(&file)
            .unwrap()
            .lines()
            .position(|row| row.contains("Bulid"))
            .unwrap();
        assert!(line.contains(&format!("pipeline.json:{row}:")), "{line}");
        assert!(
            line.contains(&format!("at character {position}:")),
            "{line}"
        );
        // A warning refuses nothing.
        assert!(linted.status.success());

        let saved = dev
            .gate
            .call("POST", "/pipelines", Some(&pipeline), None)
            .await;
        assert_eq!(saved.status, 200, "{}", saved.text());
        let told: Value = serde_json::from_str(&saved.headers["gennaker-warnings"]).unwrap();
        assert_eq!(told["count"], 1, "{told}");
        assert_eq!(
            told["warnings"][0],
            json!({"stage": {"refId": "2", "name": "Deploy"}, "path": "/stages/1/comments", "position": position,
                   "severity": "error", "message": "there is no stage 'Bulid', did you mean \"Build\"?", "suggestion": "Build"})
        );

        let id = dev.gate.start(APPLICATION, &name, evaluator).await;
        let ended = dev.gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(ended["status"], "TERMINAL");
        let failed = stage(&ended, "2");
        assert_eq!(failed["context"]["comments"], wrong);
        let said = summary(failed);
        let entry = &said.as_object().unwrap().values().next().unwrap()[0];
        assert_eq!(entry["level"], "ERROR");
        assert_eq!(entry["position"], json!("is ${".len()), "{entry}");
        let description = text(entry, "description");
        assert!(
            description.starts_with(&format!(
                "Failed to evaluate [comments] Unable to locate [Bulid] using #stage(Bulid) in execution {id}"
            )),
            "{description}"
        );
        assert_eq!(
            failed["context"]["exception"]["details"]["errors"],
            json!([description])
        );
    }
    dev.check();
}
