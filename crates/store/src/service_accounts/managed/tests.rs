//! Managed service accounts over the in-memory broker.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::ManagedAccounts;
use crate::{Kind, Store, testing::Fixture};

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn pipeline(id: Option<&str>, roles: Value, run_as: &[Option<&str>]) -> Map {
    let triggers: Vec<Value> = run_as
        .iter()
        .map(|user| match user {
            Some(user) => json!({"type": "webhook", "runAsUser": user}),
            None => json!({"type": "webhook"}),
        })
        .collect();
    let mut pipeline =
        json!({"application": "demo", "name": "deploy", "roles": roles, "triggers": triggers});
    if let Some(id) = id {
        pipeline["id"] = id.into();
    }
    map(pipeline)
}

async fn saved(store: &Store, sent: &Map) -> Map {
    let saved = store.pipelines().save(sent, "New-Id", "me", false, 5).await;
    saved.unwrap().document.body
}

fn users(pipeline: &Map) -> Vec<Value> {
    let triggers = pipeline["triggers"].as_array().unwrap();
    triggers
        .iter()
        .map(|trigger| trigger["runAsUser"].clone())
        .collect()
}

async fn accounts(store: &Store) -> Vec<(String, Value)> {
    let listed = store.service_accounts().await.unwrap();
    let listed = listed.iter();
    listed
        .map(|it| {
            (
                it.text("name").unwrap().to_owned(),
                it.body["memberOf"].clone(),
            )
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn roles_become_an_account_that_triggers_run_as() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone().managing(ManagedAccounts::Own);
    let sent = pipeline(
        None,
        json!(["dev", "ops"]),
        &[
            None,
            Some("robot@x.io"),
            Some("old@managed-service-account"),
        ],
    );
    let stored = saved(&store, &sent).await;
    let name = "new-id@managed-service-account";
    assert_eq!(
        users(&stored),
        [json!(name), json!("robot@x.io"), json!(name)]
    );
    assert_eq!(
        accounts(&store).await,
        [(name.to_owned(), json!(["dev", "ops"]))]
    );
    // The same again, as a repeated task does it, changes nothing.
    assert_eq!(saved(&store, &sent).await, stored);

    let emptied = pipeline(Some("New-Id"), json!([]), &[Some(name), Some("robot@x.io")]);
    let stored = saved(&store, &emptied).await;
    assert_eq!(users(&stored), [Value::Null, json!("robot@x.io")]);
    assert_eq!(accounts(&store).await, [(name.to_owned(), json!([]))]);

    store.pipelines().delete("demo", "deploy").await.unwrap();
    assert_eq!(accounts(&store).await, []);
}

#[tokio::test(start_paused = true)]
async fn pipelines_with_the_same_roles_may_share_one() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone().managing(ManagedAccounts::Shared);
    let first = saved(&store, &pipeline(Some("a"), json!(["ops", "Dev"]), &[None])).await;
    let mut second = pipeline(Some("b"), json!(["dev", "ops"]), &[None]);
    second.insert("name".to_owned(), "other".into());
    let second = saved(&store, &second).await;
    assert_eq!(users(&first), users(&second));
    let shared = users(&first)[0].as_str().unwrap().to_owned();
    assert!(
        shared.ends_with("@shared-managed-service-account"),
        "{shared}"
    );
    assert_eq!(accounts(&store).await.len(), 1);
    // Back to accounts of their own: the shared one keeps its roles.
    let own = fixture.store.clone().managing(ManagedAccounts::Own);
    let mut again = pipeline(Some("a"), json!(["dev"]), &[Some(&shared)]);
    again.insert("serviceAccount".to_owned(), shared.into());
    let again = saved(&own, &again).await;
    assert_eq!(users(&again), [json!("a@managed-service-account")]);
    assert_eq!(accounts(&own).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_or_the_key_nothing_happens() {
    let fixture = Fixture::new().await;
    let sent = pipeline(Some("a"), json!(["dev"]), &[None]);
    let stored = saved(&fixture.store, &sent).await;
    assert_eq!(users(&stored), [Value::Null]);
    let store = fixture.store.clone().managing(ManagedAccounts::Own);
    let mut without = sent.clone();
    without.shift_remove("roles");
    assert_eq!(users(&saved(&store, &without).await), [Value::Null]);
    assert_eq!(accounts(&store).await, []);
    let strategy = pipeline(Some("s"), json!(["dev"]), &[None]);
    store
        .strategies()
        .save(&strategy, "s", "me", false, 5)
        .await
        .unwrap();
    assert!(store.list(Kind::ServiceAccount).await.unwrap().is_empty());
    for roles in [json!("dev"), json!([1]), json!({})] {
        let bad = pipeline(Some("a"), roles, &[]);
        let refused = store.pipelines().save(&bad, "a", "me", false, 5).await;
        assert_eq!(refused.unwrap_err().status(), 400);
    }
}
