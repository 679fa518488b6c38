//! Answers of many objects: put together from the texts of a cache, and not too many of them in memory at once.

use std::sync::Arc;

use bytes::Bytes;
use gennaker_model::reads::ObjectsAnswer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::Cached;

/// Most bytes of such answers of a process that are written and not sent yet: two of the largest.
const BYTES_MAX: usize = 2 * super::ANSWER_BYTES_MAX;
/// What is counted.
const UNIT: usize = 1 << 10;

/// Where answers of many objects are written. Whoever finds it full waits.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

/// An answer and its place, which it has until it is sent.
struct Held {
    written: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl Default for Room {
    fn default() -> Room {
        Room(Arc::new(Semaphore::new(BYTES_MAX / UNIT)))
    }
}

impl Room {
    /// The written answer, or how many bytes it would have when that is more than the limit.
    pub(super) async fn write(&self, cached: &Cached, limit: usize) -> Result<Bytes, usize> {
        let texts = &cached.texts;
        let bytes = texts.iter().map(|text| text.len()).sum();
        if bytes > limit {
            return Err(bytes);
        }
        let units = u32::try_from(bytes.min(BYTES_MAX) / UNIT).unwrap_or(u32::MAX);
        let Ok(place) = Arc::clone(&self.0).acquire_many_owned(units).await else {
            unreachable!("nobody closes it");
        };
        let mut answer = ObjectsAnswer::new(texts.len(), bytes);
        for text in texts {
            answer.push(text);
        }
        let freshness = &cached.freshness;
        let age_ms = freshness
            .age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let left_out = freshness.left_out as u64;
        Ok(Bytes::from_owner(Held {
            written: answer.finish(age_ms, &freshness.troubles, left_out),
            _place: place,
        }))
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn cached(bytes: usize) -> Cached {
        let text = format!("\"{}\"", "x".repeat(bytes));
        Cached {
            texts: vec![text.into_bytes().into()],
            ..Cached::default()
        }
    }

    #[tokio::test]
    async fn large_answers_wait_until_those_before_them_are_gone() {
        let room = Room::default();
        let (large, limit) = (cached(BYTES_MAX / 2), BYTES_MAX);
        let first = room.write(&large, limit).await.unwrap();
        let part = room.write(&large, limit).await.unwrap().slice(..10);
        let third = room.write(&large, limit).now_or_never();
        assert!(third.is_none(), "there is no room");
        room.write(&cached(10), limit).await.unwrap();
        drop(first);
        room.write(&large, limit).await.unwrap();
        drop(part);
        assert_eq!(
            room.write(&large, 100).await.unwrap_err(),
            BYTES_MAX / 2 + 2
        );
    }
}
