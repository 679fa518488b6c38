//! One process, as the twin sees it: the operations of a bus, sent over an unreliable connection.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, oneshot, watch};

use super::Lapse;
use super::network::{Gate, Inbox, Inner, State};
use super::stream::Stream;
use crate::backend::{
    Answers, Expect, Headers, PullRequest, Raw, Reader, ReaderSpec, StoreError, Stored,
    StreamBounds, Write,
};
use crate::error::Error;
use crate::layout::{ConsumerSpec, StreamSpec};

/// How long a node waits for an answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// As the broker's default, less room for headers.
const PAYLOAD_MAX: usize = 1024 * 1024 - 4096;

#[derive(Clone)]
pub(crate) struct Node {
    inner: Arc<Inner>,
    id: usize,
    gate: watch::Receiver<Gate>,
    turned: Arc<Notify>,
}

/// How an operation may go wrong on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lost with the connection only.
    Plain,
    /// A write, which has losses of its own.
    Write,
    /// A conditional write, which may also arrive twice.
    ConditionalWrite,
}

impl Node {
    pub(super) fn new(inner: &Arc<Inner>, name: &str) -> Self {
        let id = inner.node(name);
        let (gate, turned) = {
            let state = inner.lock();
            (state.gate(id), state.turned(id))
        };
        Self {
            inner: Arc::clone(inner),
            id,
            gate,
            turned,
        }
    }

