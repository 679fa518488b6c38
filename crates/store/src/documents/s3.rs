//! Documents in a bucket of S3, in Front50's own layout: an existing bucket can be used as it is, also while Front50 does.
//!
//! What S3 gives and the broker does not, and the other way round:
//!
//! - A revision is the object's ETag; writes are conditional on it (`If-Match`, `If-None-Match: *`). Any store in between must
//!   honour these, as AWS and MinIO do. Deletions are conditional too, and where the server ignores that (MinIO does) a change
//!   in the milliseconds between look and deletion is lost to everything but the history.
//! - Revisions of two objects cannot be compared, and nothing tells of changes: the cache lists the bucket every few seconds,
//!   and orders what it hears by when it asked ([`super::Written::stamp`]).
//! - Names are kept beside Front50's folders, and documents that came without our knowing have none: a name is looked for among
//!   the documents too.

pub(crate) mod client;
mod front50;
pub(crate) mod layout;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use gennaker_model::Map;
use tokio::sync::Notify;

pub use client::Options;
pub(crate) use front50::completed;

use super::{Address, Record, Revision, Written};
use crate::{Error, Kind};
use layout::Layout;

/// Metadata of an object that we wrote: its author and times are in the document, not in the object's own.
const OURS: &str = "gennaker";

/// Objects read at the same time.
const READS_AT_ONCE: usize = 32;

/// A bucket in Front50's layout. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: Arc<str>,
    layout: Layout,
    /// The last stamp that was given.
    stamps: Arc<AtomicU64>,
    /// How often the cache looks for changes.
    pub(crate) refresh_every: std::time::Duration,
    /// Wakes the cache before its time.
    pub(crate) wake: Arc<Notify>,
}

/// Files in the folder of a canary configuration that are looked at.
const FILES_MAX: i32 = 10;

/// Where a record is written.
struct Target {
    path: String,
    /// The object that it was so far, under another name.
    replaces: Option<String>,
}

/// An object as a list shows it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) revision: Revision,
}

impl Bucket {
    /// Connects, and makes the bucket with versions on when it is missing (as Front50 does).
    pub(super) async fn connect(options: Options) -> Result<Self, Error> {
        let bucket = Self::open(&options).await;
        client::ensure(&bucket.client, &options, client::Versions::On).await?;
        Ok(bucket)
    }

    /// The same without a look whether it is there.
    pub(crate) async fn open(options: &Options) -> Self {
        Self {
            client: client::client(options).await,
            name: options.bucket.as_str().into(),
            layout: Layout::new(&options.prefix),
            stamps: Arc::default(),
            refresh_every: options.refresh_every,
            wake: Arc::default(),
        }
    }

