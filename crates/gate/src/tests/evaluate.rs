//! Expressions, tried on an execution.

use gennaker_engine::Rules;
use gennaker_expressions::{Limits, TimeZone};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Fixture, Got, request};
use crate::Config;

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const TASK: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

/// A gate with an execution of three stages: `Build`, then `Test`, then `Deploy`, which runs.
async fn fixture() -> Fixture {
    with(Rules::default(), "v4").await
}

async fn with(rules: Rules, version: &str) -> Fixture {
    let config = Config {
        rules,
        ..Config::default()
    };
    let mut fixture = Fixture::with(config).await;
    for partition in 0..super::PARTITIONS {
        fixture.serve(partition).await;
    }
    let stage = |ref_id: &str,
                 after: Value,
                 name: &str,
                 status: &str,
                 context: Value,
                 outputs: Value| {
        json!({"id": format!("S{ref_id}"), "refId": ref_id, "requisiteStageRefIds": after, "type": "wait", "name": name,
               "status": status, "context": context, "outputs": outputs, "tasks": []})
    };
    let execution = json!({
        "type": "PIPELINE", "id": ID, "application": "demo", "name": "deploy", "buildTime": super::NOW,
        "status": "RUNNING", "spelEvaluator": version, "authentication": {"user": "anna"},
        "trigger": {"type": "manual", "user": "anna", "parameters": {"env": "prod"}},
        "stages": [
            stage("1", json!([]), "Build", "SUCCEEDED", json!({"waitTime": 1}), json!({"image": "app:7", "n": 3})),
            stage("2", json!(["1"]), "Test", "FAILED_CONTINUE", json!({}), json!({})),
            stage("3", json!(["2"]), "Deploy", "RUNNING", json!({"own": "x", "text": "${own}"}), json!({})),
        ],
    });
    let task = json!({
        "type": "ORCHESTRATION", "id": TASK, "application": "demo", "buildTime": super::NOW, "status": "SUCCEEDED",
        "stages": [], "authentication": {"user": "anna"}, "trigger": {},
    });
    for document in [execution, task] {
        let id = document["id"].as_str().unwrap().to_owned();
        let document = serde_json::from_value(document).unwrap();
        fixture
            .owner
            .lock()
            .unwrap()
            .executions
            .insert(id, document);
    }
    fixture
}

async fn ask(fixture: &Fixture, stage: &str, expression: &str) -> Value {
    let encoded = utf8_percent_encode(expression, NON_ALPHANUMERIC);
    let stage = match stage {
        "" => String::new(),
        stage => format!("/{stage}"),
    };
    let path = format!("/pipelines/{ID}{stage}/evaluateExpression?expression={encoded}");
    fixture.ok("GET", &path, Value::Null).await
}

async fn post(fixture: &Fixture, path: &str, kind: &str, body: &str) -> Got {
    let headers = [("Content-Type", kind)];
    fixture.send(request("POST", path, &headers, body)).await
}

