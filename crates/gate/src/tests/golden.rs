//! Exchanges as Spinnaker's clients have them.

use gennaker_model::Status;
use serde_json::{Value, json};

use super::Fixture;

#[tokio::test(start_paused = true)]
async fn an_application_is_saved_and_read() {
    let fixture = Fixture::new().await;
    let version = fixture.get("/version").await;
    assert_eq!(version.headers["content-type"], "application/json");
    assert!(version.json()["version"].is_string());

    let saved = fixture
        .ok(
            "POST",
            "/tasks",
            json!({"application": "demo", "description": "Create Application: demo", "job": [{"type": "createApplication",
                   "application": {"cloudProviders": "kubernetes", "email": "me@x.io", "instancePort": 80, "name": "demo"}}]}),
        )
        .await;
    let path = saved["ref"].as_str().unwrap();
    assert!(path.starts_with("/tasks/"), "{path}");
    let task = fixture.ok("GET", path, Value::Null).await;
    assert_eq!(task["status"], "SUCCEEDED");
    assert_eq!(task["name"], "Create Application: demo");
    assert_eq!(task["application"], "demo");
    assert!(task["buildTime"].is_i64());
    for list in ["steps", "variables"] {
        assert!(task[list].is_array(), "{list}");
    }
    let elsewhere = format!("/applications/demo{path}");
    assert_eq!(fixture.ok("GET", &elsewhere, Value::Null).await, task);

    let got = fixture.get("/applications/DEMO?expand=false").await;
    let now = super::NOW;
    assert_eq!(
        got.body,
        format!(
            r#"{{"attributes":{{"accounts":"","cloudProviders":"kubernetes","createTs":"{now}","email":"me@x.io","instancePort":80,"lastModifiedBy":"me","name":"demo","trafficGuards":[],"updateTs":"{now}"}},"clusters":{{}},"name":"demo"}}"#
        )
    );
    let history = fixture
        .ok("GET", "/applications/demo/history?limit=1", Value::Null)
        .await;
    assert_eq!(history[0]["name"], "DEMO");
    assert_eq!(
        fixture.get("/applications/gone").await.problem(),
        (404, "Application not found (id: gone)".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_is_saved_started_judged_and_cancelled() {
    let fixture = Fixture::new().await;
    let missing = fixture
        .get("/applications/demo/pipelineConfigs/deploy")
        .await;
    let (status, message) = missing.problem();
    assert_eq!(status, 404);
    assert!(
        message
            .starts_with("Pipeline configuration not found (nameOrId: deploy in application demo)")
    );
    assert_eq!(
        missing.json()["exception"],
        "com.netflix.spinnaker.kork.web.exceptions.NotFoundException"
    );

    let pipeline = json!({"application": "demo", "name": "deploy", "stages": [{"type": "manualJudgment", "refId": "1"}],
                          "parameterConfig": [{"name": "tag", "required": true}]});
    let saved = fixture
        .call("POST", "/pipelines", &pipeline.to_string())
        .await;
    assert_eq!((saved.status.as_u16(), saved.body.as_str()), (200, ""));
    let stored = fixture
        .ok(
            "GET",
            "/applications/demo/pipelineConfigs/deploy",
            Value::Null,
        )
        .await;
    let id = stored["id"].as_str().unwrap().to_owned();
    let mut rest = stored.clone();
    for key in ["id", "lastModifiedBy", "updateTs"] {
        assert!(
            rest.as_object_mut()
                .unwrap()
                .shift_remove(key)
                .unwrap()
                .is_string()
        );
    }
    assert_eq!(rest, pipeline);
    let listed = fixture
        .ok("GET", "/applications/demo/pipelineConfigs", Value::Null)
        .await;
    assert_eq!(listed[0]["index"], 0);

    let twin = json!({"application": "demo", "name": "Deploy", "id": "other-uuid"}).to_string();
    let refused = fixture.call("POST", "/pipelines", &twin).await;
    assert_eq!(
        refused.problem(),
        (
            400,
            "A pipeline with name Deploy already exists in application demo".to_owned()
        )
    );
    assert_eq!(
        refused.json()["exception"],
        "com.netflix.spinnaker.gate.controllers.PipelineController$PipelineException"
    );

    let without = fixture
        .call("POST", "/pipelines/demo/deploy", r#"{"type": "manual"}"#)
        .await;
    assert_eq!(
        without.problem(),
        (400, "Required parameter tag is missing".to_owned())
    );
    let start = json!({"type": "manual", "parameters": {"tag": "v1"}});
    let started = fixture
        .call("POST", "/pipelines/demo/deploy", &start.to_string())
        .await;
    assert_eq!(started.status, 202);
    let path = started.json()["ref"].as_str().unwrap().to_owned();
    let running = fixture.ok("GET", &path, Value::Null).await;
    assert_eq!(running["status"], "RUNNING");
    assert_eq!(running["trigger"]["parameters"], json!({"tag": "v1"}));
    assert_eq!(running["pipelineConfigId"], id);

    let stage = running["stages"][0]["id"].as_str().unwrap();
    let judged = fixture
        .ok(
            "PATCH",
            &format!("{path}/stages/{stage}"),
            json!({"judgmentStatus": "continue", "judgmentInput": "ok"}),
        )
        .await;
    assert_eq!(judged["stages"][0]["context"]["judgmentStatus"], "continue");
    assert_eq!(
        judged["stages"][0]["context"]["lastModifiedBy"],
        "anonymous"
    );

    let busy = fixture.call("DELETE", &path, "").await;
    assert_eq!(
        busy.problem(),
        (
            409,
            "Cannot delete a running pipeline, please cancel it first.".to_owned()
        )
    );
    let execution = path.rsplit('/').next().unwrap();
    let spins = format!("/applications/%7Bapplication%7D/pipelines/{execution}/cancel?reason=stop");
    let cancelled = fixture.call("PUT", &spins, "").await;
    assert_eq!(
        (cancelled.status.as_u16(), cancelled.body.as_str()),
        (200, "")
    );
    let ended = fixture.ok("GET", &path, Value::Null).await;
    assert_eq!(ended["status"], "CANCELED");
    assert_eq!(ended["cancellationReason"], "stop");
    let deleted = fixture.call("DELETE", &path, "null").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (200, ""));
    assert_eq!(
        fixture.get(&path).await.problem(),
        (404, format!("Pipeline not found (id: {execution})"))
    );
}

#[tokio::test(start_paused = true)]
async fn executions_are_listed_as_orca_does() {
    let fixture = Fixture::new().await;
    for name in ["one", "two", "three"] {
        let pipeline =
            json!({"application": "demo", "name": name, "stages": [{"type": "wait", "secret": 1}]});
        fixture.ok("POST", "/pipelines", pipeline).await;
        fixture
            .ok(
                "POST",
                &format!("/pipelines/demo/{name}"),
                json!({"type": "webhook", "parameters": {"n": name}}),
            )
            .await;
    }
    let all = fixture
        .ok(
            "GET",
            "/applications/demo/pipelines?limit=&statuses=",
            Value::Null,
        )
        .await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(all[0]["stages"][0]["context"]["secret"], 1);
    let short = fixture
        .ok(
            "GET",
            "/applications/demo/pipelines?expand=false&statuses=RUNNING,TERMINAL",
            Value::Null,
        )
        .await;
    assert_eq!(short[0]["stages"][0]["context"], json!({}));
    let config = all[0]["pipelineConfigId"].as_str().unwrap();
    let id = all[0]["id"].as_str().unwrap();
    for (query, count) in [
        (String::new(), 0),
        ("executionIds=".to_owned(), 0),
        (format!("executionIds={id},gone"), 1),
        (format!("pipelineConfigIds={config}"), 1),
        (format!("pipelineConfigIds={config}&statuses=SUCCEEDED"), 0),
    ] {
        let found = fixture
            .ok("GET", &format!("/executions?{query}"), Value::Null)
            .await;
        assert_eq!(found.as_array().unwrap().len(), count, "{query}");
    }
    let name = all[0]["name"].as_str().unwrap();
    let event = all[0]["trigger"]["eventId"].as_str().unwrap();
    for (query, count) in [
        ("".to_owned(), 3),
        ("size=2".to_owned(), 2),
        ("startIndex=2".to_owned(), 1),
        (format!("pipelineName={name}"), 1),
        (format!("eventId={event}"), 1),
        ("triggerTypes=webhook,manual".to_owned(), 3),
        ("triggerTypes=cron".to_owned(), 0),
        (format!("triggerTimeEndBoundary={}", super::NOW - 1), 0),
        (format!("triggerTimeStartBoundary={}", super::NOW), 3),
        // {"type":"webhook"} and {"type":"cron"}
        ("trigger=eyJ0eXBlIjoid2ViaG9vayJ9".to_owned(), 3),
        ("size=1&trigger=eyJ0eXBlIjoiY3JvbiJ9".to_owned(), 0),
        ("startIndex=4294967295&size=1000".to_owned(), 0),
    ] {
        for application in ["demo", "*"] {
            let path = format!("/applications/{application}/executions/search?{query}");
            let found = fixture.ok("GET", &path, Value::Null).await;
            assert_eq!(found.as_array().unwrap().len(), count, "{path}");
        }
    }
    let ids = |page: Value| -> Vec<Value> {
        let page = page.as_array().unwrap().iter();
        page.map(|it| it["id"].clone()).collect()
    };
    let search = "/applications/demo/executions/search";
    let newest = ids(fixture.ok("GET", search, Value::Null).await);
    let reverse = format!("{search}?reverse=true&size=2");
    let oldest = ids(fixture.ok("GET", &reverse, Value::Null).await);
    assert_eq!(oldest, [newest[2].clone(), newest[1].clone()]);
    let whole = format!("{search}?expand=true&startIndex=1&size=1");
    let whole = fixture.ok("GET", &whole, Value::Null).await;
    assert_eq!(whole[0]["stages"][0]["context"]["secret"], 1);
    assert_eq!(ids(whole), [newest[1].clone()]);
    let why = fixture
        .ok("GET", &format!("/v2/executions/{id}/why"), Value::Null)
        .await;
    assert_eq!(why["waits"][0]["sentence"], "a person has to decide");
    let history = fixture
        .ok("GET", &format!("/v2/executions/{id}/history"), Value::Null)
        .await;
    assert_eq!(history["steps"][0]["rev"], 1);
    let snapshot = fixture
        .ok(
            "GET",
            "/v2/feed/snapshot?topics=application:demo,all",
            Value::Null,
        )
        .await;
    assert_eq!(snapshot["executions"].as_array().unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_save_waits_for_its_task() {
    let fixture = Fixture::new().await;
    fixture.owner.lock().unwrap().reads_until_done = 5;
    let pipeline = json!({"application": "demo", "name": "deploy"}).to_string();
    let saved = fixture.call("POST", "/pipelines", &pipeline).await;
    assert_eq!(saved.status, 200);
    fixture.owner.lock().unwrap().reads_until_done = usize::MAX;
    let began = tokio::time::Instant::now();
    let pipeline = json!({"application": "demo", "name": "other"}).to_string();
    let (status, message) = fixture
        .call("POST", "/pipelines", &pipeline)
        .await
        .problem();
    assert_eq!((status, began.elapsed().as_secs()), (400, 32));
    assert!(message.ends_with("(status: RUNNING)"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn tasks_are_listed_and_cancelled() {
    let fixture = Fixture::new().await;
    for kind in ["wait", "other"] {
        let task = json!({"description": kind, "job": [{"type": kind, "user": "u"}]});
        let got = fixture.ok("POST", "/applications/demo/tasks", task).await;
        assert!(got["ref"].as_str().unwrap().starts_with("/tasks/"));
    }
    let tasks = fixture
        .ok(
            "GET",
            "/applications/demo/tasks?statuses=RUNNING&limit=1&page=2",
            Value::Null,
        )
        .await;
    assert_eq!(tasks.as_array().unwrap().len(), 1);
    let id = tasks[0]["id"].as_str().unwrap();
    assert_eq!(
        tasks[0]["variables"][1],
        json!({"key": "user", "value": "u"})
    );
    fixture
        .ok("PUT", &format!("/tasks/{id}/cancel"), Value::Null)
        .await;
    fixture
        .ok("PUT", &format!("/tasks/cancel?ids={id}"), Value::Null)
        .await;
    let status = fixture.owner.lock().unwrap().executions[id].status;
    assert_eq!(status, Status::Canceled);
    assert_eq!(
        fixture.get(&format!("/pipelines/{id}")).await.problem(),
        (404, format!("Pipeline not found (id: {id})"))
    );
    fixture
        .ok("DELETE", &format!("/tasks/{id}"), Value::Null)
        .await;
    assert_eq!(
        fixture.get(&format!("/tasks/{id}")).await.problem(),
        (404, format!("Task not found (id: {id})"))
    );
}
