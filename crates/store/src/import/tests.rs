//! Imports from a folder into the in-memory broker.

use std::{fs, path::Path};

use gennaker_model::Map;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Foreign, Front50, Imported};
use crate::{Kind, Store, testing::Fixture};

const NOW: i64 = 1_755_600_000_000;

fn write(root: &Path, path: &str, body: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, body).unwrap();
}

/// What a small installation leaves.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("front50");
    let pipeline = json!({"id": "ABC", "application": "demo", "name": "deploy", "updateTs": "7", "lastModifiedBy": "ann",
        "index": 3, "description": null, "stages": [{"type": "madeUp", "refId": "1", "big": 9007199254740993_u64}]});
    write(
        &root,
        "pipelines/abc/pipeline-metadata.json",
        &pipeline.to_string(),
    );
    write(&root, "pipelines/broken/pipeline-metadata.json", "{");
    write(
        &root,
        "pipelines/nameless/pipeline-metadata.json",
        r#"{"application": "demo"}"#,
    );
    write(
        &root,
        "pipelines/last-modified.json",
        r#"{"lastModified": 1}"#,
    );
    let application =
        json!({"name": "DEMO", "email": "e", "user": null, "createTs": "1", "updateTs": "2"});
    write(
        &root,
        "applications/demo/application-metadata.json",
        &application.to_string(),
    );
    write(
        &root,
        "applications/demo/application-permission.json",
        r#"{"name": "demo", "permissions": {"READ": ["dev"]}}"#,
    );
    write(
        &root,
        "pipeline-templates/t:latest/pipeline-template-metadata.json",
        r#"{"id": "t", "tag": "latest"}"#,
    );
    write(&root, "snapshots/demo-acc/snapshot.json", "{}");
    write(
        &root,
        "tags/aws:servergroup:demo-v001:1:eu/entity-tags-metadata.json",
        r#"{"id": "aws:servergroup:demo-v001:1:eu", "tags": []}"#,
    );
    write(&root, "delivery/d/delivery-metadata.json", r#"{"id": "d"}"#);
    write(
        &root,
        "pluginVersions/v/plugin-versions-metadata.json",
        r#"{"id": "v"}"#,
    );
    write(&root, "plugins/demo-1.0.zip", "PK");
    folder
}

async fn import(store: &Store, documents: &[Foreign]) -> Vec<(String, Result<Imported, String>)> {
    let mut done = Vec::new();
    for foreign in documents {
        let imported = match &foreign.body {
            Err(problem) => Err(problem.clone()),
            Ok(body) => {
                let dry = store.try_import(foreign.kind, &foreign.id, body).await;
                let wet = store.import(foreign.kind, &foreign.id, body, NOW).await;
                assert_eq!(dry.ok(), wet.as_ref().ok().copied());
                wet.map_err(|error| error.to_string())
            }
        };
        done.push((foreign.path.clone(), imported));
    }
    done
}

#[tokio::test(start_paused = true)]
async fn everything_good_is_taken_over_once() {
    let folder = folder();
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for source in [folder.path().to_owned(), folder.path().join("front50")] {
        let found = Front50::folder(&source, "front50").read().await.unwrap();
        assert_eq!(found.left_out, ["plugins"]);
        assert_eq!(found.documents.len(), 10);
    }
    let found = Front50::folder(folder.path(), "front50")
        .read()
        .await
        .unwrap();
    let first = import(store, &found.documents).await;
    let new = first
        .iter()
        .filter(|(_, it)| *it == Ok(Imported::New))
        .count();
    assert_eq!(new, 8, "{first:?}");
    let failed: Vec<&String> = first
        .iter()
        .filter_map(|(_, it)| it.as_ref().err())
        .collect();
    assert!(
        failed[0].starts_with("it is no JSON object: EOF"),
        "{failed:?}"
    );
    assert_eq!(failed[1], "A pipeline requires name and application fields");

    let stored = store
        .pipelines()
        .by_name("demo", "Deploy")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        Value::Object(stored.body),
        json!({"id": "ABC", "application": "demo", "name": "deploy", "updateTs": "7", "lastModifiedBy": "ann", "index": 3,
               "stages": [{"type": "madeUp", "refId": "1", "big": 9007199254740993_u64}]})
    );
    let application = store.application("demo").await.unwrap().unwrap();
    assert_eq!(application.body["permissions"], json!({"READ": ["dev"]}));
    assert!(
        store
            .get(Kind::Template, "t:latest")
            .await
            .unwrap()
            .is_some()
    );

    let history = store.history(Kind::Pipeline, "abc", 9).await.unwrap().len();
    let second = import(store, &found.documents).await;
    let same = second
        .iter()
        .filter(|(_, it)| *it == Ok(Imported::Same))
        .count();
    assert_eq!(same, 8, "{second:?}");
    assert_eq!(
        store.history(Kind::Pipeline, "abc", 9).await.unwrap().len(),
        history
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_newer_wins() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let at = |time: &str, more: i64| -> Map {
        let value =
            json!({"id": "a", "application": "demo", "name": "p", "updateTs": time, "x": more});
        value.as_object().unwrap().clone()
    };
    let import = async |document: Map| {
        store
            .import(Kind::Pipeline, "a", &document, NOW)
            .await
            .unwrap()
    };
    assert_eq!(import(at("5", 1)).await, Imported::New);
    assert_eq!(import(at("6", 2)).await, Imported::Changed);
    assert_eq!(import(at("5", 1)).await, Imported::Newer);
    assert_eq!(store.pipeline("a").await.unwrap().unwrap().body["x"], 2);
    // Another pipeline of that name is refused, and nothing else.
    let twin = json!({"id": "b", "application": "Demo", "name": "P"});
    let refused = store
        .import(Kind::Pipeline, "b", twin.as_object().unwrap(), NOW)
        .await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "A pipeline with name P already exists in application Demo"
    );
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let missing = Front50::folder(Path::new("/nonexistent/front50"), "front50")
        .read()
        .await;
    let error = missing.unwrap_err();
    assert_eq!(error.to_string(), "failed to read /nonexistent/front50");
}
