use bytes::Bytes;
use gennaker_bus::{Appended, Bounds, Error};

use super::{Broker, ready, within};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub async fn appends_go_to_the_expected_sequence_only(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(0);
    assert_eq!(log.last().await.unwrap(), None);
    assert_eq!(log.bounds().await.unwrap(), Bounds { first: 1, last: 0 });
    assert_eq!(
        log.append(0, "a-1", bytes("one")).await.unwrap(),
        Appended::Committed(1)
    );
    assert_eq!(
        log.append(1, "a-2", bytes("two")).await.unwrap(),
        Appended::Committed(2)
    );
    let last = log.last().await.unwrap().unwrap();
    assert_eq!(
        (last.sequence, last.append_id.as_deref(), &last.payload[..]),
        (2, Some("a-2"), &b"two"[..])
    );
    assert!(last.time_ms > 1_600_000_000_000);
    // Somebody else, who does not know of the second append.
    let other = broker.connect("other").await.log(0);
    assert_eq!(
        other.append(1, "b-1", bytes("no")).await.unwrap(),
        Appended::Superseded
    );
    assert_eq!(
        other.append(0, "b-2", bytes("no")).await.unwrap(),
        Appended::Superseded
    );
    assert_eq!(log.last().await.unwrap().unwrap().sequence, 2);
    // The other partition is another log.
    assert_eq!(
        bus.log(1).append(0, "c-1", bytes("x")).await.unwrap(),
        Appended::Committed(1)
    );
}

pub async fn a_repeated_append_finds_itself(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(0);
    assert_eq!(
        log.append(0, "a-1", bytes("one")).await.unwrap(),
        Appended::Committed(1)
    );
    assert_eq!(
        log.append(0, "a-1", bytes("one")).await.unwrap(),
        Appended::Committed(1)
    );
    assert_eq!(log.bounds().await.unwrap().last, 1, "it is stored once");
    assert_eq!(
        log.append(1, "b-1", bytes("two")).await.unwrap(),
        Appended::Committed(2)
    );
    // Others have gone past it, and it is told apart from one that was never stored.
    assert_eq!(
        log.append(0, "a-1", bytes("one")).await.unwrap(),
        Appended::Committed(1)
    );
    assert_eq!(
        log.append(0, "a-9", bytes("no")).await.unwrap(),
        Appended::Superseded
    );
    log.purge_below(2).await.unwrap();
    assert_eq!(
        log.append(0, "a-1", bytes("one")).await.unwrap(),
        Appended::Superseded
    );
}

pub async fn reading_is_in_order_and_complete(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(0);
    for n in 0..700_u64 {
        let text = format!("entry {n}");
        assert_eq!(
            log.append(n, &format!("a-{n}"), bytes(&text))
                .await
                .unwrap(),
            Appended::Committed(n + 1)
        );
    }
    for (from, to, expected) in [
        (1, 700, 1..=700),
        (650, 9999, 650..=700),
        (3, 5, 3..=5),
        (700, 700, 700..=700),
    ] {
        let mut stream = log.read(from, to).await.unwrap();
        let mut sequences = Vec::new();
        while let Some(entry) = within("read", stream.next()).await {
            let entry = entry.unwrap();
            assert_eq!(
                entry.payload,
                bytes(&format!("entry {}", entry.sequence - 1))
            );
            assert_eq!(entry.append_id, Some(format!("a-{}", entry.sequence - 1)));
            sequences.push(entry.sequence);
        }
        assert_eq!(sequences, expected.collect::<Vec<u64>>());
    }
    for (from, to) in [(701, 800), (5, 3)] {
        assert!(log.read(from, to).await.unwrap().next().await.is_none());
    }
    assert!(bus.log(1).read(1, 10).await.unwrap().next().await.is_none());
}

pub async fn a_purge_shows_as_a_gap_and_spares_the_last(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(0);
    for n in 0..10_u64 {
        log.append(n, &format!("a-{n}"), bytes("x")).await.unwrap();
    }
    let mut reader = log.read(1, 10).await.unwrap();
    log.purge_below(6).await.unwrap();
    log.purge_below(6).await.unwrap();
    assert_eq!(log.first_sequence().await.unwrap(), 6);
    let mut sequences = Vec::new();
    while let Some(entry) = within("read", reader.next()).await {
        sequences.push(entry.unwrap().sequence);
    }
    assert_eq!(sequences, [6, 7, 8, 9, 10]);
    log.purge_below(1000).await.unwrap();
    assert_eq!(
        log.bounds().await.unwrap(),
        Bounds {
            first: 10,
            last: 10
        }
    );
    assert_eq!(log.last().await.unwrap().unwrap().sequence, 10);
    assert_eq!(
        log.append(9, "b-1", bytes("x")).await.unwrap(),
        Appended::Superseded
    );
    assert_eq!(
        log.append(10, "b-2", bytes("x")).await.unwrap(),
        Appended::Committed(11)
    );
}

pub async fn large_messages_come_back_whole(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(0);
    let large = Bytes::from(vec![0xA7_u8; 900 * 1024]);
    for n in 0..12 {
        assert_eq!(
            log.append(n, &format!("a-{n}"), large.clone())
                .await
                .unwrap(),
            Appended::Committed(n + 1)
        );
    }
    assert_eq!(log.last().await.unwrap().unwrap().payload, large);
    let mut stream = log.read(1, 12).await.unwrap();
    let mut count = 0;
    while let Some(entry) = within("read", stream.next()).await {
        assert_eq!(entry.unwrap().payload, large);
        count += 1;
    }
    assert_eq!(count, 12);
    let error = log
        .append(12, "a-12", Bytes::from(vec![0_u8; 2_000_000]))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

pub async fn a_full_log_says_so_and_goes_on_after_a_purge(broker: &impl Broker) {
    let bus = broker.connect("main").await;
    let mut layout = broker.layout();
    layout.partitions = 1;
    layout.log_bytes_max = 4 * 1024 * 1024;
    bus.bootstrap(&layout).await.unwrap();
    let log = bus.log(0);
    let large = Bytes::from(vec![1_u8; 900 * 1024]);
    let mut last = 0;
    let error = loop {
        match log.append(last, &format!("a-{last}"), large.clone()).await {
            Ok(Appended::Committed(sequence)) => last = sequence,
            Ok(Appended::Superseded) => panic!("nobody else writes"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, Error::Full { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(last >= 3, "{last}");
    log.purge_below(last).await.unwrap();
    let repeated = log.append(last, &format!("a-{last}"), large).await.unwrap();
    assert_eq!(repeated, Appended::Committed(last + 1));
}

pub async fn a_log_that_does_not_exist_is_an_error(broker: &impl Broker) {
    let bus = ready(broker).await;
    let log = bus.log(77);
    assert!(matches!(log.last().await, Err(Error::NotFound { .. })));
    assert!(matches!(
        log.append(0, "a-1", Bytes::new()).await,
        Err(Error::NotFound { .. })
    ));
}
