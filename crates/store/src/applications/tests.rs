//! Applications over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{APPLICATION_BYTES_MAX, Kind, testing::Fixture};

const NOW: i64 = 1_755_600_000_000;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn the_first_write_creates_and_the_next_merges() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let created = store
        .upsert_application(
            &map(
                json!({"name": "Demo", "email": "me@x.io", "cloudProviders": ["kubernetes", "aws"],
                        "instancePort": 80, "nothing": null, "createTs": "1"}),
            ),
            "me",
            NOW,
        )
        .await
        .unwrap();
    assert_eq!(created.previous, None);
    assert_eq!(
        Value::Object(created.current.clone()),
        json!({"name": "DEMO", "email": "me@x.io", "cloudProviders": "kubernetes,aws", "instancePort": 80,
               "createTs": NOW.to_string(), "updateTs": NOW.to_string(), "lastModifiedBy": "me"})
    );
    let changed = store
        .upsert_application(
            &map(json!({"name": "demo", "description": "d"})),
            "you",
            NOW + 5,
        )
        .await
        .unwrap();
    assert_eq!(changed.previous, Some(created.current));
    assert_eq!(changed.current["email"], "me@x.io");
    assert_eq!(changed.current["updateTs"], (NOW + 5).to_string());
    assert_eq!(changed.current["createTs"], NOW.to_string());
    let read = store.application("DEMO").await.unwrap().unwrap();
    assert_eq!(read.body, changed.current);
    let history = store.history(Kind::Application, "demo", 20).await.unwrap();
    assert_eq!(history.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn permissions_are_a_record_of_their_own() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let save = async |permissions: Value| {
        let attributes = map(json!({"name": "demo", "email": "e", "permissions": permissions}));
        let saved = store
            .upsert_application(&attributes, "me", NOW)
            .await
            .unwrap();
        assert!(!saved.current.contains_key("permissions"));
        store
            .application("demo")
            .await
            .unwrap()
            .unwrap()
            .body
            .get("permissions")
            .cloned()
    };
    assert_eq!(save(json!({"READ": [], "WRITE": []})).await, None);
    let roles = json!({"READ": ["dev"], "WRITE": []});
    assert_eq!(save(roles.clone()).await, Some(roles.clone()));
    let listed = store.applications().await.unwrap();
    assert_eq!(listed[0].body["permissions"], roles);
}

#[tokio::test(start_paused = true)]
async fn names_and_mails_are_checked() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(64);
    for (attributes, status, message) in [
        (
            json!({"email": "e"}),
            400,
            "Application must have a non-empty name",
        ),
        (
            json!({"name": " ", "email": "e"}),
            400,
            "Application must have a non-empty name",
        ),
        (
            json!({"name": "a"}),
            400,
            "Application must have a non-empty email",
        ),
        (
            json!({"name": "a_b", "email": "e", "cloudProviders": "gce, kubernetes"}),
            400,
            "Invalid application name 'a_b'. Must match ^([a-zA-Z][a-zA-Z0-9-]*)$ for cloud provider 'kubernetes' and be less than 63 characters.",
        ),
        (
            json!({"name": long, "email": "e", "cloudProviders": ["kubernetes"]}),
            400,
            "Invalid application name 'xxx",
        ),
        (
            json!({"name": "a", "email": "e", "x": "y".repeat(APPLICATION_BYTES_MAX)}),
            413,
            "the application has",
        ),
    ] {
        let error = fixture
            .store
            .upsert_application(&map(attributes), "me", NOW)
            .await
            .unwrap_err();
        assert_eq!(error.status(), status);
        assert!(error.to_string().starts_with(message), "{error}");
    }
    let odd = map(json!({"name": "a/b.c \"q\" é", "email": "e"}));
    fixture
        .store
        .upsert_application(&odd, "me", NOW)
        .await
        .unwrap();
    assert!(
        fixture
            .store
            .application("A/B.C \"Q\" É")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_takes_the_pipelines_along() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for name in ["demo", "other"] {
        let attributes = map(json!({"name": name, "email": "e", "permissions": {"READ": ["r"]}}));
        store
            .upsert_application(&attributes, "me", NOW)
            .await
            .unwrap();
        let pipeline = map(json!({"application": name, "name": "deploy"}));
        store
            .pipelines()
            .save(&pipeline, name, "me", false, NOW)
            .await
            .unwrap();
    }
    let deleted = store
        .delete_application("Demo", "me", NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(deleted["name"], "DEMO");
    assert_eq!(
        store.delete_application("demo", "me", NOW).await.unwrap(),
        None
    );
    assert_eq!(store.pipeline("demo").await.unwrap(), None);
    assert_eq!(
        store.pipelines().by_name("demo", "deploy").await.unwrap(),
        None
    );
    assert_eq!(store.get(Kind::Permission, "demo").await.unwrap(), None);
    let left: Vec<_> = store.applications().await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(store.pipeline("other").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn writers_at_once_all_leave_their_mark() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process();
    let one = map(json!({"name": "demo", "email": "e", "one": 1}));
    let two = map(json!({"name": "demo", "email": "e", "two": 2}));
    let (first, second) = tokio::join!(
        fixture.store.upsert_application(&one, "me", NOW),
        other.upsert_application(&two, "me", NOW)
    );
    first.unwrap();
    second.unwrap();
    let stored = fixture.store.application("demo").await.unwrap().unwrap();
    assert_eq!(
        (&stored.body["one"], &stored.body["two"]),
        (&json!(1), &json!(2))
    );
}
