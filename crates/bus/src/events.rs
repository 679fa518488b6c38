//! Events from outside: stored before they are acknowledged to their source.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::backend::{Backend, Expect, StoreError, Write};
use crate::bootstrap::Remembered;
use crate::delivery::DeliveryStream;
use crate::error::Error;
use crate::layout::EVENT_STREAM;
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
}

impl Events {
    pub(crate) fn new(backend: Backend, remembered: Remembered) -> Self {
        Self {
            backend,
            remembered,
        }
    }

    /// Stores an event and returns its sequence. An event may be stored twice when an answer was lost; what it starts is
    /// identified by what happened, so a repeat starts nothing new. Repeats within one call are recognised by the broker.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may be stored; do not acknowledge it to its source. [`Error::Full`],
    /// [`Error::TooLarge`].
    pub async fn publish(&self, kind: &str, source: &str, payload: Bytes) -> Result<u64, Error> {
        self.store(kind, source, payload, self.backend.nonce())
            .await
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
        self.store(kind, source, payload, id.to_owned()).await
    }

    async fn store(
        &self,
        kind: &str,
        source: &str,
        payload: Bytes,
        message_id: String,
    ) -> Result<u64, Error> {
        let subject = subject::event(kind, source);
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
