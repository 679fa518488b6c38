//! Whatever clients send: a clear answer in Gate's envelope, no panic in the log, and a server that goes on.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_tests::gate::{Gate, outline, text};
use gennaker_tests::http::{Answer, segment, send};
use gennaker_tests::installation::Dev;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
const APPLICATION: &str = "strange";

/// Names become subjects of the broker, keys, and paths.
const NAMES: [&str; 16] = [
    "a/b",
    "../up",
    "dots.and.more",
    ".",
    "..",
    "quote\"s'",
    "two  spaces",
    " ends ",
    "ünï✓cödé 漢字 🚀",
    "*",
    ">",
    "a.>",
    "$JS.API",
    "50%",
    "%2F",
    "tab\tand\\back",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_a_clear_refusal() {
    let dev = Dev::start().await;
    let gate = dev.gate;
    gate.save_application(APPLICATION).await;
    let wait = json!({"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": 0});
    gate.save_pipeline(&json!({"application": APPLICATION, "name": "good", "stages": [wait]}))
        .await;

    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = json!({"application": APPLICATION, "name": "large", "stages": [], "description": "x".repeat(2 << 20)}).to_string();
    let start = |stages: Value| {
        json!({"application": APPLICATION, "name": "ad hoc", "stages": stages}).to_string()
    };
    let save = |stages: Value| {
        json!({"application": APPLICATION, "name": "bad", "stages": stages}).to_string()
    };
    let many: Vec<Value> = (0..5_000).map(|number| json!({"refId": number.to_string(), "type": "wait", "requisiteStageRefIds": []})).collect();
    let table: Vec<(&str, &str, String)> = vec![
        // Malformed JSON, and JSON of the wrong kind.
        ("POST", "/pipelines", "{".to_owned()),
        ("POST", "/pipelines", "{\"a\": 1,}".to_owned()),
        ("POST", "/pipelines", "nonsense".to_owned()),
        ("POST", "/pipelines", "\u{feff}{}".to_owned()),
        ("POST", "/pipelines", "[]".to_owned()),
        ("POST", "/pipelines", "7".to_owned()),
        ("POST", "/pipelines", String::new()),
        ("POST", "/pipelines", "null".to_owned()),
        ("POST", "/tasks", "{\"job\"".to_owned()),
        ("POST", "/tasks", "[1, 2]".to_owned()),
        ("POST", "/pipelines/strange/good", "[".to_owned()),
        ("POST", "/pipelines/strange/good", "[]".to_owned()),
        ("POST", "/pipelines/start", "{}".to_owned()),
        ("POST", "/webhooks/webhook/source", "{\"a\":".to_owned()),
        // Deep and large.
        ("POST", "/pipelines", deep.clone()),
        ("POST", "/tasks", deep.clone()),
        ("POST", "/pipelines/strange/good", deep.clone()),
        ("POST", "/webhooks/webhook/source", deep),
        ("POST", "/pipelines", large),
        // What is only started may be larger, up to the limit of bodies.
        (
            "POST",
            "/pipelines/start",
            json!({"application": APPLICATION, "name": "large", "stages": [], "description": "x".repeat(17 << 20)}).to_string(),
        ),
        (
            "POST",
            "/webhooks/webhook/source",
            format!("{{\"a\": \"{}\"}}", "x".repeat(2 << 20)),
        ),
        ("POST", "/pipelines/start", start(many.into())),
        // Wrong types.
        (
            "POST",
            "/pipelines",
            json!({"application": 7, "name": "x"}).to_string(),
        ),
        (
            "POST",
            "/pipelines",
            json!({"application": APPLICATION, "name": ["x"]}).to_string(),
        ),
        (
            "POST",
            "/pipelines",
            json!({"application": APPLICATION}).to_string(),
        ),
        (
            "POST",
            "/pipelines",
            json!({"application": APPLICATION, "name": "x", "id": 7}).to_string(),
        ),
        ("POST", "/pipelines", save(json!("none"))),
        ("POST", "/pipelines/start", start(json!("none"))),
        ("POST", "/pipelines/start", start(json!([7]))),
        (
            "POST",
            "/pipelines/start",
            start(json!([{"refId": "1", "requisiteStageRefIds": []}])),
        ),
        (
            "POST",
            "/pipelines/start",
            start(json!([{"refId": "1", "requisiteStageRefIds": "2", "type": ["wait"]}])),
        ),
        (
            "POST",
            "/pipelines/strange/good",
            json!({"parameters": [1]}).to_string(),
        ),
        (
            "POST",
            "/pipelines/strange/good",
            json!({"type": 7}).to_string(),
        ),
        (
            "POST",
            "/tasks",
            json!({"application": APPLICATION}).to_string(),
        ),
        (
            "POST",
            "/tasks",
            json!({"application": APPLICATION, "job": {}}).to_string(),
        ),
        (
            "POST",
            "/tasks",
            json!({"application": APPLICATION, "job": [{}]}).to_string(),
        ),
        (
            "POST",
            "/tasks",
            json!({"application": {}, "job": [{"type": "wait"}]}).to_string(),
        ),
        // Unknown things.
        (
            "GET",
            "/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            String::new(),
        ),
        ("GET", "/pipelines/%2E%2E%2F%2A%20%22", String::new()),
        ("GET", "/tasks/01ARZ3NDEKTSV4RRFFQ69G5FAV", String::new()),
        ("GET", "/applications/nobody", String::new()),
        (
            "GET",
            "/applications/strange/pipelineConfigs/nobody/more",
            String::new(),
        ),
        ("POST", "/pipelines/strange/nobody", "{}".to_owned()),
        ("POST", "/pipelines/nobody/nothing", "{}".to_owned()),
        (
            "PUT",
            "/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel",
            String::new(),
        ),
        (
            "PATCH",
            "/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV/stages/x",
            "{}".to_owned(),
        ),
        (
            "DELETE",
            "/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV",
            String::new(),
        ),
        ("GET", "/v2/executions/nobody/why", String::new()),
        ("GET", "/no/such/path", String::new()),
        // Wrong methods and queries.
        ("DELETE", "/version", String::new()),
        ("PUT", "/tasks", "{}".to_owned()),
        ("BREW", "/pipelines", String::new()),
        (
            "GET",
            "/applications/strange/pipelines?limit=many",
            String::new(),
        ),
        (
            "GET",
            "/applications/strange/pipelines?statuses=LOST",
            String::new(),
        ),
        (
            "GET",
            "/executions?pipelineConfigIds=a&executionIds=b",
            String::new(),
        ),
        ("GET", "/v2/feed?topics=nonsense", String::new()),
        ("GET", "/applications/%FF%FE", String::new()),
    ];
    for (method, path, body) in table {
        let answer = send(
            gate.address,
            method,
            path,
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
        .await;
        let shown = format!(
            "{method} {path} {}",
            body.chars().take(100).collect::<String>()
        );
        let answer = answer.unwrap_or_else(|error| panic!("{shown} gets no answer: {error}"));
        check_refusal(&answer, &shown);
    }
    // Headers, too.
    let foreign = [("Host", "evil.example")];
    let two = [("Host", "127.0.0.1"), ("Host", "evil.example")];
    let origin = [("Origin", "http://evil.example")];
    let empty = [("Idempotency-Key", "")];
    let long = "x".repeat(1_000);
    let long = [("Idempotency-Key", long.as_str())];
    for headers in [&foreign[..], &two, &origin, &empty, &long] {
        let answer = send(
            gate.address,
            "POST",
            "/pipelines/strange/good",
            headers,
            b"{}",
        )
        .await
        .unwrap();
        check_refusal(&answer, &format!("{headers:?}"));
    }
    let raw = send(
        gate.address,
        "GET",
        "/pipelines/bad path HTTP/9.9",
        &[],
        b"",
    )
    .await;
    assert!(raw.is_err() || raw.is_ok_and(|answer| (400..500).contains(&answer.status)));
    // Nothing of it hurt.
    let id = gate.start(APPLICATION, "good", "good-1").await;
    assert_eq!(gate.wait_for_end(&id, WITHIN).await["status"], "SUCCEEDED");
    gate.wait_healthy().await;
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_names_work_or_are_refused() {
    let dev = Dev::start().await;
    let gate = dev.gate;
    gate.save_application(APPLICATION).await;
    for (number, name) in NAMES.into_iter().enumerate() {
        // As a pipeline.
        let stages = json!([
            {"refId": name, "requisiteStageRefIds": [], "type": "wait", "name": name, "waitTime": 0},
            {"refId": "last", "requisiteStageRefIds": [name], "type": "noop", "name": name, "pool": "notify"},
        ]);
        let pipeline = json!({"application": APPLICATION, "name": name, "stages": stages});
        let saved = gate.call("POST", "/pipelines", Some(&pipeline), None).await;
        if !saved.is_success() {
            check_refusal(&saved, name);
            continue;
        }
        let execution = gate
            .start(APPLICATION, name.trim(), &format!("name-{number}"))
            .await;
        let ended = gate.wait_for_end(&execution, WITHIN).await;
        assert_eq!(
            ended["status"],
            "SUCCEEDED",
            "{name:?}: {}",
            outline(&ended)
        );
        assert_eq!(text(&ended, "name"), name.trim());
        let path = format!("/pipelines/{APPLICATION}/{}", segment(name.trim()));
        gate.ask("DELETE", &path, None, None).await;
        let gone = gate.call("POST", &path, Some(&json!({})), None).await;
        assert_eq!(
            gone.status,
            404,
            "{name:?} can be started after its deletion: {}",
            gone.text()
        );
    }
    for name in NAMES {
        // As an application, a stage, and the source of a webhook.
        let start = json!({"application": name, "name": name, "stages": [
            {"refId": "1", "requisiteStageRefIds": [], "type": "noop", "name": name, "pool": "notify"},
        ]});
        let started = gate
            .call("POST", "/pipelines/start", Some(&start), None)
            .await;
        if started.is_success() {
            let reference = started.json()["ref"].as_str().unwrap().to_owned();
            let ended = gate
                .wait_for_end(reference.trim_start_matches("/pipelines/"), WITHIN)
                .await;
            assert_eq!(
                ended["status"],
                "SUCCEEDED",
                "{name:?}: {}",
                outline(&ended)
            );
        } else {
            check_refusal(&started, name);
        }
        let path = format!("/webhooks/webhook/{}", segment(name));
        let heard = gate.call("POST", &path, Some(&json!({"a": 1})), None).await;
        assert!(
            heard.is_success() || (400..500).contains(&heard.status),
            "{name:?}: {} {}",
            heard.status,
            heard.text()
        );
        let path = format!("/applications/{}/pipelines?limit=1", segment(name));
        let listed = gate.call("GET", &path, None, None).await;
        assert!(
            listed.is_success() || (400..500).contains(&listed.status),
            "{name:?}: {} {}",
            listed.status,
            listed.text()
        );
    }
    gate.wait_healthy().await;
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_graphs_fail_and_say_why() {
    let dev = Dev::start().await;
    let gate = dev.gate;
    let stage = |reference: &str, after: &[&str], kind: &str| json!({"refId": reference, "requisiteStageRefIds": after, "type": kind, "name": reference, "waitTime": 0});
    let cases = [
        (
            "a cycle",
            vec![stage("1", &["2"], "wait"), stage("2", &["1"], "wait")],
        ),
        ("a stage after itself", vec![stage("1", &["1"], "wait")]),
        ("an unknown requisite", vec![stage("1", &["9"], "wait")]),
        (
            "the same reference twice",
            vec![stage("1", &[], "wait"), stage("1", &[], "wait")],
        ),
        ("an unknown type", vec![stage("1", &[], "noSuchStage")]),
    ];
    for (what, stages) in cases {
        let start = json!({"application": APPLICATION, "name": what, "stages": stages});
        let started = gate
            .call("POST", "/pipelines/start", Some(&start), None)
            .await;
        if started.is_success() {
            let reference = started.json()["ref"].as_str().unwrap().to_owned();
            let ended = gate
                .wait_for_end(reference.trim_start_matches("/pipelines/"), WITHIN)
                .await;
            assert_eq!(ended["status"], "TERMINAL", "{what}: {}", outline(&ended));
        } else {
            check_refusal(&started, what);
        }
    }
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_stages_run() {
    let dev = Dev::start().await;
    let gate = dev.gate;
    // Ten rows of a hundred beside each other, with a join between two rows; some by workers.
    let reference = |row: usize, column: usize| format!("{row}-{column}");
    let mut stages = Vec::new();
    for row in 0..10 {
        let after: Vec<String> = if row == 0 {
            Vec::new()
        } else {
            vec![reference(row - 1, 99)]
        };
        for column in 0..99 {
            let kind = if column % 10 == 0 {
                json!({"type": "noop", "pool": "notify"})
            } else {
                json!({"type": "wait", "waitTime": 0})
            };
            let mut stage = json!({"refId": reference(row, column), "requisiteStageRefIds": after, "name": "Step"});
            stage
                .as_object_mut()
                .unwrap()
                .extend(kind.as_object().unwrap().clone());
            stages.push(stage);
        }
        let all: Vec<String> = (0..99).map(|column| reference(row, column)).collect();
        stages.push(json!({"refId": reference(row, 99), "requisiteStageRefIds": all, "name": "Join", "type": "wait", "waitTime": 0}));
    }
    assert_eq!(stages.len(), 1_000);
    let pipeline = json!({"application": APPLICATION, "name": "thousand", "stages": stages});
    let id = start_unsaved(gate, &pipeline).await;
    let ended = gate.wait_for_end(&id, WITHIN).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", outline(&ended));
    let stages = ended["stages"].as_array().unwrap();
    assert!(
        stages.len() == 1_000 && stages.iter().all(|stage| stage["status"] == "SUCCEEDED"),
        "{}",
        outline(&ended)
    );
    dev.check();
}

async fn start_unsaved(gate: Gate, pipeline: &Value) -> String {
    let started = gate
        .ask("POST", "/pipelines/start", Some(pipeline), None)
        .await;
    started["ref"]
        .as_str()
        .unwrap()
        .trim_start_matches("/pipelines/")
        .to_owned()
}

/// A 4xx in Gate's envelope that says what is wrong.
fn check_refusal(answer: &Answer, what: &str) {
    let shown = format!("{what}: {} {}", answer.status, answer.text());
    assert!((400..500).contains(&answer.status), "{shown}");
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{shown}");
    if answer.headers.get("content-type").map(String::as_str) == Some("application/problem+json") {
        // A path that nobody has: Spring's problem detail, as in Gate.
        assert!(
            answer.status == 404 && !text(&body, "detail").is_empty(),
            "{shown}"
        );
        return;
    }
    for field in ["error", "exception", "message", "timestamp"] {
        assert!(
            !text(&body, field).is_empty(),
            "{field} is missing in {shown}"
        );
    }
}
