//! Leases: records that vanish unless their holder renews them. A hint about who owns what, never for safety.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::error::Error;
use crate::kv::{Kv, Put, Record, WatchStream};

/// Leases in the bucket `gk_lease`, all with one lifetime.
#[derive(Clone)]
pub struct Lease {
    kv: Kv,
    ttl: Duration,
}

/// A lease that was acquired. Dropping it does not give it back: it then ends with its lifetime.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its key, for example `part.3`.
    pub key: String,
    /// What the holder wrote; it must be unique to this holder and this acquisition.
    pub value: Bytes,
    /// Revision of the last renewal.
    pub revision: u64,
    /// When the last successful renewal *began*: the lease is good for its lifetime from here.
    pub renewed_at: Instant,
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its key.
    pub key: String,
    /// What the holder wrote.
    pub value: Bytes,
    /// Revision of the last renewal.
    pub revision: u64,
    /// When the broker stored the last renewal, in milliseconds since 1970.
    pub time_ms: u64,
}

impl Lease {
    pub(crate) fn new(kv: Kv, ttl: Duration) -> Self {
        Self { kv, ttl }
    }

    /// The lifetime of a lease after each renewal.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Takes a lease that nobody holds; `None` when somebody does. `owner` must be unique to this acquisition: by it the
    /// holder recognises its own record.
    ///
    /// # Errors
    /// As [`Kv::put_if`].
    pub async fn acquire(&self, key: &str, owner: Bytes) -> Result<Option<Held>, Error> {
        let renewed_at = Instant::now();
        let put = self
            .kv
            .put_if(key, 0, owner.clone(), Some(self.ttl))
            .await?;
        Ok(match put {
            Put::Done(revision) => Some(Held {
                key: key.to_owned(),
                value: owner,
                revision,
                renewed_at,
            }),
            Put::Conflict => None,
        })
    }

    /// Renews a lease; false when it is lost, because it ended or somebody else took it. The call may take as long as
    /// the broker is away: wrap it in a timeout, and simply call it again after that.
    ///
    /// # Errors
    /// As [`Kv::put_if`].
    pub async fn renew(&self, held: &mut Held) -> Result<bool, Error> {
        loop {
            let began = Instant::now();
            let put = self
                .kv
                .put_if(&held.key, held.revision, held.value.clone(), Some(self.ttl))
                .await?;
            match put {
                Put::Done(revision) => {
                    held.revision = revision;
                    held.renewed_at = began;
                    return Ok(true);
                }
                // A renewal that was given up by its caller may have been stored after all: then the record is still ours.
                Put::Conflict => match self.kv.get(&held.key).await? {
                    Some(record)
                        if record.value == held.value && record.revision != held.revision =>
                    {
                        held.revision = record.revision;
                    }
                    Some(_) | None => return Ok(false),
                },
            }
        }
    }

    /// Gives a lease back; others may take it at once.
    ///
    /// # Errors
    /// As [`Kv::delete_if`]; the lease then ends with its lifetime.
    pub async fn release(&self, held: Held) -> Result<(), Error> {
        self.kv
            .delete_if(&held.key, held.revision)
            .await
            .map(|_| ())
    }

    /// Who holds the leases under a prefix, in the order of their keys.
    ///
    /// # Errors
    /// As [`Kv::scan`].
    pub async fn holders(&self, prefix: &str) -> Result<Vec<Holder>, Error> {
        let records = self.kv.scan(prefix).await?.collect().await?;
        Ok(records.into_iter().map(Holder::of).collect())
    }

    /// The same, asked from the leader one after the other: for few leases, and for users whose rights allow no readers.
    ///
    /// # Errors
    /// As [`Kv::walk`].
    pub async fn walk(&self, prefix: &str) -> Result<Vec<Holder>, Error> {
        let records = self.kv.walk(prefix).await?;
        Ok(records.into_iter().map(Holder::of).collect())
    }

    /// Who holds a lease.
    ///
    /// # Errors
    /// As [`Kv::get`].
    pub async fn holder(&self, key: &str) -> Result<Option<Holder>, Error> {
        Ok(self.kv.get(key).await?.map(Holder::of))
    }

    /// Watches the leases under a prefix: renewals, releases and, soon after a lifetime ended, deletions.
    ///
    /// # Errors
    /// As [`Kv::watch`].
    pub async fn watch(&self, prefix: &str) -> Result<WatchStream, Error> {
        self.kv.watch(prefix).await
    }
}

impl Holder {
    fn of(record: Record) -> Self {
        Self {
            key: record.key,
            value: record.value,
            revision: record.revision,
            time_ms: record.time_ms,
        }
    }
}
