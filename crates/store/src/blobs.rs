//! Blobs: the large values of executions. A value above 64 KiB lies here once for each execution, found by its hash, and the log,
//! the checkpoints, the history, tasks, reports and commands refer to it.
//!
//! **Who owns a value.** Each belongs to one execution (`name` of its [`Object`]) and stays as long as that does: nothing of an
//! execution that exists is ever collected, so a reference cannot be left behind. All of them go when the execution is erased
//! ([`Blobs::forget`]), and those of an execution that never came to be after a day ([`Blobs::forget_old`]). Whoever stores values
//! of an execution of which they know none renews its mark, on the revision that is there, before anything else; whoever deletes
//! takes the mark away from them on the revision that was old. One of the two fails. (S3 has no such marks: there the time is
//! looked at once more, just before.)
//!
//! **Order.** A value is stored before the message, or the entry of a log, that names it is sent.
//!
//! **Messages.** A text of JSON up to [`SEAL_FROM`] bytes is its own message, and nothing here looks at it. From a longer one the
//! large values are cut (module `seal`), and the message begins with a byte that no JSON begins with: nobody who writes JSON can
//! write a reference. See `docs/adr/0010-large-values.md`.

mod seal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gennaker_bus::{Bucket, Bus, Put, token};

pub use seal::{Cut, Hole, SEAL_FROM, Sealed, cut, has_large_values};

use crate::{
    Error,
    documents::S3Options,
    objects::{OBJECT_BYTES_MAX, Object, ObjectError, Place, pieces::Pieces, s3::Folder},
};

/// First byte of a message from which values were cut; 1 begins what the scheduler compresses.
const SEALED: u8 = 2;

/// Objects of one message that are moved at the same time.
const AT_ONCE: usize = 4;

/// First token of the records that tell when a value of an execution was stored last by somebody who knew of none.
const MARK: &str = "m";

/// What such a record says while the values are deleted.
const GOING: &[u8] = b"0";

/// Where large values lie. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(Place);

/// Why a message is not whole.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// A value cannot be read.
    #[error(transparent)]
    Value(#[from] ObjectError),
    /// It is not what [`Blobs::encode`] wrote.
    #[error("the message cannot be read")]
    Malformed(#[from] serde_json::Error),
    /// Its references do not fit its text.
    #[error("the references of the message do not fit it")]
    Misfit,
    /// With its values it would be too large.
    #[error("with its values it has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// How many.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl Unopened {
    /// The place did not answer within the time that the caller had.
    #[must_use]
    pub fn silent() -> Self {
        Self::Value(ObjectError::Bus(gennaker_bus::Error::Unavailable {
            what: "no large value came in time".to_owned(),
        }))
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Value(error) => error.is_transient(),
            Self::Malformed(_) | Self::Misfit | Self::TooLarge { .. } => false,
        }
    }
}

impl Blobs {
    /// Values in the broker.
    #[must_use]
    pub fn kv(bus: &Bus) -> Self {
        Self(Place::Pieces(Pieces::new(bus.kv(Bucket::Values), 'v')))
    }

    /// Values in the folder `values` below the prefix, in a bucket of S3; a bucket that is missing is made.
    ///
    /// # Errors
    /// [`Error::Bucket`] when it can be neither found nor made.
    pub async fn s3(options: S3Options) -> Result<Self, Error> {
        // A folder of its own: what lies in it is listed and deleted by execution.
        let prefix = format!("{}/values", options.prefix.trim_end_matches('/'));
        let options = S3Options { prefix, ..options };
        let folder = Box::pin(Folder::connect(options)).await?;
        Ok(Self(Place::S3(folder)))
    }

