//! All documents in memory, unparsed, kept current by a watch, or by looking again and again where there is none.

mod poll;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{Kv, WatchItem};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Document, Documents as Source, Entry, Error, Kind, Revision, document,
    documents::{Place, kv},
    key::{self, Name},
};

/// How long a list waits for the first load.
const READY_WAIT: Duration = Duration::from_secs(5);

/// First and longest pause before a broken watch is started again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Tells when documents change, and what the pipelines are.
pub struct Watch {
    cache: Arc<Cache>,
    version: watch::Receiver<Version>,
    /// The change that the caller has seen; `None` before the first one.
    seen: Option<u64>,
}

impl Watch {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        let version = cache.version.subscribe();
        Self {
            cache,
            version,
            seen: None,
        }
    }

    /// Waits until the documents are loaded and something changed since the last call; `false` when the store is gone.
    ///
    /// Cancel-safe: a call that is dropped loses no change.
    pub async fn changed(&mut self) -> bool {
        let seen = self.seen;
        let is_news = |version: &Version| version.ready && seen != Some(version.changes);
        match self.version.wait_for(is_news).await {
            Ok(version) => {
                self.seen = Some(version.changes);
                true
            }
            Err(_) => false,
        }
    }

    /// Whether something changed since the last call, without waiting.
    pub fn take_change(&mut self) -> bool {
        let version = *self.version.borrow();
        let is_news = version.ready && self.seen != Some(version.changes);
        if is_news {
            self.seen = Some(version.changes);
        }
        is_news
    }

    /// The current pipelines, unparsed, by key. An entry with a revision that was seen before did not change.
    #[must_use]
    pub fn pipelines(&self) -> Vec<Entry> {
        self.cache.entries(Kind::Pipeline)
    }

    /// The current templates, unparsed, by key.
    #[must_use]
    pub fn templates(&self) -> Vec<Entry> {
        self.cache.entries(Kind::Template)
    }

    /// The template under this key (`id`, `id:tag`, `id@sha256:digest`), unparsed, as the cache has it now.
    #[must_use]
    pub fn template(&self, key: &str) -> Option<Entry> {
        if !key::is_id(key) {
            return None;
        }
        self.cache.entry(&key::document(Kind::Template, key))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    /// Counts changes of documents.
    changes: u64,
    /// Everything that existed when the watch began was told.
    ready: bool,
    /// Revision up to which the watch has told everything.
    told: u64,
}

/// Documents by key. A deleted one stays as a tombstone until the watch confirms it, so that an older record that the
/// watch still has to deliver does not bring it back.
type Documents = BTreeMap<String, Cached>;

#[derive(Clone, Debug)]
struct Cached {
    /// What orders the versions that this process hears of.
    stamp: u64,
    /// Its version and JSON; `None` when it is gone.
    content: Option<(Revision, Bytes)>,
    /// Application of the document, folded: most lists want one application's, and parsing all would cost too much.
    application: Arc<str>,
    /// Its name, folded.
    name: Arc<str>,
}

/// What is read of every document that comes in.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    application: Option<Value>,
    #[serde(default)]
    name: Option<Value>,
}

#[derive(Default)]
struct State {
    current: Documents,
    /// What a new watch has delivered so far; replaces `current` when it has caught up.
    loading: Option<Documents>,
}

pub(crate) struct Cache {
    state: std::sync::RwLock<State>,
    version: watch::Sender<Version>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            state: std::sync::RwLock::default(),
            version: watch::Sender::new(Version::default()),
        }
    }
}

impl Cache {
    pub(crate) async fn run(&self, source: &Source, cancel: CancellationToken) {
        match &source.0 {
            Place::Kv(bucket) => self.run_watch(bucket, cancel).await,
            Place::S3(bucket) => self.run_poll(bucket, cancel).await,
        }
    }

