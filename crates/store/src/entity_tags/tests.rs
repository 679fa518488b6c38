//! Entity tags over the in-memory broker.

use serde_json::{Value, json};

use super::*;
use crate::testing::Fixture;

const ID: &str = "aws:servergroup:demo-v001:prod:eu-west-1";

fn tagged(tags: Value, more: Value) -> Map {
    let mut submitted = json!({"tags": tags, "entityRef": {"cloudProvider": "aws", "entityType": "ServerGroup",
        "entityId": "Demo-v001", "account": "prod", "region": "eu-west-1"}});
    let map = submitted.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    map.clone()
}

async fn names(store: &Store) -> Option<Vec<String>> {
    let stored = store.entity_tags(ID).await.unwrap()?;
    let names = list(&stored.body, "tags")
        .iter()
        .map(|tag| tag["name"].as_str().unwrap().to_owned());
    Some(names.collect())
}

#[tokio::test(start_paused = true)]
async fn tags_are_merged_by_name() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let first = tagged(
        json!([{"name": "a", "value": 1}, {"name": "b", "value": {"x": 1}}]),
        json!({}),
    );
    let saved = store.upsert_entity_tags(&first, "ann", 5).await.unwrap();
    assert_eq!(
        Value::Object(saved.document.body),
        json!({
            "version": "v1", "id": ID, "idPattern": ID_PATTERN,
            "tags": [{"name": "a", "value": 1, "namespace": "default", "valueType": "literal"},
                     {"name": "b", "value": {"x": 1}, "namespace": "default", "valueType": "object"}],
            "tagsMetadata": [
                {"name": "a", "created": 5, "createdBy": "ann", "lastModified": 5, "lastModifiedBy": "ann"},
                {"name": "b", "created": 5, "createdBy": "ann", "lastModified": 5, "lastModifiedBy": "ann"}],
            "entityRef": {"cloudProvider": "aws", "entityType": "ServerGroup", "entityId": "Demo-v001", "account": "prod",
                          "region": "eu-west-1", "application": "demo"},
            "lastModified": 5, "lastModifiedBy": "ann",
        })
    );
    let second = tagged(json!([{"name": "b", "value": 2}, {"name": "c"}]), json!({}));
    let saved = store.upsert_entity_tags(&second, "bob", 9).await.unwrap();
    assert_eq!(
        saved.document.body["tagsMetadata"],
        json!([
            {"name": "a", "created": 5, "createdBy": "ann", "lastModified": 5, "lastModifiedBy": "ann"},
            {"name": "b", "created": 5, "createdBy": "ann", "lastModified": 9, "lastModifiedBy": "bob"},
            {"name": "c", "created": 9, "createdBy": "bob", "lastModified": 9, "lastModifiedBy": "bob"}])
    );
    assert_eq!(names(store).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(saved.document.body["tags"][1]["value"], 2);
    // The same again changes nothing.
    let again = store.upsert_entity_tags(&second, "bob", 12).await.unwrap();
    assert_eq!(again.document.body["lastModified"], 9);
    let whole = tagged(json!([{"name": "d"}]), json!({"isPartial": false}));
    store.upsert_entity_tags(&whole, "bob", 20).await.unwrap();
    assert_eq!(names(store).await.unwrap(), ["d"]);
    assert_eq!(store.list(Kind::EntityTags).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_document_goes_with_its_last_tag() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let three = tagged(
        json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]),
        json!({}),
    );
    store.upsert_entity_tags(&three, "me", 5).await.unwrap();
    let delete = async |names: &[&str], all: bool| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        store
            .delete_entity_tags(ID, &names, all, "me", 6)
            .await
            .unwrap();
    };
    delete(&["b", "unknown"], false).await;
    assert_eq!(names(store).await.unwrap(), ["a", "c"]);
    delete(&["a", "c"], false).await;
    assert_eq!(names(store).await, None);
    delete(&["a"], false).await;
    store.upsert_entity_tags(&three, "me", 7).await.unwrap();
    delete(&[], true).await;
    assert_eq!(names(store).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused() {
    let fixture = Fixture::new().await;
    let entity = json!({"cloudProvider": "aws", "entityType": "cluster", "entityId": "demo"});
    for (submitted, problem) in [
        (json!({}), "entityRef must be an object"),
        (
            json!({"entityRef": {"entityId": 1}}),
            "entityRef.entityId must be a string",
        ),
        (
            json!({"entityRef": {"entityId": "a", "cloudProvider": "aws"}, "tags": []}),
            "entityRef.entityType must be a string that is not empty",
        ),
        (json!({"entityRef": entity}), "tags must be a list"),
        (
            json!({"entityRef": entity, "tags": [1]}),
            "a tag must be an object",
        ),
        (
            json!({"entityRef": entity, "tags": [{}]}),
            "a tag must have a name",
        ),
        (
            json!({"entityRef": entity, "tags": (0..501).map(|n| json!({"name": n.to_string()})).collect::<Vec<_>>()}),
            "an entity has at most 500 tags",
        ),
    ] {
        let submitted = submitted.as_object().unwrap();
        let saved = fixture.store.upsert_entity_tags(submitted, "me", 5).await;
        assert_eq!(saved.unwrap_err().to_string(), problem);
    }
    let id = json!({"entityRef": entity, "tags": [{"name": "a"}]});
    let saved = fixture
        .store
        .upsert_entity_tags(id.as_object().unwrap(), "me", 5)
        .await;
    assert_eq!(saved.unwrap().document.id(), "aws:cluster:demo:*:*");
}

#[tokio::test(start_paused = true)]
async fn kinds_that_nobody_lists_are_read_where_they_lie() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for kind in [Kind::Snapshot, Kind::Delivery, Kind::PluginVersions] {
        let body = json!({"id": "demo-prod", "any": 1});
        let body = body.as_object().unwrap();
        store.import(kind, "demo-prod", body, 5).await.unwrap();
        assert_eq!(store.list(kind).await.unwrap().len(), 1, "{kind:?}");
        assert_eq!(
            store.get(kind, "Demo-prod").await.unwrap().unwrap().body,
            *body
        );
        assert_eq!(store.history(kind, "demo-prod", 5).await.unwrap().len(), 1);
        assert_eq!(store.cache.documents(kind).len(), 0);
    }
}
