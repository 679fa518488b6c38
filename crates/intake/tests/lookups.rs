//! Expressions that read addresses: when a worker is asked, what its report gives, and what ends the question.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use driver::{Driver, read_outcome};
use gennaker_engine::{Change, Rules, explain};
use gennaker_model::Status;
use serde_json::{Value, json};

const A: &str = "http://x.io/a";
const B: &str = "http://x.io/b";

/// A pipeline of one judgement, which stays open, with this text in it.
fn one(text: &str) -> Driver {
    Driver::start(
        json!({"stages": [{"refId": "1", "type": "manualJudgment", "instructions": text}]}),
    )
}

fn cancel() -> Change {
    Change::Cancel {
        user: "ann".into(),
        reason: None,
    }
}

fn instructions(driver: &Driver) -> Value {
    driver.stage("1").context["instructions"].clone()
}

fn entry(driver: &Driver, expression: &str) -> Value {
    driver.stage("1").context["expressionEvaluationSummary"][expression][0].clone()
}

#[test]
fn a_stage_starts_when_its_address_was_read() {
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "zone": "b", "waitTime": format!("${{#jsonFromUrl('{A}').seconds}}")}]}));
    assert_eq!(driver.stage("1").status, Status::NotStarted);
    let message = driver.message(driver.attempt("readAddress"));
    assert_eq!(
        (
            message.pool.as_str(),
            message.zone.as_deref(),
            &message.effect
        ),
        ("notify", Some("b"), &None)
    );
    assert_eq!(Value::Object(message.input.clone()), json!({ "url": A }));
    let waits = explain::waits(&driver.state);
    assert_eq!(
        waits[0].sentence,
        "waits for a worker of pool notify to read http://x.io for an expression (attempt 1)"
    );
    driver.read(A, Ok("{\"seconds\": 20}"));
    assert_eq!(driver.stage("1").context["waitTime"], json!(20));
    driver.advance(20_000);
    assert_eq!(driver.status(), Status::Succeeded);
    assert!(driver.state.book.asked.is_empty(), "nothing is kept");
}

#[test]
fn an_address_may_come_from_another() {
    let mut driver = one(&format!("${{#fromUrl(#fromUrl('{A}').trim())}}"));
    driver.read(A, Ok("http://x.io/b\n"));
    assert_eq!(driver.reads(), [B]);
    driver.read(B, Ok("hello"));
    assert_eq!(instructions(&driver), "hello");
}

#[test]
fn several_are_read_side_by_side() {
    let mut driver = one(&format!("${{#fromUrl('{A}')}}-${{#fromUrl('{B}')}}"));
    // One text stops at its first question; another would be asked at the same time.
    driver.read(A, Ok("a"));
    driver.read(B, Ok("b"));
    assert_eq!(instructions(&driver), "a-b");
    let mut driver = Driver::start(json!({"stages": [{"refId": "1", "type": "manualJudgment",
        "instructions": format!("${{#fromUrl('{A}')}}"), "comments": format!("${{#fromUrl('{B}')}}")}]}));
    assert_eq!(driver.reads(), [A, B]);
    driver.read(B, Ok("b"));
    assert_eq!(driver.stage("1").status, Status::NotStarted, "one is open");
    driver.read(A, Ok("a"));
    assert_eq!(
        (
            instructions(&driver),
            driver.stage("1").context["comments"].clone()
        ),
        (json!("a"), json!("b"))
    );
}

#[test]
fn what_cannot_be_read_is_an_entry_with_the_words_of_the_worker() {
    let mut driver = one(&format!("${{#fromUrl('{A}')}}"));
    driver.read(A, Err("Not retrying /a. Count 1, Max 1 (status 404)"));
    let expression = format!("#fromUrl('{A}')");
    let failed = entry(&driver, &expression);
    assert_eq!(
        failed["description"],
        format!(
            "Failed to evaluate [instructions] Not retrying /a. Count 1, Max 1 (status 404) - EL1023E: A problem occurred whilst attempting \
             to invoke the function 'fromUrl': '#from({A}) failed'"
        )
    );
    assert_eq!(failed["level"], "ERROR");
    assert_eq!(
        driver.stage("1").status,
        Status::Running,
        "that alone fails nothing"
    );
    assert_eq!(instructions(&driver), format!("${{{expression}}}"));
}

#[test]
fn a_text_that_cannot_be_parsed_is_an_entry() {
    for (function, body, words) in [
        ("jsonFromUrl", "nope", "#readJson(nope) failed"),
        ("yamlFromUrl", "a: [", "#readYaml(a: [) failed"),
    ] {
        let mut driver = one(&format!("${{#{function}('{A}')}}"));
        driver.read(A, Ok(body));
        let failed = entry(&driver, &format!("#{function}('{A}')"));
        let description = failed["description"].as_str().unwrap();
        assert!(description.contains(words), "{description}");
    }
    let mut driver = one(&format!("${{#propertiesFromUrl('{A}').b}}"));
    driver.read(A, Ok("a=1\nb = two"));
    assert_eq!(instructions(&driver), "two");
}

