//! The twin itself: same seed, same bytes; faults do what they say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{Broker, Faults};
use crate::{
    Appended, Bucket, Bus, Class, CommandError, Layout, Published, Put, TaskAddress, WatchItem,
};

fn rough() -> Faults {
    Faults {
        drop: 0.05,
        duplicate: 0.1,
        reorder: 0.05,
        delay_ms: 0..=20,
        append_lost: 0.05,
        ack_lost: 0.05,
        lag_ms: 0,
    }
}

fn address(attempt: u64) -> TaskAddress {
    TaskAddress {
        zone: None,
        execution: "x".into(),
        stage: "s".into(),
        task: "t".into(),
        attempt,
    }
}

/// Two writers, a worker and a reader over a bad network; returns the digest and the log's content.
async fn run(seed: u64) -> (u64, Vec<String>) {
    let broker = Broker::new(seed);
    let setup = Bus::memory(&broker, "setup");
    setup.bootstrap(&Layout::default()).await.unwrap();
    broker.set_faults(rough());
    let writer = |name: &'static str| {
        let bus = Bus::memory(&broker, name);
        async move {
            let log = bus.log(0);
            let tasks = bus.tasks("deploy");
            let mut expected = 0;
            let mut told = Vec::new();
            for n in 0..20_u64 {
                let id = format!("{name}-{n}");
                let payload = Bytes::from(id.clone());
                match log.append(expected, &id, payload).await.unwrap() {
                    Appended::Committed(sequence) => {
                        expected = sequence;
                        told.push((id, Some(sequence)));
                    }
                    Appended::Superseded => {
                        told.push((id, None));
                        expected = loop {
                            if let Ok(last) = log.last().await {
                                break last.map_or(0, |entry| entry.sequence);
                            }
                        }
                    }
                }
                let _ = tasks.publish(&address(n), Bytes::new()).await;
            }
            told
        }
    };
    let worker = async {
        let bus = Bus::memory(&broker, "worker");
        let mut stream = bus
            .tasks("deploy")
            .pull(None, Arc::new(Semaphore::new(4)))
            .await
            .unwrap();
        while let Ok(Some(delivery)) =
            tokio::time::timeout(Duration::from_secs(90), stream.next()).await
        {
            let _ = delivery.ack().await;
        }
    };
    let (a, b, ()) = tokio::join!(writer("a"), writer("b"), worker);
    assert!(
        broker.messages("GK_TASK_deploy").is_empty(),
        "every task is done"
    );
    let log = broker.messages("GK_LOG_0");
    for (id, sequence) in a.into_iter().chain(b) {
        let found = log.iter().find(|kept| kept.payload == id);
        assert_eq!(
            found.map(|kept| kept.sequence),
            sequence,
            "seed {seed}: what was said of {id}"
        );
    }
    let lines = log
        .iter()
        .map(|kept| String::from_utf8(kept.payload.to_vec()).unwrap());
    (broker.digest(), lines.collect())
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn same_seed_same_bytes_and_no_append_twice() {
    let mut digests = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let (first, log) = run(seed).await;
        let (second, _) = run(seed).await;
        assert_eq!(first, second, "seed {seed}");
        let mut unique = log.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(
            unique.len(),
            log.len(),
            "seed {seed} stored an append twice: {log:?}"
        );
        assert!(!log.is_empty());
        digests.insert(first);
    }
    assert!(digests.len() > 25, "seeds differ");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_committed_append_is_never_called_superseded_for_a_single_writer() {
    for seed in 0..50 {
        let broker = Broker::new(seed);
        let bus = Bus::memory(&broker, "one");
        bus.bootstrap(&Layout::default()).await.unwrap();
        broker.set_faults(rough());
        for n in 0..30_u64 {
            let id = format!("id-{n}");
            let outcome = bus.log(0).append(n, &id, Bytes::new()).await.unwrap();
            assert_eq!(
                outcome,
                Appended::Committed(n + 1),
                "seed {seed}, {:#?}",
                broker.trace()
            );
        }
        assert_eq!(broker.messages("GK_LOG_0").len(), 30);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_killed_node_never_hears_back_and_loses_its_subscriptions() {
    let broker = Broker::new(1);
    let (owner, other) = (Bus::memory(&broker, "owner"), Bus::memory(&broker, "other"));
    other.bootstrap(&Layout::default()).await.unwrap();
    let mut commands = owner.serve_commands(0).await.unwrap();
    let log = owner.log(0);
    broker.kill_node("owner");
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, log.last()).await.is_err());
    assert!(tokio::time::timeout(hour, commands.next()).await.is_err());
    let answer = other.command(0, Class::Request, Bytes::new(), hour).await;
    assert!(matches!(answer, Err(CommandError::NoOwner)));
    Bus::memory(&broker, "owner").log(0).last().await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_paused_node_answers_after_it_goes_on() {
    let broker = Broker::new(1);
    let (owner, other) = (Bus::memory(&broker, "owner"), Bus::memory(&broker, "other"));
    other.bootstrap(&Layout::default()).await.unwrap();
    let mut commands = owner.serve_commands(0).await.unwrap();
    // The subscription has arrived when a later question has an answer.
    owner.log(0).last().await.unwrap();
    broker.pause_node("owner");
    let ask = other.command(
        0,
        Class::Report,
        Bytes::from_static(b"?"),
        Duration::from_secs(60),
    );
    let serve = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        broker.resume_node("owner");
        let command = commands.next().await.unwrap();
        assert_eq!(command.class, Class::Report);
        command
            .responder
            .send(Bytes::from_static(b"!"))
            .await
            .unwrap();
    };
    let (answer, ()) = tokio::join!(ask, serve);
    assert_eq!(answer.unwrap(), Bytes::from_static(b"!"));
    assert_eq!(*owner.generation().borrow(), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_partitioned_append_is_resolved_after_healing() {
    let broker = Broker::new(1);
    let bus = Bus::memory(&broker, "a");
    bus.bootstrap(&Layout::default()).await.unwrap();
    broker.partition("a");
    let heal = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        broker.heal("a");
    };
    let log = bus.log(0);
    let (outcome, ()) = tokio::join!(log.append(0, "one", Bytes::new()), heal);
    assert_eq!(outcome.unwrap(), Appended::Committed(1));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_lost_task_stream_is_made_again_with_its_consumer() {
    let broker = Broker::new(1);
    let bus = Bus::memory(&broker, "a");
    bus.bootstrap(&Layout::default()).await.unwrap();
    let tasks = bus.tasks("deploy");
    let mut stream = tasks.pull(None, Arc::new(Semaphore::new(1))).await.unwrap();
    tasks.publish(&address(1), Bytes::new()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().delivered, 1);
    broker.restart();
    assert_eq!(
        tasks.publish(&address(2), Bytes::new()).await.unwrap(),
        Published::Stored
    );
    let delivery = stream.next().await.unwrap();
    assert_eq!(TaskAddress::parse(&delivery.address), Some(address(2)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_create_of_a_former_owner_that_arrives_late_meets_the_marker() {
    let broker = Broker::new(1);
    let (old, new) = (Bus::memory(&broker, "old"), Bus::memory(&broker, "new"));
    new.bootstrap(&Layout::default()).await.unwrap();
    // The former owner sends a create, which needs five seconds to arrive, and gives up waiting.
    broker.set_faults(Faults {
        delay_ms: 5000..=5000,
        ..Faults::default()
    });
    let late = old.kv(Bucket::State(0));
    let create = late.put_if("x.1", 0, Bytes::from_static(b"old"), None);
    let _ = tokio::time::timeout(Duration::from_millis(10), create).await;
    broker.set_faults(Faults::default());
    let kv = new.kv(Bucket::State(0));
    let Put::Done(revision) = kv
        .put_if("x.1", 0, Bytes::from_static(b"new"), None)
        .await
        .unwrap()
    else {
        panic!("the key is free");
    };
    kv.delete_if("x.1", revision).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(kv.get("x.1").await.unwrap(), None);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn readings_through_a_lagging_replica_are_complete() {
    for lag_ms in [0, 20, 500, 60_000] {
        let broker = Broker::new(lag_ms);
        let bus = Bus::memory(&broker, "a");
        bus.bootstrap(&Layout::default()).await.unwrap();
        let kv = bus.kv(Bucket::State(0));
        let mut revisions = std::collections::BTreeMap::new();
        for n in 0..30_u32 {
            let key = format!("x.{n}");
            let put = kv.put_if(&key, 0, Bytes::new(), None).await.unwrap();
            let Put::Done(revision) = put else {
                panic!("the key is free")
            };
            revisions.insert(key, revision);
        }
        broker.set_faults(Faults {
            lag_ms,
            ..Faults::default()
        });
        for (key, revision) in revisions.iter_mut().step_by(3) {
            let put = kv.put_if(key, *revision, Bytes::new(), None);
            let Put::Done(next) = put.await.unwrap() else {
                panic!("{key} has one writer")
            };
            *revision = next;
        }
        let found = kv.scan("x").await.unwrap().collect().await.unwrap();
        let found = found
            .into_iter()
            .map(|record| (record.key, record.revision));
        assert_eq!(
            found.collect::<std::collections::BTreeMap<_, _>>(),
            revisions,
            "lag {lag_ms}"
        );
        for n in 0..10 {
            bus.log(0)
                .append(n, &format!("b-{n}"), Bytes::new())
                .await
                .unwrap();
        }
        let mut entries = bus.log(0).read(1, 100).await.unwrap();
        let mut sequences = Vec::new();
        while let Some(entry) = entries.next().await {
            sequences.push(entry.unwrap().sequence);
        }
        assert_eq!(sequences, (1..=10).collect::<Vec<_>>(), "lag {lag_ms}");
        let mut watch = kv.watch("x").await.unwrap();
        let mut told = std::collections::BTreeMap::new();
        loop {
            match watch.next().await.unwrap().unwrap() {
                WatchItem::Record(record) => told.insert(record.key, record.revision),
                WatchItem::Deleted { key, .. } => told.remove(&key),
                WatchItem::CaughtUp => break,
            };
        }
        assert_eq!(told, revisions, "lag {lag_ms}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_create_of_unknown_outcome_does_not_undo_a_deletion() {
    let broker = Broker::new(1);
    let (a, b) = (Bus::memory(&broker, "a"), Bus::memory(&broker, "b"));
    b.bootstrap(&Layout::default()).await.unwrap();
    broker.set_faults(Faults {
        ack_lost: 1.0,
        ..Faults::default()
    });
    let kv = a.kv(Bucket::Cfg);
    let create = kv.put_if("claim.1", 0, Bytes::from_static(b"a"), None);
    // While the creator waits for its lost acknowledgement, somebody finds the record and deletes it.
    let delete = async {
        let kv = b.kv(Bucket::Cfg);
        let record = loop {
            if let Ok(Some(record)) = kv.get("claim.1").await {
                break record;
            }
        };
        broker.set_faults(Faults::default());
        kv.delete_if("claim.1", record.revision).await.unwrap()
    };
    let (create, delete) = tokio::join!(create, delete);
    assert!(matches!(delete, Put::Done(_)));
    assert_eq!(create.unwrap(), Put::Conflict);
    assert_eq!(kv.get("claim.1").await.unwrap(), None);
}
