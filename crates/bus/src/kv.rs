//! Revisioned records.
//!
//! A bucket is a stream named `KV_<bucket>` with one subject per key, in the form of the broker's own KV, so that the
//! usual tools read it. A revision is the stream sequence of the record. Keys are tokens ([`crate::token`]) joined by `.`.
//!
//! **Deleting.** [`Kv::delete_if`] leaves a marker: the key then reads as absent, but a write that is late and expects
//! an older revision, or expects *no message at all*, is refused by the broker. [`Kv::put_if`] with expectation 0 means
//! "no live record": it finds the marker and replaces it by its revision, in this call and never on behalf of an
//! earlier one whose outcome is unknown. The markers of all buckets but documents and settings go away by themselves
//! after a day. [`Kv::erase`] leaves nothing and is for keys that are never used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::backend::{Backend, Expect, Start, Stored, Write};
use crate::cursor::{Cursor, Step};
use crate::error::Error;
use crate::layout;
use crate::settle::{Settled, settle};

/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// Handle on one bucket. Any number of operations may be in flight at once.
#[derive(Clone)]
pub struct Kv {
    backend: Backend,
    bucket: String,
    stream: String,
    marker_ttl: Option<Duration>,
    ids: WriteIds,
}

/// Draws ids by which this process recognises its own writes.
#[derive(Clone)]
pub(crate) struct WriteIds {
    nonce: Arc<str>,
    next: Arc<AtomicU64>,
}

/// A live record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// Its revision, from 1.
    pub revision: u64,
    /// When the broker stored it, in milliseconds since 1970.
    pub time_ms: u64,
}

/// The proven outcome of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Stored, with this revision.
    Done(u64),
    /// The record has another revision, or is gone, or exists: read it and decide. After an interruption this write may
    /// have been stored and then replaced by somebody who read it.
    Conflict,
}

/// One thing that a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchItem {
    /// A record as it is now.
    Record(Record),
    /// A record is gone: deleted, or its lifetime ended in a bucket that leaves markers.
    Deleted {
        /// Its key.
        key: String,
        /// Revision of the deletion.
        revision: u64,
    },
    /// Everything that existed when the watch began was told.
    CaughtUp,
}

/// All live records under a prefix; see [`Kv::scan`].
pub struct RecordStream {
    cursor: Option<Cursor>,
    cut: usize,
}

/// Current records, then changes; see [`Kv::watch`].
pub struct WatchStream {
    cursor: Cursor,
    cut: usize,
}

impl Kv {
    pub(crate) fn new(
        backend: Backend,
        bucket: String,
        marker_ttl: Option<Duration>,
        ids: WriteIds,
    ) -> Self {
        Self {
            stream: layout::bucket_stream(&bucket),
            backend,
            bucket,
            marker_ttl,
            ids,
        }
    }

    /// The live record under a key, read from the stream's leader.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the leader does not answer within the request timeout: repeat.
    pub async fn get(&self, key: &str) -> Result<Option<Record>, Error> {
        let subject = self.subject(key)?;
        let found = self.backend.last(&self.stream, &subject).await?;
        Ok(found
            .filter(|stored| !stored.is_marker())
            .map(|stored| record(stored, self.cut())))
    }