    pub(crate) async fn store(&self, write: &Write) -> Result<u64, StoreError> {
        let kind = match write.expect {
            Expect::Anything => Kind::Write,
            Expect::Stream(_) | Expect::Subject(_) => Kind::ConditionalWrite,
        };
        let write = write.clone();
        let id = self.id;
        match self
            .call(kind, move |state| state.store_for(id, &write))
            .await
        {
            Ok(outcome) => outcome,
            Err(Error::Closed) => Err(StoreError::Refused(Error::Closed)),
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Error> {
        let (id, name, subject) = (self.id, stream.to_owned(), subject.to_owned());
        self.call(Kind::Plain, move |state| state.last(id, &name, &subject))
            .await?
    }

    pub(crate) async fn next_from(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
    ) -> Result<Option<Stored>, Error> {
        let filter = filter.to_owned();
        self.read(stream, move |stream| {
            stream.next_from(Some(&filter), from).cloned()
        })
        .await
    }

    pub(crate) async fn bounds(&self, stream: &str) -> Result<StreamBounds, Error> {
        self.read(stream, |stream| stream.bounds()).await
    }

    pub(crate) async fn purge_below(&self, stream: &str, sequence: u64) -> Result<(), Error> {
        self.read(stream, move |stream| stream.purge_below(sequence))
            .await
    }

    pub(crate) async fn erase(&self, stream: &str, sequence: u64) -> Result<bool, Error> {
        self.read(stream, move |stream| stream.remove(sequence).is_some())
            .await
    }

    pub(crate) async fn stream_config(&self, stream: &str) -> Result<Option<Value>, Error> {
        match self.read(stream, |stream| stream.spec.to_config()).await {
            Ok(config) => Ok(Some(config)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn create_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        let spec = spec.clone();
        self.call(Kind::Plain, move |state| {
            state
                .streams
                .entry(spec.name.clone())
                .or_insert_with(|| Stream::new(spec.clone()));
        })
        .await
    }

    pub(crate) async fn consumer_config(
        &self,
        stream: &str,
        name: &str,
    ) -> Result<Option<Value>, Error> {
        let (stream, name) = (stream.to_owned(), name.to_owned());
        self.call(Kind::Plain, move |state| {
            state.consumer_config(&stream, &name)
        })
        .await?
    }

    pub(crate) async fn create_consumer(&self, spec: &ConsumerSpec) -> Result<(), Error> {
        let spec = spec.clone();
        self.call(Kind::Plain, move |state| state.create_consumer(&spec))
            .await?
    }

    pub(crate) async fn delete_consumer(&self, stream: &str, name: &str) -> Result<(), Error> {
        let (stream, name) = (stream.to_owned(), name.to_owned());
        self.call(Kind::Plain, move |state| {
            state.delete_consumer(&stream, &name)
        })
        .await?
    }

    pub(crate) async fn create_reader(&self, spec: &ReaderSpec) -> Result<Reader, Error> {
        let spec = spec.clone();
        self.call(Kind::Plain, move |state| state.create_reader(&spec))
            .await?
    }

    pub(crate) async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        request: PullRequest,
        inbox: &str,
    ) -> Result<(), Error> {
        let (stream, consumer, inbox) = (stream.to_owned(), consumer.to_owned(), inbox.to_owned());
        self.send(move |state| state.pull(&stream, &consumer, request, &inbox))
            .await
    }

    pub(crate) async fn publish(
        &self,
        subject: &str,
        reply: Option<&str>,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), Error> {
        let raw = Raw {
            subject: subject.to_owned(),
            reply: reply.map(str::to_owned),
            headers,
            payload,
            status: None,
            description: String::new(),
        };
        if self
            .inner
            .with(|state| state.random.chance(state.faults.duplicate))
        {
            let again = raw.clone();
            self.send(move |state| state.accept(&again)).await?;
        }
        self.send(move |state| state.accept(&raw)).await
    }

    pub(crate) async fn request(&self, subject: &str, payload: Bytes) -> Result<Raw, Error> {
        let (subject, word) = (subject.to_owned(), payload);
        let known = self
            .call(Kind::Plain, move |state| state.acknowledge(&subject, &word))
            .await?;
        if !known {
            return Err(Error::unavailable("acknowledge: the consumer is gone"));
        }
        Ok(super::network::status(200, ""))
    }

    pub(crate) async fn subscribe(&self, filter: &str, group: Option<&str>) -> Inbox {
        self.running().await;
        let inbox = Inbox::open(&self.inner, self.id);
        let (id, filter, group) = (inbox.id(), filter.to_owned(), group.map(str::to_owned));
        self.inner.with(|state| {
            state.send_surely(
                self.id,
                Box::new(move |state: &mut State| state.subscribe(id, &filter, group.as_deref())),
            );
        });
        inbox
    }

    pub(crate) fn inbox(&self) -> Inbox {
        Inbox::open(&self.inner, self.id)
    }

    pub(crate) async fn ask(&self, subject: &str, payload: Bytes) -> Result<Answers, Error> {
        let inbox = self.inbox();
        let reply = inbox.subject().to_owned();
        self.publish(subject, Some(&reply), Headers::new(), payload)
            .await?;
        let (receiver, guard) = inbox.split();
        Ok(Answers {
            receiver,
            _guard: Box::new(guard),
        })
    }

    pub(crate) fn nonce(&self) -> String {
        format!("{:016x}", self.inner.lock().random.draw())
    }

    pub(crate) fn jitter(&self, low_ms: u64, high_ms: u64) -> Duration {
        let range = low_ms..=high_ms.max(low_ms);
        Duration::from_millis(self.inner.lock().random.between(&range))
    }

    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.inner.lock().generation(self.id)
    }

    pub(crate) fn payload_max(&self) -> usize {
        PAYLOAD_MAX
    }

    pub(crate) async fn close(&self) {
        self.running().await;
        self.inner.lock().end(self.id, Gate::Closed);
    }

    async fn read<T: Send + 'static>(
        &self,
        stream: &str,
        act: impl Fn(&mut Stream) -> T + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let name = stream.to_owned();
        self.call(Kind::Plain, move |state| {
            match state.streams.get_mut(&name) {
                Some(stream) => Ok(act(stream)),
                None => Err(Error::NotFound { name: name.clone() }),
            }
        })
        .await?
    }

    /// Sends something and does not wait.
    async fn send(&self, act: impl FnOnce(&mut State) + Send + 'static) -> Result<(), Error> {
        self.running().await;
        self.check_open()?;
        self.inner.with(|state| state.send(self.id, Box::new(act)));
        Ok(())
    }

    /// Sends something and waits for what the broker answers.
    async fn call<T: Send + 'static>(
        &self,
        kind: Kind,
        act: impl Fn(&mut State) -> T + Send + Sync + 'static,
    ) -> Result<T, Error> {
        self.running().await;
        self.check_open()?;
        let receiver = self.inner.with(|state| transmit(state, self.id, kind, act));
        // A message that was lost, and its sender with it, is silence, not an error.
        let answered = async {
            match receiver.await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            answer = answered => Some(answer),
            () = tokio::time::sleep(REQUEST_TIMEOUT) => None,
        };
        self.running().await;
        self.check_open()?;
        answer.ok_or_else(|| Error::unavailable("no answer in time"))
    }

