//! Objects of canary analysis in the in-memory broker; `tests/canary.rs` has them in S3.

use gennaker_bus::{Layout, memory::Broker};

use super::*;

async fn objects() -> (CanaryObjects, Bus) {
    let bus = Bus::memory(&Broker::new(3), "worker");
    bus.bootstrap(&Layout::default()).await.unwrap();
    (CanaryObjects::kv(&bus), bus)
}

#[tokio::test(start_paused = true)]
async fn an_object_is_replaced_read_listed_and_deleted_without_a_trace() {
    let (objects, bus) = objects().await;
    let group = CanaryGroup::MetricPairs;
    assert_eq!(objects.get(group, "one").await.unwrap(), None);
    // Of several pieces.
    let large = Bytes::from(vec![b'x'; 1_200_000]);
    objects
        .put(group, "one", None, large.clone(), 1)
        .await
        .unwrap();
    assert_eq!(objects.get(group, "one").await.unwrap(), Some(large));
    let small = Bytes::from_static(b"[1]");
    for at in [2, 3] {
        objects
            .put(group, "one", None, small.clone(), at)
            .await
            .unwrap();
    }
    objects
        .put(group, "a.b c", None, small.clone(), 4)
        .await
        .unwrap();
    assert_eq!(objects.get(group, "one").await.unwrap(), Some(small));
    let listed = |id: &str, updated_ms| CanaryListed {
        id: id.to_owned(),
        updated_ms,
    };
    assert_eq!(
        objects.list(group, 10).await.unwrap(),
        [listed("a.b c", 4), listed("one", 3)]
    );
    assert_eq!(objects.list(group, 1).await.unwrap().len(), 1);
    assert_eq!(
        objects.get(CanaryGroup::MetricSets, "one").await.unwrap(),
        None
    );
    for id in ["one", "a.b c"] {
        assert!(objects.delete(group, id).await.unwrap());
        assert!(!objects.delete(group, id).await.unwrap());
    }
    let left = bus.kv(Bucket::Canary).walk("").await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_step_of_a_path_is_no_id() {
    let (objects, _bus) = objects().await;
    let long = "x".repeat(300);
    for id in ["", "..", "a/b", "a\nb", "\\", &long] {
        let put = objects.put(CanaryGroup::Archive, id, None, Bytes::new(), 1);
        assert!(
            matches!(put.await, Err(ObjectError::BadId { .. })),
            "{id:?}"
        );
        assert_eq!(objects.get(CanaryGroup::Archive, id).await.unwrap(), None);
        assert!(!objects.delete(CanaryGroup::Archive, id).await.unwrap());
    }
}
