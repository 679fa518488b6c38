//! Canary analysis in a real S3 server, in the layout that Kayenta reads and writes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod s3_server;

use aws_sdk_s3::Client;
use bytes::Bytes;
use gennaker_model::Map;
use gennaker_store::{CanaryGroup, CanaryObjects, Documents, Kind, ObjectError, SaveError, Store};
use serde_json::{Value, json};

use s3_server::{client, keys, options};

const NOW: i64 = 1_755_600_000_000;

/// A bucket as Kayenta sees it.
struct Bucket {
    client: Client,
    name: &'static str,
}

impl Bucket {
    fn new(name: &'static str) -> Self {
        Self {
            client: client(),
            name,
        }
    }

    async fn write(&self, key: &str, body: &str) {
        let put = self.client.put_object().bucket(self.name).key(key);
        let put = put.body(body.as_bytes().to_vec().into());
        put.send().await.unwrap();
    }

    async fn read(&self, key: &str) -> String {
        let got = self.client.get_object().bucket(self.name).key(key);
        let body = got.send().await.unwrap().body.collect().await.unwrap();
        String::from_utf8(body.into_bytes().to_vec()).unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        keys(self.name).await
    }
}

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn results_have_kayentas_keys_and_bodies() {
    let objects = CanaryObjects::s3(options("results", "/kayenta/"))
        .await
        .unwrap();
    let bucket = Bucket::new("results");
    let body = r#"[{"name":"errors","values":{"control":[0.0,"NaN"]}}]"#;
    for group in CanaryGroup::ALL {
        let content = Bytes::from_static(body.as_bytes());
        objects
            .put(group, "01HX", None, content, NOW)
            .await
            .unwrap();
    }
    assert_eq!(
        bucket.keys().await,
        [
            "kayenta/canary_archive/01HX/canary_archive.json",
            "kayenta/metric_pairs/01HX/metric_set_pairs.json",
            "kayenta/metrics/01HX/metric_sets.json",
            "kayenta/standalone_canary_archive/01HX/standalone_canary_archive.json",
        ]
    );
    let pairs = "kayenta/metric_pairs/01HX/metric_set_pairs.json";
    assert_eq!(bucket.read(pairs).await, body);
    // `/canaryResultArchive` names the file by the id; the former file must not stay beside it.
    let put = objects.put(
        CanaryGroup::Archive,
        "01HX",
        Some("01HX.json"),
        Bytes::from_static(b"{}"),
        NOW,
    );
    put.await.unwrap();
    let archived = bucket.keys().await.swap_remove(0);
    assert_eq!(archived, "kayenta/canary_archive/01HX/01HX.json");
    assert!(objects.delete(CanaryGroup::Archive, "01HX").await.unwrap());
    assert!(!objects.delete(CanaryGroup::Archive, "01HX").await.unwrap());
    assert_eq!(bucket.keys().await.len(), 3);
}

#[tokio::test]
async fn a_bucket_written_by_hand_is_read() {
    let objects = CanaryObjects::s3(options("by-hand", "kayenta"))
        .await
        .unwrap();
    let bucket = Bucket::new("by-hand");
    bucket
        .write(
            "kayenta/canary_archive/01AA/01AA.json",
            r#"{"pipelineId": "01AA"}"#,
        )
        .await;
    bucket
        .write("kayenta/metric_pairs/p1/metric_set_pairs.json", "[]")
        .await;
    // An id that begins another: Kayenta cannot read the first one any more.
    bucket
        .write("kayenta/metric_pairs/p11/metric_set_pairs.json", "[1]")
        .await;
    let group = CanaryGroup::MetricPairs;
    let got = objects.get(CanaryGroup::Archive, "01AA").await.unwrap();
    assert_eq!(got.unwrap(), r#"{"pipelineId": "01AA"}"#);
    assert_eq!(objects.get(group, "p1").await.unwrap().unwrap(), "[]");
    assert_eq!(objects.get(group, "p").await.unwrap(), None);
    let listed = objects.list(group, 10).await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["p1", "p11"]);
    assert!(listed[0].updated_ms > NOW);
    bucket
        .write("kayenta/metric_pairs/p1/other.json", "[]")
        .await;
    let said = objects.get(group, "p1").await.unwrap_err();
    assert!(matches!(said, ObjectError::Ambiguous { .. }), "{said}");
}

