//! What the broker is asked for, in its own terms, whichever broker it is.
//!
//! Everything above this module (outcome table, cursors, pulls, commands) is the same code over the real broker and
//! over the in-memory twin, so the simulation exercises it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc;
use tokio::sync::watch;

use crate::error::Error;
use crate::layout::{ConsumerSpec, StreamSpec};
use crate::{memory, nats};

pub(crate) type Headers = BTreeMap<String, String>;

/// Header that identifies one write, so that its author can recognise it.
pub(crate) const APPEND: &str = "Gk-Append";
/// Header by which KV clients mark a deletion.
pub(crate) const OPERATION: &str = "KV-Operation";
/// Header of the marker that the broker leaves when a lifetime ends.
pub(crate) const MARKER: &str = "Nats-Marker-Reason";

/// A message to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub stream: String,
    pub subject: String,
    pub expect: Expect,
    /// Value of the `Gk-Append` header.
    pub id: Option<String>,
    /// Value of the `Nats-Msg-Id` header; only for events, whose repeats are harmless and whose stream has a window.
    pub message_id: Option<String>,
    pub ttl: Option<Duration>,
    /// Whether this is a deletion marker.
    pub delete: bool,
    pub payload: Bytes,
}

/// What must hold for a message to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Anything,
    /// The last sequence of the whole stream.
    Stream(u64),
    /// The sequence of the last message of this subject; 0 = there is none.
    Subject(u64),
}

/// A stored message.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub subject: String,
    pub sequence: u64,
    pub time_ms: u64,
    pub headers: Headers,
    pub payload: Bytes,
}

/// Why a message was not stored, as far as one can know.
#[derive(Debug, Clone)]
pub(crate) enum StoreError {
    /// Somebody or something got there first or is in flight (10071, 10164, 10158).
    Conflict,
    /// Nobody answered: it may have been stored, or may still be.
    Unknown(String),
    /// The stream does not exist.
    Missing,
    /// A definite refusal.
    Refused(Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamBounds {
    pub first: u64,
    pub last: u64,
}

/// A message as it comes over the wire: from a subscription, a pull, or as an answer.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub subject: String,
    pub reply: Option<String>,
    pub headers: Headers,
    pub payload: Bytes,
    /// Status code of a message without content: 100 idle, 404/408/409 end of a pull, 503 nobody listens.
    pub status: Option<u16>,
    pub description: String,
}

/// A consumer that is not in the table: it reads without acknowledging and vanishes when unused.
#[derive(Debug, Clone)]
pub(crate) struct ReaderSpec {
    pub stream: String,
    pub filter: String,
    pub start: Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// All messages from this sequence on.
    Sequence(u64),
    /// The last message of each subject, then all new ones.
    LastOfEach,
}

#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub name: String,
    /// Messages that wait for it at its creation.
    pub pending: u64,
}

/// One request for messages of a consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PullRequest {
    pub batch: usize,
    pub expires: Duration,
    /// Idle heartbeat, if the broker shall send one.
    pub heartbeat: Option<Duration>,
    pub bytes_max: Option<usize>,
}

#[derive(Clone)]
pub(crate) enum Backend {
    Nats(nats::Client),
    Memory(memory::Node),
}

/// Messages for one inbox or subscription. Ends when the connection is closed for good.
pub(crate) enum Inbox {
    Nats(Box<nats::Inbox>),
    Memory(memory::Inbox),
}

impl Inbox {
    /// The subject to name as reply address.
    pub(crate) fn subject(&self) -> &str {
        match self {
            Self::Nats(inbox) => inbox.subject(),
            Self::Memory(inbox) => inbox.subject(),
        }
    }

    /// The next message. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Option<Raw> {
        match self {
            Self::Nats(inbox) => inbox.next().await,
            Self::Memory(inbox) => inbox.next().await,
        }
    }
}

/// Dispatches to the broker behind the handle.
macro_rules! on {
    ($backend:expr, $inner:ident => $call:expr) => {
        match $backend {
            Backend::Nats($inner) => $call,
            Backend::Memory($inner) => $call,
        }
    };
}

impl Backend {
    pub(crate) async fn store(&self, write: &Write) -> Result<u64, StoreError> {
        on!(self, b => b.store(write).await)
    }

    /// The last message of a subject, read from the stream's leader.
    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Error> {
        on!(self, b => b.last(stream, subject).await)
    }

    /// The first message at or above a sequence that a filter matches, read from the stream's leader.
    pub(crate) async fn next_from(
        &self,
        stream: &str,
        filter: &str,
        sequence: u64,
    ) -> Result<Option<Stored>, Error> {
        on!(self, b => b.next_from(stream, filter, sequence).await)
    }

    pub(crate) async fn bounds(&self, stream: &str) -> Result<StreamBounds, Error> {
        on!(self, b => b.bounds(stream).await)
    }

    /// Removes every message below a sequence.
    pub(crate) async fn purge_below(&self, stream: &str, sequence: u64) -> Result<(), Error> {
        on!(self, b => b.purge_below(stream, sequence).await)
    }

    /// Removes exactly this message; false when it is not there (any more).
    pub(crate) async fn erase(&self, stream: &str, sequence: u64) -> Result<bool, Error> {
        on!(self, b => b.erase(stream, sequence).await)
    }

