//! Events from outside: stored before they are acknowledged to their source, those that come in at the same time together.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use crate::backend::{Backend, Expect, StoreError, Write};
use crate::bootstrap::Remembered;
use crate::delivery::DeliveryStream;
use crate::error::Error;
use crate::layout::EVENT_STREAM;
use crate::parts;
use crate::subject;

/// Tries of a publication before its outcome is left to the caller.
const TRIES_MAX: u32 = 3;
/// Events handed to one consumer before it finished earlier ones.
const SLOTS: usize = 64;

/// Handle on the event stream.
#[derive(Clone)]
pub struct Events {
    backend: Backend,
    remembered: Remembered,
    group: Group,
}

/// Events that wait to be stored together.
#[derive(Clone, Default)]
pub(crate) struct Group(Arc<Grouped>);

#[derive(Default)]
struct Grouped {
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held by whoever stores.
    turn: tokio::sync::Mutex<()>,
}

/// An event that somebody wants to be told of.
struct Waiting {
    subject: String,
    payload: Bytes,
    told: oneshot::Sender<Result<u64, Error>>,
}

impl Events {
    pub(crate) fn new(backend: Backend, remembered: Remembered, group: Group) -> Self {
        Self {
            backend,
            remembered,
            group,
        }
    }

    /// Stores an event and returns its sequence. An event may be stored twice when an answer was lost; what it starts is
    /// identified by what happened, so a repeat starts nothing new. Repeats within one call are recognised by the broker.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may be stored; do not acknowledge it to its source. [`Error::Full`],
    /// [`Error::TooLarge`].
    pub async fn publish(&self, kind: &str, source: &str, payload: Bytes) -> Result<u64, Error> {
        self.check_size(&payload)?;
        let subject = subject::event(kind, source);
        let mut outcome = self.wait(&subject, &payload);
        loop {
            tokio::select! {
                biased;
                told = &mut outcome => match told {
                    Ok(told) => return told,
                    // Whoever stored it for us went away in the middle: it is perhaps stored, and then it is stored twice.
                    Err(_) => outcome = self.wait(&subject, &payload),
                },
                turn = self.group.0.turn.lock() => {
                    self.store_group().await;
                    drop(turn);
                }
            }
        }
    }

    fn wait(&self, subject: &str, payload: &Bytes) -> oneshot::Receiver<Result<u64, Error>> {
        let (told, outcome) = oneshot::channel();
        self.group.waiting().push_back(Waiting {
            subject: subject.to_owned(),
            payload: payload.clone(),
            told,
        });
        outcome
    }

    /// Stores what waits, as one message if it is several, and tells everybody.
    async fn store_group(&self) {
        let group = self.group.take();
        let stored = match &group[..] {
            [] => return,
            [one] => {
                let id = self.backend.nonce();
                self.store(one.subject.clone(), one.payload.clone(), id)
                    .await
            }
            several => {
                let joined = parts::join(several.iter().map(|it| &it.payload));
                let subject = subject::event("several", "");
                self.store(subject, joined, self.backend.nonce()).await
            }
        };
        for waiting in group {
            // Who does not wait any more need not know.
            let _ = waiting.told.send(stored.clone());
        }
    }

    /// The same for an event that several processes notice: of equal ids within ten minutes the broker keeps one.
    ///
    /// # Errors
    /// As [`Events::publish`].
    pub async fn publish_once(
        &self,
        kind: &str,
        source: &str,
        id: &str,
        payload: Bytes,
    ) -> Result<u64, Error> {
        self.check_size(&payload)?;
        let subject = subject::event(kind, source);
        self.store(subject, payload, id.to_owned()).await
    }

    fn check_size(&self, payload: &Bytes) -> Result<(), Error> {
        let limit = self.backend.payload_max();
        match payload.len() {
            size if size > limit => Err(Error::TooLarge { size, limit }),
            _ => Ok(()),
        }
    }

    async fn store(
        &self,
        subject: String,
        payload: Bytes,
        message_id: String,
    ) -> Result<u64, Error> {
        store(&self.backend, EVENT_STREAM, subject, payload, message_id).await
    }

    /// Delivers stored events to one of the processes that call this, each until it is acknowledged.
    ///
    /// # Errors
    /// [`Error::Closed`]; everything else is waited out by the stream.
    pub async fn consume(&self) -> Result<DeliveryStream, Error> {
        let spec = self.remembered.layout().event_consumer();
        Ok(DeliveryStream::new(
            &self.backend,
            &self.remembered,
            spec,
            Arc::new(Semaphore::new(SLOTS)),
        ))
    }
}

/// Stores a message with an id in a stream of limits.
pub(crate) async fn store(
    backend: &Backend,
    stream: &str,
    subject: String,
    payload: Bytes,
    message_id: String,
) -> Result<u64, Error> {
    let limit = backend.payload_max();
    if payload.len() > limit {
        return Err(Error::TooLarge {
            size: payload.len(),
            limit,
        });
    }
    let write = Write {
        stream: stream.to_owned(),
        subject,
        expect: Expect::Anything,
        id: None,
        message_id: Some(message_id),
        ttl: None,
        delete: false,
        payload,
    };
    let mut tries = 0;
    loop {
        let what = match backend.store(&write).await {
            Ok(sequence) => return Ok(sequence),
            Err(StoreError::Refused(error)) => return Err(error),
            Err(StoreError::Unknown(what)) => what,
            // Our own earlier try is being stored just now.
            Err(StoreError::Conflict) => "an earlier try is in flight".to_owned(),
            Err(StoreError::Missing) => {
                return Err(Error::NotFound {
                    name: stream.to_owned(),
                });
            }
        };
        tries += 1;
        if tries >= TRIES_MAX {
            return Err(Error::unavailable(format!("store an event: {what}")));
        }
        tokio::time::sleep(backend.jitter(10, 50 * u64::from(tries))).await;
    }
}

impl Group {
    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.0
            .waiting
            .lock()
            .expect("nothing panics while it is held")
    }

    /// The first ones that fit into a message.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut bytes = 0;
        let mut taken = Vec::new();
        // Who went away was answered nothing.
        waiting.retain(|it| !it.told.is_closed());
        while let Some(next) = waiting.front() {
            bytes += next.payload.len();
            let is_full = taken.len() >= parts::PARTS_MAX || bytes > parts::BYTES_MAX;
            if !taken.is_empty() && is_full {
                break;
            }
            taken.extend(waiting.pop_front());
        }
        taken
    }
}