    /// Stores a value if the record has the revision `expected`; 0 means that there must be no live record. With `ttl`
    /// the record vanishes that long (whole seconds, rounded up) after this write: a renewal must name it again.
    ///
    /// Returns when the outcome is proven: an unanswered write is looked up and, where needed, sent again. The write is
    /// recognised by an id drawn for this call, so a `Done` is ours even when others write equal values. Repeating a call
    /// whose future was dropped can therefore meet its own record as `Conflict`; compare the value then.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Misconfigured`], [`Error::NotFound`], [`Error::TooLarge`], [`Error::BadName`].
    pub async fn put_if(
        &self,
        key: &str,
        expected: u64,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<Put, Error> {
        let limit = self.backend.payload_max();
        if value.len() > limit {
            return Err(Error::TooLarge {
                size: value.len(),
                limit,
            });
        }
        self.write(key, expected, value, ttl, false).await
    }

    /// Deletes a record if it has the revision `expected`, leaving a marker whose revision is returned.
    ///
    /// # Errors
    /// As [`Kv::put_if`]; [`Error::BadName`] also for the expectation 0.
    pub async fn delete_if(&self, key: &str, expected: u64) -> Result<Put, Error> {
        if expected == 0 {
            return Err(Error::BadName {
                name: key.to_owned(),
                problem: "a deletion expects a revision above 0",
            });
        }
        self.write(key, expected, Bytes::new(), self.marker_ttl, true)
            .await
    }

    /// Removes exactly this revision of a record, without a trace; true when this call removed it. Watches do not learn
    /// of it, and a late create with expectation 0 succeeds afterwards: only for keys that are never used again, such as
    /// numbered parts.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the outcome is unknown: repeat, until it is `false` or `true`.
    pub async fn erase(&self, key: &str, revision: u64) -> Result<bool, Error> {
        self.subject(key)?;
        self.backend.erase(&self.stream, revision).await
    }

    /// All live records whose key lies under `prefix` (whole tokens: `x` or `x.` finds `x.1`; `""` = all), complete as of the last sequence that the
    /// stream's leader names at the call. A record that changes meanwhile may come twice, with rising revision; one that
    /// is deleted meanwhile may still come.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the bucket does not exist.
    pub async fn scan(&self, prefix: &str) -> Result<RecordStream, Error> {
        let filter = self.filter(prefix)?;
        let cursor = Cursor::finite(
            &self.backend,
            &self.stream,
            &filter,
            Start::LastOfEach,
            None,
        )
        .await?;
        Ok(RecordStream {
            cursor: Some(cursor),
            cut: self.cut(),
        })
    }

    /// All live records under `prefix` as [`Kv::scan`], but asked from the leader one after the other: for few records, and
    /// for users whose rights allow no readers. In the order of their last change.
    ///
    /// # Errors
    /// As [`Kv::get`].
    pub async fn walk(&self, prefix: &str) -> Result<Vec<Record>, Error> {
        let filter = self.filter(prefix)?;
        let mut from = 1;
        let mut records: Vec<Record> = Vec::new();
        while let Some(stored) = self.backend.next_from(&self.stream, &filter, from).await? {
            from = stored.sequence + 1;
            let is_marker = stored.is_marker();
            let found = record(stored, self.cut());
            records.retain(|earlier| earlier.key != found.key);
            if !is_marker {
                records.push(found);
            }
        }
        Ok(records)
    }

    /// Current records under a prefix, then [`WatchItem::CaughtUp`], then every change. Survives reconnects; records
    /// that were overwritten while it was away are told in their last revision only.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the bucket does not exist.
    pub async fn watch(&self, prefix: &str) -> Result<WatchStream, Error> {
        let filter = self.filter(prefix)?;
        let cursor =
            Cursor::endless(&self.backend, &self.stream, &filter, Start::LastOfEach).await?;
        Ok(WatchStream {
            cursor,
            cut: self.cut(),
        })
    }

    /// The values of a key that are still kept, oldest first. A deletion in between cuts what was before it no further:
    /// only values are listed.
    ///
    /// # Errors
    /// As [`Kv::get`].
    pub async fn history(&self, key: &str) -> Result<Vec<Record>, Error> {
        let subject = self.subject(key)?;
        let mut cursor = Cursor::finite(
            &self.backend,
            &self.stream,
            &subject,
            Start::Sequence(1),
            None,
        )
        .await?;
        let mut records = Vec::new();
        while let Some(step) = cursor.next().await? {
            match step {
                Step::Message(stored) if !stored.is_marker() => {
                    records.push(record(stored, self.cut()))
                }
                Step::Message(_) | Step::CaughtUp => {}
            }
        }
        Ok(records)
    }

    /// The records among the `count` changes before revision `before` (the newest ones without it), newest first, and where to go on:
    /// nowhere when everything was looked at. For buckets that are read like a journal.
    ///
    /// # Errors
    /// As [`Kv::scan`].
    pub async fn newest(
        &self,
        before: Option<u64>,
        count: u64,
    ) -> Result<(Vec<Record>, Option<u64>), Error> {
        let bounds = self.backend.bounds(&self.stream).await?;
        let until = match before {
            Some(before) => bounds.last.min(before.saturating_sub(1)),
            None => bounds.last,
        };
        if until < bounds.first {
            return Ok((Vec::new(), None));
        }
        let from = (until + 1).saturating_sub(count).max(bounds.first);
        let start = Start::Sequence(from);
        let filter = self.filter("")?;
        let mut cursor =
            Cursor::finite(&self.backend, &self.stream, &filter, start, Some(until)).await?;
        let mut records = Vec::new();
        while let Some(step) = cursor.next().await? {
            match step {
                Step::Message(stored) if stored.sequence > until => break,
                Step::Message(stored) if !stored.is_marker() => {
                    records.push(record(stored, self.cut()))
                }
                Step::Message(_) | Step::CaughtUp => {}
            }
        }
        records.reverse();
        Ok((records, (from > bounds.first).then_some(from)))
    }

    async fn write(
        &self,
        key: &str,
        expected: u64,
        payload: Bytes,
        ttl: Option<Duration>,
        delete: bool,
    ) -> Result<Put, Error> {
        let mut write = Write {
            stream: self.stream.clone(),
            subject: self.subject(key)?,
            expect: Expect::Subject(expected),
            id: Some(self.ids.draw()),
            message_id: None,
            ttl,
            delete,
            payload,
        };
        Ok(match settle(&self.backend, &mut write).await? {
            Settled::Committed(revision) => Put::Done(revision),
            Settled::Superseded => Put::Conflict,
        })
    }

    fn subject(&self, key: &str) -> Result<String, Error> {
        check(key)?;
        Ok(format!("$KV.{}.{key}", self.bucket))
    }

    fn filter(&self, prefix: &str) -> Result<String, Error> {
        let prefix = prefix.trim_end_matches('.');
        if prefix.is_empty() {
            return Ok(format!("$KV.{}.>", self.bucket));
        }
        check(prefix)?;
        Ok(format!("$KV.{}.{prefix}.>", self.bucket))
    }

    /// Length of what stands before the key in a subject.
    fn cut(&self) -> usize {
        "$KV.".len() + self.bucket.len() + 1
    }
}

impl RecordStream {
    /// The next record; `None` when complete. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<Result<Record, Error>> {
        loop {
            match self.cursor.as_mut()?.next().await {
                Ok(Some(Step::Message(stored))) if !stored.is_marker() => {
                    return Some(Ok(record(stored, self.cut)));
                }
                Ok(Some(Step::Message(_) | Step::CaughtUp)) => {}
                Ok(None) => {
                    self.cursor = None;
                    return None;
                }
                Err(error) => {
                    self.cursor = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// All records, the last revision of each key, in the order of their keys.
    ///
    /// # Errors
    /// As the stream's items.
    pub async fn collect(mut self) -> Result<Vec<Record>, Error> {
        let mut records = std::collections::BTreeMap::new();
        while let Some(record) = self.next().await {
            let record = record?;
            records.insert(record.key.clone(), record);
        }
        Ok(records.into_values().collect())
    }
}

impl WatchStream {
    /// The next item; never ends. May be dropped and called again without loss.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the bucket is gone; trouble with the connection is waited out.
    pub async fn next(&mut self) -> Option<Result<WatchItem, Error>> {
        match self.cursor.next().await {
            Ok(Some(Step::Message(stored))) if stored.is_marker() => Some(Ok(WatchItem::Deleted {
                key: stored.subject[self.cut..].to_owned(),
                revision: stored.sequence,
            })),
            Ok(Some(Step::Message(stored))) => {
                Some(Ok(WatchItem::Record(record(stored, self.cut))))
            }
            Ok(Some(Step::CaughtUp)) => Some(Ok(WatchItem::CaughtUp)),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl WriteIds {
    pub(crate) fn new(nonce: &str) -> Self {
        Self {
            nonce: nonce.into(),
            next: Arc::default(),
        }
    }

    fn draw(&self) -> String {
        format!(
            "{}-{}",
            self.nonce,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }
}

fn record(stored: Stored, cut: usize) -> Record {
    Record {
        key: stored.subject.get(cut..).unwrap_or_default().to_owned(),
        value: stored.payload,
        revision: stored.sequence,
        time_ms: stored.time_ms,
    }
}

fn check(key: &str) -> Result<(), Error> {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%' | b'.' | b'=' | b'/')
    };
    let problem = if key.is_empty() || key.split('.').any(str::is_empty) {
        "a key has no empty tokens"
    } else if !key.bytes().all(allowed) {
        "a key is made of encoded tokens"
    } else if key.len() > KEY_BYTES_MAX {
        "a key is at most 1024 bytes long"
    } else {
        return Ok(());
    };
    Err(Error::BadName {
        name: key.to_owned(),
        problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_wildcards_or_empty_tokens_are_refused() {
        for bad in ["", ".", "a..b", "a.*", "a.>", "a b", ".a", "a."] {
            assert!(check(bad).is_err(), "{bad}");
        }
        check("x.01J-_%2F.3").unwrap();
    }
}
