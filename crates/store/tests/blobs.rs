//! Large values over a real S3 server and a real broker.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_bus::{Bus, Layout, Options};
use gennaker_store::{Blobs, ObjectError, S3Options, Unopened};
use gennaker_testkit::{nats, s3::Server};
use serde_json::json;

async fn s3(bucket: &str) -> Blobs {
    let options = S3Options {
        bucket: bucket.to_owned(),
        prefix: "/here/".to_owned(),
        region: Some("us-east-1".to_owned()),
        endpoint: Some(Server::shared().endpoint()),
        is_path_style: true,
        credentials: Some(Server::shared().credentials()),
        refresh_every: Duration::MAX,
    };
    Blobs::s3(options).await.unwrap()
}

fn text() -> Vec<u8> {
    let list: Vec<_> = (0..12)
        .map(|n| json!({"n": n, "data": "é\"\\\n".repeat(60_000)}))
        .collect();
    serde_json::to_vec(&json!({"manifests": list, "log": "l".repeat(3 << 20)})).unwrap()
}

/// One stores, the other reads; each execution's go together.
async fn exchange(one: &Blobs, two: &Blobs) {
    for _ in 0..2 {
        let mine = one.encode("mine/1", text()).await.unwrap();
        let theirs = one.encode("mine", text()).await.unwrap();
        assert!(mine.len() < 8_000, "{}", mine.len());
        assert_eq!(two.open(mine.clone()).await.unwrap(), text());
        let mut names = two.older_than(i64::MAX).await.unwrap();
        names.sort();
        assert_eq!(names, ["mine", "mine/1"]);
        // They are young.
        let hour_ago = i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
        .unwrap()
            - 3_600_000;
        assert!(two.older_than(hour_ago).await.unwrap().is_empty());
        two.forget_old("mine/1", hour_ago).await.unwrap();
        assert_eq!(two.open(mine.clone()).await.unwrap(), text());
        two.forget("mine/1").await.unwrap();
        let lost = one.open(mine).await;
        assert!(
            matches!(lost, Err(Unopened::Value(ObjectError::Lost { .. }))),
            "{lost:?}"
        );
        assert_eq!(one.open(theirs).await.unwrap(), text());
    }
}

#[tokio::test]
async fn values_in_a_bucket_of_s3() {
    exchange(&s3("values").await, &s3("values").await).await;
}

#[tokio::test]
async fn values_in_a_real_broker() {
    let server = nats::Server::start_with("max_payload: 1MB");
    let connect = async |name: &str| {
        let options = Options::new(server.url(), name);
        let options = options.with_password(server.user(), server.password());
        Bus::connect(options).await.unwrap()
    };
    let (one, two) = (connect("one").await, connect("two").await);
    one.bootstrap(&Layout::default()).await.unwrap();
    exchange(&Blobs::kv(&one), &Blobs::kv(&two)).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_trouble_that_may_pass() {
    let options = S3Options {
        bucket: "x".to_owned(),
        prefix: String::new(),
        region: Some("us-east-1".to_owned()),
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        is_path_style: true,
        credentials: Some(("id".to_owned(), "secret".to_owned())),
        refresh_every: Duration::MAX,
    };
    assert!(Blobs::s3(options).await.is_err());
}
