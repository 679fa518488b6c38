//! Executions that were moved to the archive are listed, read, restarted and deleted as all others.
#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use std::time::Duration;

use gennaker_bus::memory::Faults;
use gennaker_engine::{Event, State, apply};
use gennaker_model::{
    Execution, ExecutionId, ExecutionType, Map, Status,
    command::{ListQuery, Refusal, RefusalCode, Reply, Request, Start},
    routing,
};
use gennaker_scheduler::Config;
use serde_json::{Value, json};
use world::{PARTITIONS, World, ten_noops};

/// Everything that is complete moves within seconds.
fn at_once(config: &mut Config) {
    config.retention.archive_after_ms = 0;
    config.retention.keep_per_pipeline = 0;
    config.retention.sweep_every = Duration::from_secs(1);
}

impl World {
    fn objects(&self) -> usize {
        self.broker.messages("KV_gk_blobs").len()
    }

    /// Waits until the archive has so many objects.
    async fn archived(&self, objects: usize) {
        for _ in 0..600 {
            if self.objects() == objects {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the archive has {} objects", self.objects());
    }

    /// Starts an execution with the id of another one.
    async fn start_again(&mut self, id: &ExecutionId) -> Result<Reply, Refusal> {
        let config = json!({"id": "config", "name": "pipe", "application": "App", "stages": []});
        let start = Start {
            execution: id.clone(),
            kind: ExecutionType::Pipeline,
            config: config.as_object().unwrap().clone(),
            trigger: Map::new(),
            user: "ann".into(),
            origin: "api".into(),
            parent: None,
            error: None,
        };
        let partition = routing::partition_of(id, PARTITIONS);
        self.ask(partition, Request::Start(Box::new(start))).await
    }

    async fn list(&mut self, partition: u32, expand: bool) -> Vec<Execution> {
        let query = ListQuery {
            application: Some("app".into()),
            expand,
            ..ListQuery::default()
        };
        match self.ask(partition, Request::List(query)).await {
            Ok(Reply::Executions { documents }) => documents,
            other => panic!("{other:?}"),
        }
    }

    /// What the history leads to.
    async fn folded(&mut self, id: &ExecutionId) -> Execution {
        let partition = routing::partition_of(id, PARTITIONS);
        let ask = Request::History {
            execution: id.clone(),
        };
        let steps = match self.ask(partition, ask).await {
            Ok(Reply::History { dropped: 0, steps }) => steps,
            other => panic!("{other:?}"),
        };
        let mut state: Option<State> = None;
        for mut step in steps {
            let events: Vec<Event> = serde_json::from_value(step["e"].take()).unwrap();
            for event in events {
                match &mut state {
                    None => state = apply::created(&event),
                    Some(state) => apply(state, &event).unwrap(),
                }
            }
        }
        state.unwrap().doc
    }

    async fn is_whole(&mut self, document: &Execution) {
        let id = &document.id;
        assert_eq!(self.read(id).await, *document);
        assert_eq!(self.folded(id).await, *document);
        let partition = routing::partition_of(id, PARTITIONS);
        let short = self.list(partition, false).await;
        assert!(short.contains(&document.unexpanded()), "{short:?}");
        let whole = self.list(partition, true).await;
        assert!(whole.contains(document), "{whole:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_archived_is_read_listed_and_known() {
    let mut world = World::settled(at_once).await;
    let id = world.start(1, ten_noops()).await;
    let document = world.ended(&id).await;
    world.archived(1).await;
    world.is_whole(&document).await;
    let existing = Reply::Started {
        execution: id.clone(),
        existing: true,
    };
    assert_eq!(world.start_again(&id).await, Ok(existing.clone()));
    world.replace_scheduler("two");
    world.is_whole(&document).await;
    assert_eq!(world.start_again(&id).await, Ok(existing));
    assert_eq!(world.objects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_brings_an_archived_execution_back_and_it_goes_there_again() {
    let mut world = World::settled(at_once).await;
    let id = world.start(1, ten_noops()).await;
    let document = world.ended(&id).await;
    world.archived(1).await;
    let first = world.broker.messages("KV_gk_blobs")[0].subject.clone();
    assert_eq!(world.restart(&document).await, Ok(Reply::Done));
    let again = world
        .until(&id, |now| {
            now.status.is_complete() && now.end_time > document.end_time
        })
        .await;
    assert_eq!(again.status, Status::Succeeded);
    for _ in 0..100 {
        let kept = world.broker.messages("KV_gk_blobs");
        if kept.len() == 1 && kept[0].subject != first {
            return world.is_whole(&again).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the first object was not replaced by another one");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_archived_execution_leaves_nothing_but_its_trace() {
    let mut world = World::settled(at_once).await;
    let id = world.start(1, ten_noops()).await;
    world.ended(&id).await;
    world.archived(1).await;
    let partition = routing::partition_of(&id, PARTITIONS);
    let delete = Request::Delete {
        execution: id.clone(),
    };
    assert_eq!(world.ask(partition, delete).await, Ok(Reply::Done));
    world.archived(0).await;
    assert!(world.list(partition, false).await.is_empty());
    let again = world.start_again(&id).await;
    assert_eq!(again.unwrap_err().code, RefusalCode::Conflict);
}

#[tokio::test(start_paused = true)]
async fn owners_that_die_while_they_move_executions_lose_none() {
    let mut world = World::settled(at_once).await;
    let mut documents = Vec::new();
    for number in 0..20 {
        let id = world.start(number, ten_noops()).await;
        documents.push(id);
    }
    for id in &documents {
        world.ended(id).await;
    }
    // Slow enough that every owner is in the middle of some moves when it dies.
    world.broker.set_faults(Faults {
        delay_ms: 15..=30,
        ..Faults::default()
    });
    for turn in 1..=5 {
        world.replace_scheduler(&format!("next{turn}"));
        // It dies as soon as it has moved something.
        let before = world.objects();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while world.objects() == before {
            assert!(tokio::time::Instant::now() < deadline, "nothing moves");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(world.objects() < 20, "{}", world.objects());
    world.replace_scheduler("last");
    world.broker.set_faults(Faults::default());
    let partition = routing::partition_of(&documents[0], PARTITIONS);
    assert_eq!(world.list(partition, true).await.len(), 20);
    world.archived(20).await;
    for id in documents {
        let document = world.read(&id).await;
        assert_eq!(document.status, Status::Succeeded);
        world.is_whole(&document).await;
    }
}

#[tokio::test(start_paused = true)]
async fn old_executions_are_deleted_but_for_the_newest_of_each_pipeline() {
    let mut world = World::settled(|config| {
        at_once(config);
        config.retention.delete_after_ms = Some(60_000);
        config.retention.keep_per_pipeline = 2;
    })
    .await;
    let stages = json!([{"refId": "1", "type": "wait", "waitTime": 0}]);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.start(number, stages.clone()).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.archived(3).await;
    let partition = routing::partition_of(&ids[0], PARTITIONS);
    assert_eq!(world.list(partition, false).await.len(), 5);
    tokio::time::sleep(Duration::from_secs(70)).await;
    world.archived(0).await;
    let left: Vec<ExecutionId> = world
        .list(partition, false)
        .await
        .into_iter()
        .map(|document| document.id)
        .collect();
    assert_eq!(left, [ids[4].clone(), ids[3].clone()]);
    let read = Request::Read {
        execution: ids[0].clone(),
    };
    let refused = world.ask(partition, read).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn exceptional_applications_keep_theirs() {
    let mut world = World::settled(|config| {
        config.retention.delete_after_ms = Some(1_000);
        config.retention.keep_per_pipeline = 0;
        config.retention.sweep_every = Duration::from_secs(1);
        config.retention.exceptional_applications = ["app".to_owned()].into();
        config.retention.exceptional_delete_after_ms = 60_000;
    })
    .await;
    let stages: Value = json!([{"refId": "1", "type": "wait", "waitTime": 0}]);
    let id = world.start(1, stages).await;
    world.ended(&id).await;
    let partition = routing::partition_of(&id, PARTITIONS);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(world.list(partition, false).await.len(), 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(world.list(partition, false).await.is_empty());
}
