//! Messages that others send to subjects of ours, kept until they have become events.
//!
//! Whoever has the right publishes to `gk.pubsub.<subscription>` and is answered when the message is stored. Nothing in here knows
//! which subscriptions there are.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::backend::{Backend, Expect, StoreError, Write};
use crate::bootstrap::Remembered;
use crate::delivery::DeliveryStream;
use crate::error::Error;
use crate::layout::MESSAGE_STREAM;
use crate::subject;

/// Messages handed to one consumer before it finished earlier ones.
const SLOTS: usize = 16;

/// Handle on the stream of messages.
#[derive(Clone)]
pub struct Messages {
    backend: Backend,
    remembered: Remembered,
}

impl Messages {
    pub(crate) fn new(backend: Backend, remembered: Remembered) -> Self {
        Self {
            backend,
            remembered,
        }
    }

    /// Sends a message, as others do, and returns its sequence.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may be stored. [`Error::Full`], [`Error::TooLarge`].
    pub async fn publish(&self, subscription: &str, payload: Bytes) -> Result<u64, Error> {
        let limit = self.backend.payload_max();
        if payload.len() > limit {
            return Err(Error::TooLarge {
                size: payload.len(),
                limit,
            });
        }
        let write = Write {
            stream: MESSAGE_STREAM.to_owned(),
            subject: subject::message(subscription),
            expect: Expect::Anything,
            id: None,
            message_id: Some(self.backend.nonce()),
            ttl: None,
            delete: false,
            payload,
        };
        match self.backend.store(&write).await {
            Ok(sequence) => Ok(sequence),
            Err(StoreError::Refused(error)) => Err(error),
            Err(StoreError::Unknown(what)) => {
                Err(Error::unavailable(format!("store a message: {what}")))
            }
            Err(StoreError::Conflict) => Err(Error::unavailable("store a message")),
            Err(StoreError::Missing) => Err(Error::NotFound {
                name: MESSAGE_STREAM.to_owned(),
            }),
        }
    }

    /// Delivers messages to one of the processes that call this, each until it is acknowledged; [`subject::subscription_of`] tells
    /// whose it is.
    ///
    /// # Errors
    /// [`Error::Closed`]; everything else is waited out by the stream.
    pub async fn consume(&self) -> Result<DeliveryStream, Error> {
        let spec = self.remembered.layout().message_consumer();
        Ok(DeliveryStream::new(
            &self.backend,
            &self.remembered,
            spec,
            Arc::new(Semaphore::new(SLOTS)),
        ))
    }
}
