//! The archive over a real S3 server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod s3_server;

use bytes::Bytes;
use gennaker_store::{Archive, Error, OBJECT_BYTES_MAX, ObjectError, S3Options};

use s3_server::{client, keys, options};

fn content(length: usize) -> Bytes {
    (0..length).map(|place| (place % 251) as u8).collect()
}

#[tokio::test]
async fn what_one_process_stores_another_reads_and_deletes() {
    let bucket = "archive-two";
    let one = Archive::s3(options(bucket, "/archive/")).await.unwrap();
    let two = Archive::s3(options(bucket, "/archive/")).await.unwrap();
    for length in [0, 1, 3_000_000] {
        let content = content(length);
        let name = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let object = one.put(name, content.clone()).await.unwrap();
        assert_eq!(two.get(&object).await.unwrap(), content);
        let again = two.put(name, content).await.unwrap();
        assert_eq!(again, object);
        let kept = keys(bucket).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].starts_with("archive/01ARZ3NDEKTSV4RRFFQ69G5FAV/"));
        for archive in [&one, &two] {
            archive.delete(&object).await.unwrap();
        }
        assert!(matches!(
            one.get(&object).await,
            Err(ObjectError::Lost { .. })
        ));
        assert!(keys(bucket).await.is_empty());
    }
    let versions = client().list_object_versions().bucket(bucket).send().await;
    assert!(versions.unwrap().versions().is_empty(), "deleted is gone");
}

#[tokio::test]
async fn names_are_one_step_of_a_path_whatever_is_in_them() {
    let bucket = "archive-names";
    let archive = Archive::s3(options(bucket, "/archive/")).await.unwrap();
    for name in ["../../etc/passwd", "a b/ü", ".", "x?y#z%"] {
        let object = archive.put(name, content(10)).await.unwrap();
        assert_eq!(archive.get(&object).await.unwrap(), content(10));
        let kept = keys(bucket).await;
        assert_eq!(kept[0].matches('/').count(), 2, "{kept:?}");
        archive.delete(&object).await.unwrap();
    }
}

#[tokio::test]
async fn what_somebody_changed_is_told_and_not_shown() {
    let bucket = "archive-changed";
    let archive = Archive::s3(options(bucket, "/archive/")).await.unwrap();
    let object = archive.put("01J", content(100)).await.unwrap();
    let key = keys(bucket).await.remove(0);
    let put = client().put_object().bucket(bucket).key(key);
    put.body(content(99).into()).send().await.unwrap();
    let read = archive.get(&object).await;
    assert!(matches!(read, Err(ObjectError::Damaged { .. })), "{read:?}");
}

#[tokio::test]
async fn an_archive_that_cannot_be_reached_is_worth_another_try() {
    let archive = Archive::s3(options("archive-gone", "/archive/"))
        .await
        .unwrap();
    let object = archive.put("01J", content(10)).await.unwrap();
    archive.delete(&object).await.unwrap();
    client()
        .delete_bucket()
        .bucket("archive-gone")
        .send()
        .await
        .unwrap();
    for refused in [
        archive.put("01J", content(10)).await.unwrap_err(),
        archive.get(&object).await.unwrap_err(),
        archive.delete(&object).await.unwrap_err(),
    ] {
        assert!(refused.is_transient(), "{refused}");
    }
    let too_large = archive.put("01J", content(OBJECT_BYTES_MAX + 1)).await;
    assert!(!too_large.unwrap_err().is_transient());
    let nowhere = S3Options {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..options("nowhere", "/archive/")
    };
    assert!(matches!(
        Archive::s3(nowhere).await.err(),
        Some(Error::Bucket { .. })
    ));
}
