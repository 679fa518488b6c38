use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{Bucket, Put, Record, WatchItem};

use super::{Broker, ready, within};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn done(put: Put) -> u64 {
    match put {
        Put::Done(revision) => revision,
        Put::Conflict => panic!("the write was refused"),
    }
}

pub async fn writes_are_conditional(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::State(0));
    assert_eq!(kv.get("x.1").await.unwrap(), None);
    let first = done(kv.put_if("x.1", 0, bytes("one"), None).await.unwrap());
    assert_eq!(
        kv.put_if("x.1", 0, bytes("again"), None).await.unwrap(),
        Put::Conflict
    );
    let second = done(kv.put_if("x.1", first, bytes("two"), None).await.unwrap());
    assert!(second > first);
    assert_eq!(
        kv.put_if("x.1", first, bytes("stale"), None).await.unwrap(),
        Put::Conflict
    );
    // A repeat of an equal value is another write, and is told apart.
    assert_eq!(
        kv.put_if("x.1", first, bytes("two"), None).await.unwrap(),
        Put::Conflict
    );
    let record = kv.get("x.1").await.unwrap().unwrap();
    assert_eq!(
        (record.key.as_str(), &record.value[..], record.revision),
        ("x.1", &b"two"[..], second)
    );
    // A record that never was cannot be replaced.
    assert_eq!(
        kv.put_if("x.2", 5, bytes("x"), None).await.unwrap(),
        Put::Conflict
    );
}

pub async fn a_deleted_key_reads_as_absent_and_can_be_made_again(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::State(0));
    let first = done(kv.put_if("x.1", 0, bytes("one"), None).await.unwrap());
    let second = done(kv.put_if("x.1", first, bytes("two"), None).await.unwrap());
    assert_eq!(
        kv.delete_if("x.1", first).await.unwrap(),
        Put::Conflict,
        "a late delete meets a newer record"
    );
    let marker = done(kv.delete_if("x.1", second).await.unwrap());
    assert!(marker > second);
    assert_eq!(kv.get("x.1").await.unwrap(), None);
    assert_eq!(kv.delete_if("x.1", second).await.unwrap(), Put::Conflict);
    assert_eq!(
        kv.put_if("x.1", second, bytes("late"), None).await.unwrap(),
        Put::Conflict
    );
    let again = done(kv.put_if("x.1", 0, bytes("three"), None).await.unwrap());
    assert!(again > marker);
    assert_eq!(kv.get("x.1").await.unwrap().unwrap().value, bytes("three"));
    assert!(kv.delete_if("x.1", 0).await.is_err());
}

pub async fn erasing_takes_exactly_one_revision(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::State(0));
    let first = done(kv.put_if("s.1", 0, bytes("one"), None).await.unwrap());
    let second = done(kv.put_if("s.1", first, bytes("two"), None).await.unwrap());
    assert!(
        !kv.erase("s.1", first).await.unwrap(),
        "the revision is gone already"
    );
    assert_eq!(kv.get("s.1").await.unwrap().unwrap().revision, second);
    assert!(kv.erase("s.1", second).await.unwrap());
    assert!(!kv.erase("s.1", second).await.unwrap());
    assert_eq!(kv.get("s.1").await.unwrap(), None);
    assert!(
        kv.scan("")
            .await
            .unwrap()
            .collect()
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn a_scan_is_complete_and_bounded(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::State(0));
    assert!(kv.scan("").await.unwrap().next().await.is_none());
    let mut expected = BTreeMap::new();
    let writes = (0..1500_u32).map(|n| {
        let kv = kv.clone();
        async move {
            let key = format!("{}.{n}", if n % 3 == 0 { "x" } else { "s" });
            let revision = done(
                kv.put_if(&key, 0, bytes(&format!("v{n}")), None)
                    .await
                    .unwrap(),
            );
            (key, revision)
        }
    });
    let written: Vec<(String, u64)> = within("pipelined writes", join_all(writes)).await;
    for (at, (key, revision)) in written.iter().enumerate() {
        if at % 10 == 0 {
            done(kv.delete_if(key, *revision).await.unwrap());
        } else {
            expected.insert(key.clone(), *revision);
        }
    }
    let found = within("scan", kv.scan("").await.unwrap().collect())
        .await
        .unwrap();
    let found: BTreeMap<String, u64> = found
        .into_iter()
        .map(|record| (record.key, record.revision))
        .collect();
    assert_eq!(found, expected);
    let headers = within("scan", kv.scan("x").await.unwrap().collect())
        .await
        .unwrap();
    assert_eq!(
        headers.len(),
        expected.keys().filter(|key| key.starts_with("x.")).count()
    );
    assert!(headers.iter().all(|record| record.key.starts_with("x.")));
    assert!(kv.scan("none").await.unwrap().next().await.is_none());
}

