//! Objects in the broker: records of a bucket, each with a piece.

use bytes::{Bytes, BytesMut};
use gennaker_bus::{Kv, Put, token};

use super::{OBJECT_BYTES_MAX, Object, ObjectError};

/// Largest piece, in bytes: below the broker's largest message, with room for headers.
pub(crate) const PIECE_BYTES: usize = 512 * 1024;

#[derive(Clone)]
pub(crate) struct Pieces {
    /// Where the records lie.
    pub(crate) bucket: Kv,
    /// First token of their keys.
    letter: char,
}

impl Pieces {
    pub(crate) fn new(bucket: Kv, letter: char) -> Self {
        Self { bucket, letter }
    }

    pub(crate) async fn put(&self, object: &Object, content: Bytes) -> Result<(), ObjectError> {
        for number in 0..count(object) {
            let from = number * PIECE_BYTES;
            let piece = content.slice(from..content.len().min(from + PIECE_BYTES));
            self.put_piece(&self.key(object, number), piece).await?;
        }
        Ok(())
    }

    pub(crate) async fn get(&self, object: &Object) -> Result<Option<Bytes>, ObjectError> {
        let mut content = BytesMut::new();
        for number in 0..count(object) {
            match self.bucket.get(&self.key(object, number)).await? {
                Some(record) => content.extend_from_slice(&record.value),
                None => return Ok(None),
            }
        }
        Ok(Some(content.freeze()))
    }

    pub(crate) async fn delete(&self, object: &Object) -> Result<(), ObjectError> {
        for number in 0..count(object) {
            let key = self.key(object, number);
            // Never used again: another content has another key.
            if let Some(record) = self.bucket.get(&key).await? {
                self.bucket.erase(&key, record.revision).await?;
            }
        }
        Ok(())
    }

    /// Deletes every object that belongs to `name`.
    pub(crate) async fn delete_all(&self, name: &str) -> Result<(), ObjectError> {
        let mut records = self.bucket.scan(&self.prefix(name)).await?;
        while let Some(record) = records.next().await.transpose()? {
            self.bucket.erase(&record.key, record.revision).await?;
        }
        Ok(())
    }

    async fn put_piece(&self, key: &str, piece: Bytes) -> Result<(), ObjectError> {
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

    fn prefix(&self, name: &str) -> String {
        format!("{}.{}", self.letter, token(name))
    }

    fn key(&self, object: &Object, number: usize) -> String {
        let Object { name, digest, .. } = object;
        format!("{}.{}.{number}", self.prefix(name), token(digest))
    }
}

/// How many pieces it has; at least one.
fn count(object: &Object) -> usize {
    let bytes = usize::try_from(object.bytes).unwrap_or(usize::MAX);
    bytes.min(OBJECT_BYTES_MAX).div_ceil(PIECE_BYTES).max(1)
}
