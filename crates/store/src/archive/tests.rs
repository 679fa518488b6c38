use bytes::Bytes;
use gennaker_bus::{Bucket, Bus, Layout, memory::Broker};

use super::Archive;
use crate::objects::{OBJECT_BYTES_MAX, Object, ObjectError, pieces::PIECE_BYTES};

async fn fixture() -> (Broker, Bus, Archive) {
    let broker = Broker::new(3);
    let bus = Bus::memory(&broker, "scheduler");
    bus.bootstrap(&Layout::default()).await.unwrap();
    let archive = Archive::kv(&bus);
    (broker, bus, archive)
}

fn content(length: usize) -> Bytes {
    (0..length).map(|place| (place % 251) as u8).collect()
}

fn records(broker: &Broker) -> usize {
    broker.messages("KV_gk_blobs").len()
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_reads_back_whatever_its_length() {
    let (broker, _bus, archive) = fixture().await;
    for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
        let content = content(length);
        let object = archive.put("01J", content.clone()).await.unwrap();
        assert_eq!(object.bytes(), length as u64);
        assert_eq!(archive.get(&object).await.unwrap(), content);
        let stored = serde_json::to_string(&object).unwrap();
        assert_eq!(serde_json::from_str::<Object>(&stored).unwrap(), object);
    }
    assert_eq!(records(&broker), 1 + 1 + 1 + 2 + 3);
}

#[tokio::test(start_paused = true)]
async fn storing_and_deleting_again_does_no_harm() {
    let (broker, _bus, archive) = fixture().await;
    let first = archive.put("01J", content(700_000)).await.unwrap();
    let again = archive.put("01J", content(700_000)).await.unwrap();
    let other = archive.put("01J", content(10)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(records(&broker), 3);
    for _ in 0..2 {
        archive.delete(&first).await.unwrap();
    }
    assert_eq!(archive.get(&other).await.unwrap(), content(10));
    assert!(matches!(
        archive.get(&first).await,
        Err(ObjectError::Lost { name }) if name == "01J"
    ));
    assert_eq!(records(&broker), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_damaged_is_not_shown_and_is_mended_by_storing_again() {
    let (broker, bus, archive) = fixture().await;
    let object = archive.put("a/b c", content(600_000)).await.unwrap();
    let blobs = bus.kv(Bucket::Blobs);
    let piece = blobs
        .scan("a")
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    let bad = Bytes::from_static(b"bad");
    blobs
        .put_if(&piece.key, piece.revision, bad, None)
        .await
        .unwrap();
    assert!(matches!(
        archive.get(&object).await,
        Err(ObjectError::Damaged { .. })
    ));
    archive.put("a/b c", content(600_000)).await.unwrap();
    assert_eq!(archive.get(&object).await.unwrap(), content(600_000));
    assert_eq!(records(&broker), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused_before_anything_is_written() {
    let (broker, _bus, archive) = fixture().await;
    let refused = archive.put("01J", content(OBJECT_BYTES_MAX + 1)).await;
    assert!(matches!(refused, Err(ObjectError::TooLarge { .. })));
    assert_eq!(records(&broker), 0);
}
