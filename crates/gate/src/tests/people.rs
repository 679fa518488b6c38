//! Sign-in as clients do it, what administrators do, schedules, search: what needs no cloud.

use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Fixture, request};
use crate::Config;

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test(start_paused = true)]
async fn every_way_in_is_open() {
    let fixture = Fixture::new().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let bearer = ("authorization", "Bearer x");
    for (method, path, headers, body) in [
        ("POST", "/login", vec![form], "username=u&password=p%26"),
        ("GET", "/login", vec![bearer], ""),
        ("GET", "/login/oauth2/code/google", vec![], ""),
    ] {
        let got = fixture.send(request(method, path, &headers, body)).await;
        assert_eq!(got.status, StatusCode::FOUND, "{method} {path}");
        assert_eq!(got.headers["location"], "/");
        assert!(!got.headers.contains_key("set-cookie"));
    }
    // Where clients end that follow it.
    let root = fixture.ok("GET", "/", Value::Null).await;
    assert_eq!(root["api"], "/v3/api-docs");

    let user = fixture.ok("GET", "/auth/user", Value::Null).await;
    for (field, value) in [
        ("username", json!("anonymous")),
        ("enabled", json!(true)),
        ("roles", json!([])),
        ("isAdmin", json!(false)),
    ] {
        assert_eq!(user[field], value, "{field}");
    }
    let raw = fixture.ok("GET", "/auth/rawUser", Value::Null).await;
    assert_eq!(
        (&raw["username"], raw.get("isAdmin")),
        (&json!("anonymous"), None)
    );
    let admin = fixture.ok("GET", "/admin", Value::Null).await;
    assert_eq!(admin, json!({"username": "anonymous", "isAdmin": false}));

    let out = fixture.get("/auth/logout").await;
    assert_eq!(
        (
            out.status.as_u16(),
            out.headers["location"].to_str().unwrap()
        ),
        (302, "/auth/loggedOut")
    );
    let out = fixture.get("/auth/loggedOut").await;
    assert_eq!(
        (out.status.as_u16(), out.body.as_str()),
        (200, "You are signed out.")
    );
    for path in ["/auth/roles/sync", "/auth/deleteSessionCache"] {
        let got = fixture.call("POST", path, "").await;
        assert_eq!((got.status.as_u16(), got.body.as_str()), (200, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_leads_only_to_pages_that_may_call_the_api() {
    let mut fixture = Fixture::with(Config {
        allowed_origins: vec![
            "https://deck.x.io".to_owned(),
            "^http://[a-z]+\\.corp:90\\d\\d$".to_owned(),
        ],
        ..Config::default()
    })
    .await;
    fixture.serve(0).await;
    let redirect = async |to: &str| {
        let path = format!("/auth/redirect?to={}", encoded(to));
        let got = fixture
            .send(request("GET", &path, &[("host", "localhost:8084")], ""))
            .await;
        match got.status {
            StatusCode::FOUND => Ok(got.headers["location"].to_str().unwrap().to_owned()),
            _ => Err(got.problem()),
        }
    };
    for to in [
        "https://deck.x.io/#/applications/a?b=c",
        "http://ui.corp:9000/",
        "http://localhost:8084/ui/",
    ] {
        assert_eq!(redirect(to).await, Ok(to.to_owned()));
    }
    let refused = (400, "Requested redirect address not recognized.".to_owned());
    for to in [
        "",
        "https://evil.com/",
        "https://deck.x.io.evil.com/",
        "https://deck.x.io@evil.com/",
        "https://deck.x.io\\@evil.com",
        "//deck.x.io/",
        "javascript:alert(1)",
        "https://deck.x.io/\r\nX-Evil: 1",
    ] {
        assert_eq!(redirect(to).await, Err(refused.clone()), "{to}");
    }
    let home = fixture
        .send(request("GET", "/", &[("host", "localhost:8084")], ""))
        .await;
    assert_eq!(home.headers["location"], "https://deck.x.io");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_told_or_refused() {
    let fixture = Fixture::new().await;
    let asked = async |expression: &str| {
        let path = format!("/cron/validate?expression={}", encoded(expression));
        fixture.ok("GET", &path, Value::Null).await
    };
    assert_eq!(
        asked("0 0/15 9-17 ? * MON-FRI").await,
        json!({"valid": true, "description": "at second 0, every 15 minutes, every hour from 9 to 17, on Monday to Friday"})
    );
    assert_eq!(
        asked("0 0 24 ? * *").await,
        json!({"valid": false, "message": "Hour values must be between 0 and 23"})
    );
    let missing = fixture.get("/cron/validate").await.problem();
    assert_eq!(
        missing,
        (400, "Query parameter expression is required".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn applications_and_projects_are_found() {
    let fixture = Fixture::new().await;
    for job in [
        json!({"type": "createApplication", "application": {"name": "Shop-Front", "email": "me@x.io"}}),
        json!({"type": "createApplication", "application": {"name": "bank", "email": "me@x.io"}}),
        json!({"type": "upsertProject", "project": {"name": "Retail", "config": {"applications": ["shop-front"]}}}),
    ] {
        let task = json!({"application": "a", "job": [job]});
        fixture.ok("POST", "/tasks", task).await;
    }
    let search = async |query: &str| {
        fixture
            .ok("GET", &format!("/search?{query}"), Value::Null)
            .await
    };
    let found = search("q=SHOP&type=applications&type=projects&pageSize=1&platform=aws").await;
    assert_eq!(
        found,
        json!([{"pageNumber": 1, "pageSize": 1, "platform": "aws", "query": "SHOP", "totalMatches": 2,
                "results": [{"type": "applications", "application": "shop-front", "url": "/applications/shop-front"}]}])
    );
    let second = search("q=shop&type=applications,projects&pageSize=1&page=2").await;
    assert_eq!(
        (
            &second[0]["results"][0]["name"],
            &second[0]["results"][0]["type"]
        ),
        (&json!("Retail"), &json!("projects"))
    );
    assert_eq!(search("q=sh&type=applications").await, json!([]));
    let short = search("q=sh&type=applications&allowShortQuery=true").await;
    assert_eq!(short[0]["totalMatches"], 1);
    let of_clouds = search("q=shop&type=securityGroups&pageSize=500").await;
    assert_eq!(of_clouds[0]["results"], json!([]));
    assert_eq!(
        fixture.get("/search?q=shop").await.problem(),
        (400, "Required parameter 'type' is not present.".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn administrators_cancel_and_ask() {
    let fixture = Fixture::new().await;
    let pipeline = json!({"application": "demo", "name": "n", "stages": [{"type": "wait"}]});
    let started = fixture.ok("POST", "/pipelines/start", pipeline).await;
    let id = started["ref"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let path = format!("/admin/executions/hydrate?executionId={id}");
    let asked = fixture.ok("POST", &path, Value::Null).await;
    assert_eq!(asked["dryRun"], true);
    let waits = &asked["executions"][&id]["waits"];
    assert_eq!(waits[0]["sentence"], "a person has to decide");
    let path = format!("/admin/executions/forceCancel?executionId={id}&executionType=PIPELINE");
    fixture.ok("PUT", &path, Value::Null).await;
    let ended = fixture
        .ok("GET", &format!("/pipelines/{id}"), Value::Null)
        .await;
    assert_eq!(ended["status"], "CANCELED");
    for (method, path, status) in [
        ("PUT", "/admin/executions/forceCancel", 400),
        (
            "PUT",
            "/admin/executions/forceCancel?executionId=x&executionType=ODD",
            400,
        ),
        ("PUT", "/admin/executions/forceCancel?executionId=gone", 404),
        ("POST", "/admin/executions/hydrate?executionId=gone", 404),
    ] {
        assert_eq!(
            fixture.call(method, path, "").await.problem().0,
            status,
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_sent_to_orcas_address() {
    let fixture = Fixture::new().await;
    for (path, body, application) in [
        (
            "/ops",
            json!([{"type": "wait", "application": "demo"}]),
            "demo",
        ),
        ("/ops?application=shop", json!([{"type": "wait"}]), "shop"),
        ("/ops", json!([{"type": "wait"}]), "spinnaker_unknown"),
        (
            "/ops",
            json!({"application": "a", "job": [{"type": "wait"}]}),
            "a",
        ),
    ] {
        let got = fixture.ok("POST", path, body).await;
        let task = fixture
            .ok("GET", got["ref"].as_str().unwrap(), Value::Null)
            .await;
        assert_eq!(task["application"], application);
    }
    let bad = fixture.call("POST", "/ops", "7").await;
    assert_eq!(bad.problem().0, 400);
}

#[tokio::test(start_paused = true)]
async fn scripts_that_talk_to_orca_find_it_here() {
    let fixture = Fixture::new().await;
    let pipeline =
        json!({"application": "demo", "name": "deploy", "id": "p-1", "stages": [{"type": "wait"}]});
    fixture.ok("POST", "/pipelines", pipeline.clone()).await;
    let started = fixture
        .ok(
            "POST",
            "/orchestrate/p-1",
            json!({"type": "api", "parameters": {"a": 1}}),
        )
        .await;
    let execution = fixture
        .ok("GET", started["ref"].as_str().unwrap(), Value::Null)
        .await;
    assert_eq!(
        (&execution["name"], &execution["trigger"]["type"]),
        (&json!("deploy"), &json!("api"))
    );
    let gone = fixture.call("POST", "/orchestrate/gone", "").await;
    assert_eq!(
        gone.problem(),
        (
            404,
            "Pipeline configuration not found (id: gone)".to_owned()
        )
    );
    let ad_hoc = fixture.ok("POST", "/orchestrate", pipeline.clone()).await;
    assert!(ad_hoc["ref"].as_str().unwrap().starts_with("/pipelines/"));
    let mut failing = pipeline;
    failing["errorMessage"] = "no artifact".into();
    let failed = fixture.call("POST", "/fail", &failing.to_string()).await;
    assert_eq!((failed.status.as_u16(), failed.body.as_str()), (200, ""));
    let start = fixture.owner.lock().unwrap().starts().pop().unwrap();
    assert_eq!(start.error.as_deref(), Some("no artifact"));
    for path in [
        "/pipelines?pipelineConfigIds=p-1&limit=5",
        "/v2/applications/demo/pipelines",
        "/applications/demo/pipelines/search",
    ] {
        let found = fixture.ok("GET", path, Value::Null).await;
        assert_eq!(found.as_array().unwrap().len(), 3, "{path}");
    }
    let task = json!({"application": "demo", "job": [{"type": "wait"}]});
    let id = fixture.ok("POST", "/tasks", task).await["ref"]
        .as_str()
        .unwrap()[7..]
        .to_owned();
    fixture.ok("PUT", "/tasks/cancel", json!([id])).await;
    let task = fixture
        .ok("GET", &format!("/tasks/{id}"), Value::Null)
        .await;
    assert_eq!(task["status"], "CANCELED");
}
