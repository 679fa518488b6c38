//! Documents: applications, pipelines, strategies, projects, notifications, pipeline templates, service accounts, entity tags and
//! what else a Front50 keeps, with revisions, authors, times and history as Front50 keeps them.
//!
//! One type, [`Store`], over one seam, [`Documents`], which says where they lie: in the broker's bucket, or in S3. Every
//! write is conditional on the revision that was read, so two writers never overwrite each other unseen. Reads of one document
//! ask the place itself; lists come from a cache that follows it ([`Store::run`]) and that this process's own writes enter at
//! once.
//!
//! | module | what it does |
//! |---|---|
//! | `documents` | the seam: records by address, conditional writes, history |
//! | `save` | the one loop of every write, with the names that it takes and gives back |
//! | `names` | one document per name without a transaction |
//! | `stamp` | authors and times |
//! | `pipelines`, `templates`, … | the rules of each kind, as Front50 has them |
//! | `lookups` | what the engine asks of documents |
//! | `import` | taking over what a Front50 left |
//! | `objects` | what is written once and found by name and content, over the same two places |
//! | `archive` | finished executions, as objects |
//! | `canary_objects` | results of canary analysis and the metrics behind them, as Kayenta keeps them |
//! | `blobs` | large values of executions, as objects, and messages without them |
//!
//! Beside it, [`Archive`], [`Blobs`] and [`CanaryObjects`].
//!
//! It knows the rules of a document (what a pipeline must have, who holds a name) and nothing about HTTP, permissions or
//! executions. `gate` reads through it, the tasks that save documents write through it, `triggers` watches pipelines with
//! it. It draws no ids and reads no clock: both come in with the call, so that a repeated task writes the same document.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod addresses;
mod applications;
mod archive;
mod blobs;
mod cache;
mod canary_configs;
mod canary_objects;
mod document;
mod documents;
mod entity_tags;
mod error;
mod import;
mod key;
mod lookups;
mod names;
mod notifications;
mod objects;
mod pipelines;
mod plugins;
mod projects;
mod s3_folder;
mod save;
mod service_accounts;
mod stamp;
mod templates;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use gennaker_bus::{Bus, Put};
use tokio_util::sync::CancellationToken;

pub use applications::Upserted;
pub use archive::Archive;
pub use blobs::{Blobs, Cut, Hole, SEAL_FROM, Sealed, Unopened, cut, has_large_values};
pub use cache::Watch;
pub use canary_configs::check_canary_config;
pub use canary_objects::{CanaryGroup, CanaryListed, CanaryObjects};
pub use document::{Document, Entry};
pub use documents::{Documents, Revision, S3Options};
pub use error::{Error, SaveError};
pub use import::{Foreign, Found, Front50, Imported};
pub use key::{APPLICATION_BYTES_MAX, Kind, NAME_BYTES_MAX, PIPELINE_BYTES_MAX};
pub use objects::{OBJECT_BYTES_MAX, Object, ObjectError};
pub use pipelines::{Bulk, Configs};
pub use save::Saved;
pub use service_accounts::managed::ManagedAccounts;
pub use templates::{Dependent, Version as TemplateVersion, validate_template_v1};

use addresses::Addresses;
use cache::Cache;
use documents::{Address, Place};

/// How often a conditional write is tried again before the caller is told that too many write at once.
pub(crate) const ATTEMPTS: usize = 16;

/// The documents of an installation. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Store {
    documents: Documents,
    cache: Arc<Cache>,
    managed: ManagedAccounts,
    addresses: Option<Addresses>,
}

impl Store {
    /// A store over the documents of `bus`. Lists answer once [`Store::run`] runs.
    #[must_use]
    pub fn new(bus: &Bus) -> Self {
        Self::over(Documents::kv(bus))
    }

    /// A store over the documents that lie there. Lists answer once [`Store::run`] runs.
    #[must_use]
    pub fn over(documents: Documents) -> Self {
        Self {
            documents,
            cache: Arc::default(),
            managed: ManagedAccounts::Off,
            addresses: None,
        }
    }

    /// The same where templates may lie at addresses: workers, who are asked over `bus`, read them.
    #[must_use]
    pub fn reading_addresses(self, bus: &Bus) -> Self {
        let addresses = Some(Addresses::new(bus));
        Self { addresses, ..self }
    }

    /// The text at an address, read by a worker; see [`Store::reading_addresses`]. Whoever asks waits, for more than a minute at
    /// worst.
    ///
    /// # Errors
    /// Why there is none: a sentence for people.
    pub async fn read_address(&self, url: &str) -> Result<String, String> {
        match &self.addresses {
            Some(addresses) => addresses.read(url).await,
            None => Err(format!("{url} cannot be read here")),
        }
    }