    /// The configuration of a stream, or `None` when it does not exist.
    pub(crate) async fn stream_config(
        &self,
        stream: &str,
    ) -> Result<Option<serde_json::Value>, Error> {
        on!(self, b => b.stream_config(stream).await)
    }

    pub(crate) async fn create_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        on!(self, b => b.create_stream(spec).await)
    }

    pub(crate) async fn consumer_config(
        &self,
        stream: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, Error> {
        on!(self, b => b.consumer_config(stream, name).await)
    }

    pub(crate) async fn create_consumer(&self, spec: &ConsumerSpec) -> Result<(), Error> {
        on!(self, b => b.create_consumer(spec).await)
    }

    pub(crate) async fn delete_consumer(&self, stream: &str, name: &str) -> Result<(), Error> {
        on!(self, b => b.delete_consumer(stream, name).await)
    }

    pub(crate) async fn create_reader(&self, spec: &ReaderSpec) -> Result<Reader, Error> {
        on!(self, b => b.create_reader(spec).await)
    }

    /// Asks a consumer for messages; they come to the inbox.
    pub(crate) async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        request: PullRequest,
        inbox: &str,
    ) -> Result<(), Error> {
        on!(self, b => b.pull(stream, consumer, request, inbox).await)
    }

    pub(crate) async fn publish(
        &self,
        subject: &str,
        reply: Option<&str>,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), Error> {
        on!(self, b => b.publish(subject, reply, headers, payload).await)
    }

    /// One question, one answer; for acknowledgements.
    pub(crate) async fn request(&self, subject: &str, payload: Bytes) -> Result<Raw, Error> {
        on!(self, b => b.request(subject, payload).await)
    }

    pub(crate) async fn subscribe(
        &self,
        filter: &str,
        queue: Option<&str>,
    ) -> Result<Inbox, Error> {
        Ok(match self {
            Self::Nats(client) => Inbox::Nats(Box::new(client.subscribe(filter, queue).await?)),
            Self::Memory(node) => Inbox::Memory(node.subscribe(filter, queue).await),
        })
    }

    /// A reply address of our own and what comes to it.
    pub(crate) async fn inbox(&self) -> Result<Inbox, Error> {
        Ok(match self {
            Self::Nats(client) => Inbox::Nats(Box::new(client.inbox().await?)),
            Self::Memory(node) => Inbox::Memory(node.inbox()),
        })
    }

    /// Sends a question whose answer may come in several parts.
    pub(crate) async fn ask(&self, subject: &str, payload: Bytes) -> Result<Answers, Error> {
        on!(self, b => b.ask(subject, payload).await)
    }

    /// A name that nobody else draws.
    pub(crate) fn nonce(&self) -> String {
        on!(self, b => b.nonce())
    }

    /// A duration between two others, for back-off with jitter.
    pub(crate) fn jitter(&self, low_ms: u64, high_ms: u64) -> Duration {
        on!(self, b => b.jitter(low_ms, high_ms))
    }

    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        on!(self, b => b.generation())
    }

    /// Whether the broker sends idle heartbeats during a pull.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        match self {
            Self::Nats(_) => Some(Duration::from_secs(1)),
            Self::Memory(_) => None,
        }
    }

    /// Largest payload in bytes.
    pub(crate) fn payload_max(&self) -> usize {
        on!(self, b => b.payload_max())
    }

    /// Returns when this process may go on: at once, except in the twin, where it may be paused or dead.
    pub(crate) async fn alive(&self) {
        match self {
            Self::Nats(_) => {}
            Self::Memory(node) => node.running().await,
        }
    }

    pub(crate) async fn close(&self) {
        on!(self, b => b.close().await)
    }
}

/// The parts of an answer, in the order of arrival. There is one for each question, so its channel must be cheap to make:
/// tokio's reserves room for 32 messages at once.
pub(crate) struct Answers {
    pub receiver: mpsc::UnboundedReceiver<Raw>,
    /// Forgets the question when dropped.
    pub _guard: Box<dyn std::any::Any + Send + Sync>,
}

impl Stored {
    /// Whether this is a marker for "there is nothing", not a value.
    pub(crate) fn is_marker(&self) -> bool {
        self.headers.contains_key(MARKER)
            || matches!(
                self.headers.get(OPERATION).map(String::as_str),
                Some("DEL" | "PURGE")
            )
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.headers.get(APPEND).map(String::as_str)
    }
}

impl Write {
    /// The headers that carry the expectations.
    pub(crate) fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        if let Some(id) = &self.id {
            headers.insert(APPEND.to_owned(), id.clone());
        }
        if let Some(id) = &self.message_id {
            headers.insert("Nats-Msg-Id".to_owned(), id.clone());
        }
        if self.delete {
            headers.insert(OPERATION.to_owned(), "DEL".to_owned());
        }
        if let Some(ttl) = self.ttl {
            // The broker counts whole seconds, and refuses zero.
            let seconds = ttl.as_millis().div_ceil(1000).max(1);
            headers.insert("Nats-TTL".to_owned(), format!("{seconds}s"));
        }
        match self.expect {
            Expect::Anything => None,
            Expect::Stream(sequence) => headers.insert(
                "Nats-Expected-Last-Sequence".to_owned(),
                sequence.to_string(),
            ),
            Expect::Subject(sequence) => headers.insert(
                "Nats-Expected-Last-Subject-Sequence".to_owned(),
                sequence.to_string(),
            ),
        };
        headers
    }
}
