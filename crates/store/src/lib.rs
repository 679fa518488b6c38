//! Documents: applications, their permissions, and pipelines, with revisions, authors and times as Front50 keeps them.
//!
//! One type, [`Store`], over the KV bucket of documents. Every write is conditional on the revision that was read, so two
//! writers never overwrite each other unseen. Reads of one document ask the bucket's leader; lists come from a cache that a
//! watch keeps current ([`Store::run`]) and that this process's own writes enter at once.
//!
//! It knows the rules of a document (what a pipeline must have, who holds a name) and nothing about HTTP, permissions or
//! executions. `gate` reads through it, the tasks that save documents write through it, `triggers` watches pipelines with
//! it. It draws no ids and reads no clock: both come in with the call, so that a repeated task writes the same document.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod applications;
mod cache;
mod document;
mod error;
mod key;
mod names;
mod pipelines;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use gennaker_bus::{Bucket, Bus, Kv};
use gennaker_model::Map;
use tokio_util::sync::CancellationToken;

pub use applications::{APPLICATION_BYTES_MAX, Upserted};
pub use cache::Watch;
pub use document::{Document, Entry};
pub use error::{Error, SaveError};
pub use key::{Kind, NAME_BYTES_MAX};
pub use pipelines::{Bulk, PIPELINE_BYTES_MAX, Saved};

use cache::Cache;

/// How often a conditional write is tried again before the caller is told that too many write at once.
pub(crate) const ATTEMPTS: usize = 16;

/// The documents of an installation. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Store {
    kv: Kv,
    cache: Arc<Cache>,
}

impl Store {
    /// A store over the documents of `bus`. Lists answer once [`Store::run`] runs.
    #[must_use]
    pub fn new(bus: &Bus) -> Self {
        Self {
            kv: bus.kv(Bucket::Docs),
            cache: Arc::new(Cache::default()),
        }
    }

    /// Keeps the cache of lists current until `cancel`; a broken watch is started again.
    pub async fn run(&self, cancel: CancellationToken) {
        self.cache.run(&self.kv, cancel).await;
    }

    /// A handle that tells when pipelines change, and what they are.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.cache))
    }

    /// Whether lists are complete.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.cache.is_ready()
    }

    /// One document, read from the leader.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer, [`Error::Corrupt`] when the document is not an object.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, Error> {
        if !key::is_id(id) {
            return Ok(None);
        }
        match self.kv.get(&key::document(kind, id)).await? {
            Some(record) => Document::read(kind, &record),
            None => Ok(None),
        }
    }

    /// All documents of a kind, by key.
    ///
    /// # Errors
    /// [`Error::NotReady`] while the cache has not caught up after a start.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        self.cache.ready().await?;
        Ok(self.cache.documents(kind))
    }

    /// Writes a document as it is, if `expected` is its revision (0: it must not exist).
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody else was faster, [`Error::TooLarge`], [`Error::Bus`].
    pub async fn put(
        &self,
        kind: Kind,
        id: &str,
        body: Map,
        expected: u64,
    ) -> Result<Document, Error> {
        let key = key::document(kind, id);
        let raw = document::bytes_of(kind, &body)?;
        match self.kv.put_if(&key, expected, raw.clone(), None).await? {
            gennaker_bus::Put::Done(revision) => {
                self.cache.apply(&key, revision, Some(raw));
                Ok(Document {
                    kind,
                    revision,
                    body,
                })
            }
            gennaker_bus::Put::Conflict => Err(Error::Conflict { kind }),
        }
    }

    /// Deletes a document, if `expected` is its revision.
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody else was faster, [`Error::Bus`].
    pub async fn delete(&self, kind: Kind, id: &str, expected: u64) -> Result<(), Error> {
        let key = key::document(kind, id);
        match self.kv.delete_if(&key, expected).await? {
            gennaker_bus::Put::Done(revision) => {
                self.cache.apply(&key, revision, None);
                Ok(())
            }
            gennaker_bus::Put::Conflict => Err(Error::Conflict { kind }),
        }
    }

    /// Versions of a document that the bucket still has, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer, [`Error::Corrupt`] when a version is not an object.
    pub async fn history(
        &self,
        kind: Kind,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Document>, Error> {
        if !key::is_id(id) {
            return Ok(Vec::new());
        }
        let mut records = self.kv.history(&key::document(kind, id)).await?;
        records.sort_by_key(|record| std::cmp::Reverse(record.revision));
        let mut versions = Vec::new();
        for record in &records {
            if versions.len() >= limit {
                break;
            }
            if !record.value.is_empty() {
                versions.extend(Document::read(kind, record)?);
            }
        }
        Ok(versions)
    }

    /// Waits until the cache of this process shows everything that was written, by anybody, before the call.
    ///
    /// It writes a beacon and waits until the watch delivers it: the order of the bucket's stream does the rest.
    ///
    /// # Errors
    /// [`Error::NotReady`] when the watch does not catch up in time, [`Error::Bus`] when the broker does not answer.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let value = bytes::Bytes::from_static(b"{}");
        let mut expected = 0;
        loop {
            match self
                .kv
                .put_if(key::BEACON, expected, value.clone(), None)
                .await?
            {
                gennaker_bus::Put::Done(revision) => return self.cache.reached(revision).await,
                // Somebody else's beacon may be older than this call, so it does not count.
                gennaker_bus::Put::Conflict => {
                    let found = self.kv.get(key::BEACON).await?;
                    expected = found.map_or(0, |record| record.revision);
                }
            }
        }
    }

    /// Brings the cache up to what the leader says of one document, so that a list that follows shows it.
    ///
    /// For a process that learned from another one that the document changed.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer, [`Error::NotReady`] when the watch does not catch up.
    pub async fn refresh(&self, kind: Kind, id: &str) -> Result<(), Error> {
        let key = key::document(kind, id);
        match self.kv.get(&key).await? {
            Some(record) => {
                self.cache.apply(&key, record.revision, Some(record.value));
                Ok(())
            }
            // Absence has no revision to compare with: only the watch knows what came before and what after.
            None => self.catch_up().await,
        }
    }
}

impl Store {
    pub(crate) fn kv(&self) -> &Kv {
        &self.kv
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }
}
