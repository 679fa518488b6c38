//! Reading a stream in order, and knowing when the reader has seen what the leader has.
//!
//! A consumer may live on a replica that lags behind, so "nothing is pending" alone proves nothing. A cursor that is
//! told to be complete asks the stream's leader for the next message after its position: only when there is none up to
//! the sequence that the leader named at the start, the reading is complete. Records that were overwritten while they
//! waited come later under their new revision; then the cursor goes on until the leader shows nothing more at all.

use std::time::Duration;

use crate::backend::{Backend, Raw, Reader, ReaderSpec, Start, Stored};
use crate::error::Error;
use crate::pull::{Meta, Pulled, Pulling};

/// Messages asked for at once.
const BATCH: usize = 512;
/// Bytes asked for at once; room for several log messages of the largest size.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Failures in a row after which a finite reading gives up.
const FAILURES_MAX: u32 = 20;

pub(crate) struct Cursor {
    backend: Backend,
    stream: String,
    filter: String,
    start: Start,
    /// The leader's last sequence when the reading began: complete means complete up to here.
    until: u64,
    /// Whether to go on after completion.
    endless: bool,
    /// Everything at or below is delivered.
    position: u64,
    /// The open consumer.
    active: Option<Active>,
    /// Whether nothing seemed to be pending, so that the leader is worth asking.
    drained: bool,
    complete: bool,
    failures: u32,
}

struct Active {
    name: String,
    pulling: Pulling,
    consumer_sequence: u64,
    /// Records that waited when the consumer was made and are neither delivered nor known to be overwritten.
    waiting: u64,
    /// Whether `waiting` counts the last message of each subject.
    snapshot: bool,
}

/// What a cursor found.
#[derive(Debug)]
pub(crate) enum Step {
    Message(Stored),
    /// Everything up to the leader's last sequence of the start was delivered. Said once, by endless cursors.
    CaughtUp,
}

impl Cursor {
    /// A reading that ends when it is complete as of now.
    pub(crate) async fn finite(
        backend: &Backend,
        stream: &str,
        filter: &str,
        start: Start,
        until: Option<u64>,
    ) -> Result<Self, Error> {
        let until = match until {
            Some(until) => until,
            None => backend.bounds(stream).await?.last,
        };
        Ok(Self::new(backend, stream, filter, start, until, false))
    }

    /// A reading that says when it is complete as of now, and goes on.
    pub(crate) async fn endless(
        backend: &Backend,
        stream: &str,
        filter: &str,
        start: Start,
    ) -> Result<Self, Error> {
        let until = backend.bounds(stream).await?.last;
        Ok(Self::new(backend, stream, filter, start, until, true))
    }

    fn new(
        backend: &Backend,
        stream: &str,
        filter: &str,
        start: Start,
        until: u64,
        endless: bool,
    ) -> Self {
        Self {
            backend: backend.clone(),
            stream: stream.to_owned(),
            filter: filter.to_owned(),
            start,
            until,
            endless,
            position: match start {
                Start::Sequence(sequence) => sequence.saturating_sub(1),
                Start::LastOfEach => 0,
            },
            active: None,
            drained: false,
            complete: false,
            failures: 0,
        }
    }