    async fn run_watch(&self, kv: &Kv, cancel: CancellationToken) {
        let mut pause = RETRY.0;
        loop {
            let outcome = tokio::select! {
                () = cancel.cancelled() => return,
                outcome = self.follow(kv, &mut pause) => outcome,
            };
            match outcome {
                Ok(()) => tracing::warn!("the watch of documents ended and is started again"),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the watch of documents broke and is started again"
                    );
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RETRY.1);
        }
    }

    async fn follow(&self, kv: &Kv, pause: &mut Duration) -> Result<(), gennaker_bus::Error> {
        self.write(|state| state.loading = Some(Documents::new()));
        let mut items = kv.watch("").await?;
        while let Some(item) = items.next().await {
            match item? {
                WatchItem::Record(record) => {
                    let (key, sequence) = (record.key.clone(), record.revision);
                    let record = kv::record(record);
                    self.apply(&key, record.stamp, Some((record.revision, record.raw)));
                    self.tell(sequence);
                }
                WatchItem::Deleted { key, revision } => {
                    self.confirm_deleted(&key, revision);
                    self.tell(revision);
                }
                WatchItem::CaughtUp => {
                    self.write(|state| {
                        if let Some(loaded) = state.loading.take() {
                            state.current = loaded;
                        }
                    });
                    *pause = RETRY.0;
                    self.version.send_modify(|version| {
                        version.changes += 1;
                        version.ready = true;
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.version.borrow().ready
    }

    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let mut version = self.version.subscribe();
        match tokio::time::timeout(READY_WAIT, version.wait_for(|version| version.ready)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::NotReady),
        }
    }

    /// Waits until the watch has told everything up to this revision.
    pub(crate) async fn reached(&self, revision: u64) -> Result<(), Error> {
        let mut version = self.version.subscribe();
        let reached = version.wait_for(|version| version.ready && version.told >= revision);
        match tokio::time::timeout(READY_WAIT, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::NotReady),
        }
    }

    /// Everything that was there when the look with this stamp began was told.
    fn caught_up(&self, stamp: u64) {
        self.version.send_modify(|version| {
            // The first time is news to whoever waits, also when there is nothing.
            version.changes += u64::from(!version.ready);
            version.ready = true;
            version.told = version.told.max(stamp);
        });
    }

    fn tell(&self, revision: u64) {
        self.version
            .send_modify(|version| version.told = version.told.max(revision));
    }

    fn count_change(&self) {
        self.version.send_modify(|version| version.changes += 1);
    }

    /// Takes a version in, if it is newer than what is known. `None` means deleted.
    pub(crate) fn apply(&self, key: &str, stamp: u64, content: Option<(Revision, Bytes)>) {
        if !key::kind_of(key).is_some_and(Kind::is_cached) {
            return;
        }
        let content = content.filter(|(_, raw)| raw.as_ref() != document::VOID && !raw.is_empty());
        let (application, name) = match &content {
            Some((_, raw)) => head_of(raw),
            None => Default::default(),
        };
        self.write(|state| {
            let both = [Some(&mut state.current), state.loading.as_mut()];
            for documents in both.into_iter().flatten() {
                let known = documents.get(key).map_or(0, |cached| cached.stamp);
                if stamp > known {
                    let cached = Cached {
                        stamp,
                        content: content.clone(),
                        application: Arc::clone(&application),
                        name: Arc::clone(&name),
                    };
                    documents.insert(key.to_owned(), cached);
                }
            }
        });
        self.count_change();
    }

    fn confirm_deleted(&self, key: &str, stamp: u64) {
        self.write(|state| {
            let both = [Some(&mut state.current), state.loading.as_mut()];
            for documents in both.into_iter().flatten() {
                if documents
                    .get(key)
                    .is_some_and(|cached| cached.stamp <= stamp)
                {
                    documents.remove(key);
                }
            }
        });
        self.count_change();
    }

    /// The documents of a kind, unparsed.
    pub(crate) fn entries(&self, kind: Kind) -> Vec<Entry> {
        let found = self.found(kind, |_| true);
        found.into_iter().map(|(entry, _)| entry).collect()
    }

    /// One document, unparsed.
    fn entry(&self, key: &str) -> Option<Entry> {
        let state = self.state.read().expect("no holder of the lock panics");
        let cached = state.current.get(key)?;
        let (_, raw) = cached.content.clone()?;
        Some(Entry {
            key: key.to_owned(),
            revision: cached.stamp,
            raw,
        })
    }

    /// The documents of a kind. One that cannot be read is left out and logged: it must not take all others along.
    pub(crate) fn documents(&self, kind: Kind) -> Vec<Document> {
        parsed(kind, self.found(kind, |_| true))
    }

    /// One document.
    pub(crate) fn document(&self, kind: Kind, id: &str) -> Option<Document> {
        let key = key::document(kind, id);
        let (entry, revision) = {
            let state = self.state.read().expect("no holder of the lock panics");
            let cached = state.current.get(&key)?;
            let (revision, raw) = cached.content.clone()?;
            let entry = Entry {
                revision: cached.stamp,
                key,
                raw,
            };
            (entry, revision)
        };
        parsed(kind, vec![(entry, revision)]).pop()
    }

    /// The documents of a kind that belong to an application, whose name is folded.
    pub(crate) fn documents_of(&self, kind: Kind, application: &str) -> Vec<Document> {
        parsed(
            kind,
            self.found(kind, |cached| &*cached.application == application),
        )
    }

    /// The documents that have this name.
    pub(crate) fn documents_named(&self, name: &Name) -> Vec<Document> {
        let text = key::fold(&name.text);
        let application = name.application.as_deref().map(key::fold);
        let is_it = |cached: &Cached| {
            *cached.name == *text
                && application
                    .as_deref()
                    .is_none_or(|application| *cached.application == *application)
        };
        parsed(name.kind, self.found(name.kind, is_it))
    }

    fn found(&self, kind: Kind, wanted: impl Fn(&Cached) -> bool) -> Vec<(Entry, Revision)> {
        let state = self.state.read().expect("no holder of the lock panics");
        state
            .current
            .iter()
            .filter(|(key, cached)| key::kind_of(key) == Some(kind) && wanted(cached))
            .filter_map(|(key, cached)| {
                let (revision, raw) = cached.content.clone()?;
                let entry = Entry {
                    key: key.clone(),
                    revision: cached.stamp,
                    raw,
                };
                Some((entry, revision))
            })
            .collect()
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().expect("no holder of the lock panics"));
    }
}

