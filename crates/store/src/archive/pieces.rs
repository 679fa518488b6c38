//! Objects in the broker: records of a bucket, each with a piece.

use bytes::{Bytes, BytesMut};
use gennaker_bus::{Kv, Put, token};

use super::{ArchiveError, OBJECT_BYTES_MAX, Object};

/// Largest piece, in bytes: below the broker's largest message, with room for headers.
pub(super) const PIECE_BYTES: usize = 512 * 1024;

#[derive(Clone)]
pub(super) struct Pieces {
    bucket: Kv,
}

impl Pieces {
    pub(super) fn new(bucket: Kv) -> Self {
        Self { bucket }
    }

    pub(super) async fn put(&self, object: &Object, content: Bytes) -> Result<(), ArchiveError> {
        for number in 0..count(object) {
            let from = number * PIECE_BYTES;
            let piece = content.slice(from..content.len().min(from + PIECE_BYTES));
            self.put_piece(&key(object, number), piece).await?;
        }
        Ok(())
    }

    pub(super) async fn get(&self, object: &Object) -> Result<Option<Bytes>, ArchiveError> {
        let mut content = BytesMut::new();
        for number in 0..count(object) {
            match self.bucket.get(&key(object, number)).await? {
                Some(record) => content.extend_from_slice(&record.value),
                None => return Ok(None),
            }
        }
        Ok(Some(content.freeze()))
    }

    pub(super) async fn delete(&self, object: &Object) -> Result<(), ArchiveError> {
        for number in 0..count(object) {
            let key = key(object, number);
            // Never used again: another content has another key.
            if let Some(record) = self.bucket.get(&key).await? {
                self.bucket.erase(&key, record.revision).await?;
            }
        }
        Ok(())
    }

    async fn put_piece(&self, key: &str, piece: Bytes) -> Result<(), ArchiveError> {
        let mut expected = 0;
        loop {
            let put = self.bucket.put_if(key, expected, piece.clone(), None);
            if matches!(put.await?, Put::Done(_)) {
                return Ok(());
            }
            match self.bucket.get(key).await? {
                Some(record) if record.value == piece => return Ok(()),
                found => expected = found.map_or(0, |record| record.revision),
            }
        }
    }
}

fn key(object: &Object, number: usize) -> String {
    let Object { name, digest, .. } = object;
    format!("a.{}.{}.{number}", token(name), token(digest))
}

/// How many pieces it has; at least one.
fn count(object: &Object) -> usize {
    let bytes = usize::try_from(object.bytes).unwrap_or(usize::MAX);
    bytes.min(OBJECT_BYTES_MAX).div_ceil(PIECE_BYTES).max(1)
}
