//! Pipelines over the in-memory broker.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{Kind, NAME_BYTES_MAX, PIPELINE_BYTES_MAX, SaveError, Store, testing::Fixture};

const NOW: i64 = 1_755_600_000_000;

fn pipeline(application: &str, name: &str, more: Value) -> Map {
    let mut map = Map::new();
    map.insert("application".to_owned(), application.into());
    map.insert("name".to_owned(), name.into());
    map.extend(more.as_object().unwrap().clone());
    map
}

async fn save(store: &Store, document: &Map, id: &str) -> Result<Map, SaveError> {
    let saved = store
        .pipelines()
        .save(document, id, "me", true, NOW)
        .await?;
    Ok(saved.document.body)
}

fn refusal(result: Result<Map, SaveError>) -> (u16, String) {
    let error = result.unwrap_err();
    (error.status(), error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_new_pipeline_gets_only_the_keys_that_spinnaker_adds() {
    let fixture = Fixture::new().await;
    let sent = pipeline(
        "demo",
        "  deploy ",
        json!({"id": null, "stages": [], "custom": {"b": 1, "a": null}, "updateTs": "1", "lastModifiedBy": "x"}),
    );
    save(&fixture.store, &sent, "id-1").await.unwrap();
    let stored = fixture.store.pipeline("id-1").await.unwrap().unwrap();
    assert_eq!(
        Value::Object(stored.body),
        json!({
            "application": "demo", "name": "deploy", "stages": [], "custom": {"b": 1, "a": null}, "id": "id-1",
            "lastModifiedBy": "me", "updateTs": NOW.to_string()
        })
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_per_application_ignoring_case() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for (application, name) in [
        ("demo", "deploy"),
        ("demo", "a/b.c \"q\" grün 日本"),
        ("other", "deploy"),
    ] {
        save(
            store,
            &pipeline(application, name, json!({})),
            &format!("{application}-{name}"),
        )
        .await
        .unwrap();
        let found = store
            .pipelines()
            .by_name(
                &application.to_uppercase(),
                &format!(" {} ", name.to_uppercase()),
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.id(), format!("{application}-{name}"));
    }
    assert_eq!(
        refusal(
            save(
                store,
                &pipeline("demo", "Deploy", json!({"id": "other-uuid"})),
                "x"
            )
            .await
        ),
        (
            400,
            "A pipeline with name Deploy already exists in application demo".to_owned()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn of_two_saves_at_once_one_wins() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process();
    for round in 0..20 {
        let document = pipeline("demo", &format!("deploy {round}"), json!({}));
        let (first, second) = (format!("a{round}"), format!("b{round}"));
        let (one, two) = tokio::join!(
            save(&fixture.store, &document, &first),
            save(&other, &document, &second)
        );
        assert_eq!(
            usize::from(one.is_ok()) + usize::from(two.is_ok()),
            1,
            "{one:?} {two:?}"
        );
        let lost = if one.is_ok() { &second } else { &first };
        assert_eq!(fixture.store.pipeline(lost).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn two_changes_at_once_both_end_and_leave_a_consistent_name() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process();
    save(
        &fixture.store,
        &pipeline("demo", "start", json!({})),
        "id-1",
    )
    .await
    .unwrap();
    for round in 0..20 {
        let one = pipeline("demo", &format!("one {round}"), json!({"id": "id-1"}));
        let two = pipeline("demo", &format!("two {round}"), json!({"id": "id-1"}));
        let (first, second) = tokio::join!(
            fixture.store.pipelines().save(&one, "", "me", false, NOW),
            other.pipelines().save(&two, "", "me", false, NOW)
        );
        first.unwrap();
        second.unwrap();
        let stored = fixture.store.pipeline("id-1").await.unwrap().unwrap();
        let name = stored.text("name").unwrap().to_owned();
        let by_name = fixture
            .store
            .pipelines()
            .by_name("demo", &name)
            .await
            .unwrap();
        assert_eq!(by_name.as_ref().map(|found| found.id()), Some("id-1"));
        let lost = if name.starts_with("one") {
            "two"
        } else {
            "one"
        };
        let lost = format!("{lost} {round}");
        assert_eq!(
            fixture
                .store
                .pipelines()
                .by_name("demo", &lost)
                .await
                .unwrap(),
            None
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rename_frees_the_old_name_and_a_delete_the_last() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    save(store, &pipeline("demo", "old", json!({})), "id-1")
        .await
        .unwrap();
    save(store, &pipeline("demo", "new", json!({"id": "id-1"})), "x")
        .await
        .unwrap();
    assert_eq!(
        store.pipelines().by_name("demo", "old").await.unwrap(),
        None
    );
    save(store, &pipeline("demo", "old", json!({})), "id-2")
        .await
        .unwrap();
    let deleted = store
        .pipelines()
        .delete("demo", "NEW")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(deleted.id(), "id-1");
    assert_eq!(store.pipelines().delete("demo", "new").await.unwrap(), None);
    assert_eq!(store.pipeline("id-1").await.unwrap(), None);
    save(store, &pipeline("demo", "new", json!({"id": "id-1"})), "x")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_crash_left_behind_is_taken_over_after_a_while() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let claimed = store
        .claim_name(
            &crate::key::Name::in_application(Kind::Pipeline, "demo", "deploy"),
            "ghost",
            false,
            NOW,
        )
        .await
        .unwrap();
    assert_eq!(claimed, crate::names::Claim::Held);
    let document = pipeline("demo", "deploy", json!({}));
    let at = |now_ms| {
        store
            .pipelines()
            .save(&document, "id-1", "me", false, now_ms)
    };
    let taken_ms = fixture.broker_now_ms();
    assert_eq!(
        at(taken_ms).await.unwrap_err().to_string(),
        "A pipeline with name deploy already exists in application demo"
    );
    at(taken_ms + 60_000).await.unwrap();
    // The ghost comes back with what it had prepared: it meets the void record, not an empty key.
    let prepared = pipeline("demo", "deploy", json!({"id": "ghost"}));
    let raw = serde_json::to_vec(&prepared).unwrap().into();
    let ghost = crate::documents::Address::Document(Kind::Pipeline, "ghost");
    let late = store.documents.put_if(ghost, None, raw).await.unwrap();
    assert!(late.is_none(), "{late:?}");
    assert_eq!(store.pipeline("ghost").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stale_document_is_refused_only_when_asked() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let first = save(store, &pipeline("demo", "deploy", json!({})), "id-1")
        .await
        .unwrap();
    let mut change = first.clone();
    change.insert("description".to_owned(), "one".into());
    let second = save(store, &change, "").await.unwrap();
    assert_eq!(second["updateTs"], (NOW + 1).to_string());
    change.insert("description".to_owned(), "two".into());
    assert_eq!(
        refusal(save(store, &change, "").await),
        (
            400,
            format!(
                "The submitted pipeline is stale.  submitted updateTs {NOW} does not match stored updateTs {}",
                NOW + 1
            )
        )
    );
    for no_fingerprint in [json!(null), json!(""), json!("soon")] {
        change.insert("updateTs".to_owned(), no_fingerprint);
        save(store, &change, "").await.unwrap();
        change.insert("description".to_owned(), "three".into());
    }
    store
        .pipelines()
        .save(&first, "", "me", false, NOW)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_save_that_ran_twice_changes_nothing_the_second_time() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let cron = json!({"triggers": [{"type": "cron", "cronExpression": "0 0 * * * ?"}]});
    let document = pipeline("demo", "deploy", cron);
    let once = save(store, &document, "id-1").await.unwrap();
    let twice = store
        .pipelines()
        .save(&document, "id-1", "me", true, NOW + 5000)
        .await
        .unwrap();
    assert_eq!(twice.document.body, once);
    assert_eq!(
        store
            .history(Kind::Pipeline, "id-1", 20)
            .await
            .unwrap()
            .len(),
        1
    );
    let id = once["triggers"][0]["id"].as_str().unwrap();
    assert_eq!(
        id.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_pipeline_is_refused_with_front50s_words() {
    let fixture = Fixture::new().await;
    let missing = "A pipeline requires name and application fields";
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    for (document, status, message) in [
        (json!({}), 422, missing),
        (json!({"name": "a"}), 422, missing),
        (json!({"name": " ", "application": "b"}), 422, missing),
        (json!({"name": null, "application": "b"}), 422, missing),
        (
            json!({"name": 1, "application": "b"}),
            400,
            "the name of a pipeline must be a string",
        ),
        (
            json!({"name": long, "application": "b"}),
            400,
            "the name of a pipeline may have at most 250 bytes",
        ),
        (
            json!({"name": "é".repeat(120), "application": "é".repeat(120)}),
            400,
            "the application and the name of the pipeline are together too long",
        ),
        (
            json!({"name": "a\nb", "application": "b"}),
            400,
            "the name of a pipeline may not hold control characters",
        ),
        (
            json!({"name": "a", "application": "b", "id": 7}),
            400,
            "the id of a pipeline must be a string of at most 128 printable bytes",
        ),
        (
            json!({"name": "a", "application": "b", "stages": {}}),
            400,
            "stages of a pipeline must be a list of objects",
        ),
        (
            json!({"name": "a", "application": "b", "triggers": ["x"]}),
            400,
            "triggers of a pipeline must be a list of objects",
        ),
        (
            json!({"name": "a", "application": "b", "type": "templatedPipeline", "schema": "v2",
                   "template": {"reference": "spinnaker://gone"}}),
            400,
            "Configured pipeline template not found",
        ),
        (
            json!({"name": "a", "application": "b", "description": "x".repeat(PIPELINE_BYTES_MAX)}),
            413,
            "the pipeline has 983",
        ),
    ] {
        let sent = document.as_object().unwrap();
        let (found, text) = refusal(save(&fixture.store, sent, "id-1").await);
        assert_eq!(found, status, "{text}");
        assert!(text.starts_with(message), "{text}");
    }
    assert_eq!(fixture.store.pipeline("id-1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_update_needs_the_pipeline_and_its_id() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let update = |id: &'static str, document: Map| async move {
        let updated = store
            .pipelines()
            .update(id, &document, "me", false, NOW)
            .await?;
        Ok::<_, SaveError>(updated.document.body)
    };
    let plain = pipeline("demo", "deploy", json!({}));
    assert_eq!(refusal(update("id-1", plain.clone()).await).0, 404);
    save(store, &plain, "id-1").await.unwrap();
    assert_eq!(
        refusal(update("id-1", pipeline("demo", "deploy", json!({"id": "id-2"}))).await),
        (
            400,
            "The provided id id-2 doesn't match the existing pipeline id id-1".to_owned()
        )
    );
    let renamed = update("id-1", pipeline("demo", "released", json!({})))
        .await
        .unwrap();
    assert_eq!(renamed["name"], "released");
}

#[tokio::test(start_paused = true)]
async fn lists_are_in_order_and_show_own_writes_at_once() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for (name, index) in [
        ("b", json!(null)),
        ("A", json!(null)),
        ("second", json!(7)),
        ("first", json!(2)),
    ] {
        save(
            store,
            &pipeline("Demo", name, json!({"index": index})),
            name,
        )
        .await
        .unwrap();
    }
    save(store, &pipeline("elsewhere", "x", json!({})), "x")
        .await
        .unwrap();
    let names = async || -> Vec<(String, i64)> {
        let listed = store.pipelines().of("demo").await.unwrap();
        listed
            .iter()
            .map(|it| {
                (
                    it.text("name").unwrap().to_owned(),
                    it.body["index"].as_i64().unwrap(),
                )
            })
            .collect()
    };
    let row = |name: &str, index| (name.to_owned(), index);
    assert_eq!(
        names().await,
        [row("first", 0), row("second", 1), row("A", 2), row("b", 3)]
    );
    let indices = BTreeMap::from([
        ("b".to_owned(), 0),
        ("x".to_owned(), 9),
        ("gone".to_owned(), 1),
    ]);
    store
        .pipelines()
        .reorder("DEMO", &indices, "me", NOW)
        .await
        .unwrap();
    assert_eq!(names().await[0], row("b", 0));
    assert_eq!(
        store
            .pipeline("x")
            .await
            .unwrap()
            .unwrap()
            .body
            .get("index"),
        None
    );
    store.pipelines().delete("demo", "first").await.unwrap();
    assert_eq!(names().await.len(), 3);
    // A save that does not know the place of a pipeline keeps it.
    save(
        store,
        &pipeline("demo", "second", json!({"id": "second"})),
        "",
    )
    .await
    .unwrap();
    assert_eq!(
        store.pipeline("second").await.unwrap().unwrap().body["index"],
        7
    );
}

#[tokio::test(start_paused = true)]
async fn another_process_sees_the_change_through_the_watch() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process();
    fixture.follow(&other);
    let mut watch = other.watch();
    assert!(watch.changed().await);
    save(
        &fixture.store,
        &pipeline("demo", "deploy", json!({})),
        "id-1",
    )
    .await
    .unwrap();
    while watch.pipelines().is_empty() {
        assert!(watch.changed().await);
    }
    let first = watch.pipelines().remove(0);
    save(
        &fixture.store,
        &pipeline("demo", "deploy", json!({"id": "id-1", "x": 1})),
        "",
    )
    .await
    .unwrap();
    other.refresh(Kind::Pipeline, "id-1").await.unwrap();
    let second = watch.pipelines().remove(0);
    assert_eq!(second.key, first.key);
    assert!(second.revision > first.revision);
    fixture
        .store
        .pipelines()
        .delete("demo", "deploy")
        .await
        .unwrap();
    while !watch.pipelines().is_empty() {
        assert!(watch.changed().await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_catches_up_sees_what_others_wrote() {
    let fixture = Fixture::new().await;
    let other = fixture.another_process();
    fixture.follow(&other);
    let mut watch = other.watch();
    for round in 0..20 {
        let document = pipeline("demo", &format!("p{round}"), json!({}));
        save(&fixture.store, &document, &format!("id-{round}"))
            .await
            .unwrap();
        let (one, two) = tokio::join!(other.catch_up(), fixture.store.catch_up());
        one.unwrap();
        two.unwrap();
        assert!(watch.take_change());
        assert_eq!(watch.pipelines().len(), round + 1);
        // A beacon is no change of a document.
        other.catch_up().await.unwrap();
        assert!(!watch.take_change());
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_read_does_not_take_the_others_along() {
    let fixture = Fixture::new().await;
    save(
        &fixture.store,
        &pipeline("demo", "deploy", json!({})),
        "id-1",
    )
    .await
    .unwrap();
    let bad = crate::documents::Address::Document(Kind::Pipeline, "bad");
    let put = fixture.store.documents.put_if(bad, None, "[".into()).await;
    assert!(put.unwrap().is_some());
    fixture.store.catch_up().await.unwrap();
    assert_eq!(fixture.store.list(Kind::Pipeline).await.unwrap().len(), 1);
    assert_eq!(fixture.store.pipelines().of("demo").await.unwrap().len(), 1);
    let error = fixture.store.pipeline("bad").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the stored document pipe.bad cannot be read"
    );
}

#[tokio::test(start_paused = true)]
async fn history_is_newest_first() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for version in 0..5 {
        let document = pipeline("demo", "deploy", json!({"id": "id-1", "version": version}));
        save(store, &document, "").await.unwrap();
    }
    let versions = |limit| async move {
        let versions = store.history(Kind::Pipeline, "id-1", limit).await.unwrap();
        versions
            .iter()
            .map(|it| it.body["version"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(20).await, [4, 3, 2, 1, 0]);
    assert_eq!(versions(1).await, [4]);
    assert_eq!(store.history(Kind::Pipeline, "gone", 20).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_save_what_is_valid() {
    let fixture = Fixture::new().await;
    let sent = [
        pipeline("demo", "a", json!({})),
        pipeline("demo", "", json!({})),
        pipeline("demo", "A", json!({})),
    ];
    let bulk = fixture
        .store
        .pipelines()
        .save_many(&sent, |index| format!("id-{index}"), "me", false, NOW)
        .await
        .unwrap();
    assert_eq!(bulk.successful, ["a"]);
    let errors: Vec<&str> = bulk
        .failed
        .iter()
        .map(|it| it["errorMsg"].as_str().unwrap())
        .collect();
    assert_eq!(
        errors,
        [
            "A pipeline requires name and application fields",
            "A pipeline with name A already exists in application demo"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn strategies_are_pipelines_in_a_namespace_of_their_own() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let document = pipeline("demo", "deploy", json!({}));
    store
        .pipelines()
        .save(&document, "p", "me", false, NOW)
        .await
        .unwrap();
    let saved = store
        .strategies()
        .save(&document, "s", "me", false, NOW)
        .await
        .unwrap();
    assert_eq!(saved.document.body["strategy"], true);
    assert_eq!(
        refusal(
            store
                .strategies()
                .save(
                    &pipeline("Demo", "DEPLOY", json!({})),
                    "t",
                    "me",
                    false,
                    NOW
                )
                .await
                .map(|saved| saved.document.body)
        ),
        (
            400,
            "A strategy with name DEPLOY already exists in application Demo".to_owned()
        )
    );
    let found = store.strategies().by_name("demo", "Deploy").await.unwrap();
    assert_eq!(found.unwrap().id(), "s");
    assert_eq!(store.strategies().of("demo").await.unwrap().len(), 1);
    assert_eq!(store.pipelines().of("demo").await.unwrap().len(), 1);
    store.delete_application("demo", "me", NOW).await.unwrap();
    for kind in [Kind::Pipeline, Kind::Strategy] {
        assert_eq!(store.stored(kind).await.unwrap(), []);
    }
}
