use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::WatchItem;
use tokio::time::Instant;

use super::{Broker, ready, within};

const TTL: Duration = Duration::from_secs(2);

pub async fn a_lease_excludes_until_released(broker: &impl Broker) {
    let bus = ready(broker).await;
    let other = broker.connect("other").await;
    let (mine, theirs) = (bus.lease(TTL), other.lease(TTL));
    let held = mine
        .acquire("part.0", Bytes::from_static(b"me-1"))
        .await
        .unwrap()
        .unwrap();
    assert!(
        theirs
            .acquire("part.0", Bytes::from_static(b"you-1"))
            .await
            .unwrap()
            .is_none()
    );
    let holders = theirs.holders("part").await.unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(
        (holders[0].key.as_str(), &holders[0].value[..]),
        ("part.0", &b"me-1"[..])
    );
    mine.release(held).await.unwrap();
    assert!(
        theirs
            .acquire("part.0", Bytes::from_static(b"you-2"))
            .await
            .unwrap()
            .is_some()
    );
}

/// Renewals keep the lifetime: a lease lives as long as it is renewed, and ends after the last renewal.
pub async fn a_lease_lives_while_renewed_and_expires_after(broker: &impl Broker) {
    let bus = ready(broker).await;
    let other = broker.connect("other").await;
    let (mine, theirs) = (bus.lease(TTL), other.lease(TTL));
    let mut held = mine
        .acquire("part.0", Bytes::from_static(b"me-1"))
        .await
        .unwrap()
        .unwrap();
    let began = Instant::now();
    while began.elapsed() < TTL * 2 {
        tokio::time::sleep(TTL / 4).await;
        assert!(mine.renew(&mut held).await.unwrap());
        assert!(
            theirs
                .acquire("part.0", Bytes::from_static(b"you-1"))
                .await
                .unwrap()
                .is_none()
        );
    }
    let last = Instant::now();
    within("expiry", async {
        while theirs
            .acquire("part.0", Bytes::from_static(b"you-2"))
            .await
            .unwrap()
            .is_none()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let taken_after = last.elapsed();
    assert!(
        taken_after + Duration::from_millis(200) >= TTL,
        "taken after {taken_after:?}"
    );
    assert!(
        !mine.renew(&mut held).await.unwrap(),
        "a lost lease is not renewed"
    );
}

pub async fn a_renewal_that_was_given_up_is_recognised(broker: &impl Broker) {
    let bus = ready(broker).await;
    let lease = bus.lease(Duration::from_secs(30));
    let mut held = lease
        .acquire("part.0", Bytes::from_static(b"me-1"))
        .await
        .unwrap()
        .unwrap();
    let mut forgotten = held.clone();
    assert!(lease.renew(&mut forgotten).await.unwrap());
    assert!(lease.renew(&mut held).await.unwrap());
    assert!(held.revision > forgotten.revision);
}

pub async fn an_expiry_is_told_to_watchers(broker: &impl Broker) {
    let bus = ready(broker).await;
    let lease = bus.lease(Duration::from_secs(1));
    lease
        .acquire("sched.a", Bytes::from_static(b"me-1"))
        .await
        .unwrap()
        .unwrap();
    let mut watch = lease.watch("sched").await.unwrap();
    within("expiry", async {
        loop {
            match watch.next().await.unwrap().unwrap() {
                WatchItem::Deleted { key, .. } => {
                    assert_eq!(key, "sched.a");
                    return;
                }
                WatchItem::Record(_) | WatchItem::CaughtUp => {}
            }
        }
    })
    .await;
    assert!(
        lease
            .acquire("sched.a", Bytes::from_static(b"me-2"))
            .await
            .unwrap()
            .is_some()
    );
}