    /// Keeps the cache of lists current until `cancel`; a broken watch is started again.
    pub async fn run(&self, cancel: CancellationToken) {
        self.cache.run(&self.documents, cancel).await;
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

    /// One document, read from where it lies.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer, [`Error::Corrupt`] when the document is not an object.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, Error> {
        if !key::is_id(id) {
            return Ok(None);
        }
        match self.documents.get(Address::Document(kind, id)).await? {
            Some(record) => Document::read(kind, id, &record),
            None => Ok(None),
        }
    }

    /// All documents of a kind, by key.
    ///
    /// # Errors
    /// [`Error::NotReady`] while the cache has not caught up after a start.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        if !kind.is_cached() {
            return self.stored(kind).await;
        }
        self.cache.ready().await?;
        Ok(self.cache.documents(kind))
    }

    /// Versions of a document that are still kept, newest first, at most `limit`.
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
        let records = self.documents.history(kind, id, limit).await?;
        let mut versions = Vec::with_capacity(records.len());
        for record in &records {
            versions.extend(Document::read(kind, id, record)?);
        }
        Ok(versions)
    }

    /// Waits until the cache of this process shows everything that was written, by anybody, before the call.
    ///
    /// In the broker it writes a beacon and waits until the watch delivers it: the order of the bucket's stream does the rest.
    ///
    /// # Errors
    /// [`Error::NotReady`] when the watch does not catch up in time, [`Error::Bus`] when the broker does not answer.
    pub async fn catch_up(&self) -> Result<(), Error> {
        match &self.documents.0 {
            Place::Kv(bucket) => {
                let value = bytes::Bytes::from_static(b"{}");
                let mut expected = 0;
                loop {
                    let put = bucket.put_if(key::BEACON, expected, value.clone(), None);
                    match put.await? {
                        Put::Done(revision) => return self.cache.reached(revision).await,
                        // Somebody else's beacon may be older than this call, so it does not count.
                        Put::Conflict => {
                            let found = bucket.get(key::BEACON).await?;
                            expected = found.map_or(0, |record| record.revision);
                        }
                    }
                }
            }
            Place::S3(bucket) => {
                let stamp = bucket.stamp();
                bucket.wake.notify_one();
                self.cache.reached(stamp).await
            }
        }
    }

    /// Brings the cache up to what is stored of one document, so that a list that follows shows it.
    ///
    /// For a process that learned from another one that the document changed.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer, [`Error::NotReady`] when the watch does not catch up.
    pub async fn refresh(&self, kind: Kind, id: &str) -> Result<(), Error> {
        let address = Address::Document(kind, id);
        match self.documents.get(address).await? {
            Some(record) => {
                let content = Some((record.revision, record.raw));
                self.cache.apply(&address.key(), record.stamp, content);
                Ok(())
            }
            // Absence has no revision to compare with: only the watch knows what came before and what after.
            None => self.catch_up().await,
        }
    }

    /// The documents of a kind as they are stored now, not as the cache has them.
    pub(crate) async fn stored(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        match &self.documents.0 {
            Place::Kv(bucket) => {
                let mut found = Vec::new();
                for record in bucket.walk(kind.prefix()).await? {
                    let key = record.key.clone();
                    let record = documents::kv::record(record);
                    let Some(body) = document::parse(&key, &record.raw)? else {
                        continue;
                    };
                    found.push(Document {
                        kind,
                        revision: record.revision,
                        body,
                    });
                }
                Ok(found)
            }
            Place::S3(bucket) => {
                let listed = bucket.list(&[kind]).await?;
                let mut found = Vec::new();
                for (listed, record) in bucket.read_all(listed).await? {
                    found.extend(Document::read(kind, &listed.id, &record)?);
                }
                Ok(found)
            }
        }
    }

    /// The documents of an application as they are stored now, in the broker found by their names, which are
    /// taken before a document is written and given back after it is gone.
    pub(crate) async fn stored_of(
        &self,
        kind: Kind,
        application: &str,
    ) -> Result<Vec<Document>, Error> {
        match &self.documents.0 {
            Place::Kv(bucket) => {
                let mut found = Vec::new();
                for name in bucket.walk(&key::names_of(kind, application)).await? {
                    let id = names::holder_in(&name.key, &name.value)?;
                    if let Some(document) = self.get(kind, &id).await?
                        && document.text("application").map(key::fold)
                            == Some(key::fold(application))
                    {
                        found.push(document);
                    }
                }
                Ok(found)
            }
            Place::S3(_) => {
                let mut found = self.stored(kind).await?;
                let wanted = key::fold(application);
                found.retain(|it| it.text("application").map(key::fold).as_ref() == Some(&wanted));
                Ok(found)
            }
        }
    }
}
