//! Projects over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::testing::Fixture;

const NOW: i64 = 1_755_600_000_000;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_project_is_created_changed_found_and_deleted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let sent = map(
        json!({"name": " Shop ", "email": "me@x.io", "config": {"applications": ["demo"]}, "createTs": 1}),
    );
    let created = store.upsert_project(&sent, "p-1", "me", NOW).await.unwrap();
    assert!(created.is_new());
    assert_eq!(
        Value::Object(created.document.body.clone()),
        json!({"name": "Shop", "email": "me@x.io", "config": {"applications": ["demo"]}, "id": "p-1", "createTs": NOW,
               "updateTs": NOW, "lastModifiedBy": "me"})
    );
    // The task ran twice.
    let again = store.upsert_project(&sent, "p-1", "me", NOW).await.unwrap();
    assert_eq!(again.document, created.document);
    let renamed = map(json!({"id": "p-1", "name": "Store", "email": "me@x.io"}));
    let changed = store
        .upsert_project(&renamed, "x", "you", NOW + 1)
        .await
        .unwrap();
    assert_eq!(changed.document.body["createTs"], NOW);
    for wanted in ["store", "STORE ", "p-1"] {
        let found = store.project(wanted).await.unwrap();
        assert_eq!(found.unwrap().id(), "p-1", "{wanted}");
    }
    assert_eq!(store.project("shop").await.unwrap(), None);
    assert_eq!(store.projects().await.unwrap().len(), 1);
    // One client sends the name as id.
    assert!(store.delete_project("Store").await.unwrap().is_some());
    assert_eq!(store.delete_project("p-1").await.unwrap(), None);
    assert_eq!(store.projects().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_ids_are_known() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let save = async |document: Value, id: &str| {
        let saved = store.upsert_project(&map(document), id, "me", NOW).await;
        saved.map_err(|error| (error.status(), error.to_string()))
    };
    save(json!({"name": "shop"}), "a").await.unwrap();
    for (document, status, message) in [
        (
            json!({"name": "SHOP"}),
            400,
            "A project with name SHOP already exists",
        ),
        (
            json!({"name": "x", "id": "gone"}),
            404,
            "Project not found (id: gone)",
        ),
        (
            json!({"name": " "}),
            400,
            "Project must have a non-empty name",
        ),
        (
            json!({"name": "x", "config": []}),
            400,
            "config of a project must be an object",
        ),
    ] {
        let refused = save(document, "b").await.unwrap_err();
        assert_eq!(refused, (status, message.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_goes_leaves_its_projects() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let config = json!({"applications": ["Demo", "other"], "clusters": [{"account": "k", "applications": ["demo"]}],
                        "pipelineConfigs": [{"application": "demo", "pipelineConfigId": "1"},
                                            {"application": "other", "pipelineConfigId": "2"}]});
    let sent = map(json!({"name": "shop", "config": config}));
    store.upsert_project(&sent, "p-1", "me", NOW).await.unwrap();
    let other = map(json!({"name": "rest", "config": {"applications": ["other"]}}));
    let other = store
        .upsert_project(&other, "p-2", "me", NOW)
        .await
        .unwrap();
    store
        .delete_application("demo", "you", NOW + 1)
        .await
        .unwrap();
    let left = store.project("p-1").await.unwrap().unwrap();
    assert_eq!(
        left.body["config"],
        json!({"applications": ["other"], "clusters": [{"account": "k", "applications": []}],
               "pipelineConfigs": [{"application": "other", "pipelineConfigId": "2"}]})
    );
    assert_eq!(left.body["lastModifiedBy"], "you");
    assert_eq!(store.project("p-2").await.unwrap(), Some(other.document));
}
