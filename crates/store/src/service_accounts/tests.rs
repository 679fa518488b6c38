//! Service accounts over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::testing::Fixture;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_account_is_saved_listed_and_deleted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let sent = map(json!({"name": "Robot@x.io", "memberOf": ["dev"]}));
    store.save_service_account(&sent, "me", 5).await.unwrap();
    let listed = store.service_accounts().await.unwrap();
    assert_eq!(
        Value::Object(listed[0].body.clone()),
        json!({"name": "Robot@x.io", "memberOf": ["dev"], "lastModified": 5, "lastModifiedBy": "me"})
    );
    for bad in [
        json!({}),
        json!({"name": " "}),
        json!({"name": "a", "memberOf": "dev"}),
    ] {
        let saved = store.save_service_account(&map(bad.clone()), "me", 5).await;
        assert_eq!(saved.unwrap_err().status(), 400, "{bad}");
    }
    assert!(
        store
            .delete_service_account("robot@X.io")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.service_accounts().await.unwrap(), []);
}
