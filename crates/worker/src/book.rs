//! One effect's entry in the broker: read from the leader, written by compare-and-set, tried until it is certain.
//!
//! Nothing here gives up while the process lives: an effect whose entry cannot be written must not go on, and a task that is
//! kept is not lost. A process that stops drops these futures; what they were writing is then found by the next reader.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Error, Kv, Put};
use gennaker_model::{ExecutionId, work::TaskMessage};
use gennaker_runtime::{Backoff, Clock};
use gennaker_store::Blobs;

use crate::{
    ledger::{self, Entry},
    report::REPORT_BYTES_MAX,
    shared::Shared,
};

/// The entry of one effect.
#[derive(Clone)]
pub(crate) struct Book {
    kv: Kv,
    key: String,
    blobs: Blobs,
    execution: ExecutionId,
    clock: Clock,
    seed: u64,
}

/// An entry as it lies in the broker.
pub(crate) struct Found {
    pub entry: Entry,
    pub revision: u64,
    /// When the broker stored it, epoch milliseconds.
    pub stored_ms: i64,
}

/// The entry was written by a version that this one does not understand, or what it refers to is gone.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Done(u64),
    Conflict,
    TooLarge,
}

impl Book {
    pub(crate) fn new(kv: Kv, effect: &str, shared: &Shared, message: &TaskMessage) -> Self {
        Self {
            kv,
            key: gennaker_bus::token(effect),
            blobs: shared.blobs.clone(),
            execution: message.execution.clone(),
            clock: shared.clock.clone(),
            seed: shared.seed_for(message),
        }
    }

    pub(crate) async fn read(&self) -> Result<Option<Found>, Unreadable> {
        let mut backoff = self.backoff();
        loop {
            match self.kv.get(&self.key).await {
                Ok(None) => return Ok(None),
                Ok(Some(record)) => {
                    let value = match self.blobs.open(record.value).await {
                        Ok(value) => value,
                        Err(error) if error.is_transient() => {
                            self.trouble(&mut backoff, &error).await;
                            continue;
                        }
                        Err(_) => return Err(Unreadable),
                    };
                    let entry = serde_json::from_slice::<Entry>(&value)
                        .ok()
                        .filter(|entry| entry.v == ledger::VERSION)
                        .ok_or(Unreadable)?;
                    let stored_ms = i64::try_from(record.time_ms).unwrap_or(0);
                    return Ok(Some(Found {
                        entry,
                        revision: record.revision,
                        stored_ms,
                    }));
                }
                Err(error) => self.trouble(&mut backoff, &error).await,
            }
        }
    }

    /// Writes the entry if its revision is `expected` (0: there is none).
    pub(crate) async fn write(&self, expected: u64, entry: &Entry) -> Written {
        let text = serde_json::to_vec(entry).expect("an entry always serialises");
        if text.len() > REPORT_BYTES_MAX {
            return Written::TooLarge;
        }
        let mut backoff = self.backoff();
        let value = self.encoded(text, &mut backoff).await;
        loop {
            match self
                .kv
                .put_if(&self.key, expected, value.clone(), None)
                .await
            {
                Ok(Put::Done(revision)) => return Written::Done(revision),
                Ok(Put::Conflict) => return Written::Conflict,
                Err(Error::TooLarge { .. }) => return Written::TooLarge,
                Err(error) => self.trouble(&mut backoff, &error).await,
            }
        }
    }

    /// The record of an entry, whose large values are stored.
    async fn encoded(&self, text: Vec<u8>, backoff: &mut Backoff) -> Bytes {
        if text.len() <= gennaker_store::SEAL_FROM {
            return text.into();
        }
        loop {
            match self
                .blobs
                .encode(self.execution.as_str(), text.clone())
                .await
            {
                Ok(value) => return value,
                // It is not too large: whatever it is may pass.
                Err(error) => self.trouble(backoff, &error).await,
            }
        }
    }

    async fn trouble(&self, backoff: &mut Backoff, error: &(dyn std::error::Error + Send + Sync)) {
        if backoff.attempts().is_multiple_of(8) {
            tracing::warn!(
                error = %error,
                "the effect ledger does not answer; the task waits for it"
            );
        }
        self.clock.sleep(backoff.next_delay()).await;
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(5),
            self.seed,
        )
    }
}
