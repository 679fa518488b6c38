//! What is said about the expressions of a pipeline that is saved.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Fixture, Got};

fn pipeline() -> Value {
    json!({"application": "demo", "name": "größe", "id": "deploy", "stages": [
        {"refId": "1", "name": "Build", "type": "wait", "requisiteStageRefIds": []},
        {"refId": "2", "name": "Ünü", "type": "wait", "comments": "is ${#stage('Bulid').status} ${#nope()}",
         "requisiteStageRefIds": ["1"]},
    ]})
}

fn header(got: &Got) -> Value {
    let header = got.headers["gennaker-warnings"].to_str().unwrap();
    assert!(header.len() < 4_000);
    serde_json::from_str(header).unwrap()
}

/// The first warning about [`pipeline`].
fn first() -> Value {
    json!({"stage": {"refId": "2", "name": "Ünü"}, "path": "/stages/1/comments", "position": 12, "severity": "error",
           "message": "there is no stage 'Bulid', did you mean \"Build\"?", "suggestion": "Build"})
}

#[tokio::test(start_paused = true)]
async fn a_save_warns_and_goes_on() {
    let fixture = Fixture::new().await;
    let saved = fixture
        .call("POST", "/pipelines", &pipeline().to_string())
        .await;
    assert_eq!((saved.status.as_u16(), saved.body.as_str()), (200, ""));
    let told = header(&saved);
    assert_eq!(
        (&told["count"], &told["warnings"][0]),
        (&json!(2), &first())
    );
    // The task shows them, and nothing in them can be evaluated.
    let task = fixture
        .ok("GET", "/applications/demo/tasks", Value::Null)
        .await;
    let variables = task[0]["execution"]["stages"][0]["context"].clone();
    let job = fixture.owner.lock().unwrap().starts()[0].config["stages"][0].clone();
    assert_eq!(job["pipeline.warnings"][0], first());
    assert!(!job["pipeline.warnings"].to_string().contains("${"));
    assert!(variables.is_object());

    let updated = fixture
        .call("PUT", "/pipelines/deploy", &pipeline().to_string())
        .await;
    assert_eq!(updated.json()["id"], "deploy");
    assert_eq!(header(&updated)["count"], 2);

    let fine = json!({"application": "demo", "name": "fine", "stages": [{"type": "wait", "x": "${1 + 1}"}]});
    let saved = fixture.call("POST", "/pipelines", &fine.to_string()).await;
    assert_eq!(saved.status, 200);
    assert!(!saved.headers.contains_key("gennaker-warnings"));
    let job = fixture
        .owner
        .lock()
        .unwrap()
        .starts()
        .last()
        .unwrap()
        .config["stages"][0]
        .clone();
    assert!(job.get("pipeline.warnings").is_none());
}

#[tokio::test(start_paused = true)]
async fn tasks_and_bulk_saves_warn_too() {
    let fixture = Fixture::new().await;
    for document in [
        pipeline(),
        json!(BASE64_STANDARD.encode(pipeline().to_string())),
    ] {
        let encoded = document.is_string();
        let task =
            json!({"application": "demo", "job": [{"type": "savePipeline", "pipeline": document}]});
        if !encoded {
            // The owner of these tests reads base64 only; what is told does not depend on it.
            continue;
        }
        let got = fixture.call("POST", "/tasks", &task.to_string()).await;
        assert_eq!(got.status, 200);
        assert_eq!(header(&got)["warnings"][0], first());
    }
    let mut other = pipeline();
    other["name"] = json!("other");
    other["id"] = json!("other");
    let bulk = json!([pipeline(), other]).to_string();
    let got = fixture
        .call("POST", "/pipelines/bulksave?application=demo", &bulk)
        .await;
    assert_eq!(got.json()["successful_pipelines_count"], 2);
    let told = header(&got);
    assert_eq!(told["count"], 4);
    let names: Vec<_> = told["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["pipeline"].clone())
        .collect();
    assert_eq!(names, ["größe", "größe", "other", "other"]);
}

#[tokio::test(start_paused = true)]
async fn many_warnings_do_not_break_a_save() {
    let fixture = Fixture::new().await;
    let stages: Vec<Value> = (0..900)
        .map(|n| {
            json!({"refId": n.to_string(), "type": "wait", "name": format!("stage number {n}"),
                   "x": format!("${{#stage('stage nümber {n}')}}")})
        })
        .collect();
    let large = json!({"application": "demo", "name": "large", "stages": stages});
    let got = fixture.call("POST", "/pipelines", &large.to_string()).await;
    assert_eq!(got.status, 200, "{}", got.body);
    let told = header(&got);
    assert_eq!(told["count"], 900);
    let shown = told["warnings"].as_array().unwrap().len();
    assert!((3..100).contains(&shown), "{shown}");
    let job = fixture.owner.lock().unwrap().starts()[0].config["stages"][0].clone();
    assert!(job["pipeline.warnings"].to_string().len() < 9_000);
}

#[tokio::test(start_paused = true)]
async fn lint_tells_everything_and_stores_nothing() {
    let fixture = Fixture::new().await;
    let told = fixture.ok("POST", "/v2/pipelines/lint", pipeline()).await;
    assert_eq!(told["expressions"], 2);
    assert_eq!(told["warnings"][0], first());
    assert_eq!(told["warnings"].as_array().unwrap().len(), 2);
    assert!(fixture.owner.lock().unwrap().asked.is_empty());
    let fine = fixture.ok("POST", "/v2/pipelines/lint", json!({})).await;
    assert_eq!(fine, json!({"expressions": 0, "warnings": []}));
    for (body, status, message) in [
        ("", 400, "JSON parse error: a body is required"),
        ("[]", 400, "JSON parse error: an object is expected"),
        ("{\"a\":", 400, "JSON parse error: EOF"),
        (
            &*json!({"x": "y".repeat(1 << 20)}).to_string(),
            413,
            "The request body is larger than the limit of 1048576 bytes",
        ),
    ] {
        let got = fixture.call("POST", "/v2/pipelines/lint", body).await;
        let (got, said) = got.problem();
        assert!(got == status && said.starts_with(message), "{said}");
    }
    let wrong = fixture.get("/v2/pipelines/lint").await;
    assert_eq!(wrong.problem().0, 405);
}
