//! A whole scheduler whose archive and large values lie in a bucket of a real S3 server. Time runs as it does there.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use gennaker_model::{
    Status,
    command::{Reply, Request},
    routing,
};
use gennaker_store::{Archive, Blobs, S3Options};
use gennaker_testkit::s3::Server;
use serde_json::json;
use world::{PARTITIONS, World};

const BUCKET: &str = "scheduler";

fn options() -> S3Options {
    S3Options {
        bucket: BUCKET.to_owned(),
        prefix: "both".to_owned(),
        region: Some("us-east-1".to_owned()),
        endpoint: Some(Server::shared().endpoint()),
        is_path_style: true,
        credentials: Some(Server::shared().credentials()),
        refresh_every: Duration::MAX,
    }
}

/// Waits until what is in the bucket fits.
async fn until(what: &str, fits: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if fits().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_with_large_values_is_archived_read_restarted_and_deleted_in_s3() {
    let mut world = World::settled(|config| {
        config.retention.archive_after_ms = 0;
        config.retention.keep_per_pipeline = 0;
        config.retention.sweep_every = Duration::from_millis(500);
    })
    .await;
    let archive = Archive::s3(options()).await.unwrap();
    let values = Blobs::s3(options()).await.unwrap();
    world.places = Some((archive, values.clone()));
    world.replace_scheduler("two");
    let manifests = json!("m".repeat(3 << 20));
    let stages = json!([
        {"refId": "1", "type": "wait", "waitTime": 1, "manifests": manifests},
        {"refId": "2", "type": "manualJudgment", "manifests": manifests},
    ]);
    let id = world.start(1, stages).await;
    assert_eq!(values.older_than(i64::MAX).await.unwrap(), [id.as_str()]);
    assert!(world.broker.messages("KV_gk_values").is_empty());
    world.replace_scheduler("three");
    let waiting = world
        .until(&id, |it| {
            it.stages[1].status == Status::Running && it.stages[0].status == Status::Succeeded
        })
        .await;
    let partition = routing::partition_of(&id, PARTITIONS);
    let patch = json!({"judgmentStatus": "continue"});
    let judge = Request::PatchStage {
        execution: id.clone(),
        stage: waiting.stages[1].id.clone(),
        patch: patch.as_object().unwrap().clone(),
        user: "ann".into(),
        roles: None,
    };
    world.ask(partition, judge).await.unwrap();
    let ended = world.ended(&id).await;
    assert_eq!(ended.stages[0].context["manifests"], manifests);
    // It is archived once its records are gone from the broker, but for the header.
    until("records are left", async || {
        let stream = format!("KV_gk_state_{partition}");
        let kept = world.broker.messages(&stream);
        !kept
            .iter()
            .any(|it| it.subject.contains(".s.") || it.subject.contains(".h."))
    })
    .await;
    world.replace_scheduler("four");
    assert_eq!(world.read(&id).await, ended);
    world.restart(&ended).await.unwrap();
    let again = world
        .until(&id, |it| {
            it.stages[0].status == Status::Succeeded && it.start_time != ended.start_time
        })
        .await;
    assert_eq!(again.stages[1].context["manifests"], manifests);
    let cancel = Request::Cancel {
        execution: id.clone(),
        user: "ann".into(),
        reason: None,
    };
    world.ask(partition, cancel).await.unwrap();
    world.ended(&id).await;
    let delete = Request::Delete {
        execution: id.clone(),
    };
    assert_eq!(world.ask(partition, delete).await, Ok(Reply::Done));
    until("something is left in the bucket", async || {
        values.older_than(i64::MAX).await.unwrap().is_empty()
    })
    .await;
}
