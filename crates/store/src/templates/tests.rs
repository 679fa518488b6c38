//! Templates over the in-memory broker.

use gennaker_model::Map;
use gennaker_templates::{Answer, Need};
use serde_json::{Value, json};

use super::Version;
use crate::{Kind, SaveError, Store, testing::Fixture};

const NOW: i64 = 1_755_600_000_000;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn template(id: &str, more: Value) -> Map {
    let mut template = map(
        json!({"schema": "v2", "id": id, "variables": [], "pipeline": {"stages": []},
                                  "metadata": {"name": "n", "description": "d", "scopes": ["global"]}}),
    );
    template.extend(map(more));
    template
}

async fn keys(store: &Store) -> Vec<(Option<String>, Option<String>)> {
    let listed = store.templates(&[]).await.unwrap();
    let text = |field: Option<&str>| field.map(str::to_owned);
    listed
        .iter()
        .map(|it| (text(it.text("tag")), text(it.text("digest"))))
        .collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, SaveError>) -> (u16, String) {
    let error = result.unwrap_err();
    (error.status(), error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_save_writes_three_versions() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let sent = template("Mine", json!({}));
    store.create_template(&sent, None, "me", NOW).await.unwrap();
    let digest = super::digest::of(&{
        let mut latest = sent.clone();
        latest.insert("tag".to_owned(), "latest".into());
        latest
    });
    assert_eq!(
        keys(store).await,
        [
            (None, None),
            (Some("latest".to_owned()), None),
            (None, Some(digest.clone()))
        ]
    );
    for version in [
        Version::Untagged,
        Version::Tag("latest"),
        Version::Digest(&digest),
    ] {
        let stored = store.template("mine", version).await.unwrap().unwrap();
        let mut body = stored.body;
        for field in ["updateTs", "lastModifiedBy"] {
            assert!(body.shift_remove(field).unwrap().is_string());
        }
        assert_eq!(body, sent, "{version:?}");
    }
    // The task ran twice; another one is refused.
    store.create_template(&sent, None, "me", NOW).await.unwrap();
    assert_eq!(
        refusal(
            store
                .create_template(&template("mine", json!({"x": 1})), None, "me", NOW)
                .await
        ),
        (
            400,
            "A pipeline template with the id mine already exists".to_owned()
        )
    );
    let changed = template("Mine", json!({"protect": true}));
    let saved = store
        .update_template("mine", &changed, None, "you", NOW)
        .await;
    assert_eq!(saved.unwrap().document.body["protect"], true);
    assert_eq!(keys(store).await.len(), 4);
    let versions = store.template_versions(&[]).await.unwrap();
    assert_eq!(versions["Mine"].len(), 4);
}

#[tokio::test(start_paused = true)]
async fn tags_are_versions_of_their_own() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let sent = template("mine", json!({}));
    store
        .create_template(&sent, Some("stable"), "me", NOW)
        .await
        .unwrap();
    assert_eq!(
        store.template("mine", Version::Untagged).await.unwrap(),
        None
    );
    assert!(
        store
            .template("mine", Version::Tag("stable"))
            .await
            .unwrap()
            .is_some()
    );
    let changed = template("mine", json!({"protect": true}));
    assert_eq!(
        refusal(
            store
                .update_template("mine", &changed, Some("canary"), "me", NOW)
                .await
        )
        .0,
        404
    );
    assert_eq!(
        refusal(
            store
                .update_template("other", &changed, Some("stable"), "me", NOW)
                .await
        ),
        (
            400,
            "The provided id mine doesn't match the pipeline template id other".to_owned()
        )
    );
    store
        .create_template(&changed, Some("latest"), "me", NOW)
        .await
        .unwrap_err();
    store
        .delete_template("mine", Version::Tag("latest"))
        .await
        .unwrap()
        .unwrap();
    store
        .create_template(&changed, Some("latest"), "me", NOW)
        .await
        .unwrap();
    let latest = store
        .template("mine", Version::Tag("latest"))
        .await
        .unwrap();
    assert_eq!(latest.unwrap().body["protect"], true);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_template_is_refused_with_orcas_words() {
    let fixture = Fixture::new().await;
    for (sent, message) in [
        (
            json!({}),
            "Missing required fields: id,metadata.name,metadata.description,metadata.scopes",
        ),
        (
            json!({"id": "a", "metadata": {"name": "n", "description": "d", "scopes": []}}),
            "Missing required fields: metadata.scopes",
        ),
        (
            Value::Object(template("a.b", json!({}))),
            "Pipeline template IDs cannot have dots",
        ),
        (
            Value::Object(template(
                "a",
                json!({"variables": [{"name": "a-b"}, {"name": "c"}, {"name": "d-"}]}),
            )),
            "Illegal variable names: a-b, d-. Variable names must match the regex: ^[a-zA-Z0-9_]+$",
        ),
        (
            Value::Object(template(
                "a",
                json!({"metadata": {"name": "a.b", "description": "d", "scopes": ["global"]}}),
            )),
            "Illegal template name: a.b. Name must match the regex: ^[a-zA-z0-9-&\\s]+$",
        ),
    ] {
        let sent = map(sent);
        let saved = fixture.store.create_template(&sent, None, "me", NOW);
        assert_eq!(refusal(saved.await), (400, message.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_expansion_is_answered_from_the_documents() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let sent = template("mine", json!({}));
    let saved = store.create_template(&sent, Some("stable"), "me", NOW);
    saved.await.unwrap();
    let pipeline = map(json!({"application": "demo", "name": "Child"}));
    let saved = store.pipelines().save(&pipeline, "id-1", "me", false, NOW);
    saved.await.unwrap();
    let named = |name: &str| Need::Pipeline {
        application: "demo".to_owned(),
        name: name.to_owned(),
    };
    let asked = [
        Need::Template("mine:stable".to_owned()),
        Need::Template("gone".to_owned()),
        named("child"),
        named("gone"),
        Need::Address("https://x.io/t.yml".to_owned()),
    ];
    let told = store.expand(|answers| {
        let answers: Result<Vec<Answer>, Need> = asked
            .iter()
            .map(|need| answers(need).ok_or_else(|| need.clone()))
            .collect();
        answers
    });
    let told = told.await;
    assert!(
        matches!(&told[0], Answer::Template(body) if body["id"] == "mine" && !body.contains_key("tag"))
    );
    assert_eq!(told[1], Answer::Missing);
    assert_eq!(told[2], Answer::Id("id-1".to_owned()));
    assert_eq!(told[3], Answer::Missing);
    assert!(matches!(&told[4], Answer::Failed(reason) if reason.contains("https://x.io/t.yml")));

    // What asks for ever more is told so.
    let count = store.expand(|answers| {
        for number in 0.. {
            let need = Need::Template(format!("t{number}"));
            match answers(&need) {
                None => return Err(need),
                Some(Answer::Failed(_)) => return Ok(number),
                Some(_) => {}
            }
        }
        Ok(0)
    });
    assert_eq!(count.await, 40);
}

#[test]
fn the_first_generation_has_rules_of_its_own() {
    for (sent, message) in [
        (
            Value::Object(template("a.b", json!({}))),
            "Pipeline template IDs cannot have dots",
        ),
        (
            Value::Object(template("a", json!({"variables": [{"name": "b-c"}]}))),
            "Variable names cannot include dashes (-). Invalid variable names: b-c",
        ),
        (
            json!({"id": "a", "metadata": {"name": "n"}}),
            "Missing required fields: metadata.description,metadata.scopes",
        ),
    ] {
        let error = crate::validate_template_v1(&map(sent)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let odd = template("a", json!({"variables": [{"name": "b.c"}]}));
    assert!(crate::validate_template_v1(&odd).is_ok());
}

#[tokio::test(start_paused = true)]
async fn scopes_filter_by_word_or_pattern() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for (id, scope) in [("a", "global"), ("b", "Team-One")] {
        let metadata = json!({"metadata": {"name": "n", "description": "d", "scopes": [scope]}});
        let sent = template(id, metadata);
        store
            .save_template_v1(None, &sent, "me", NOW)
            .await
            .unwrap();
    }
    for (wanted, expected) in [
        ("GLOBAL", 1),
        ("team-one", 1),
        ("Team-.*", 1),
        ("Team", 0),
        (".*", 2),
        ("(", 0),
    ] {
        let found = store.templates(&[wanted.to_owned()]).await.unwrap();
        assert_eq!(found.len(), expected, "{wanted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_in_use_cannot_be_deleted_and_must_exist_to_be_used() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let two = map(
        json!({"application": "demo", "name": "two", "type": "templatedPipeline", "schema": "v2",
                         "template": {"reference": "spinnaker://mine:stable"}}),
    );
    let one = map(
        json!({"application": "demo", "name": "one", "type": "templatedPipeline", "schema": "1",
                         "config": {"pipeline": {"template": {"source": "spinnaker://old"}}}}),
    );
    for pipeline in [&one, &two] {
        assert_eq!(
            refusal(
                store
                    .pipelines()
                    .save(pipeline, "x", "me", false, NOW)
                    .await
            ),
            (400, "Configured pipeline template not found".to_owned())
        );
    }
    store
        .create_template(&template("mine", json!({})), Some("stable"), "me", NOW)
        .await
        .unwrap();
    store
        .save_template_v1(None, &map(json!({"id": "old"})), "me", NOW)
        .await
        .unwrap();
    store
        .pipelines()
        .save(&one, "id-1", "me", false, NOW)
        .await
        .unwrap();
    store
        .pipelines()
        .save(&two, "id-2", "me", false, NOW)
        .await
        .unwrap();
    for (id, version, pipeline) in [
        ("mine", Version::Tag("stable"), "id-2"),
        ("mine", Version::Untagged, "id-2"),
        ("old", Version::Untagged, "id-1"),
    ] {
        assert_eq!(
            refusal(store.delete_template(id, version).await),
            (
                400,
                format!("The following pipeline configs depend on this template: {pipeline}")
            )
        );
    }
    assert!(
        store
            .delete_template("mine", Version::Tag("latest"))
            .await
            .unwrap()
            .is_some()
    );
    let dependents = store.dependents("mine:stable").await.unwrap();
    assert_eq!((dependents.len(), dependents[0].name.as_str()), (1, "two"));
    store.remove(Kind::Pipeline, "id-2").await.unwrap();
    assert!(
        store
            .delete_template("mine", Version::Tag("stable"))
            .await
            .unwrap()
            .is_some()
    );
}
