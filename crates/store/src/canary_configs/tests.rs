//! Canary configurations over the in-memory broker, with Kayenta's words.

use serde_json::json;

use super::*;
use crate::testing::Fixture;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[test]
fn kayentas_rules_in_kayentas_words() {
    for (config, wanted) in [
        (json!({}), "Canary config must specify a name."),
        (
            json!({"name": "a"}),
            "Canary config must specify at least one application.",
        ),
        (
            json!({"name": "a b", "applications": ["x"]}),
            "Canary config cannot be named 'a b'. Names must contain only letters, numbers, dashes (-) and underscores (_).",
        ),
        (
            json!({"name": "a", "applications": ["x"], "metrics": [{}]}),
            "Metric config must specify a name.",
        ),
        (
            json!({"name": "a", "applications": ["x"], "metrics": [{"name": "m"}, {"name": "m"}]}),
            "Metric config name must be unique. 'm' is duplicated.",
        ),
    ] {
        assert_eq!(check_canary_config(&map(config)), Err(wanted.to_owned()));
    }
    let comma = json!({"name": "a,b-C_1", "applications": ["x"], "metrics": [{"name": "m"}, {"name": "n"}]});
    assert_eq!(check_canary_config(&map(comma)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn configurations_are_made_replaced_listed_and_deleted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let config = |id: &str, name: &str, application: &str| {
        map(
            json!({"id": id, "name": name, "applications": [application], "mine": {"kept": [1, null]}, "description": null}),
        )
    };
    let one = config("one", "n", "x");
    let saved = store
        .save_canary_config(&one, true, 1_767_225_600_000)
        .await
        .unwrap();
    let expected = json!({"id": "one", "name": "n", "applications": ["x"], "mine": {"kept": [1, null]},
        "createdTimestamp": 1_767_225_600_000_i64, "createdTimestampIso": "2026-01-01T00:00:00Z",
        "updatedTimestamp": 1_767_225_600_000_i64, "updatedTimestampIso": "2026-01-01T00:00:00Z"});
    assert_eq!(Value::Object(saved.document.body.clone()), expected);
    let again = store
        .save_canary_config(&one, true, 1_767_225_601_000)
        .await
        .unwrap();
    assert_eq!(again.document.body, saved.document.body);
    let said = |result: Result<Saved, SaveError>| match result {
        Err(SaveError::Rejected(text)) => text,
        other => panic!("{other:?}"),
    };
    let other = config("one", "other", "x");
    let text = said(store.save_canary_config(&other, true, 5).await);
    assert_eq!(text, "Canary config 'one' already exists.");
    let text = said(
        store
            .save_canary_config(&config("two", "m", "x"), false, 5)
            .await,
    );
    assert_eq!(text, "Canary config 'two' does not exist.");
    let text = said(
        store
            .save_canary_config(&config("two", "n", "x"), true, 5)
            .await,
    );
    assert_eq!(
        text,
        "Canary config with name 'n' already exists in the scope of applications [x]."
    );
    store
        .save_canary_config(&config("two", "n", "y"), true, 5)
        .await
        .unwrap();
    let mut changed = saved.document.body.clone();
    changed.insert("name".to_owned(), "new".into());
    let changed = store
        .save_canary_config(&changed, false, 1_767_225_602_500)
        .await
        .unwrap();
    let body = &changed.document.body;
    assert_eq!(body["createdTimestamp"], 1_767_225_600_000_i64);
    assert_eq!(body["updatedTimestampIso"], "2026-01-01T00:00:02.5Z");
    let names = |applications: &[&str]| {
        let applications: Vec<String> = applications.iter().map(|&it| it.to_owned()).collect();
        async move {
            let listed = store.canary_configs(&applications).await.unwrap();
            listed
                .iter()
                .map(|it| it.id().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(names(&[]).await, ["one", "two"]);
    assert_eq!(names(&["y", "z"]).await, ["two"]);
    assert!(store.delete_canary_config("one").await.unwrap().is_some());
    assert!(store.delete_canary_config("one").await.unwrap().is_none());
    assert_eq!(names(&[]).await, ["two"]);
}