#[tokio::test]
async fn a_configuration_is_made_renamed_and_deleted_as_kayenta_does() {
    let store = Store::over(Documents::s3(options("configs", "front50")).await.unwrap());
    let bucket = Bucket::new("configs");
    let config = |name: &str| {
        map(json!({"id": "Ab-1", "name": name, "applications": ["shop"], "mine": [null]}))
    };
    let made = store
        .save_canary_config(&config("errors"), true, NOW)
        .await
        .unwrap();
    assert_eq!(
        bucket.keys().await,
        ["kayenta/canary_config/Ab-1/errors.json"]
    );
    let stored: Value =
        serde_json::from_str(&bucket.read("kayenta/canary_config/Ab-1/errors.json").await).unwrap();
    assert_eq!(stored, Value::Object(made.document.body));
    // Saved again, then under another name.
    store
        .save_canary_config(&config("errors"), false, NOW + 1)
        .await
        .unwrap();
    store
        .save_canary_config(&config("faults"), false, NOW + 2)
        .await
        .unwrap();
    assert_eq!(
        bucket.keys().await,
        ["kayenta/canary_config/Ab-1/faults.json"]
    );
    let found = store.canary_config("Ab-1").await.unwrap().unwrap();
    assert_eq!(found.text("name"), Some("faults"));
    assert_eq!(found.body["updatedTimestamp"], NOW + 2);
    let again = store.save_canary_config(&config("other"), true, NOW).await;
    assert!(
        matches!(again, Err(SaveError::Rejected(said)) if said == "Canary config 'Ab-1' already exists.")
    );
    assert!(store.delete_canary_config("Ab-1").await.unwrap().is_some());
    assert!(bucket.keys().await.is_empty());
}

#[tokio::test]
async fn configurations_that_others_wrote_are_used() {
    let store = Store::over(Documents::s3(options("theirs", "front50")).await.unwrap());
    let bucket = Bucket::new("theirs");
    let named =
        r#"{"id": "k-1", "name": "my-config", "applications": ["shop"], "updatedTimestamp": 5}"#;
    bucket
        .write("kayenta/canary_config/k-1/my-config.json", named)
        .await;
    bucket
        .write(
            "kayenta/canary_config/k-2/canary_config.json",
            r#"{"applications": ["shop"]}"#,
        )
        .await;
    bucket
        .write("kayenta/canary_config/k-2/notes.txt", "not mine")
        .await;
    let found = store.canary_config("k-1").await.unwrap().unwrap();
    assert_eq!(
        (found.text("name"), &found.body["updatedTimestamp"]),
        (Some("my-config"), &json!(5))
    );
    let other = store.canary_config("k-2").await.unwrap().unwrap();
    assert_eq!(other.id(), "k-2");
    assert!(other.body["updatedTimestamp"].as_i64().unwrap() > NOW);
    let named = store
        .canary_configs_named("shop", "my-config")
        .await
        .unwrap();
    assert_eq!(named.len(), 1);
    // In the middle of a renaming there are two: the newer one counts, and the next save leaves one.
    let newer = r#"{"id": "k-1", "name": "renamed", "applications": ["shop"]}"#;
    bucket
        .write("kayenta/canary_config/k-1/renamed.json", newer)
        .await;
    let found = store.get(Kind::CanaryConfig, "k-1").await.unwrap().unwrap();
    assert_eq!(found.text("name"), Some("renamed"));
    for absent in ["K-1", "gone", "..", "a/b"] {
        assert_eq!(store.canary_config(absent).await.unwrap(), None, "{absent}");
    }
}
