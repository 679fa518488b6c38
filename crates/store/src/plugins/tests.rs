//! Plugins over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::testing::Fixture;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn plugins_are_listed_by_the_service_that_they_extend() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let releases = json!([{"version": "1.0.0", "requires": "orca>=8.0.0,deck"}]);
    for plugin in [
        json!({"id": "acme.one", "releases": releases}),
        json!({"id": "acme.two", "releases": [{"version": "1", "requires": "gate<=2"}]}),
    ] {
        store.save_plugin(&map(plugin), "me", 5).await.unwrap();
    }
    for (service, expected) in [
        (None, 2),
        (Some("deck"), 1),
        (Some("ORCA"), 1),
        (Some("or"), 0),
    ] {
        assert_eq!(
            store.plugins(service).await.unwrap().len(),
            expected,
            "{service:?}"
        );
    }
    for bad in [json!({}), json!({"id": "a", "releases": [{}]})] {
        let saved = store.save_plugin(&map(bad.clone()), "me", 5).await;
        assert_eq!(saved.unwrap_err().status(), 400, "{bad}");
    }
    assert!(store.delete_plugin("acme.one").await.unwrap().is_some());
    assert_eq!(store.plugins(None).await.unwrap().len(), 1);
}