    /// A number above all that were given before.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamps.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn get<'a>(
        &'a self,
        address: Address<'a>,
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            let Some(path) = self.found(address).await? else {
                return Ok(None);
            };
            self.read(&path, None, kind_of(address)).await
        })
    }

    pub(super) fn put_if<'a>(
        &'a self,
        address: Address<'a>,
        expected: Option<&'a Revision>,
        raw: Bytes,
    ) -> BoxFuture<'a, Result<Option<Written>, Error>> {
        Box::pin(async move {
            let Some(target) = self.target(address, expected, &raw).await? else {
                return Ok(None);
            };
            let request = self
                .client
                .put_object()
                .bucket(&*self.name)
                .key(&target.path)
                .content_type("application/json")
                .metadata(OURS, "1")
                .body(ByteStream::from(raw));
            let request = match expected {
                Some(revision) if target.replaces.is_none() => request.if_match(tag(revision)),
                Some(_) | None => request.if_none_match("*"),
            };
            let put = match request.send().await {
                Ok(put) => put,
                Err(error) if is_conflict(&error) => return Ok(None),
                Err(error) => return Err(failed("write", error)),
            };
            if let Some(former) = &target.replaces {
                let request = self.client.delete_object().bucket(&*self.name).key(former);
                match request.send().await {
                    Ok(_) => {}
                    Err(error) if is_missing(&error) => {}
                    Err(error) => return Err(failed("delete", error)),
                }
            }
            if let Address::Document(kind, _) = address {
                self.tell_front50(kind).await;
            }
            Ok(Some(Written {
                revision: Revision::Tag(put.e_tag().unwrap_or_default().into()),
                stamp: self.stamp(),
            }))
        })
    }

    pub(super) fn delete_if<'a>(
        &'a self,
        address: Address<'a>,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Option<Written>, Error>> {
        Box::pin(async move {
            self.path(address)?;
            let Some(path) = self.found(address).await? else {
                return Ok(None);
            };
            // Not every server honours the condition of a deletion.
            let head = self.client.head_object().bucket(&*self.name).key(&path);
            match head.send().await {
                Ok(head) if head.e_tag() == Some(tag(expected)) => {}
                Ok(_) => return Ok(None),
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(failed("look at", error)),
            }
            let request = self
                .client
                .delete_object()
                .bucket(&*self.name)
                .key(&path)
                .if_match(tag(expected));
            match request.send().await {
                Ok(_) => Ok(Some(Written {
                    revision: expected.clone(),
                    stamp: self.stamp(),
                })),
                Err(error) if is_conflict(&error) => Ok(None),
                Err(error) => Err(failed("delete", error)),
            }
        })
    }

    /// Versions of the object that are kept; only the current one in a bucket without versions.
    pub(super) fn history<'a>(
        &'a self,
        kind: Kind,
        id: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>, Error>> {
        Box::pin(async move {
            let Some(path) = self.found(Address::Document(kind, id)).await? else {
                return Ok(Vec::new());
            };
            let mut versions: Vec<String> = Vec::new();
            let (mut key, mut version) = (None, None);
            while versions.len() < limit {
                let page = self
                    .client
                    .list_object_versions()
                    .bucket(&*self.name)
                    .prefix(&path)
                    .set_key_marker(key.take())
                    .set_version_id_marker(version.take())
                    .send()
                    .await
                    .map_err(|error| failed("list versions of", error))?;
                let ours = page.versions().iter().filter(|it| it.key() == Some(&*path));
                versions.extend(ours.filter_map(|it| it.version_id().map(str::to_owned)));
                if page.is_truncated() != Some(true) {
                    break;
                }
                key = page.next_key_marker().map(str::to_owned);
                version = page.next_version_id_marker().map(str::to_owned);
            }
            versions.truncate(limit);
            let path = &path;
            let reads = versions
                .into_iter()
                .map(|version| async move { self.read(path, Some(version), Some(kind)).await });
            let records = stream::iter(reads).buffered(READS_AT_ONCE);
            records
                .try_filter_map(|record| async { Ok(record) })
                .try_collect()
                .await
        })
    }

    /// The documents of these kinds that exist, without what is in them.
    pub(crate) fn list<'a>(
        &'a self,
        kinds: &'a [Kind],
    ) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let mut groups: Vec<&str> = kinds.iter().map(|kind| layout::group(*kind)).collect();
            groups.sort_unstable();
            groups.dedup();
            let mut listed: Vec<Listed> = Vec::new();
            for group in groups {
                let mut last: Option<i64> = None;
                let mut pages = self
                    .client
                    .list_objects_v2()
                    .bucket(&*self.name)
                    .prefix(self.layout.folder(group))
                    .into_paginator()
                    .send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| failed("list", error))?;
                    for object in page.contents() {
                        let (Some(path), Some(tag)) = (object.key(), object.e_tag()) else {
                            continue;
                        };
                        if let Some((kind, id)) = self.layout.document(group, path)
                            && kinds.contains(&kind)
                        {
                            // Of two files of one configuration the newer one counts, as in `found`. They stand together.
                            let at = modified(object.last_modified());
                            let is_second = kind == Kind::CanaryConfig
                                && listed
                                    .last()
                                    .is_some_and(|it| it.kind == kind && it.id == id);
                            if is_second {
                                if last > Some(at) {
                                    continue;
                                }
                                listed.pop();
                            }
                            last = Some(at);
                            listed.push(Listed {
                                kind,
                                id: id.to_owned(),
                                revision: Revision::Tag(tag.into()),
                            });
                        }
                    }
                }
            }
            Ok(listed)
        })
    }

    /// The content of listed documents, many at a time; one that is gone meanwhile is left out.
    pub(crate) async fn read_all(
        &self,
        listed: Vec<Listed>,
    ) -> Result<Vec<(Listed, Record)>, Error> {
        let mut found = Vec::with_capacity(listed.len());
        for (listed, read) in self.read_each(listed).await {
            found.extend(read?.map(|record| (listed, record)));
        }
        Ok(found)
    }

    /// The same, with what is wrong with each.
    pub(crate) async fn read_each(
        &self,
        listed: Vec<Listed>,
    ) -> Vec<(Listed, Result<Option<Record>, Error>)> {
        let reads = listed.into_iter().map(|listed| async move {
            let read = self.get(Address::Document(listed.kind, &listed.id)).await;
            (listed, read)
        });
        stream::iter(reads)
            .buffer_unordered(READS_AT_ONCE)
            .collect()
            .await
    }

    /// The groups of the bucket that hold none of our kinds.
    pub(crate) fn other_groups(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async move {
            let root = self.layout.folder("");
            let root = root.trim_end_matches('/');
            let root = if root.is_empty() {
                String::new()
            } else {
                format!("{root}/")
            };
            let request = self
                .client
                .list_objects_v2()
                .bucket(&*self.name)
                .prefix(&root)
                .delimiter("/");
            let listed = request
                .send()
                .await
                .map_err(|error| failed("list", error))?;
            let groups = listed.common_prefixes().iter().filter_map(|it| it.prefix());
            let names = groups.map(|path| path[root.len()..].trim_end_matches('/').to_owned());
            Ok(names.filter(|group| !layout::is_group(group)).collect())
        })
    }

    async fn read(
        &self,
        path: &str,
        version: Option<String>,
        kind: Option<Kind>,
    ) -> Result<Option<Record>, Error> {
        let stamp = self.stamp();
        let request = self
            .client
            .get_object()
            .bucket(&*self.name)
            .key(path)
            .set_version_id(version);
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed("read", error)),
        };
        let time_ms = object
            .last_modified()
            .and_then(|time| time.to_millis().ok())
            .unwrap_or_default();
        let is_ours = object.metadata().is_some_and(|it| it.contains_key(OURS));
        let revision = Revision::Tag(object.e_tag().unwrap_or_default().into());
        if let Some(kind) = kind {
            let limit = i64::try_from(kind.bytes_max()).unwrap_or(i64::MAX) * 2;
            if object.content_length().is_some_and(|length| length > limit) {
                return Err(Error::Unreadable {
                    key: path.to_owned(),
                });
            }
        }
        let collected = object.body.collect().await;
        let raw = collected.map_err(|error| Error::bucket("read", error))?;
        let raw = raw.into_bytes();
        let raw = match kind {
            Some(Kind::CanaryConfig) if !is_ours => {
                let id = self
                    .layout
                    .document(layout::group(Kind::CanaryConfig), path);
                front50::completed_config(id.map_or("", |(_, id)| id), raw, time_ms)
            }
            Some(kind) if !is_ours => completed(kind, raw, time_ms),
            Some(_) | None => raw,
        };
        Ok(Some(Record {
            raw,
            revision,
            stamp,
            time_ms,
        }))
    }

    /// Front50 reads a group anew only when this object says that something in it changed.
    async fn tell_front50(&self, kind: Kind) {
        // Those are Kayenta's, and it takes every object of the group for a configuration.
        if kind == Kind::CanaryConfig {
            return;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = now.map_or(0, |since| since.as_millis());
        let request = self
            .client
            .put_object()
            .bucket(&*self.name)
            .key(self.layout.last_modified(kind))
            .content_type("application/json")
            .body(Bytes::from(format!(r#"{{"lastModified":{now_ms}}}"#)).into());
        if let Err(error) = request.send().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a Front50 that uses the same bucket is not told of a changed {}",
                kind.word()
            );
        }
    }

    /// The key of the object that a record is, if it may be one. That of a canary configuration depends on its name, so it is
    /// looked for; of two, which a renaming leaves for a moment, it is the newer one.
    async fn found(&self, address: Address<'_>) -> Result<Option<String>, Error> {
        let Address::Document(Kind::CanaryConfig, id) = address else {
            return Ok(self.layout.path(address));
        };
        let Some(folder) = self.layout.config_folder(id) else {
            return Ok(None);
        };
        let request = self
            .client
            .list_objects_v2()
            .bucket(&*self.name)
            .prefix(&folder)
            .max_keys(FILES_MAX);
        let page = request
            .send()
            .await
            .map_err(|error| failed("list", error))?;
        let files = page.contents().iter().filter(|it| {
            let file = it.key().and_then(|key| key.strip_prefix(&*folder));
            file.is_some_and(|file| file.ends_with(".json") && !file.contains('/'))
        });
        let newest = files.max_by_key(|it| modified(it.last_modified()));
        Ok(newest.and_then(|it| it.key()).map(str::to_owned))
    }

    /// Where a record is to be written, and what goes after that. Nothing: what is there is not what was expected.
    async fn target(
        &self,
        address: Address<'_>,
        expected: Option<&Revision>,
        raw: &[u8],
    ) -> Result<Option<Target>, Error> {
        let Address::Document(Kind::CanaryConfig, id) = address else {
            return Ok(Some(Target {
                path: self.path(address)?,
                replaces: None,
            }));
        };
        let body: Map = serde_json::from_slice(raw).unwrap_or_default();
        let path = self.layout.config(id, &body);
        let path = path.ok_or_else(|| Error::BadId { id: id.to_owned() })?;
        let (former, expected) = match (self.found(address).await?, expected) {
            (None, None) => {
                return Ok(Some(Target {
                    path,
                    replaces: None,
                }));
            }
            (Some(former), Some(expected)) => (former, expected),
            (None, Some(_)) | (Some(_), None) => return Ok(None),
        };
        if former == path {
            return Ok(Some(Target {
                path,
                replaces: None,
            }));
        }
        // Renamed, as Kayenta does it: the new object first, then the old one goes.
        let head = self.client.head_object().bucket(&*self.name).key(&former);
        match head.send().await {
            Ok(head) if head.e_tag() == Some(tag(expected)) => Ok(Some(Target {
                path,
                replaces: Some(former),
            })),
            Ok(_) => Ok(None),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("look at", error)),
        }
    }

    fn path(&self, address: Address<'_>) -> Result<String, Error> {
        self.layout.path(address).ok_or_else(|| Error::BadId {
            id: match address {
                Address::Document(_, id) => id.to_owned(),
                Address::Name(name) => name.text.clone(),
            },
        })
    }
}

fn modified(at: Option<&aws_sdk_s3::primitives::DateTime>) -> i64 {
    at.and_then(|at| at.to_millis().ok()).unwrap_or_default()
}

const fn kind_of(address: Address<'_>) -> Option<Kind> {
    match address {
        Address::Document(kind, _) => Some(kind),
        Address::Name(_) => None,
    }
}

fn tag(revision: &Revision) -> &str {
    match revision {
        Revision::Tag(tag) => tag,
        // Never an ETag, so nothing is changed by the revision of another place.
        Revision::Sequence(_) => "\"\"",
    }
}

fn failed<E>(operation: &'static str, error: SdkError<E>) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    Error::bucket(operation, error)
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|it| it.status().as_u16())
}

/// The condition did not hold (412), held for two writers at once (409), or there is nothing to replace (404).
fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let no_bucket = error.as_service_error().and_then(E::code) == Some("NoSuchBucket");
    matches!(status(error), Some(404 | 409 | 412)) && !no_bucket
}

pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let no_bucket = error.as_service_error().and_then(E::code) == Some("NoSuchBucket");
    status(error) == Some(404) && !no_bucket
}
