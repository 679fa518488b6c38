//! The in-memory twin of the broker, for simulation and tests.
//!
//! It stands at the level of the broker's own operations (store, leader read, pull, acknowledge, publish), so that
//! everything above, including the outcome table and the cursors, is the code that runs in production. It is
//! deterministic: one seed, a current-thread runtime with paused time and the same callers give the same bytes. There are
//! no threads, no clock but tokio's, and no randomness but its own seeded generator.
//!
//! Between a node and the broker, messages take a seeded time and keep their order, as on a connection, unless
//! [`Faults::reorder`] says otherwise. A message that was sent arrives even when its sender has given up waiting,
//! sleeps or died: that is how late writes happen in reality.
//!
//! Differences from the real broker: there is one replica (readers may lag by [`Faults::lag_ms`]); subjects of different streams never overlap; account limits,
//! rights and pull byte limits do not exist; a full stream counts payload and subject bytes only.

mod consumer;
mod network;
mod node;
mod random;
mod stream;

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::backend::Stored;

pub(crate) use network::Inbox;
pub(crate) use node::Node;

use network::Inner;

/// A broker in memory. Clones are the same broker.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

/// What goes wrong between nodes and broker. Probabilities are between 0 and 1, for each message.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// A message, in either direction, is lost.
    pub drop: f64,
    /// A core message or a conditional write arrives twice, or a delivery is made twice.
    pub duplicate: f64,
    /// A message is not held to the order of its connection, and takes up to ten times as long.
    pub reorder: f64,
    /// How long a message takes in each direction, in milliseconds.
    pub delay_ms: RangeInclusive<u64>,
    /// A write never reaches the broker: its outcome is unknown and it did not happen.
    pub append_lost: f64,
    /// A write is stored but its acknowledgement is lost: its outcome is unknown and it did happen.
    pub ack_lost: f64,
    /// How long a stored message stays invisible to scans, watches and log readers, in milliseconds, as if they read
    /// from a replica that lags. Leader reads and work queues see it at once.
    pub lag_ms: u64,
}

/// A message that a stream of the twin holds, for assertions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its sequence.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// The id under which it was written, if it has one.
    pub append_id: Option<String>,
    /// Its payload.
    pub payload: Bytes,
}

/// A rule of the broker that is switched off, to see whether a simulation notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lapse {
    /// Streams whose name begins so take every write, whatever sequence it expects.
    Expectations(String),
    /// Who asks for the last message of a stream whose name begins so is shown what it stored last itself, as if it kept
    /// that in mind instead of asking the leader.
    OwnReads {
        /// How the names begin.
        prefix: String,
        /// For how long after it was stored, in milliseconds.
        for_ms: u64,
    },
    /// Streams whose name begins so say that they have stored a message, and have not.
    Swallows(String),
}

impl Default for Faults {
    /// Nothing goes wrong; a message takes up to a millisecond.
    fn default() -> Self {
        Self {
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            delay_ms: 0..=1,
            append_lost: 0.0,
            ack_lost: 0.0,
            lag_ms: 0,
        }
    }
}

impl Broker {
    /// A broker without streams. Its clock begins at a fixed day, so that runs are comparable.
    pub fn new(seed: u64) -> Self {
        Self::starting_at(seed, 1_767_225_600_000)
    }

    /// A broker whose clock begins at `epoch_ms`, in milliseconds since 1970.
    pub fn starting_at(seed: u64, epoch_ms: u64) -> Self {
        Self {
            inner: Arc::new(Inner::new(seed, epoch_ms)),
        }
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.inner.lock().faults = faults;
    }

    /// What goes wrong at present.
    pub fn faults(&self) -> Faults {
        self.inner.lock().faults.clone()
    }

    /// Stops a node as SIGSTOP would: it sends and receives nothing, but what it sent before still arrives.
    pub fn pause_node(&self, name: &str) {
        self.inner.pause(name);
    }

    /// Lets a paused node go on; it receives what came meanwhile.
    pub fn resume_node(&self, name: &str) {
        self.inner.resume(name);
    }

    /// Kills a node as SIGKILL would: operations in flight never return, its subscriptions and pulls vanish, of the messages
    /// that it sent a beginning arrives. [`crate::Bus::memory`] under the same name makes a new one.
    pub fn kill_node(&self, name: &str) {
        self.inner.kill(name);
    }

    /// Cuts a node off: messages in both directions are lost.
    pub fn partition(&self, name: &str) {
        self.inner.cut(name, true);
    }

    /// Connects a node again.
    pub fn heal(&self, name: &str) {
        self.inner.cut(name, false);
    }

    /// Restarts the broker: streams in memory are gone, files stay, pulls and readers end, every node reconnects.
    pub fn restart(&self) {
        self.inner.restart();
    }

    /// A hash over everything that was ever stored, in order: sequence, time, subject, headers and payload.
    pub fn digest(&self) -> u64 {
        self.inner.lock().digest
    }

    /// How many messages were ever stored.
    pub fn stored(&self) -> u64 {
        self.inner.lock().stored
    }

    /// The last 4096 stored messages and faults as lines, for a failing seed.
    pub fn trace(&self) -> Vec<String> {
        self.inner.lock().trace.iter().cloned().collect()
    }

    /// The broker's clock in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        let state = self.inner.lock();
        state.epoch_ms + state.now()
    }

    /// Every message of a stream, in order; empty when the stream does not exist.
    pub fn messages(&self, stream: &str) -> Vec<Kept> {
        let state = self.inner.lock();
        let Some(stream) = state.streams.get(stream) else {
            return Vec::new();
        };
        stream.messages().map(Kept::of).collect()
    }

    /// Every message that is stored from now on in streams whose name begins with `prefix`, with the stream's name, in
    /// order: also what is purged before anybody could read it.
    pub fn tap(&self, prefix: &str) -> mpsc::UnboundedReceiver<(String, Kept)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.inner.lock().taps.push((prefix.to_owned(), sender));
        receiver
    }

    /// Switches a rule of the broker off.
    pub fn set_lapse(&self, lapse: Lapse) {
        self.inner.lock().lapse = Some(lapse);
    }

    pub(crate) fn node(&self, name: &str) -> Node {
        Node::new(&self.inner, name)
    }
}

impl Kept {
    fn of(stored: &Stored) -> Self {
        Self {
            sequence: stored.sequence,
            subject: stored.subject.clone(),
            append_id: stored.id().map(str::to_owned),
            payload: stored.payload.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