#[tokio::test(start_paused = true)]
async fn an_expression_sees_the_execution_and_its_trigger() {
    let fixture = fixture().await;
    for (expression, result) in [
        ("${execution.id}", json!(ID)),
        ("${trigger.parameters}", json!({"env": "prod"})),
        ("${parameters.env}-${execution.name}", json!("prod-deploy")),
        ("${#stage('Build').outputs.n + 1}", json!(4)),
        ("${#stage('Test').status == 'FAILED_CONTINUE'}", json!(true)),
        (
            "${execution.stages.![name]}",
            json!(["Build", "Test", "Deploy"]),
        ),
        ("${#currentUser()}", json!("anna")),
        ("no expression", json!("no expression")),
    ] {
        assert_eq!(
            ask(&fixture, "", expression).await,
            json!({"result": result, "detail": null}),
            "{expression}"
        );
    }
    // An output is not visible by its name alone: there is no stage whose ancestor it came from.
    let mut unknown = ask(&fixture, "", "${image}").await;
    let entry = unknown["detail"]["image"][0].as_object_mut().unwrap();
    assert!(entry.shift_remove("timestamp").unwrap().as_i64() >= Some(super::NOW));
    assert_eq!(
        unknown,
        json!({"result": "${image}", "detail": {"image": [{
            "level": "INFO", "description": "Failed to evaluate [expression] : image not found",
        }]}})
    );
    let wrong = ask(&fixture, "", "${#stage('Bulid').id}").await;
    assert_eq!(wrong["result"], "${#stage('Bulid').id}");
    let entries = wrong["detail"].as_object().unwrap();
    let entry = &entries.values().next().unwrap()[0];
    assert_eq!(entry["level"], "ERROR");
    let said = entry["description"].as_str().unwrap();
    assert!(
        said.starts_with("Failed to evaluate [expression] "),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_expression_in_a_stage_sees_what_the_stage_sees() {
    let fixture = fixture().await;
    for (stage, expression, result) in [
        ("S3", "${image}", json!("app:7")),
        ("3", "${own}${n}", json!("x3")),
        ("S3", "${text}", json!("${own}")),
        ("S2", "${own}", json!("${own}")),
        ("S1", "${waitTime}", json!(1)),
        ("S3", "${#currentStage().name}", json!("Deploy")),
    ] {
        let got = ask(&fixture, stage, expression).await;
        assert_eq!(got["result"], result, "{stage} {expression}");
    }
    let gone = format!("/pipelines/{ID}/S9/evaluateExpression?expression=x");
    assert_eq!(
        fixture.get(&gone).await.problem(),
        (404, "Stage not found (id: S9)".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn documents_are_looked_up_and_addresses_are_not() {
    let fixture = fixture().await;
    let child = json!({"application": "demo", "name": "child", "id": "child-id"});
    fixture.ok("POST", "/pipelines", child).await;
    let got = ask(
        &fixture,
        "",
        "${#pipelineId('child')} ${#pipelineIdOrNull('none') == null} ${#pipelineIdInApplication('child', 'demo')}",
    )
    .await;
    assert_eq!(
        got,
        json!({"result": "child-id true child-id", "detail": null})
    );
    let got = ask(&fixture, "S3", "${#fromUrl('https://example.com/x')}").await;
    assert_eq!(got["result"], "${#fromUrl('https://example.com/x')}");
    assert!(
        got.to_string()
            .contains("addresses are fetched only while a pipeline runs"),
        "{got}"
    );
    let many = |count: usize| -> String {
        (0..count)
            .map(|n| format!("${{#pipelineIdOrNull('p{n}') == null}}"))
            .collect()
    };
    let got = ask(&fixture, "", &many(30)).await;
    assert_eq!(got["result"], "true".repeat(30));
    let path = format!("/pipelines/{ID}/evaluateExpression");
    let got = post(&fixture, &path, "text/plain", &many(40)).await;
    assert_eq!(
        got.problem(),
        (
            400,
            "The expressions ask for more than 32 things outside the execution".to_owned()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_expression_may_be_posted() {
    let fixture = fixture().await;
    let path = format!("/pipelines/{ID}/evaluateExpression");
    for (kind, body, result) in [
        ("text/plain", "${execution.name}", json!("deploy")),
        (
            "text/plain;charset=UTF-8",
            "größe ${1 + 1}",
            json!("größe 2"),
        ),
        (
            "application/json",
            r#"{"expression": "${1 + 1}"}"#,
            json!(2),
        ),
        (
            "application/json; charset=utf-8",
            r#"{"expression": "x"}"#,
            json!("x"),
        ),
    ] {
        let got = post(&fixture, &path, kind, body).await;
        assert_eq!(
            (got.status.as_u16(), got.json()),
            (200, json!({"result": result, "detail": null})),
            "{body}"
        );
    }
    for (kind, body, message) in [
        ("application/json", "{", "JSON parse error: EOF"),
        (
            "application/json",
            "[]",
            "JSON parse error: an object is expected",
        ),
        ("application/json", "{}", "The body has no expression"),
        (
            "application/json",
            r#"{"expression": 7}"#,
            "expression must be a string",
        ),
        ("text/plain", "", "The body has no expression"),
    ] {
        let (status, said) = post(&fixture, &path, kind, body).await.problem();
        assert!(status == 400 && said.starts_with(message), "{body}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tried_is_refused() {
    let fixture = fixture().await;
    let at = |id: &str| format!("/pipelines/{id}/evaluateExpression");
    for id in ["gone", TASK, "01ARZ3NDEKTSV4RRFFQ69G5FAA"] {
        assert_eq!(
            fixture
                .get(&format!("{}?expression=x", at(id)))
                .await
                .problem(),
            (404, format!("Pipeline not found (id: {id})"))
        );
    }
    assert_eq!(
        fixture.get(&at(ID)).await.problem(),
        (
            400,
            "Required request parameter 'expression' for method parameter type String is not present".to_owned()
        )
    );
    assert_eq!(fixture.call("PUT", &at(ID), "x").await.problem().0, 405);
    assert_eq!(fixture.call("PATCH", &at(ID), "x").await.problem().0, 405);
    let large = format!("${{'{}'}}", "x".repeat((1 << 20) - 5));
    let (status, said) = post(&fixture, &at(ID), "text/plain", &large)
        .await
        .problem();
    assert_eq!(
        (status, said.as_str()),
        (
            413,
            "What is to be evaluated has 1048578 bytes, more than the limit of 65536"
        )
    );
    let many = "${1}".repeat(201);
    let (status, said) = post(&fixture, &at(ID), "text/plain", &many).await.problem();
    assert_eq!(
        (status, said.as_str()),
        (
            400,
            "At most 200 expressions can be evaluated at once, not 201"
        )
    );
    let sequence: String = "${#pipelineIdOrNull('x').".to_owned();
    let got = post(&fixture, &at(ID), "text/plain", &sequence).await;
    assert_eq!(
        (got.status.as_u16(), got.json()["result"].clone()),
        (200, json!(sequence))
    );
}

#[tokio::test(start_paused = true)]
async fn zone_and_limits_are_those_of_the_settings() {
    let rules = Rules {
        zone: TimeZone::get("America/Los_Angeles").unwrap(),
        limits: Limits {
            nesting_max: 64,
            expression_chars_max: 300,
            ..Limits::default()
        },
        ..Rules::default()
    };
    let fixture = with(rules, "v4").await;
    let got = ask(
        &fixture,
        "",
        "${T(java.time.LocalDateTime).now().toString()}",
    )
    .await;
    let local = got["result"].as_str().unwrap();
    assert!(local.starts_with("2026-08-20T03:11:12."), "{local}");
    // The deepest that settings allow, on a thread of the usual size.
    let nested = format!("${{{}1{}}}", "(".repeat(60), ")".repeat(60));
    assert_eq!(ask(&fixture, "", &nested).await["result"], 1);
    let deeper = format!("${{{}1{}}}", "(".repeat(70), ")".repeat(70));
    assert!(ask(&fixture, "", &deeper).await["detail"].is_object());
    let long = format!("${{'{}'}}", "x".repeat(300));
    let got = ask(&fixture, "", &long).await;
    assert!(got["detail"].to_string().contains("EL1079E"), "{got}");
}

#[tokio::test(start_paused = true)]
async fn variables_are_evaluated_in_order_as_the_stage_would() {
    let fixture = fixture().await;
    let body = json!([
        {"key": "tag", "value": "${image}-${parameters.env}", "description": "from ${#stage('Build').name}"},
        {"key": "again", "value": "${tag}!"},
        {"key": "list", "value": ["${tag}"]},
        {"key": "none", "value": "${nothing}"},
    ]);
    let path = |query: &str| format!("/pipelines/ignored/evaluateVariables?{query}");
    let asked = format!("executionId={ID}&requisiteStageRefIds=2");
    let got = fixture.ok("POST", &path(&asked), body.clone()).await;
    assert_eq!(
        got["result"],
        json!([
            {"key": "tag", "value": "app:7-prod", "sourceValue": "{image}-{parameters.env}", "description": "from Build"},
            {"key": "again", "value": "app:7-prod!", "sourceValue": "{tag}!"},
            {"key": "list", "value": ["${tag}"]},
            {"key": "none", "value": "${nothing}", "sourceValue": "{nothing}"},
        ])
    );
    let failed: Vec<&String> = got["detail"].as_object().unwrap().keys().collect();
    assert_eq!(failed, ["nothing"]);
    // Under v3 all are evaluated together, lists too, and none sees another.
    let together = format!("{asked}&spelVersion=v3");
    let got = fixture.ok("POST", &path(&together), body.clone()).await;
    assert_eq!(got["result"][0]["value"], "app:7-prod");
    assert_eq!(got["result"][1]["value"], "${tag}!");
    // Behind nothing, outputs are not in reach; a variable that fails in part stays as a whole.
    let alone = format!("executionId={ID}");
    let got = fixture.ok("POST", &path(&alone), body).await;
    assert_eq!(got["result"][0]["value"], "${image}-${parameters.env}");

    for (query, body, status, message) in [
        ("", "[]", 400, "Required request parameter 'executionId'"),
        (
            "executionId=gone",
            "[]",
            404,
            "Pipeline not found (id: gone)",
        ),
        (
            &*format!("executionId={ID}&spelVersion=v9"),
            "[]",
            400,
            "SpEL evaluator version 'v9' is not supported, there are v2, v3, v4",
        ),
        (&*alone, "{}", 400, "JSON parse error: a list of"),
        (&*alone, "", 400, "JSON parse error: a list of"),
        (&*alone, "[1]", 400, "JSON parse error: [0] is no object"),
        (&*alone, "[", 400, "JSON parse error: EOF"),
        (
            &*alone,
            &*format!("[{}]", vec!["{}"; 201].join(",")),
            400,
            "At most 200 variables",
        ),
        (
            &*alone,
            &*json!([{"key": "k", "value": "${1}".repeat(300)}]).to_string(),
            400,
            "At most 200 expressions",
        ),
    ] {
        let (got, said) = fixture.call("POST", &path(query), body).await.problem();
        assert!(
            got == status && said.starts_with(message),
            "{query} {body}: {said}"
        );
    }
    assert_eq!(fixture.get(&path(&alone)).await.problem().0, 405);
}

#[tokio::test(start_paused = true)]
async fn editors_are_told_what_there_is() {
    let fixture = fixture().await;
    let told = fixture
        .ok("GET", "/capabilities/expressions", Value::Null)
        .await;
    let functions = told["functions"].as_array().unwrap();
    assert_eq!(functions.len(), gennaker_expressions::functions().count());
    let stage = functions.iter().find(|it| it["name"] == "stage").unwrap();
    assert_eq!(stage["parameters"].as_array().unwrap().len(), 1);
    assert!(!stage["description"].as_str().unwrap().is_empty());
    let versions: Vec<_> = told["spelEvaluators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["versionKey"].clone(), it["deprecated"].clone()))
        .collect();
    assert_eq!(
        versions,
        [("v2", true), ("v3", false), ("v4", false)].map(|(key, old)| (json!(key), json!(old)))
    );
    let monitors = fixture.get("/capabilities/deploymentMonitors").await;
    assert_eq!(monitors.body, "[]");
}
