//! Documents through the API: odd names, updates, bulk saves, history.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Fixture;

#[tokio::test(start_paused = true)]
async fn any_name_works_everywhere() {
    let fixture = Fixture::new().await;
    for name in [
        "a/b",
        "my.pipeline.json",
        "with space",
        "\"quoted\"",
        "größe 日本",
        "100%",
        "cancel",
        "..",
        "a+b?c#d&e=f",
        "*.>",
        "{id}",
    ] {
        let application = format!("app {name}");
        let pipeline = json!({"application": application, "name": name, "stages": []});
        fixture.ok("POST", "/pipelines", pipeline).await;
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (application, encoded) = (encode(&application), encode(name));
        let path = format!("/applications/{application}/pipelineConfigs/{encoded}");
        assert_eq!(fixture.ok("GET", &path, Value::Null).await["name"], name);
        let listed = fixture
            .ok(
                "GET",
                &format!("/applications/{application}/pipelineConfigs/"),
                Value::Null,
            )
            .await;
        assert_eq!(listed.as_array().unwrap().len(), 1, "{name}");
        for start in ["/pipelines", "/pipelines/v2"] {
            let started = fixture
                .call("POST", &format!("{start}/{application}/{encoded}"), "")
                .await;
            assert_eq!(started.status, 202, "{name}: {}", started.body);
        }
        let deleted = fixture
            .call("DELETE", &format!("/pipelines/{application}/{encoded}"), "")
            .await;
        assert_eq!(
            (deleted.status.as_u16(), deleted.body.as_str()),
            (200, ""),
            "{name}"
        );
        assert_eq!(fixture.get(&path).await.status, 404);
    }
    let silent = fixture.call("DELETE", "/pipelines/demo/gone", "").await;
    assert_eq!((silent.status.as_u16(), silent.body.as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn an_update_answers_the_stored_pipeline() {
    let fixture = Fixture::new().await;
    for name in ["first", "deploy"] {
        let pipeline = json!({"application": "demo", "name": name, "id": name, "index": 4});
        fixture.ok("POST", "/pipelines", pipeline).await;
    }
    let renamed = json!({"application": "demo", "name": "released"});
    let stored = fixture.ok("PUT", "/pipelines/deploy", renamed).await;
    assert_eq!(
        (&stored["name"], &stored["id"], &stored["index"]),
        (&json!("released"), &json!("deploy"), &json!(1))
    );
    let other = json!({"application": "demo", "name": "x", "id": "first"}).to_string();
    assert_eq!(
        fixture
            .call("PUT", "/pipelines/deploy", &other)
            .await
            .problem(),
        (
            400,
            "The provided id first doesn't match the existing pipeline id deploy".to_owned()
        )
    );
    let gone = json!({"application": "demo", "name": "x"}).to_string();
    assert_eq!(
        fixture
            .call("PUT", "/pipelines/gone", &gone)
            .await
            .problem(),
        (
            400,
            "Pipeline configuration not found (id: gone)".to_owned()
        )
    );
    let history = fixture
        .ok(
            "GET",
            "/pipelineConfigs/deploy/history?limit=20",
            Value::Null,
        )
        .await;
    let names: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["released", "deploy"]);
    assert_eq!(
        fixture
            .ok("GET", "/pipelineConfigs", Value::Null)
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_save_is_refused() {
    let fixture = Fixture::new().await;
    let save = async |body: Value| {
        let got = fixture
            .call("POST", "/pipelines?staleCheck=true", &body.to_string())
            .await;
        if got.status == 200 {
            (200, String::new())
        } else {
            got.problem()
        }
    };
    assert_eq!(
        save(json!({"application": "demo", "name": "deploy", "id": "i"}))
            .await
            .0,
        200
    );
    let (status, message) =
        save(json!({"application": "demo", "name": "deploy", "id": "i", "updateTs": "1", "x": 1}))
            .await;
    assert_eq!(status, 400);
    assert!(
        message.starts_with("The submitted pipeline is stale."),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn many_are_saved_at_once() {
    let fixture = Fixture::new().await;
    let sent = json!([{"application": "demo", "name": "a"}, {"application": "demo", "name": "A"}]);
    let bulk = fixture
        .ok("POST", "/pipelines/bulksave?application=demo", sent)
        .await;
    assert_eq!(bulk["successful_pipelines"], json!(["a"]));
    assert_eq!(
        bulk["failed_pipelines"][0]["errorMsg"],
        "A pipeline with name A already exists in application demo"
    );
    let listed = fixture
        .ok("GET", "/applications/demo/pipelineConfigs", Value::Null)
        .await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn pipelines_are_put_in_order() {
    let fixture = Fixture::new().await;
    for name in ["first", "second", "third"] {
        let pipeline = json!({"application": "demo", "name": name, "id": name});
        fixture.ok("POST", "/pipelines", pipeline).await;
    }
    let order = json!({"application": "demo", "idsToIndices": {"third": 0, "first": 1, "second": 2, "gone": 3}});
    let task = fixture
        .ok("POST", "/actions/pipelines/reorder", order)
        .await;
    assert_eq!(
        (&task["status"], &task["name"], &task["application"]),
        (
            &json!("SUCCEEDED"),
            &json!("Reorder pipelines"),
            &json!("demo")
        )
    );
    let listed = fixture
        .ok("GET", "/applications/demo/pipelineConfigs", Value::Null)
        .await;
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["third", "first", "second"]);
    for (body, message) in [
        (json!({}), "application must be a string"),
        (json!({"application": " "}), "application must be a string"),
        (json!({"application": "demo"}), "idsToIndices must be"),
        (
            json!({"application": "demo", "idsToIndices": []}),
            "idsToIndices must be",
        ),
        (
            json!({"application": "demo", "idsToIndices": {"a": "1"}}),
            "idsToIndices must be",
        ),
        (
            json!({"application": "demo", "idsToIndices": {"a": -1}}),
            "idsToIndices must be",
        ),
        (
            json!({"application": "demo", "idsToIndices": {"a": 1.5}}),
            "idsToIndices must be",
        ),
        (
            json!({"application": "demo", "idsToIndices": {"a": 1_u64 << 40}}),
            "idsToIndices must be",
        ),
    ] {
        let got = fixture
            .call("POST", "/actions/pipelines/reorder", &body.to_string())
            .await;
        let (status, said) = got.problem();
        assert!(status == 400 && said.starts_with(message), "{body}: {said}");
    }
    let wrong = fixture.call("PUT", "/actions/pipelines/reorder", "").await;
    assert_eq!(wrong.problem().0, 405);
}

#[tokio::test(start_paused = true)]
async fn canary_configurations_as_spin_saves_and_reads_them() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/v2/canaryConfig/mine").await.status, 404);
    let config = json!({"id": "mine", "name": "errors", "applications": ["demo"], "metrics": [], "configVersion": "1",
        "templates": {"t": "${scope} stays as it is"}});
    let made = fixture.ok("POST", "/v2/canaryConfig", config.clone()).await;
    assert_eq!(made, json!({"canaryConfigId": "mine"}));
    let stored = fixture
        .ok("GET", "/v2/canaryConfig/mine", Value::Null)
        .await;
    assert_eq!(stored["templates"]["t"], "${scope} stays as it is");
    assert!(
        stored["createdTimestampIso"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    let listed = fixture
        .ok("GET", "/v2/canaryConfig?application=demo", Value::Null)
        .await;
    assert_eq!(listed[0]["id"], "mine");
    assert_eq!(listed[0].as_object().unwrap().len(), 5, "{listed}");
    let none = fixture
        .ok("GET", "/v2/canaryConfig?application=other", Value::Null)
        .await;
    assert_eq!(none, json!([]));
    let problem = |method: &'static str, path: &'static str, body: Value| {
        let fixture = &fixture;
        async move {
            let answer = fixture.call(method, path, &body.to_string()).await;
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            (
                answer.status.as_u16(),
                body["message"].as_str().unwrap().to_owned(),
            )
        }
    };
    let (status, message) = problem("POST", "/v2/canaryConfig", config.clone()).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "Canary config 'mine' already exists.")
    );
    let (status, message) = problem("PUT", "/v2/canaryConfig/none", config.clone()).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "Canary config 'none' does not exist.")
    );
    let (status, message) = problem(
        "POST",
        "/v2/canaryConfig",
        json!({"name": "x y", "applications": ["a"]}),
    )
    .await;
    assert!(
        status == 400 && message.starts_with("Canary config cannot be named 'x y'."),
        "{message}"
    );
    let mut changed = config;
    changed["name"] = "latency".into();
    let answer = fixture.ok("PUT", "/v2/canaryConfig/mine", changed).await;
    assert_eq!(answer, json!({"canaryConfigId": "mine"}));
    let drawn = fixture
        .ok(
            "POST",
            "/v2/canaryConfig",
            json!({"name": "other", "applications": ["demo"]}),
        )
        .await;
    assert_eq!(drawn["canaryConfigId"].as_str().unwrap().len(), 36);
    let deleted = fixture.call("DELETE", "/v2/canaryConfig/mine", "").await;
    assert_eq!(deleted.status.as_u16(), 200);
    assert_eq!(fixture.get("/v2/canaryConfig/mine").await.status, 404);
    let judges = fixture.ok("GET", "/v2/canaries/judges", Value::Null).await;
    assert_eq!(judges[0]["name"], "NetflixACAJudge-v1.0");
}

#[tokio::test(start_paused = true)]
async fn canary_analyses_are_checked_in_kayentas_words() {
    let fixture = Fixture::new().await;
    let config = |scope: &str| json!({"name": "errors", "applications": ["demo"], "metrics": [{"name": "m", "scopeName": scope}]});
    let request = json!({"scopes": {"default": {}}, "thresholds": {"pass": 95, "marginal": 75}});
    let said = |body: Value| {
        let fixture = &fixture;
        async move {
            let answer = fixture
                .call("POST", "/v2/canaries/canary", &body.to_string())
                .await;
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            (
                answer.status.as_u16(),
                body["message"].as_str().unwrap_or_default().to_owned(),
            )
        }
    };
    for (body, message) in [
        (
            json!({}),
            "canaryConfig must be provided for ad-hoc requests",
        ),
        (
            json!({"canaryConfig": {}}),
            "executionRequest must be provided for ad-hoc requests",
        ),
        (
            json!({"canaryConfig": {}, "executionRequest": {}}),
            "The canary config must specify at least one metric. Otherwise we're not analyzing anything. :)",
        ),
        (
            json!({"canaryConfig": config("default"), "executionRequest": {}}),
            "Canary metrics require scopes, but no scopes were provided in the execution request.",
        ),
        (
            json!({"canaryConfig": config(""), "executionRequest": request}),
            "Canary scope for metric named 'm' is null.",
        ),
        (
            json!({"canaryConfig": config("other"), "executionRequest": request}),
            "Canary metrics require scopes which were not provided in the execution request: [other]",
        ),
        (
            json!({"canaryConfig": config("default"), "executionRequest": {"scopes": {"default": {}}}}),
            "Execution request must contain thresholds",
        ),
    ] {
        assert_eq!(said(body).await, (400, message.to_owned()));
    }
    let missing = fixture
        .call("POST", "/v2/canaries/canary/none", &request.to_string())
        .await;
    assert_eq!(missing.status.as_u16(), 404);
    // It may lie in storage, and nobody is there who could look.
    let unknown = fixture.get("/v2/canaries/canary/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let (status, message) = unknown.await.problem();
    assert_eq!(status, 503);
    assert!(message.starts_with("No worker of pool canary"), "{message}");
}