/// Records that change while they are read are neither lost nor old, as of the beginning of the scan.
pub async fn a_scan_during_writes_misses_nothing(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::State(0));
    let keys: Vec<String> = (0..200).map(|n| format!("x.{n}")).collect();
    let mut revisions: BTreeMap<String, u64> = BTreeMap::new();
    for key in &keys {
        revisions.insert(
            key.clone(),
            done(kv.put_if(key, 0, bytes("0"), None).await.unwrap()),
        );
    }
    for round in 1..=5 {
        let before = revisions.clone();
        let scan = async {
            let records = kv.scan("x").await.unwrap().collect().await.unwrap();
            records
                .into_iter()
                .map(|record| (record.key, record.revision))
                .collect::<BTreeMap<_, _>>()
        };
        let write = async {
            let writes = revisions.iter_mut().map(|(key, revision)| {
                let kv = kv.clone();
                async move {
                    *revision = done(
                        kv.put_if(key, *revision, bytes(&round.to_string()), None)
                            .await
                            .unwrap(),
                    );
                }
            });
            join_all(writes).await;
        };
        let (found, _) = Box::pin(within("scan", async { tokio::join!(scan, write) })).await;
        for (key, revision) in &before {
            let seen = found
                .get(key)
                .unwrap_or_else(|| panic!("round {round}: {key} is missing"));
            assert!(seen >= revision, "round {round}: {key} is old");
        }
    }
}

pub async fn a_watch_tells_what_is_then_what_changes(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::Cfg);
    let first = done(kv.put_if("a.1", 0, bytes("one"), None).await.unwrap());
    done(kv.put_if("b.1", 0, bytes("other"), None).await.unwrap());
    let mut watch = kv.watch("a").await.unwrap();
    let mut next = async || within("watch", watch.next()).await.unwrap().unwrap();
    let WatchItem::Record(Record { key, revision, .. }) = next().await else {
        panic!("the current record comes first")
    };
    assert_eq!((key.as_str(), revision), ("a.1", first));
    assert_eq!(next().await, WatchItem::CaughtUp);
    let second = done(kv.put_if("a.1", first, bytes("two"), None).await.unwrap());
    let WatchItem::Record(record) = next().await else {
        panic!("a change is told")
    };
    assert_eq!((&record.value[..], record.revision), (&b"two"[..], second));
    let marker = done(kv.delete_if("a.1", second).await.unwrap());
    assert_eq!(
        next().await,
        WatchItem::Deleted {
            key: "a.1".to_owned(),
            revision: marker
        }
    );
}

pub async fn history_lists_values_oldest_first(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::Docs);
    let mut revision = 0;
    for text in ["one", "two", "three"] {
        revision = done(
            kv.put_if("app.a", revision, bytes(text), None)
                .await
                .unwrap(),
        );
    }
    let values: Vec<Bytes> = kv
        .history("app.a")
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.value)
        .collect();
    assert_eq!(values, [bytes("one"), bytes("two"), bytes("three")]);
    done(kv.delete_if("app.a", revision).await.unwrap());
    assert_eq!(kv.history("app.a").await.unwrap().len(), 3);
    assert!(kv.history("app.b").await.unwrap().is_empty());
}

pub async fn records_with_a_lifetime_vanish(broker: &impl Broker) {
    let bus = ready(broker).await;
    let kv = bus.kv(Bucket::Cfg);
    let second = Some(Duration::from_secs(1));
    done(kv.put_if("claim.1", 0, bytes("x"), second).await.unwrap());
    done(kv.put_if("claim.2", 0, bytes("x"), None).await.unwrap());
    within("expiry", async {
        while kv.get("claim.1").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(kv.get("claim.2").await.unwrap().is_some());
    done(kv.put_if("claim.1", 0, bytes("y"), second).await.unwrap());
}
