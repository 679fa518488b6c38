use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::layout::Pool;
use gennaker_bus::{Published, TaskAddress, Tasks};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Broker, ready, within};

fn address(zone: Option<&str>, attempt: u64) -> TaskAddress {
    TaskAddress {
        zone: zone.map(str::to_owned),
        execution: "01JX".to_owned(),
        stage: "stage 1".to_owned(),
        task: "run".to_owned(),
        attempt,
    }
}

fn slots(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count))
}

/// Publishes until the address is free: with replicas that is a moment after the acknowledgement.
async fn until_free(tasks: &Tasks, address: &TaskAddress) {
    within("the address to be free", async {
        while tasks.publish(address, Bytes::new()).await.unwrap() == Published::StillThere {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

pub async fn a_task_exists_once_until_it_is_acknowledged(broker: &impl Broker) {
    let bus = ready(broker).await;
    let tasks = bus.tasks("deploy");
    let payload = Bytes::from_static(b"work");
    assert_eq!(
        tasks
            .publish(&address(None, 1), payload.clone())
            .await
            .unwrap(),
        Published::Stored
    );
    assert_eq!(
        tasks
            .publish(&address(None, 1), payload.clone())
            .await
            .unwrap(),
        Published::StillThere
    );
    let mut stream = tasks.pull(None, slots(5)).await.unwrap();
    let delivery = within("delivery", stream.next()).await.unwrap();
    assert_eq!(
        TaskAddress::parse(&delivery.address),
        Some(address(None, 1))
    );
    assert_eq!(
        (&delivery.payload[..], delivery.delivered),
        (&b"work"[..], 1)
    );
    assert_eq!(
        tasks
            .publish(&address(None, 1), payload.clone())
            .await
            .unwrap(),
        Published::StillThere
    );
    delivery.progress().await.unwrap();
    delivery.ack().await.unwrap();
    drop(delivery);
    until_free(&tasks, &address(None, 1)).await;
    assert_eq!(
        within("second delivery", stream.next())
            .await
            .unwrap()
            .delivered,
        1
    );
}

pub async fn a_task_comes_again_after_nak_and_after_silence(broker: &impl Broker) {
    let bus = broker.connect("main").await;
    let mut layout = broker.layout();
    layout.pools = vec![Pool {
        ack_wait: Duration::from_secs(2),
        ..Pool::new("deploy")
    }];
    bus.bootstrap(&layout).await.unwrap();
    let tasks = bus.tasks("deploy");
    tasks
        .publish(&address(None, 1), Bytes::new())
        .await
        .unwrap();
    let mut stream = tasks.pull(None, slots(1)).await.unwrap();
    let first = within("delivery", stream.next()).await.unwrap();
    first.nak(Duration::from_secs(1)).await.unwrap();
    let began = Instant::now();
    drop(first);
    let second = within("delivery after nak", stream.next()).await.unwrap();
    assert_eq!(second.delivered, 2);
    assert!(
        began.elapsed() >= Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    // Progress holds it back, silence does not.
    let began = Instant::now();
    let mut second = second;
    second.free_slot();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        second.progress().await.unwrap();
    }
    let third = within("delivery after silence", stream.next())
        .await
        .unwrap();
    assert_eq!(third.delivered, 3);
    assert!(
        began.elapsed() >= Duration::from_millis(4900),
        "{:?}",
        began.elapsed()
    );
    third.ack().await.unwrap();
    until_free(&tasks, &address(None, 1)).await;
}

pub async fn a_terminated_task_does_not_come_again(broker: &impl Broker) {
    let bus = ready(broker).await;
    let tasks = bus.tasks("deploy");
    tasks
        .publish(&address(None, 1), Bytes::new())
        .await
        .unwrap();
    let mut stream = tasks.pull(None, slots(1)).await.unwrap();
    let delivery = within("delivery", stream.next()).await.unwrap();
    delivery
        .term("its address is unreadable\r\n")
        .await
        .unwrap();
    drop(delivery);
    until_free(&tasks, &address(None, 1)).await;
}

pub async fn zones_get_their_own_tasks(broker: &impl Broker) {
    let bus = ready(broker).await;
    let tasks = bus.tasks("jenkins");
    // Zone b is not in the layout: its consumer is made on demand.
    for (zone, attempt) in [(None, 1), (Some("a"), 2), (Some("b"), 3)] {
        tasks
            .publish(&address(zone, attempt), Bytes::new())
            .await
            .unwrap();
    }
    for (zone, attempt) in [(Some("b"), 3), (Some("a"), 2), (None, 1)] {
        let mut stream = tasks.pull(zone, slots(10)).await.unwrap();
        let delivery = within("delivery", stream.next()).await.unwrap();
        assert_eq!(
            TaskAddress::parse(&delivery.address),
            Some(address(zone, attempt))
        );
        delivery.ack().await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
        assert!(more.is_err(), "{zone:?} got {more:?}");
    }
}

/// Never more than there are slots, and every task exactly once while acknowledgements arrive.
pub async fn a_pull_takes_no_more_than_its_slots(broker: &impl Broker) {
    let bus = ready(broker).await;
    let tasks = bus.tasks("deploy");
    for n in 0..60 {
        tasks
            .publish(&address(None, n), Bytes::new())
            .await
            .unwrap();
        tasks
            .publish(&address(Some("a"), n), Bytes::new())
            .await
            .unwrap();
    }
    let shared = slots(7);
    let mut any = tasks.pull(None, Arc::clone(&shared)).await.unwrap();
    let mut zone = tasks.pull(Some("a"), Arc::clone(&shared)).await.unwrap();
    let mut held = Vec::new();
    within("the slots to fill", async {
        while held.len() < 7 {
            tokio::select! {
                biased;
                delivery = any.next() => held.push(delivery.unwrap()),
                delivery = zone.next() => held.push(delivery.unwrap()),
            }
        }
    })
    .await;
    let more = tokio::time::timeout(Duration::from_millis(300), async {
        tokio::select! {
            biased;
            delivery = any.next() => delivery,
            delivery = zone.next() => delivery,
        }
    })
    .await;
    assert!(more.is_err(), "an eighth task came");
    let mut seen = BTreeSet::new();
    within("all tasks", async {
        loop {
            for delivery in held.drain(..) {
                delivery.ack().await.unwrap();
                assert_eq!(delivery.delivered, 1);
                assert!(
                    seen.insert(delivery.address.clone()),
                    "{} came twice",
                    delivery.address
                );
            }
            if seen.len() == 120 {
                return;
            }
            tokio::select! {
                biased;
                delivery = any.next() => held.push(delivery.unwrap()),
                delivery = zone.next() => held.push(delivery.unwrap()),
            }
        }
    })
    .await;
    shared.close();
    assert!(within("the end", any.next()).await.is_none());
    zone.close().await;
}

pub async fn a_consumer_that_is_made_again_keeps_the_tasks(broker: &impl Broker) {
    let bus = ready(broker).await;
    let tasks = bus.tasks("deploy");
    let mut stream = tasks.pull(None, slots(2)).await.unwrap();
    // The stream pulls before its consumer is replaced.
    assert!(
        tokio::time::timeout(Duration::from_millis(200), stream.next())
            .await
            .is_err()
    );
    tasks.remake_consumer(None).await.unwrap();
    tasks
        .publish(&address(None, 1), Bytes::new())
        .await
        .unwrap();
    let delivery = within("delivery", stream.next()).await.unwrap();
    delivery.ack().await.unwrap();
}

pub async fn the_limit_of_a_pool_holds(broker: &impl Broker) {
    let bus = broker.connect("main").await;
    let mut layout = broker.layout();
    layout.pools = vec![Pool {
        limit: 3,
        ..Pool::new("deploy")
    }];
    bus.bootstrap(&layout).await.unwrap();
    let tasks = bus.tasks("deploy");
    for n in 0..5 {
        tasks
            .publish(&address(None, n), Bytes::new())
            .await
            .unwrap();
    }
    let mut stream = tasks.pull(None, slots(10)).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(within("delivery", stream.next()).await.unwrap());
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(500), stream.next())
            .await
            .is_err()
    );
    held.pop().unwrap().ack().await.unwrap();
    within("the fourth", stream.next()).await.unwrap();
}

pub async fn events_are_stored_and_delivered_until_acknowledged(broker: &impl Broker) {
    let bus = ready(broker).await;
    let first = bus
        .events()
        .publish("webhook", "ci.example", Bytes::from_static(b"{}"))
        .await
        .unwrap();
    let second = bus
        .events()
        .publish("docker", "registry/a", Bytes::from_static(b"[]"))
        .await
        .unwrap();
    assert!(second > first);
    let mut stream = bus.events().consume().await.unwrap();
    let delivery = within("event", stream.next()).await.unwrap();
    assert_eq!(
        (delivery.sequence, delivery.address.as_str()),
        (first, "gk.event.webhook.ci%2Eexample")
    );
    delivery.nak(Duration::ZERO).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let delivery = within("event", stream.next()).await.unwrap();
        delivery.ack().await.unwrap();
        seen.push(delivery.sequence);
    }
    seen.sort_unstable();
    assert_eq!(seen, [first, second]);
}

pub async fn events_that_come_together_are_stored_together_and_delivered_each(
    broker: &impl Broker,
) {
    const EVENTS: usize = 200;
    let bus = ready(broker).await;
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..EVENTS {
        let events = bus.events();
        senders.spawn(async move {
            let payload = Bytes::from(format!("{{\"n\":{number}}}"));
            events.publish("webhook", "storm", payload).await.unwrap()
        });
    }
    let sequences: BTreeSet<u64> = senders.join_all().await.into_iter().collect();
    assert!(sequences.len() < EVENTS / 2, "{}", sequences.len());

    let mut stream = bus.events().consume().await.unwrap();
    let mut seen: BTreeMap<Bytes, usize> = BTreeMap::new();
    let mut handed_back = None;
    let mut again = 0;
    while seen.len() < EVENTS || again == 0 {
        let delivery = within("event", stream.next()).await.unwrap();
        *seen.entry(delivery.payload.clone()).or_default() += 1;
        if handed_back.is_none() && delivery.sequence != sequences.first().copied().unwrap() {
            handed_back = Some(delivery.sequence);
            delivery.nak(Duration::ZERO).await.unwrap();
            continue;
        }
        if delivery.delivered > 1 && handed_back == Some(delivery.sequence) {
            again += 1;
        }
        delivery.ack().await.unwrap();
    }
    // What was stored together comes again together, and nothing else does.
    let repeated = seen.values().filter(|count| **count > 1).count();
    assert!(repeated <= 64, "{repeated}");
    assert_eq!(seen.len(), EVENTS);
}
