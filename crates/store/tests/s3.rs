//! The store over a real S3 server, and the layout that it leaves there for Front50.
#![allow(clippy::unwrap_used, reason = "tests")]

mod s3_server;

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use gennaker_bus::{Bus, Layout, memory::Broker};
use gennaker_model::Map;
use gennaker_store::{
    Document, Documents, Front50, Imported, Kind, SaveError, Store, TemplateVersion,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use s3_server::{client, keys, options};

const NOW: i64 = 1_755_600_000_000;

/// A store in a bucket of its own.
struct Fixture {
    store: Store,
    bucket: String,
    tasks: JoinSet<()>,
}

impl Fixture {
    async fn new(bucket: &str) -> Self {
        let store = Store::over(Documents::s3(options(bucket, "front50")).await.unwrap());
        let mut fixture = Self {
            store: store.clone(),
            bucket: bucket.to_owned(),
            tasks: JoinSet::new(),
        };
        fixture.follow(store);
        fixture
    }

    /// A store of another process: it shares nothing but the bucket.
    async fn another_process(&mut self) -> Store {
        let store = Store::over(
            Documents::s3(options(&self.bucket, "front50"))
                .await
                .unwrap(),
        );
        self.follow(store.clone());
        store
    }

    fn follow(&mut self, store: Store) {
        self.tasks
            .spawn(async move { store.run(CancellationToken::new()).await });
    }

    async fn front50_writes(&self, key: &str, document: &Value) {
        let body = document.to_string().into_bytes();
        let put = client().put_object().bucket(&self.bucket).key(key);
        put.body(body.into()).send().await.unwrap();
    }

    async fn keys(&self) -> Vec<String> {
        let mut keys = keys(&self.bucket).await;
        keys.retain(|key| !key.contains("gennaker-names"));
        keys
    }
}

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn pipeline(name: &str, more: Value) -> Map {
    let mut pipeline = map(json!({"application": "demo", "name": name}));
    pipeline.extend(map(more));
    pipeline
}

async fn save(store: &Store, document: &Map, id: &str) -> Result<Document, SaveError> {
    let saved = store.pipelines().save(document, id, "me", true, NOW).await;
    saved.map(|saved| saved.document)
}

fn names(listed: &[Document]) -> Vec<&str> {
    listed.iter().filter_map(|it| it.text("name")).collect()
}

#[tokio::test]
async fn a_pipeline_is_saved_renamed_read_back_and_deleted() {
    let fixture = Fixture::new("life").await;
    let store = &fixture.store;
    let sent = pipeline(
        "deploy",
        json!({"stages": [], "big": 9007199254740993_u64, "n": {"a": null}}),
    );
    let saved = save(store, &sent, "Id-1").await.unwrap();
    assert_eq!(store.pipeline("id-1").await.unwrap(), Some(saved.clone()));
    let mut rest = saved.body.clone();
    for field in ["id", "updateTs", "lastModifiedBy"] {
        assert!(rest.shift_remove(field).unwrap().is_string());
    }
    assert_eq!(rest, sent);
    assert_eq!(
        names(&store.pipelines().of("DEMO").await.unwrap()),
        ["deploy"]
    );

    let renamed = pipeline("release", json!({"id": "Id-1"}));
    save(store, &renamed, "").await.unwrap();
    let gone = store.pipelines().by_name("demo", "deploy").await.unwrap();
    assert_eq!(gone, None);
    let found = store
        .pipelines()
        .by_name("Demo", " RELEASE ")
        .await
        .unwrap();
    assert_eq!(found.unwrap().id(), "Id-1");
    // The name is free again.
    save(store, &pipeline("deploy", json!({})), "id-2")
        .await
        .unwrap();

    let history = store.history(Kind::Pipeline, "Id-1", 20).await.unwrap();
    assert_eq!(names(&history), ["release", "deploy"]);
    let newest = store.history(Kind::Pipeline, "Id-1", 1).await.unwrap();
    assert_eq!(names(&newest), ["release"]);

    let deleted = store.pipelines().delete("demo", "Release").await.unwrap();
    assert!(deleted.is_some());
    assert_eq!(store.pipeline("Id-1").await.unwrap(), None);
    assert_eq!(
        names(&store.pipelines().of("demo").await.unwrap()),
        ["deploy"]
    );
    // What was deleted can be made again, under the same id and name.
    save(store, &renamed, "").await.unwrap();
    let history = store.history(Kind::Pipeline, "Id-1", 20).await.unwrap();
    assert_eq!(names(&history), ["release", "release", "deploy"]);
}

#[tokio::test]
async fn stale_writers_and_taken_names_are_refused() {
    let mut fixture = Fixture::new("refusals").await;
    let other = fixture.another_process().await;
    let store = &fixture.store;
    save(store, &pipeline("deploy", json!({})), "id-1")
        .await
        .unwrap();
    let twin = save(&other, &pipeline("Deploy", json!({})), "id-2").await;
    assert_eq!(
        twin.unwrap_err().to_string(),
        "A pipeline with name Deploy already exists in application demo"
    );
    let change = pipeline("deploy", json!({"id": "id-1", "updateTs": "1", "x": 1}));
    let stale = save(&other, &change, "").await.unwrap_err();
    assert!(
        stale
            .to_string()
            .starts_with("The submitted pipeline is stale."),
        "{stale}"
    );
}

#[tokio::test]
async fn of_saves_at_once_one_wins_and_changes_all_count() {
    let mut fixture = Fixture::new("races").await;
    let other = fixture.another_process().await;
    for round in 0..5 {
        let document = pipeline(&format!("p{round}"), json!({}));
        let (first, second) = (format!("a{round}"), format!("b{round}"));
        let (one, two) = tokio::join!(
            save(&fixture.store, &document, &first),
            save(&other, &document, &second)
        );
        let won = usize::from(one.is_ok()) + usize::from(two.is_ok());
        assert_eq!(won, 1, "{one:?} {two:?}");
    }
    let write = async |store: &Store, field: &str| {
        let attributes = map(json!({"name": "demo", "email": "e", field: 1}));
        store
            .upsert_application(&attributes, "me", NOW)
            .await
            .unwrap();
    };
    tokio::join!(
        write(&fixture.store, "one"),
        write(&other, "two"),
        write(&other, "three")
    );
    let stored = fixture.store.application("demo").await.unwrap().unwrap();
    for field in ["one", "two", "three"] {
        assert_eq!(stored.body[field], 1, "{field}");
    }
}

#[tokio::test]
async fn the_layout_is_front50s() {
    let fixture = Fixture::new("layout").await;
    let store = &fixture.store;
    let attributes = map(json!({"name": "MyApp", "email": "e", "permissions": {"READ": ["dev"]}}));
    store
        .upsert_application(&attributes, "me", NOW)
        .await
        .unwrap();
    save(store, &pipeline("deploy", json!({})), "ABC")
        .await
        .unwrap();
    let project = map(json!({"name": "shop"}));
    store
        .upsert_project(&project, "p-1", "me", NOW)
        .await
        .unwrap();
    store
        .save_notifications("MyApp", &Map::new(), "me", NOW)
        .await
        .unwrap();
    let template = map(json!({"id": "old", "metadata": {"scopes": ["global"]}}));
    store
        .save_template_v1(None, &template, "me", NOW)
        .await
        .unwrap();
    assert_eq!(
        fixture.keys().await,
        [
            "front50/applications/last-modified.json",
            "front50/applications/myapp/application-metadata.json",
            "front50/applications/myapp/application-permission.json",
            "front50/notifications/last-modified.json",
            "front50/notifications/myapp/notification-metadata.json",
            "front50/pipeline-templates/last-modified.json",
            "front50/pipeline-templates/old/pipeline-template-metadata.json",
            "front50/pipelines/abc/pipeline-metadata.json",
            "front50/pipelines/last-modified.json",
            "front50/projects/last-modified.json",
            "front50/projects/p-1/project-metadata.json",
        ]
    );
    let found = store
        .template("OLD", TemplateVersion::Untagged)
        .await
        .unwrap();
    assert!(found.is_some());
    store.delete_application("myapp", "me", NOW).await.unwrap();
    assert_eq!(store.applications().await.unwrap(), []);
}

#[tokio::test]
async fn what_front50_wrote_is_read_listed_and_changed() {
    let mut fixture = Fixture::new("shared").await;
    fixture
        .front50_writes(
            "front50/pipelines/id-1/pipeline-metadata.json",
            &json!({"id": "id-1", "application": "demo", "name": "deploy", "updateTs": "1", "triggers": []}),
        )
        .await;
    let store = fixture.another_process().await;
    store.catch_up().await.unwrap();
    assert_eq!(
        names(&store.pipelines().of("demo").await.unwrap()),
        ["deploy"]
    );
    let found = store
        .pipelines()
        .by_name("demo", "Deploy")
        .await
        .unwrap()
        .unwrap();
    // The time is the object's, not what stands in the document.
    let time_ms: i64 = found.text("updateTs").unwrap().parse().unwrap();
    assert!(time_ms > NOW, "{time_ms}");
    let twin = save(&store, &pipeline("DEPLOY", json!({})), "id-2").await;
    assert_eq!(twin.unwrap_err().status(), 400);
    let mut changed = found.body.clone();
    changed.insert("description".to_owned(), "d".into());
    let saved = save(&store, &changed, "").await.unwrap();
    assert_eq!(store.pipeline("id-1").await.unwrap(), Some(saved));

    // Others see changes and deletions after a look.
    let mut watch = fixture.store.watch();
    while fixture
        .store
        .pipelines()
        .of("demo")
        .await
        .unwrap()
        .is_empty()
    {
        assert!(watch.changed().await);
    }
    let client = client();
    let delete = client.delete_object().bucket("shared");
    let delete = delete.key("front50/pipelines/id-1/pipeline-metadata.json");
    delete.send().await.unwrap();
    store.catch_up().await.unwrap();
    assert_eq!(store.pipelines().of("demo").await.unwrap(), []);
}

#[tokio::test]
async fn odd_ids_and_broken_documents_harm_nobody() {
    let fixture = Fixture::new("odd").await;
    let store = &fixture.store;
    save(
        store,
        &pipeline("a/b \"q\" größe", json!({})),
        "id/with.dots é",
    )
    .await
    .unwrap();
    let bad = save(store, &pipeline("x", json!({"id": "a/../b"})), "").await;
    assert_eq!(bad.unwrap_err().status(), 400);
    let key = "front50/pipelines/broken/pipeline-metadata.json";
    fixture.front50_writes(key, &json!([1])).await;
    store.catch_up().await.unwrap();
    assert_eq!(store.pipelines().of("demo").await.unwrap().len(), 1);
    assert!(store.pipeline("broken").await.is_err());
}

#[tokio::test]
async fn a_thousand_pipelines_are_read_from_a_bucket_and_imported_once() {
    let fixture = Fixture::new("import").await;
    let client = client();
    let seeded = (0..1_000).map(|number| {
        let document = json!({"id": format!("ID-{number}"), "application": "demo", "name": format!("p{number}"),
                              "stages": [{"type": "madeUp"}], "updateTs": "5"});
        let put = client.put_object().bucket("import");
        put.key(format!("front50/pipelines/id-{number}/pipeline-metadata.json"))
            .body(document.to_string().into_bytes().into())
            .send()
    });
    let seeded: Vec<_> = stream::iter(seeded).buffer_unordered(32).collect().await;
    assert!(seeded.iter().all(Result::is_ok));
    fixture
        .front50_writes(
            "front50/pipelines/broken/pipeline-metadata.json",
            &json!([]),
        )
        .await;
    fixture
        .front50_writes("front50/snapshots/demo-k/snapshot.json", &json!({}))
        .await;
    fixture
        .front50_writes("front50/plugins/demo.zip", &json!("PK"))
        .await;

    let broker = Broker::new(1);
    let bus = Bus::memory(&broker, "one");
    bus.bootstrap(&Layout::default()).await.unwrap();
    let store = Store::new(&bus);
    for expected in [Imported::New, Imported::Same] {
        let began = Instant::now();
        let found = Front50::bucket(options("import", "front50"))
            .await
            .read()
            .await
            .unwrap();
        assert_eq!(found.left_out, ["plugins"]);
        let mut done = Vec::new();
        for foreign in &found.documents {
            if let Ok(body) = &foreign.body {
                let imported = store.import(foreign.kind, &foreign.id, body, NOW).await;
                done.push(imported.unwrap());
            }
        }
        println!(
            "{expected:?}: {} pipelines in {:?}",
            done.len(),
            began.elapsed()
        );
        assert_eq!((found.documents.len(), done.len()), (1_002, 1_001));
        assert!(done.iter().all(|it| *it == expected));
    }
    let stored = store.pipeline("id-7").await.unwrap().unwrap();
    assert_eq!(stored.id(), "ID-7");
    assert_ne!(
        stored.text("updateTs"),
        Some("5"),
        "the time is the object's"
    );
}