    /// Returns when the process may go on; never, when it was killed.
    pub(crate) async fn running(&self) {
        loop {
            let mut turned = pin!(self.turned.notified());
            // Registered before the look, so that a turn in between is not missed.
            turned.as_mut().enable();
            let gate = *self.gate.borrow();
            match gate {
                Gate::Running | Gate::Closed => return,
                Gate::Paused => turned.await,
                Gate::Dead => std::future::pending().await,
            }
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if *self.gate.borrow() == Gate::Closed {
            return Err(Error::Closed);
        }
        Ok(())
    }
}

impl State {
    fn store_for(&mut self, node: usize, write: &Write) -> Result<u64, StoreError> {
        let sequence = self.store(write)?;
        if let Some(Lapse::OwnReads { prefix, .. }) = &self.lapse
            && write.stream.starts_with(prefix)
            && let Some(stored) = self
                .streams
                .get(&write.stream)
                .and_then(|stream| stream.get(sequence))
        {
            self.own
                .insert((node, write.stream.clone()), stored.clone());
        }
        Ok(sequence)
    }

    fn last(&self, node: usize, name: &str, subject: &str) -> Result<Option<Stored>, Error> {
        if let Some(Lapse::OwnReads { for_ms, .. }) = &self.lapse
            && let Some(own) = self.own.get(&(node, name.to_owned()))
            && own.time_ms + for_ms > self.epoch_ms + self.now()
        {
            return Ok(Some(own.clone()));
        }
        match self.streams.get(name) {
            Some(stream) => Ok(stream.last_of(subject).cloned()),
            None => Err(Error::NotFound {
                name: name.to_owned(),
            }),
        }
    }

    fn accept(&mut self, raw: &Raw) {
        if raw.subject.starts_with("$JS.ACK.") {
            self.acknowledge(&raw.subject, &raw.payload);
        } else {
            self.route(raw);
        }
    }
}

fn transmit<T: Send + 'static>(
    state: &mut State,
    node: usize,
    kind: Kind,
    act: impl Fn(&mut State) -> T + Send + Sync + 'static,
) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    let act = Arc::new(act);
    if kind != Kind::Plain && state.random.chance(state.faults.append_lost) {
        state.note(|| format!("a write of node {node} is lost"));
        return receiver;
    }
    if kind == Kind::ConditionalWrite && state.random.chance(state.faults.duplicate) {
        let again = Arc::clone(&act);
        state.send(
            node,
            Box::new(move |state: &mut State| {
                again(state);
            }),
        );
    }
    state.send(
        node,
        Box::new(move |state: &mut State| {
            let answer = act(state);
            if kind != Kind::Plain && state.random.chance(state.faults.ack_lost) {
                state.note(|| format!("an acknowledgement for node {node} is lost"));
                return;
            }
            state.answer(
                node,
                Box::new(move |_: &mut State| {
                    // Whoever waited may have given up.
                    let _ = sender.send(answer);
                }),
            );
        }),
    );
    receiver
}
