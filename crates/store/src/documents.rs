//! Where documents lie: the one thing that differs between an installation that keeps them in the broker and one that keeps
//! them in S3.
//!
//! A record is found by its [`Address`], every write is conditional on the [`Revision`] that was read, and what was written
//! before stays readable as history. Rules of documents stand above this seam, formats and servers below it.

pub(crate) mod kv;
pub(crate) mod s3;

pub use s3::Options as S3Options;

use bytes::Bytes;
use gennaker_bus::{Bus, Kv};

use crate::{Error, Kind, key, key::Name};

/// Where documents lie. Cheap to clone.
#[derive(Clone)]
pub struct Documents(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    /// The broker's bucket of documents.
    Kv(Kv),
    /// A bucket of S3.
    S3(s3::Bucket),
}

/// Which version of a document this is. Only the place it came from can compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The sequence of its write; 0 never occurs.
    Sequence(u64),
    /// The ETag of its object.
    Tag(std::sync::Arc<str>),
}

/// What a record is found by.
#[derive(Clone, Copy)]
pub(crate) enum Address<'a> {
    /// A document.
    Document(Kind, &'a str),
    /// Who holds a name.
    Name(&'a Name),
}

/// One version of a record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) raw: Bytes,
    pub(crate) revision: Revision,
    /// Orders this version among all that the cache hears of; see [`Written::stamp`].
    pub(crate) stamp: u64,
    /// When the place stored it, by its own clock, epoch milliseconds.
    pub(crate) time_ms: i64,
}

/// A write that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) revision: Revision,
    /// Rises with every version that this process hears of: the cache never replaces a higher one by a lower one.
    pub(crate) stamp: u64,
}

impl Address<'_> {
    /// Its key in the broker's bucket, and in the cache.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Document(kind, id) => key::document(*kind, id),
            Self::Name(name) => name.key(),
        }
    }
}

impl Documents {
    /// Documents in the broker.
    #[must_use]
    pub fn kv(bus: &Bus) -> Self {
        Self(Place::Kv(bus.kv(gennaker_bus::Bucket::Docs)))
    }

    /// Documents in a bucket of S3 in Front50's layout; a bucket that is missing is made.
    ///
    /// # Errors
    /// [`Error::Bucket`] when it can be neither found nor made.
    pub async fn s3(options: S3Options) -> Result<Self, Error> {
        // The client's set-up is a large future, and is awaited once in the life of a process.
        let bucket = Box::pin(s3::Bucket::connect(options)).await?;
        Ok(Self(Place::S3(bucket)))
    }

    /// The current version, from whoever knows it best.
    pub(crate) async fn get(&self, address: Address<'_>) -> Result<Option<Record>, Error> {
        match &self.0 {
            Place::Kv(bucket) => kv::get(bucket, address).await,
            Place::S3(bucket) => bucket.get(address).await,
        }
    }

    /// Writes if the record has this revision; `None`: if there is no record. No answer: it has another one.
    pub(crate) async fn put_if(
        &self,
        address: Address<'_>,
        expected: Option<&Revision>,
        raw: Bytes,
    ) -> Result<Option<Written>, Error> {
        match &self.0 {
            Place::Kv(bucket) => kv::put_if(bucket, address, expected, raw).await,
            Place::S3(bucket) => bucket.put_if(address, expected, raw).await,
        }
    }

    /// Deletes the record if it has this revision. No answer: it has another one, or is gone.
    pub(crate) async fn delete_if(
        &self,
        address: Address<'_>,
        expected: &Revision,
    ) -> Result<Option<Written>, Error> {
        match &self.0 {
            Place::Kv(bucket) => kv::delete_if(bucket, address, expected).await,
            Place::S3(bucket) => bucket.delete_if(address, expected).await,
        }
    }

    /// Versions of a document that are still kept, newest first, at most `limit`; deletions are left out.
    pub(crate) async fn history(
        &self,
        kind: Kind,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        match &self.0 {
            Place::Kv(bucket) => kv::history(bucket, kind, id, limit).await,
            Place::S3(bucket) => bucket.history(kind, id, limit).await,
        }
    }

    /// What to write in place of `raw` so that its revision changes and its meaning does not.
    pub(crate) fn bumped(&self, raw: Bytes) -> Bytes {
        match &self.0 {
            Place::Kv(_) => raw,
            // The ETag follows from the content, and blanks at the end of JSON say nothing.
            Place::S3(_) => [&raw, b" ".as_slice()].concat().into(),
        }
    }

    /// What to write where no document is, so that a create that is still under way is refused.
    pub(crate) const fn void(&self) -> Option<&'static [u8]> {
        match &self.0 {
            Place::Kv(_) => Some(crate::document::VOID),
            // Front50 would read it as a document.
            Place::S3(_) => None,
        }
    }

    /// Whether the first revision was written after the second one, where that can be told of two different records.
    pub(crate) fn is_later(one: &Revision, two: &Revision) -> Option<bool> {
        match (one, two) {
            (Revision::Sequence(one), Revision::Sequence(two)) => Some(one > two),
            (Revision::Sequence(_) | Revision::Tag(_), _) => None,
        }
    }

    /// Whether others write documents here that take no names.
    pub(crate) const fn is_shared(&self) -> bool {
        match &self.0 {
            Place::Kv(_) => false,
            Place::S3(_) => true,
        }
    }
}