#[test]
fn each_stage_reads_for_itself() {
    let text = format!("${{#fromUrl('{A}')}}");
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "wait", "comments": text},
        {"refId": "2", "type": "wait", "comments": text, "requisiteStageRefIds": ["1"]}]}));
    driver.read(A, Ok("before"));
    driver.read(A, Ok("after"));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("1").context["comments"], "before");
    assert_eq!(driver.stage("2").context["comments"], "after");
}

#[test]
fn under_v3_addresses_are_read_when_the_pipeline_is_submitted() {
    let text = format!("${{#fromUrl('{A}')}}");
    let mut driver = Driver::start(json!({"spelEvaluator": "v3", "stages": [
        {"refId": "1", "type": "wait", "waitTime": 20},
        {"refId": "2", "type": "wait", "comments": text, "requisiteStageRefIds": ["1"]}]}));
    assert_eq!(driver.status(), Status::NotStarted);
    let waits = explain::waits(&driver.state);
    assert!(
        waits[0]
            .sentence
            .contains("read http://x.io for an expression"),
        "{waits:?}"
    );
    driver.read(A, Ok("frozen"));
    assert_eq!(driver.status(), Status::Running);
    assert_eq!(driver.stage("2").context["comments"], "frozen");
    assert!(driver.state.book.asked.is_empty());
    driver.advance(20_000);
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn a_trigger_may_need_an_address_and_the_rest_sees_what_came_of_it() {
    let config = json!({"name": "deploy ${trigger.parameters.version}",
        "parameterConfig": [{"name": "version", "default": format!("${{#fromUrl('{A}')}}")}],
        "stages": [{"refId": "1", "type": "wait", "comments": "${parameters.version}"}]});
    for evaluator in ["v3", "v4"] {
        let mut config = config.clone();
        config["spelEvaluator"] = json!(evaluator);
        let mut driver = Driver::start(config);
        assert_eq!(driver.status(), Status::NotStarted);
        driver.read(A, Ok("7"));
        assert_eq!(driver.status(), Status::Succeeded);
        assert_eq!(driver.state.doc.name.as_deref(), Some("deploy 7"));
        assert_eq!(driver.stage("1").context["comments"], "7");
    }
}

#[test]
fn a_trigger_whose_address_fails_keeps_its_text() {
    let text = format!("${{#fromUrl('{A}')}}");
    let mut driver = Driver::start_with(
        json!({"stages": [{"refId": "1", "type": "wait"}]}),
        json!({ "note": text }),
    );
    driver.read(A, Err("no"));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.state.doc.trigger["note"], text);
}

#[test]
fn cancelling_ends_the_question() {
    for evaluator in ["v3", "v4"] {
        let mut driver = Driver::start(json!({"spelEvaluator": evaluator, "stages": [
            {"refId": "1", "type": "wait", "comments": format!("${{#fromUrl('{A}')}}")}]}));
        let attempt = driver.attempt("readAddress");
        driver.change(cancel());
        assert_eq!(driver.status(), Status::Canceled);
        assert!(!driver.state.is_live());
        assert!(driver.state.book.asked.is_empty());
        assert!(driver.is_stale(attempt, read_outcome(Ok("late"))));
    }
}

#[test]
fn a_running_task_may_ask_and_its_time_may_run_out() {
    let variables = json!([{"key": "a", "value": format!("${{#fromUrl('{A}')}}")}, {"key": "b", "value": "${a}!"}]);
    let config = json!({"stages": [{"refId": "1", "type": "evaluateVariables", "stageTimeoutMs": 60_000, "variables": variables}]});
    let mut driver = Driver::start(config.clone());
    assert_eq!(driver.stage("1").status, Status::Running);
    driver.read(A, Ok("x"));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.stage("1").outputs["b"], "x!");
    let mut driver = Driver::start(config);
    let attempt = driver.attempt("readAddress");
    driver.advance(60_000);
    assert_eq!(driver.status(), Status::Terminal);
    assert!(driver.is_stale(attempt, read_outcome(Ok("late"))));
}

#[test]
fn a_pause_keeps_the_answer_until_the_resume() {
    let mut driver = one(&format!("${{#fromUrl('{A}')}}"));
    driver.change(Change::Pause { user: "ann".into() });
    if driver.status() == Status::Paused {
        driver.read(A, Ok("x"));
        assert_eq!(driver.stage("1").status, Status::NotStarted);
        driver.change(Change::Resume { user: "ann".into() });
    }
    assert_eq!(instructions(&driver), "x");
}

#[test]
fn whether_a_stage_runs_may_depend_on_an_address() {
    let config = json!({"stages": [{"refId": "1", "type": "wait",
        "stageEnabled": {"type": "expression", "expression": format!("#fromUrl('{A}') == 'yes'")}}]});
    for (body, status) in [("yes", Status::Succeeded), ("no", Status::Skipped)] {
        let mut driver = Driver::start(config.clone());
        driver.read(A, Ok(body));
        assert_eq!(driver.stage("1").status, status);
    }
}

