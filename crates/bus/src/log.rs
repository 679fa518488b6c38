//! The log of a partition.

use bytes::Bytes;

use crate::backend::{Backend, Expect, Start, Stored, Write};
use crate::cursor::{Cursor, Step};
use crate::error::Error;
use crate::layout;
use crate::settle::{Settled, settle};
use crate::subject;

/// Handle on the log of one partition.
#[derive(Clone)]
pub struct Log {
    backend: Backend,
    stream: String,
    subject: String,
}

/// One message of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence: the position in the log, from 1.
    pub sequence: u64,
    /// The id under which it was appended.
    pub append_id: Option<String>,
    /// When the broker stored it, in milliseconds since 1970.
    pub time_ms: u64,
    /// What was appended.
    pub payload: Bytes,
}

/// First and last sequence of a log. An empty log that was written before has `first` = `last` + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Sequence of the first message kept.
    pub first: u64,
    /// Sequence of the last message ever stored; 0 when there was none.
    pub last: u64,
}

/// The proven outcome of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Stored, at this sequence.
    Committed(u64),
    /// Somebody else appended: the caller is not the owner any more. This append is not stored and never will be; only
    /// when the other has purged the log past it already does nobody know whether it stood there before.
    Superseded,
}

/// Messages of a log in order; see [`Log::read`].
pub struct EntryStream {
    cursor: Option<Cursor>,
}

impl Log {
    pub(crate) fn new(backend: Backend, partition: u32) -> Self {
        Self {
            backend,
            stream: layout::log_stream(partition),
            subject: subject::log(partition),
        }
    }

    /// The last message, read from the stream's leader; `None` when the log is empty.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the leader does not answer within the request timeout: repeat.
    pub async fn last(&self) -> Result<Option<Entry>, Error> {
        Ok(self
            .backend
            .last(&self.stream, &self.subject)
            .await?
            .map(Entry::from))
    }

    /// The sequence of the first message kept.
    ///
    /// # Errors
    /// As [`Log::last`].
    pub async fn first_sequence(&self) -> Result<u64, Error> {
        Ok(self.bounds().await?.first)
    }

    /// First and last sequence, as the stream's leader knows them.
    ///
    /// # Errors
    /// As [`Log::last`].
    pub async fn bounds(&self) -> Result<Bounds, Error> {
        let bounds = self.backend.bounds(&self.stream).await?;
        Ok(Bounds {
            first: bounds.first,
            last: bounds.last,
        })
    }

    /// Appends one message if the log's last sequence is `expected`, and returns only when the outcome is proven: an
    /// unanswered append is looked up at the stream's leader and sent again until it is ours or somebody else's.
    ///
    /// `append_id` must be unique to this message (a nonce per ownership and a counter). After [`Error::Full`], or when the
    /// future was dropped, repeat with the same id, the same expectation and the same payload: what was stored in the
    /// meantime is then found and reported as committed.
    ///
    /// # Errors
    /// [`Error::Full`]: admit nothing new and repeat later. [`Error::Misconfigured`], [`Error::NotFound`],
    /// [`Error::TooLarge`]: the append cannot succeed.
    pub async fn append(
        &self,
        expected: u64,
        append_id: &str,
        payload: Bytes,
    ) -> Result<Appended, Error> {
        let limit = self.backend.payload_max();
        if payload.len() > limit {
            return Err(Error::TooLarge {
                size: payload.len(),
                limit,
            });
        }
        let mut write = Write {
            stream: self.stream.clone(),
            subject: self.subject.clone(),
            expect: Expect::Stream(expected),
            id: Some(append_id.to_owned()),
            message_id: None,
            ttl: None,
            delete: false,
            payload,
        };
        match settle(&self.backend, &mut write).await? {
            Settled::Committed(sequence) => Ok(Appended::Committed(sequence)),
            Settled::Superseded => Ok(Appended::Superseded),
        }
    }

    /// Reads the messages from sequence `from` to `to`, both included, in order. A message that was purged shows as a
    /// gap in the sequences; a `to` above the last message ends the reading at the leader's last message.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the log does not exist.
    pub async fn read(&self, from: u64, to: u64) -> Result<EntryStream, Error> {
        if to < from {
            return Ok(EntryStream { cursor: None });
        }
        let last = self.backend.bounds(&self.stream).await?.last;
        let start = Start::Sequence(from.max(1));
        let cursor = Cursor::finite(
            &self.backend,
            &self.stream,
            &self.subject,
            start,
            Some(to.min(last)),
        )
        .await?;
        Ok(EntryStream {
            cursor: Some(cursor),
        })
    }

    /// Removes every message below `sequence`; never the last message, so that there is always one to read. Repeating it
    /// is harmless.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the outcome is unknown: repeat.
    pub async fn purge_below(&self, sequence: u64) -> Result<(), Error> {
        let bounds = self.backend.bounds(&self.stream).await?;
        let below = sequence.min(bounds.last);
        if below <= bounds.first {
            return Ok(());
        }
        self.backend.purge_below(&self.stream, below).await
    }
}

impl EntryStream {
    /// The next message; `None` at the end. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<Result<Entry, Error>> {
        match self.cursor.as_mut()?.next().await {
            Ok(Some(Step::Message(stored))) => Some(Ok(stored.into())),
            Ok(Some(Step::CaughtUp) | None) => {
                self.cursor = None;
                None
            }
            Err(error) => {
                self.cursor = None;
                Some(Err(error))
            }
        }
    }
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        Self {
            sequence: stored.sequence,
            append_id: stored.id().map(str::to_owned),
            time_ms: stored.time_ms,
            payload: stored.payload,
        }
    }
}