    /// The message for a text of JSON: the text itself, or, when it is long, the text without the values that were stored before
    /// this returns. They belong to `execution`.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub async fn encode(&self, execution: &str, text: Vec<u8>) -> Result<Bytes, ObjectError> {
        self.encode_knowing(execution, text, &BTreeSet::new()).await
    }

    /// The same, where the values in `known` are stored already.
    ///
    /// # Errors
    /// When a value cannot be stored.
    pub async fn encode_knowing(
        &self,
        execution: &str,
        text: Vec<u8>,
        known: &BTreeSet<Object>,
    ) -> Result<Bytes, ObjectError> {
        let Some(cut) = cut(&text, execution) else {
            return Ok(text.into());
        };
        self.store(&cut, &text.into(), known).await?;
        Ok(cut.sealed.message())
    }

    /// The text of JSON that a message stands for.
    ///
    /// # Errors
    /// [`Unopened`]
    pub async fn open(&self, message: Bytes) -> Result<Bytes, Unopened> {
        match Sealed::of_message(&message)? {
            None => Ok(message),
            Some(sealed) => Ok(self.fill(&sealed).await?.into()),
        }
    }

    /// Stores the values that were cut from `text`, without those in `known`. Who knows any knows that the execution exists.
    ///
    /// # Errors
    /// When one cannot be stored.
    pub async fn store(
        &self,
        cut: &Cut,
        text: &Bytes,
        known: &BTreeSet<Object>,
    ) -> Result<(), ObjectError> {
        let new: BTreeMap<Object, Bytes> = cut
            .values()
            .filter(|(object, _)| !known.contains(object))
            .map(|(object, range)| (object.clone(), text.slice(range)))
            .collect();
        if let Some((first, _)) = cut.values().next()
            && !known.iter().any(|object| object.name() == first.name())
        {
            self.renew(first.name()).await?;
        }
        let puts = new.into_iter().map(|(object, content)| {
            let place = self.0.clone();
            async move { place.put(&object, content).await }
        });
        stream::iter(puts)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// The whole text of JSON.
    ///
    /// # Errors
    /// [`Unopened`]
    pub async fn fill(&self, sealed: &Sealed) -> Result<Vec<u8>, Unopened> {
        let (bytes, limit) = (sealed.bytes(), OBJECT_BYTES_MAX as u64);
        if bytes > limit {
            return Err(Unopened::TooLarge { bytes, limit });
        }
        let gets = sealed.known().into_iter().map(|object| {
            let place = self.0.clone();
            async move {
                let content = place.get(&object).await?;
                Ok::<_, ObjectError>((object, content))
            }
        });
        let values: BTreeMap<Object, Bytes> = stream::iter(gets)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        sealed.filled(&values).ok_or(Unopened::Misfit)
    }

    /// Deletes every value of an execution that is gone.
    ///
    /// # Errors
    /// When the place does not answer: repeat.
    pub async fn forget(&self, execution: &str) -> Result<(), ObjectError> {
        self.forget_old(execution, i64::MAX).await
    }

    /// Deletes every value of an execution that does not exist, unless one came at or after an instant (epoch milliseconds).
    ///
    /// # Errors
    /// When the place does not answer: repeat.
    pub async fn forget_old(&self, execution: &str, before_ms: i64) -> Result<(), ObjectError> {
        let pieces = match &self.0 {
            Place::Pieces(pieces) => pieces,
            Place::S3(folder) => return folder.delete_old(execution, before_ms).await,
        };
        let key = mark(execution);
        loop {
            let Some(record) = pieces.bucket.get(&key).await? else {
                return Ok(());
            };
            let at = i64::try_from(record.time_ms).unwrap_or(i64::MAX);
            let is_going = record.value == GOING;
            if at >= before_ms && !is_going {
                return Ok(());
            }
            let going = Bytes::from_static(GOING);
            let put = pieces.bucket.put_if(&key, record.revision, going, None);
            let Put::Done(revision) = put.await? else {
                continue;
            };
            pieces.delete_all(execution).await?;
            pieces.bucket.delete_if(&key, revision).await?;
            return Ok(());
        }
    }

    /// Executions whose values came before an instant (epoch milliseconds). Whether they exist is not known here.
    ///
    /// # Errors
    /// When the place does not answer.
    pub async fn older_than(&self, before_ms: i64) -> Result<Vec<String>, ObjectError> {
        let pieces = match &self.0 {
            Place::S3(folder) => return folder.names_before(before_ms).await,
            Place::Pieces(pieces) => pieces,
        };
        let mut names = Vec::new();
        let mut marks = pieces.bucket.scan(MARK).await?;
        while let Some(record) = marks.next().await.transpose()? {
            let at = i64::try_from(record.time_ms).unwrap_or(i64::MAX);
            let token = record
                .key
                .strip_prefix(MARK)
                .and_then(|it| it.strip_prefix('.'));
            names.extend(
                token
                    .and_then(gennaker_bus::subject::name)
                    .filter(|_| at < before_ms),
            );
        }
        Ok(names)
    }

    /// Says that values of an execution are stored from now on.
    async fn renew(&self, execution: &str) -> Result<(), ObjectError> {
        let Place::Pieces(pieces) = &self.0 else {
            return Ok(());
        };
        let key = mark(execution);
        let mut revision = 0;
        loop {
            let value = Bytes::from_static(b"1");
            if let Put::Done(_) = pieces.bucket.put_if(&key, revision, value, None).await? {
                return Ok(());
            }
            revision = match pieces.bucket.get(&key).await? {
                Some(record) if record.value == GOING => {
                    let name = execution.to_owned();
                    return Err(ObjectError::Going { name });
                }
                Some(record) => record.revision,
                None => 0,
            };
        }
    }
}

fn mark(execution: &str) -> String {
    format!("{MARK}.{}", token(execution))
}
