//! Starts and events: bodies, idempotency keys, refusals.

use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_intake::matching;
use gennaker_model::routing;
use serde_json::{Value, json};

use super::{Fixture, NOW, PARTITIONS, request};

async fn with_pipeline(more: Value) -> Fixture {
    let fixture = Fixture::new().await;
    for name in ["deploy", "other"] {
        let mut pipeline =
            json!({"application": "demo", "name": name, "id": format!("{name}-id"), "stages": []});
        pipeline
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        fixture.ok("POST", "/pipelines", pipeline).await;
    }
    fixture.owner.lock().unwrap().asked.clear();
    fixture
}

#[tokio::test(start_paused = true)]
async fn the_trigger_may_be_flat_wrapped_or_absent() {
    let fixture = with_pipeline(json!({"notifications": [{"n": 1}]})).await;
    for (body, parameters) in [
        ("", Value::Null),
        ("null", Value::Null),
        (
            r#"{"type": "manual", "parameters": {"a": 1}}"#,
            json!({"a": 1}),
        ),
        (
            r#"{"trigger": {"type": "manual", "parameters": {"a": 1}}}"#,
            json!({"a": 1}),
        ),
        (
            r#"{"parameters": {"a": 1}, "trigger": {"parameters": {"a": 2}}}"#,
            json!({"a": 1}),
        ),
    ] {
        let got = fixture.call("POST", "/pipelines/demo/deploy", body).await;
        assert_eq!(got.status, 202, "{}", got.body);
        let start = fixture.owner.lock().unwrap().starts().pop().unwrap();
        let trigger = Value::Object(start.trigger);
        assert_eq!(trigger["parameters"], parameters, "{body}");
        assert_eq!(
            (&trigger["type"], &trigger["user"]),
            (&json!("manual"), &json!("anonymous"))
        );
        assert_eq!(start.config["id"], "deploy-id");
        let expected = routing::bits_of("deploy-id") % PARTITIONS;
        assert_eq!(
            routing::partition_of(&start.execution, PARTITIONS),
            expected
        );
    }
    let body = r#"{"notifications": [{"n": 2}], "user": "me"}"#;
    let wanted = request(
        "POST",
        "/pipelines/demo/deploy-id",
        &[("X-RateLimit-App", "deck")],
        body,
    );
    assert_eq!(fixture.send(wanted).await.status, 202);
    let start = fixture.owner.lock().unwrap().starts().pop().unwrap();
    assert_eq!(start.config["notifications"], json!([{"n": 1}, {"n": 2}]));
    assert_eq!(
        (start.origin.as_str(), &start.trigger["user"]),
        ("deck", &json!("me"))
    );
}