    /// The next thing found; `None` at the end of a finite reading. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if self.complete && !self.endless {
                return Ok(None);
            }
            match self.step().await {
                Ok(Some(step)) => {
                    self.failures = 0;
                    return Ok(Some(step));
                }
                Ok(None) => {}
                Err(error @ Error::Unavailable { .. }) => {
                    self.failures += 1;
                    self.active = None;
                    if !self.endless && self.failures >= FAILURES_MAX {
                        return Err(error);
                    }
                    tracing::debug!(stream = self.stream, "reading is interrupted: {error}");
                    let longest = 50 * u64::from(self.failures.min(20));
                    tokio::time::sleep(self.backend.jitter(longest / 2, longest)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Step>, Error> {
        if !self.complete {
            if self.position >= self.until && !self.may_have_skipped() {
                return Ok(self.finish().await);
            }
            if self.drained {
                return match self.arrived().await {
                    Some(pulled) => self.handle(pulled),
                    None => self.ask_leader().await,
                };
            }
        }
        self.receive().await
    }

    /// Whether a record may have been overwritten while it waited, so that only its new revision, above `until`, shows it.
    fn may_have_skipped(&self) -> bool {
        match self.start {
            Start::Sequence(_) => false,
            Start::LastOfEach => self
                .active
                .as_ref()
                .is_none_or(|active| !active.snapshot || active.waiting > 0),
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        // Only the very first consumer can start from the last of each; a later one goes on from the position, which
        // may deliver more revisions of a record but none too few.
        let start = match self.start {
            Start::LastOfEach if self.position == 0 => Start::LastOfEach,
            Start::LastOfEach | Start::Sequence(_) => Start::Sequence(self.position + 1),
        };
        let spec = ReaderSpec {
            stream: self.stream.clone(),
            filter: self.filter.clone(),
            start,
        };
        let Reader { name, pending } = self.backend.create_reader(&spec).await?;
        let pulling = Pulling::open(&self.backend, &self.stream, &name).await?;
        self.drained = pending == 0;
        self.active = Some(Active {
            name,
            pulling,
            consumer_sequence: 0,
            waiting: pending,
            snapshot: start == Start::LastOfEach,
        });
        Ok(())
    }

    async fn receive(&mut self) -> Result<Option<Step>, Error> {
        let Some(active) = self.active.as_mut() else {
            self.open().await?;
            return Ok(None);
        };
        if active.pulling.outstanding() < BATCH / 2 {
            active.pulling.request(BATCH, Some(BATCH_BYTES)).await?;
        }
        let pulled = active.pulling.next().await;
        self.handle(pulled)
    }

    async fn arrived(&mut self) -> Option<Pulled> {
        self.active.as_mut()?.pulling.arrived().await
    }

    fn handle(&mut self, pulled: Pulled) -> Result<Option<Step>, Error> {
        match pulled {
            Pulled::Message(raw) => self.take(raw),
            Pulled::Expired(_) => {
                // Nothing came for the whole life of a request: the leader knows whether that is all.
                self.drained = true;
                Ok(None)
            }
            Pulled::Cut => Ok(None),
            Pulled::Broken(why) => Err(Error::unavailable(format!("read {}: {why}", self.stream))),
        }
    }

    fn take(&mut self, raw: Raw) -> Result<Option<Step>, Error> {
        let meta = raw
            .reply
            .as_deref()
            .and_then(Meta::parse)
            .ok_or_else(|| Error::Refused {
                stream: self.stream.clone(),
                code: 0,
                text: format!("a message came with the reply address {:?}", raw.reply),
            })?;
        let active = self
            .active
            .as_mut()
            .expect("a message comes from an open consumer");
        if meta.consumer_sequence != active.consumer_sequence + 1 {
            return Err(Error::unavailable(format!(
                "read {}: a delivery was lost",
                self.stream
            )));
        }
        active.consumer_sequence = meta.consumer_sequence;
        if meta.sequence <= self.until {
            active.waiting = active.waiting.saturating_sub(1);
        }
        self.drained = meta.pending == 0;
        if meta.sequence <= self.position {
            return Ok(None);
        }
        if !self.endless && matches!(self.start, Start::Sequence(_)) && meta.sequence > self.until {
            self.position = self.until;
            self.complete = true;
            return Ok(None);
        }
        self.position = meta.sequence;
        Ok(Some(Step::Message(Stored {
            subject: raw.subject,
            sequence: meta.sequence,
            time_ms: meta.time_ms,
            headers: raw.headers,
            payload: raw.payload,
        })))
    }

    async fn ask_leader(&mut self) -> Result<Option<Step>, Error> {
        let next = self
            .backend
            .next_from(&self.stream, &self.filter, self.position + 1)
            .await?;
        match next {
            None => Ok(self.finish().await),
            Some(next) if next.sequence > self.until && !self.may_have_skipped() => {
                Ok(self.finish().await)
            }
            Some(next) => {
                // The consumer's replica lags: take it from the leader; the consumer's copy will be passed over.
                self.position = next.sequence;
                Ok(Some(Step::Message(next)))
            }
        }
    }

    async fn finish(&mut self) -> Option<Step> {
        self.complete = true;
        if self.endless {
            return Some(Step::CaughtUp);
        }
        if let Some(active) = self.active.take() {
            // A consumer that nobody uses vanishes by itself; this only makes it sooner.
            let deleted = self.backend.delete_consumer(&self.stream, &active.name);
            if tokio::time::timeout(Duration::from_millis(500), deleted)
                .await
                .is_err()
            {
                tracing::debug!(
                    stream = self.stream,
                    "the reader {} is left to expire",
                    active.name
                );
            }
        }
        None
    }
}
