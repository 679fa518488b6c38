//! What executions tell of their lives: stored for those who follow all of them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::backend::Backend;
use crate::bootstrap::Remembered;
use crate::delivery::DeliveryStream;
use crate::error::Error;
use crate::events::store;
use crate::layout::ANNOUNCEMENT_STREAM;
use crate::subject;

/// Announcements handed to one consumer before it finished earlier ones.
const SLOTS: usize = 64;

/// Handle on the stream of announcements. When it is full the oldest go: who follows must keep up, and holds up nobody.
#[derive(Clone)]
pub struct Announcements {
    backend: Backend,
    remembered: Remembered,
}

impl Announcements {
    pub(crate) fn new(backend: Backend, remembered: Remembered) -> Self {
        Self {
            backend,
            remembered,
        }
    }

    /// Stores an announcement of a type (`orca:stage:complete`) about an application. Of equal ids within ten minutes the broker keeps
    /// one.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it may be stored. [`Error::TooLarge`].
    pub async fn publish(
        &self,
        kind: &str,
        application: &str,
        id: &str,
        payload: Bytes,
    ) -> Result<u64, Error> {
        let subject = subject::announcement(kind, application);
        store(
            &self.backend,
            ANNOUNCEMENT_STREAM,
            subject,
            payload,
            id.to_owned(),
        )
        .await
    }

    /// Delivers announcements to one of the processes that call this, each until it is acknowledged, in the order in which they were
    /// stored.
    ///
    /// # Errors
    /// [`Error::Closed`]; everything else is waited out by the stream.
    pub async fn consume(&self) -> Result<DeliveryStream, Error> {
        let spec = self.remembered.layout().announcement_consumer();
        Ok(DeliveryStream::new(
            &self.backend,
            &self.remembered,
            spec,
            Arc::new(Semaphore::new(SLOTS)),
        ))
    }
}