#[tokio::test(start_paused = true)]
async fn one_key_starts_one_execution() {
    let fixture = with_pipeline(json!({})).await;
    let start = async |path: &str, key: &str| {
        let body = r#"{"application": "demo", "job": [{"type": "wait"}]}"#;
        let got = fixture
            .send(request("POST", path, &[("Idempotency-Key", key)], body))
            .await;
        assert!(got.status.is_success(), "{}", got.body);
        got.json()
    };
    for path in [
        "/pipelines/demo/deploy",
        "/pipelines/v2/demo/deploy",
        "/tasks",
    ] {
        let key = format!("key {path} é/.*");
        let first = start(path, &key).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(start(path, &key).await, first, "{path}");
        assert_ne!(start(path, "another").await, first, "{path}");
        // A day later the key is forgotten.
        tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
        assert_ne!(start(path, &key).await, first, "{path}");
    }
    let deploy = start("/pipelines/demo/deploy", "shared").await;
    assert_ne!(start("/pipelines/demo/other", "shared").await, deploy);
    // A key that cannot be honoured is not overlooked.
    for bad in ["k".repeat(201), String::new(), " ".to_owned()] {
        let got = fixture
            .send(request(
                "POST",
                "/pipelines/demo/deploy",
                &[("Idempotency-Key", &bad)],
                "",
            ))
            .await;
        assert_eq!(got.problem().0, 400);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_tells_why_and_v2_shows_the_failed_execution() {
    let fixture = with_pipeline(json!({"disabled": true})).await;
    let refused = fixture.call("POST", "/pipelines/demo/deploy", "").await;
    assert_eq!(
        refused.problem(),
        (
            400,
            "Unable to trigger pipeline (application: demo, pipelineNameOrId: deploy). Error: Pipeline is disabled and cannot be started."
                .to_owned()
        )
    );
    let accepted = fixture.call("POST", "/pipelines/v2/demo/deploy", "").await;
    assert_eq!(accepted.status, 202);
    let path = accepted.json()["ref"].as_str().unwrap().to_owned();
    let failed = fixture.ok("GET", &path, Value::Null).await;
    assert_eq!(failed["status"], "TERMINAL");
    assert_eq!(failed["trigger"]["eventId"], accepted.json()["eventId"]);
    assert_eq!(failed["trigger"]["executionId"], failed["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_not_stored_can_be_started() {
    let fixture = with_pipeline(json!({})).await;
    let config = json!({"application": "demo", "name": "x", "stages": [], "trigger": {"type": "manual", "a": 1}});
    let started = fixture
        .call("POST", "/pipelines/start", &config.to_string())
        .await;
    assert_eq!(started.status, 200);
    let start = fixture.owner.lock().unwrap().starts().pop().unwrap();
    assert_eq!(start.trigger["a"], 1);
    assert!(!start.config.contains_key("trigger"));
    for (body, status) in [
        (json!({"name": "x"}), 400),
        (json!({"application": "demo", "trigger": []}), 400),
        (
            json!({"application": "demo", "trigger": {"parameters": []}}),
            400,
        ),
        (json!({"application": "demo", "trigger": {"type": 1}}), 400),
        (
            json!({"application": "demo", "trigger": {"artifacts": [1]}}),
            400,
        ),
    ] {
        let got = fixture
            .call("POST", "/pipelines/start", &body.to_string())
            .await;
        assert_eq!(got.problem().0, status, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_stored_before_its_sender_is_answered() {
    let fixture = Fixture::new().await;
    let raw = "{\"b\": 1,\n  \"a\": \"\\u00e9\"}";
    let sent = request(
        "POST",
        "/webhooks/webhook/my%2Fhook",
        &[
            ("X-GitHub-Delivery", "d-1"),
            ("X-Hub-Signature-256", "sha256=ff"),
            ("X-Gitlab-Token", "secret"),
        ],
        raw,
    );
    let first = fixture.send(sent).await.json();
    assert_eq!(first["eventProcessed"], true);
    let mut events = Bus::memory(&fixture.broker, "triggers")
        .events()
        .consume()
        .await
        .unwrap();
    let delivery = events.next().await.unwrap();
    assert!(delivery.payload.ends_with(raw.as_bytes()));
    delivery.ack().await.unwrap();
    let event = matching::decode(&delivery.payload).unwrap();
    assert_eq!(event.header.id, first["eventId"].as_str().unwrap());
    assert_eq!(
        (
            event.header.kind.as_str(),
            event.header.source.as_str(),
            event.header.at_ms
        ),
        ("webhook", "my/hook", NOW)
    );
    assert_eq!(event.header.headers["x-hub-signature-256"], "sha256=ff");
    assert!(!event.header.headers.contains_key("x-gitlab-token"));

    tokio::time::sleep(Duration::from_secs(60)).await;
    let again = request(
        "POST",
        "/webhooks/webhook/my%2Fhook",
        &[("X-GitHub-Delivery", "d-1")],
        raw,
    );
    assert_eq!(fixture.send(again).await.json(), first);
    let delivery = events.next().await.unwrap();
    delivery.ack().await.unwrap();
    let repeated = matching::decode(&delivery.payload).unwrap();
    assert_eq!(
        (repeated.header.id, repeated.header.at_ms),
        (event.header.id, event.header.at_ms)
    );
    let plain = fixture
        .call("POST", "/webhooks/webhook/my%2Fhook", "")
        .await
        .json();
    assert_ne!(plain["eventId"], first["eventId"]);
    assert!(
        matching::decode(&events.next().await.unwrap().payload)
            .unwrap()
            .payload
            .is_empty()
    );

    for body in ["[1]", "1", "{", "{\"a\":}"] {
        assert_eq!(
            fixture
                .call("POST", "/webhooks/webhook/hook", body)
                .await
                .problem()
                .0,
            400
        );
    }
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(600_000));
    assert_eq!(
        fixture
            .call("POST", "/webhooks/webhook/hook", &large)
            .await
            .problem()
            .0,
        413
    );
}

#[tokio::test(start_paused = true)]
async fn every_start_has_the_notifications_of_the_application() {
    let own = json!({"type": "slack", "address": "ops", "when": ["pipeline.failed"]});
    let fixture = with_pipeline(json!({"notifications": [own]})).await;
    let theirs = json!({"slack": [
        {"type": "slack", "address": "ops", "when": ["pipeline.failed", "pipeline.complete"]},
        {"type": "slack", "address": "dev", "when": ["task.failed"]},
    ]});
    fixture
        .ok("POST", "/notifications/application/Demo", theirs)
        .await;
    let added = json!({"type": "slack", "address": "ops", "when": ["pipeline.complete"]});
    let ad_hoc = json!({"application": "demo", "name": "n", "stages": [], "notifications": [own]});
    for (path, body) in [
        ("/pipelines/demo/deploy", Value::Null),
        ("/pipelines/v2/demo/deploy", Value::Null),
        ("/pipelines/start", ad_hoc),
    ] {
        let started = fixture.ok("POST", path, body).await;
        let execution = started["ref"].as_str().unwrap();
        let document = fixture.ok("GET", execution, Value::Null).await;
        assert_eq!(document["notifications"], json!([own, added]), "{path}");
    }
    // The stored pipeline keeps its own ones only, and an ad-hoc task has none.
    let path = "/applications/demo/pipelineConfigs/deploy";
    let stored = fixture.ok("GET", path, Value::Null).await;
    assert_eq!(stored["notifications"], json!([own]));
    let task = json!({"application": "demo", "job": [{"type": "wait"}]});
    fixture.ok("POST", "/tasks", task).await;
    let start = fixture.owner.lock().unwrap().starts().pop().unwrap();
    assert!(!start.config.contains_key("notifications"));
}
