//! What executions tell is stored by the broker, under one identity, whoever owns them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::collections::BTreeSet;

use gennaker_engine::Forwards;
use gennaker_intake::matching;
use gennaker_model::Status;
use serde_json::{Value, json};
use world::World;

#[tokio::test(start_paused = true)]
async fn an_end_is_an_event_with_the_execution_whole() {
    let mut world = World::new().await;
    let mut events = world.broker.tap("GK_EVENTS");
    let stages = json!([{"refId": "1", "type": "evaluateVariables", "variables": [{"key": "tag", "value": "v1"}]}]);
    let id = world.start(1, stages).await;
    let (_, kept) = events.recv().await.unwrap();
    let event = matching::decode(&kept.payload).unwrap();
    assert_eq!(event.header.id, format!("pipeline-{id}.1"));
    assert_eq!(
        (event.header.kind.as_str(), &event.payload["status"]),
        ("pipeline", &json!("successful"))
    );
    let shown = &event.payload["execution"];
    assert_eq!(
        (&shown["status"], &shown["stages"][0]["outputs"]["tag"]),
        (&json!("SUCCEEDED"), &json!("v1"))
    );
    assert_eq!(world.read(&id).await.end_time, Some(event.header.at_ms));
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_owner_had_to_tell_is_told_by_its_successor() {
    let mut world = World::settled(|config| config.forwards = Forwards::Tasks).await;
    let mut events = world.broker.tap("GK_EVENTS");
    let mut announced = world.broker.tap("GK_ANNOUNCED");
    let id = world
        .start(1, json!([{"refId": "1", "type": "noop", "pool": "notify"}]))
        .await;
    world.replace_scheduler("two");
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    let (_, kept) = events.recv().await.unwrap();
    let ended = matching::decode(&kept.payload).unwrap().header.id;
    let mut kinds = BTreeSet::new();
    let mut ids = BTreeSet::new();
    while !kinds.contains("orca:pipeline:complete") {
        let (_, kept) = announced.recv().await.unwrap();
        let event: Value = serde_json::from_slice(&kept.payload).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert!(
            ids.insert(text(&event["eventId"])),
            "one identity, one message"
        );
        assert_eq!(event["content"]["executionId"], json!(id));
        kinds.insert(text(&event["details"]["type"]));
    }
    let wanted = [
        "pipeline:starting",
        "stage:starting",
        "task:starting",
        "task:complete",
        "stage:complete",
        "pipeline:complete",
    ];
    assert_eq!(kinds, wanted.map(|kind| format!("orca:{kind}")).into());
    assert!(ids.contains(ended.strip_prefix("pipeline-").unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_end_is_told_leaves_memory_and_can_be_deleted() {
    let mut world = World::new().await;
    let mut events = world.broker.tap("GK_EVENTS");
    let id = world
        .start(
            1,
            json!([{"refId": "1", "type": "evaluateVariables", "variables": []}]),
        )
        .await;
    events.recv().await.unwrap();
    let partition = gennaker_model::routing::partition_of(&id, world::PARTITIONS);
    let within = std::time::Duration::from_secs(30);
    let gone = async {
        loop {
            let request = gennaker_model::command::Request::Delete {
                execution: id.clone(),
            };
            if world.ask(partition, request).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(within, gone).await.unwrap();
}
