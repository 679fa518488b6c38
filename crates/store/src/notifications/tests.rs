//! Notifications over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{Kind, testing::Fixture};

const NOW: i64 = 1_755_600_000_000;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn they_are_one_document_per_application() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    assert!(store.notifications("demo").await.unwrap().is_empty());
    let sent = map(
        json!({"application": "x", "slack": [{"address": "#a", "when": ["pipeline.failed"]}], "lastModified": 1}),
    );
    store
        .save_notifications("Demo", &sent, "me", NOW)
        .await
        .unwrap();
    assert_eq!(
        Value::Object(store.notifications("demo").await.unwrap()),
        json!({"application": "Demo", "slack": [{"address": "#a", "when": ["pipeline.failed"]}], "lastModified": NOW,
               "lastModifiedBy": "me"})
    );
    store
        .save_notifications("demo", &map(json!({})), "me", NOW)
        .await
        .unwrap();
    assert_eq!(
        store
            .history(Kind::Notification, "demo", 9)
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(store.delete_notifications("DEMO").await.unwrap().is_some());
    assert!(store.notifications("demo").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused() {
    let fixture = Fixture::new().await;
    for (application, document, message) in [
        (
            " ",
            json!({}),
            "Notifications must belong to an application",
        ),
        (
            "demo",
            json!({"slack": ["#a"]}),
            "slack of notifications must be a list of objects",
        ),
    ] {
        let document = map(document);
        let saved = fixture
            .store
            .save_notifications(application, &document, "me", NOW);
        let error = saved.await.unwrap_err();
        assert_eq!(
            (error.status(), error.to_string()),
            (400, message.to_owned())
        );
    }
}