/// Application and name, folded.
fn head_of(raw: &[u8]) -> (Arc<str>, Arc<str>) {
    let head: Head = serde_json::from_slice(raw).unwrap_or_default();
    let folded = |text: Option<Value>| match text {
        Some(Value::String(text)) => key::fold(&text).into(),
        Some(_) | None => Arc::default(),
    };
    (folded(head.application), folded(head.name))
}

fn parsed(kind: Kind, found: Vec<(Entry, Revision)>) -> Vec<Document> {
    let parse = |(entry, revision): (Entry, Revision)| match document::parse(&entry.key, &entry.raw)
    {
        Ok(body) => Some(Document {
            kind,
            revision,
            body: body?,
        }),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the document {} cannot be read and is missing in lists",
                entry.key
            );
            None
        }
    };
    found.into_iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cache: &Cache) -> Vec<(String, u64)> {
        cache
            .entries(Kind::Pipeline)
            .into_iter()
            .map(|entry| (entry.key, entry.revision))
            .collect()
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_one() {
        let cache = Cache::default();
        let raw = || Some((Revision::Sequence(1), Bytes::from_static(b"{}")));
        cache.apply("pipe.a", 5, raw());
        cache.apply("pipe.a", 4, raw());
        assert_eq!(names(&cache), [("pipe.a".to_owned(), 5)]);
        cache.apply("pipe.a", 7, None);
        cache.apply("pipe.a", 6, raw());
        assert_eq!(names(&cache), []);
        cache.confirm_deleted("pipe.a", 7);
        cache.apply("pipe.a", 8, raw());
        assert_eq!(names(&cache), [("pipe.a".to_owned(), 8)]);
    }

    #[test]
    fn voids_and_names_are_no_documents() {
        let cache = Cache::default();
        let content = |raw| Some((Revision::Sequence(1), Bytes::from_static(raw)));
        cache.apply("pipe.a", 1, content(document::VOID));
        cache.apply("name.a.b", 2, content(b"{}"));
        assert_eq!(names(&cache), []);
    }
}
