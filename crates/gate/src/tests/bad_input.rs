//! Whatever comes in, something sensible goes out.

use axum::http::Method;
use serde_json::json;

use super::{Fixture, request};
use crate::Config;

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said() {
    let fixture = Fixture::new().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep = format!("{{\"a\": {deep}}}");
    for (method, path, body, status, message) in [
        (
            "DELETE",
            "/version",
            "",
            405,
            "Request method 'DELETE' is not supported",
        ),
        (
            "PUT",
            "/pipelines",
            "{}",
            405,
            "Request method 'PUT' is not supported",
        ),
        (
            "POST",
            "/pipelines",
            "",
            400,
            "JSON parse error: a body is required",
        ),
        (
            "POST",
            "/pipelines",
            "[]",
            400,
            "JSON parse error: an object is expected",
        ),
        (
            "POST",
            "/pipelines",
            "{\"a\": 1,}",
            400,
            "JSON parse error: trailing comma at line 1 column 9",
        ),
        (
            "POST",
            "/pipelines",
            &deep,
            400,
            "JSON parse error: nested deeper than 128 levels",
        ),
        (
            "POST",
            "/pipelines",
            "{}",
            400,
            "A pipeline requires name and application fields",
        ),
        (
            "POST",
            "/pipelines",
            "{\"application\": \"a\"}",
            400,
            "A pipeline requires name and application fields",
        ),
        ("POST", "/tasks", "{}", 400, "The task names no application"),
        (
            "POST",
            "/tasks",
            "{\"application\": \"a\"}",
            400,
            "job must be a list of jobs",
        ),
        (
            "POST",
            "/tasks",
            "{\"application\": \"a\", \"job\": []}",
            400,
            "A task has 1 to 1000 jobs, not 0",
        ),
        (
            "POST",
            "/tasks",
            "{\"application\": \"a\", \"job\": [{\"type\": \"wait\"}, {}]}",
            400,
            "job[1] must be an object with a type",
        ),
        (
            "GET",
            "/executions?pipelineConfigIds=a&executionIds=b",
            "",
            400,
            "Only pipelineConfigIds OR executionIds can be specified",
        ),
        (
            "GET",
            "/applications/a/pipelines?limit=0",
            "",
            400,
            "Query parameter limit must be a number from 1, not '0'",
        ),
        (
            "GET",
            "/applications/a/pipelines?statuses=RUNNING,LOST",
            "",
            400,
            "No execution status is called 'LOST'",
        ),
        (
            "GET",
            "/pipelines/gone",
            "",
            404,
            "Pipeline not found (id: gone)",
        ),
        (
            "PUT",
            "/pipelines/gone/cancel",
            "",
            404,
            "Pipeline not found (id: gone)",
        ),
        ("GET", "/tasks/gone", "", 404, "Task not found (id: gone)"),
        (
            "POST",
            "/pipelines/demo/gone",
            "",
            404,
            "Pipeline configuration not found (nameOrId: gone in application demo)",
        ),
        (
            "PUT",
            "/pipelines/gone/stages/1/restart",
            "",
            404,
            "Pipeline not found (id: gone)",
        ),
        (
            "GET",
            "/v2/feed?topics=nonsense",
            "",
            400,
            "No topic is called 'nonsense': there are all, application:<name>, execution:<id>",
        ),
    ] {
        let got = fixture.call(method, path, body).await;
        assert_eq!(
            got.problem(),
            (status, message.to_owned()),
            "{method} {path}"
        );
    }
    let allow = fixture.call("DELETE", "/version", "").await;
    assert_eq!(allow.headers["allow"], "GET");
}

#[tokio::test(start_paused = true)]
async fn a_path_that_nobody_has_gets_a_problem_detail() {
    let fixture = Fixture::new().await;
    let got = fixture.get("/no/such%20thing").await;
    assert_eq!(got.status, 404);
    assert_eq!(got.headers["content-type"], "application/problem+json");
    assert_eq!(
        got.json(),
        json!({"type": "about:blank", "title": "Not Found", "status": 404,
               "detail": "No static resource no/such%20thing.", "instance": "/no/such%20thing",
               // Of the envelope, for those who read nothing else.
               "error": "Not Found", "message": "No static resource no/such%20thing.", "timestamp": "2026-08-20T10:11:12.345+00:00",
               "exception": "org.springframework.web.servlet.resource.NoResourceFoundException"})
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused() {
    let fixture = Fixture::with(Config {
        body_limit_bytes: 1 << 20,
        ..Config::default()
    })
    .await;
    let pipeline = |bytes: usize| {
        json!({"application": "demo", "name": "deploy", "description": "x".repeat(bytes)})
            .to_string()
    };
    let (status, message) = fixture
        .call("POST", "/pipelines", &pipeline(2 << 20))
        .await
        .problem();
    assert_eq!(
        (status, message.as_str()),
        (
            413,
            "The request body is larger than the limit of 1048576 bytes"
        )
    );
    let (status, message) = fixture
        .call("POST", "/pipelines", &pipeline(1_000_000))
        .await
        .problem();
    assert_eq!(status, 413);
    assert!(message.starts_with("the pipeline has 1000"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_with_garbage_leave_the_server_working() {
    let fixture = Fixture::new().await;
    for round in 0_u32..1_000 {
        let method = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ];
        let method = method[usize::try_from(round).unwrap() % 5].as_str();
        let noise = routing_noise(round);
        let path: String = noise.iter().map(|byte| format!("%{byte:02X}")).collect();
        let start = [
            "/pipelines/",
            "/applications/",
            "/tasks/",
            "/webhooks/webhook/",
            "/",
        ];
        let start = start[usize::try_from(round / 5).unwrap() % 5];
        let body = String::from_utf8_lossy(&noise).into_owned();
        let got = fixture
            .send(request(method, &format!("{start}{path}"), &[], &body))
            .await;
        assert_ne!(got.status, 500, "{method} {start}{path}");
    }
    assert_eq!(fixture.get("/version").await.status, 200);
}

/// Some bytes that differ from round to round.
fn routing_noise(round: u32) -> Vec<u8> {
    let seed = gennaker_model::routing::fnv1a64(&round.to_le_bytes());
    let mut noise = seed.to_le_bytes().to_vec();
    noise.truncate(1 + usize::try_from(round % 7).unwrap());
    noise
}
