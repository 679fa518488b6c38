//! In the broker: a record says what the object is, its content lies in pieces beside it.
//!
//! The record is written last, so what it names is there; the pieces of a former content go after that.

use bytes::Bytes;
use gennaker_bus::{Kv, Put, subject, token};
use serde::{Deserialize, Serialize};

use super::{CanaryGroup, CanaryListed};
use crate::{
    ATTEMPTS,
    objects::{Object, ObjectError, pieces::Pieces},
};

/// First token of the records.
const INDEX: char = 'i';
/// First token of the pieces.
const PIECES: char = 'p';

#[derive(Clone)]
pub(super) struct Shelf(Pieces);

/// A record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    object: Object,
    /// When it was written, epoch milliseconds.
    at_ms: i64,
}

impl Shelf {
    pub(super) fn new(bucket: Kv) -> Self {
        Self(Pieces::new(bucket, PIECES))
    }

    pub(super) async fn put(
        &self,
        group: CanaryGroup,
        id: &str,
        content: Bytes,
        now_ms: i64,
    ) -> Result<(), ObjectError> {
        let object = Object::of(&format!("{}/{id}", group.folder()), &content);
        let entry = Entry {
            object: object.clone(),
            at_ms: now_ms,
        };
        let entry = Bytes::from(serde_json::to_vec(&entry).unwrap_or_default());
        let key = key(group, id);
        for _ in 0..ATTEMPTS {
            let before = self.0.bucket.get(&key).await?;
            // Again at each attempt: who was in between may have deleted what is the same to both.
            self.0.put(&object, content.clone()).await?;
            let expected = before.as_ref().map_or(0, |record| record.revision);
            let put = self.0.bucket.put_if(&key, expected, entry.clone(), None);
            if matches!(put.await?, Put::Done(_)) {
                let former = before.and_then(|record| read(&record.value));
                if let Some(former) = former.filter(|former| former.object != object) {
                    self.0.delete(&former.object).await?;
                }
                return Ok(());
            }
        }
        Err(ObjectError::Going {
            name: id.to_owned(),
        })
    }

    pub(super) async fn get(
        &self,
        group: CanaryGroup,
        id: &str,
    ) -> Result<Option<Bytes>, ObjectError> {
        // Between two looks it may be replaced.
        for _ in 0..2 {
            let Some(record) = self.0.bucket.get(&key(group, id)).await? else {
                return Ok(None);
            };
            let damaged = || ObjectError::Damaged {
                name: id.to_owned(),
            };
            let entry = read(&record.value).ok_or_else(damaged)?;
            if let Some(content) = self.0.get(&entry.object).await? {
                if Object::of(entry.object.name(), &content) != entry.object {
                    return Err(damaged());
                }
                return Ok(Some(content));
            }
        }
        // Its time was over for some of the pieces.
        Ok(None)
    }

    pub(super) async fn delete(&self, group: CanaryGroup, id: &str) -> Result<bool, ObjectError> {
        let key = key(group, id);
        for _ in 0..ATTEMPTS {
            let Some(record) = self.0.bucket.get(&key).await? else {
                return Ok(false);
            };
            if matches!(
                self.0.bucket.delete_if(&key, record.revision).await?,
                Put::Done(_)
            ) {
                if let Some(entry) = read(&record.value) {
                    self.0.delete(&entry.object).await?;
                }
                return Ok(true);
            }
        }
        Err(ObjectError::Going {
            name: id.to_owned(),
        })
    }

    pub(super) async fn list(&self, group: CanaryGroup) -> Result<Vec<CanaryListed>, ObjectError> {
        // One after the other: workers may make no reader at the broker.
        let records = self.0.bucket.walk(&folder(group)).await?;
        let listed = records.into_iter().filter_map(|record| {
            let id = record.key.rsplit('.').next().and_then(subject::name)?;
            let updated_ms = read(&record.value)?.at_ms;
            Some(CanaryListed { id, updated_ms })
        });
        Ok(listed.collect())
    }
}

fn read(value: &[u8]) -> Option<Entry> {
    serde_json::from_slice(value).ok()
}

fn folder(group: CanaryGroup) -> String {
    format!("{INDEX}.{}", group.folder())
}

fn key(group: CanaryGroup, id: &str) -> String {
    format!("{}.{}", folder(group), token(id))
}