#[test]
fn time_stands_still_until_all_answers_are_there() {
    let mut driver = one(
        "${#fromUrl('http://x.io/?at=' + new java.util.Date().getTime() + '&r=' + new java.util.Random().nextInt())}",
    );
    let asked = driver.reads();
    driver.advance(5_000);
    driver.read(&asked[0], Ok("once"));
    assert_eq!(instructions(&driver), "once");
}

#[test]
fn a_failed_task_asks_again_in_the_next_one() {
    let text = format!("${{#fromUrl('{A}')}}");
    let mut driver = Driver::start(json!({"stages": [
        {"refId": "1", "type": "webhook", "url": "http://y.io", "waitForCompletion": true, "comments": text}]}));
    driver.read(A, Err("no"));
    driver.succeed("1");
    driver.read(A, Ok("now"));
    assert_eq!(driver.stage("1").context["comments"], "now");
    assert!(
        driver
            .stage("1")
            .context
            .get("expressionEvaluationSummary")
            .is_none()
    );
    assert_eq!(
        driver.message(driver.attempt("monitorWebhook")).input["comments"],
        "now"
    );
}

#[test]
fn no_stage_asks_for_ever() {
    let rules = Rules {
        lookups_max: 3,
        ..Rules::default()
    };
    let text = "${{1, 2, 3, 4, 5}.![#fromUrl('http://x.io/' + #this)]}";
    let config =
        json!({"stages": [{"refId": "1", "type": "manualJudgment", "instructions": text}]});
    let mut driver = Driver::start_by(config, json!({}), rules);
    for number in 1..=3 {
        driver.read(&format!("http://x.io/{number}"), Ok("x"));
    }
    assert_eq!(driver.reads(), [""; 0]);
    let summary = driver.stage("1").context["expressionEvaluationSummary"].to_string();
    assert!(
        summary.contains("the expressions of this stage need more than 3 addresses"),
        "{summary}"
    );
    let mut driver = one(&format!(
        "${{#fromUrl('http://x.io/' + '{}'.replaceAll('x', 'xxxxxxxxxx'))}}",
        "x".repeat(900)
    ));
    let summary = driver.stage("1").context["expressionEvaluationSummary"].to_string();
    assert!(
        summary.contains("the address is longer than 8192 bytes"),
        "{summary}"
    );
    driver.change(cancel());
}

#[test]
fn a_text_that_is_too_large_for_the_context_fails_the_stage() {
    let text = format!("${{#fromUrl('{A}').length()}}");
    let mut driver = one(&text);
    driver.read(A, Ok(&"x".repeat(100_000)));
    assert_eq!(instructions(&driver), json!(100_000));
    let rules = Rules {
        context_bytes_max: 384 * 1024,
        ..Rules::default()
    };
    let text = format!("${{#fromUrl('{A}')}}");
    let config =
        json!({"stages": [{"refId": "1", "type": "manualJudgment", "instructions": text}]});
    let mut driver = Driver::start_by(config, json!({}), rules);
    driver.read(A, Ok(&"x".repeat(400_000)));
    assert_eq!(driver.status(), Status::Terminal);
    let error = driver.stage("1").context["exception"]["details"]["errors"][0].clone();
    assert_eq!(
        error,
        "with its expressions evaluated the context of the stage takes 390 KiB; the limit is 384 KiB"
    );
}

#[test]
fn the_answers_of_a_stage_have_a_budget() {
    let rules = Rules {
        lookup_bytes_max: 100,
        ..Rules::default()
    };
    let text = format!("${{#fromUrl('{A}').length() + #fromUrl('{B}').length()}}");
    let config =
        json!({"stages": [{"refId": "1", "type": "manualJudgment", "instructions": text}]});
    let mut driver = Driver::start_by(config, json!({}), rules);
    driver.read(A, Ok(&"x".repeat(60)));
    driver.read(B, Ok(&"x".repeat(60)));
    let summary = driver.stage("1").context["expressionEvaluationSummary"].to_string();
    assert!(summary.contains("would take more than 0 KiB"), "{summary}");
}

#[test]
fn some_stages_keep_fields_from_evaluation_under_v4_only() {
    let config = |evaluator: &str| {
        json!({"spelEvaluator": evaluator, "stages": [{"refId": "1", "type": "deployManifest", "skipExpressionEvaluation": true,
            "comments": "${1 + 1}", "manifests": [{"a": "${1 + 1}"}]}]})
    };
    let driver = Driver::start(config("v4"));
    assert_eq!(driver.stage("1").context["comments"], json!(2));
    assert_eq!(
        driver.stage("1").context["manifests"],
        json!([{"a": "${1 + 1}"}])
    );
    let driver = Driver::start(config("v3"));
    assert_eq!(driver.stage("1").context["manifests"], json!([{"a": 2}]));
}
