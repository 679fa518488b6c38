//! What is kept, and how it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gennaker_manifests::{Kind, Manifest, Native, moniker};
use serde_json::Value;

use super::Freshness;

/// Which objects to take out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything.
    All,
    /// What belongs to an application, with the pods of its workloads and all services and ingresses beside them.
    Application(String),
    /// The applications of one object, which is told by namespace and name (`replicaSet web`), or by uid.
    Object {
        /// Its namespace.
        namespace: String,
        /// Its full name, or its uid.
        name: String,
    },
    /// Objects of some kinds.
    Kinds(Vec<Kind>),
    /// Objects of some kinds whose name, namespace or application contains a text, letters of any case.
    Search {
        /// The kinds.
        kinds: Vec<Kind>,
        /// The text.
        text: String,
        /// At most so many.
        limit: usize,
    },
}

/// The objects of one account.
pub(super) struct Store {
    feeds: Vec<FeedState>,
    entries: BTreeMap<Key, Entry>,
    by_app: BTreeMap<Arc<str>, BTreeSet<Key>>,
    /// By the uid of the owner.
    by_owner: BTreeMap<Uid, BTreeSet<Key>>,
    bytes: usize,
    bytes_max: usize,
    left_out: BTreeSet<Key>,
}

/// What is known of one watch.
struct FeedState {
    name: String,
    /// When it was last known to be up to date, in epoch milliseconds; none before the first time.
    contact_ms: Option<i64>,
    /// It is up to date now.
    connected: bool,
    trouble: Option<String>,
}

/// Watch, namespace, name: shared, as the same key stands in several indexes.
type Key = Arc<(u32, Box<str>, Box<str>)>;
/// A uid as a number: 16 bytes instead of 36.
type Uid = u128;

struct Entry {
    text: Arc<[u8]>,
    kind: Kind,
    app: Option<Arc<str>>,
    uid: Uid,
    owners: Box<[Uid]>,
}

impl Store {
    pub(super) fn new(feeds: impl Iterator<Item = String>, bytes_max: usize) -> Store {
        let feeds = feeds.map(|name| FeedState {
            name,
            contact_ms: None,
            connected: false,
            trouble: None,
        });
        Store {
            feeds: feeds.collect(),
            entries: BTreeMap::new(),
            by_app: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            left_out: BTreeSet::new(),
        }
    }

    /// Whether every watch has shown all it has, or why it cannot.
    pub(super) fn is_settled(&self) -> bool {
        self.feeds
            .iter()
            .all(|feed| feed.contact_ms.is_some() || feed.trouble.is_some())
    }

    pub(super) fn connected(&mut self, feed: usize, now_ms: i64) {
        let feed = &mut self.feeds[feed];
        feed.contact_ms = Some(now_ms);
        feed.connected = true;
        feed.trouble = None;
    }

    pub(super) fn disconnected(&mut self, feed: usize, now_ms: i64, trouble: String) {
        let feed = &mut self.feeds[feed];
        if feed.connected {
            feed.contact_ms = Some(now_ms);
        }
        feed.connected = false;
        feed.trouble = Some(trouble);
    }

    pub(super) fn freshness(&self, now_ms: i64) -> Freshness {
        let ages = self
            .feeds
            .iter()
            .filter(|feed| !feed.connected)
            .filter_map(|feed| feed.contact_ms);
        let age = ages
            .map(|since| u64::try_from(now_ms - since).unwrap_or(0))
            .max();
        let troubles = self.feeds.iter().filter_map(|feed| {
            let never = || {
                feed.contact_ms
                    .is_none()
                    .then(|| "it was not read yet".to_owned())
            };
            Some((feed.name.clone(), feed.trouble.clone().or_else(never)?))
        });
        Freshness {
            age: age.map(Duration::from_millis),
            troubles: troubles.collect(),
            left_out: self.left_out.len(),
            bytes: self.bytes,
        }
    }

    /// Keeps an object as it is now.
    pub(super) fn put(&mut self, feed: usize, object: Value) {
        let Ok(manifest) = Manifest::new(object) else {
            return;
        };
        let key = key(feed, manifest.namespace(), manifest.name());
        self.take(&key);
        let app = moniker::of(&manifest).app.map(|app| self.app(&app));
        let owners = owners(&manifest);
        let (kind, uid) = (manifest.kind(), uid(manifest.uid()));
        let text: Arc<[u8]> = manifest.into_value().to_string().into_bytes().into();
        if self.bytes + text.len() > self.bytes_max {
            self.left_out.insert(key);
            return;
        }
        self.bytes += text.len();
        if let Some(app) = &app {
            self.by_app
                .entry(Arc::clone(app))
                .or_default()
                .insert(Arc::clone(&key));
        }
        for owner in &owners {
            self.by_owner
                .entry(*owner)
                .or_default()
                .insert(Arc::clone(&key));
        }
        let entry = Entry {
            text,
            kind,
            app,
            uid,
            owners,
        };
        self.entries.insert(key, entry);
    }

    /// Forgets an object.
    pub(super) fn remove(&mut self, feed: usize, namespace: &str, name: &str) {
        self.take(&key(feed, namespace, name));
    }

    /// Forgets all objects of a watch but these: it was read anew.
    pub(super) fn keep_only(&mut self, feed: usize, seen: &BTreeSet<(Box<str>, Box<str>)>) {
        let number = number(feed);
        let is_gone =
            |key: &&Key| key.0 == number && !seen.contains(&(key.1.clone(), key.2.clone()));
        let gone: Vec<Key> = self
            .entries
            .keys()
            .chain(&self.left_out)
            .filter(is_gone)
            .map(Arc::clone)
            .collect();
        for key in gone {
            self.take(&key);
        }
    }

    /// The texts of what is selected.
    pub(super) fn select(&self, selection: &Selection) -> Vec<Arc<[u8]>> {
        let text = |entry: &Entry| Arc::clone(&entry.text);
        match selection {
            Selection::All => self.entries.values().map(text).collect(),
            Selection::Application(app) => self.application(app),
            Selection::Object { namespace, name } => match self.find(namespace, name) {
                Some((_, Entry { app: Some(app), .. })) => self.application(app),
                Some((key, _)) => self.with_relatives(BTreeSet::from([Arc::clone(key)])),
                None => Vec::new(),
            },
            Selection::Kinds(kinds) => self
                .entries
                .values()
                .filter(|entry| kinds.contains(&entry.kind))
                .map(text)
                .collect(),
            Selection::Search {
                kinds,
                text: wanted,
                limit,
            } => {
                let wanted = wanted.to_lowercase();
                let holds = |text: &str| text.to_lowercase().contains(&wanted);
                let found = self.entries.iter().filter(|(key, entry)| {
                    let app = entry.app.as_deref().unwrap_or_default();
                    kinds.contains(&entry.kind) && (holds(&key.2) || holds(&key.1) || holds(app))
                });
                found.take(*limit).map(|(_, entry)| text(entry)).collect()
            }
        }
    }

    fn application(&self, app: &str) -> Vec<Arc<[u8]>> {
        match self.by_app.get(app) {
            Some(keys) => self.with_relatives(keys.clone()),
            None => Vec::new(),
        }
    }

    /// Some objects, what they own, and what brings traffic to the namespaces that they lie in.
    fn with_relatives(&self, keys: BTreeSet<Key>) -> Vec<Arc<[u8]>> {
        let mut open: Vec<Key> = keys.iter().map(Arc::clone).collect();
        let mut all = keys;
        while let Some(key) = open.pop() {
            let Some(entry) = self.entries.get(&key) else {
                continue;
            };
            for owned in self.by_owner.get(&entry.uid).into_iter().flatten() {
                if all.insert(Arc::clone(owned)) {
                    open.push(Arc::clone(owned));
                }
            }
        }
        let namespaces: BTreeSet<&str> = all.iter().map(|key| &*key.1).collect();
        let brings_traffic = |entry: &Entry| entry.kind.is_any(&[Native::Service, Native::Ingress]);
        let traffic: Vec<Key> = self
            .entries
            .iter()
            .filter(|(key, entry)| brings_traffic(entry) && namespaces.contains(&*key.1))
            .map(|(key, _)| Arc::clone(key))
            .collect();
        all.extend(traffic);
        all.iter()
            .filter_map(|key| self.entries.get(key))
            .map(|entry| Arc::clone(&entry.text))
            .collect()
    }

    fn find(&self, namespace: &str, name: &str) -> Option<(&Key, &Entry)> {
        let (kind, bare) = match name.split_once(' ') {
            Some((kind, bare)) => (Some(Kind::parse(kind)), bare),
            None => (None, name),
        };
        let wanted = uid(name);
        self.entries.iter().find(|(key, entry)| match &kind {
            Some(kind) => *key.1 == *namespace && *key.2 == *bare && entry.kind == *kind,
            None => entry.uid == wanted,
        })
    }

    fn take(&mut self, key: &Key) {
        self.left_out.remove(key);
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        self.bytes -= entry.text.len();
        if let Some(app) = &entry.app
            && let Some(keys) = self.by_app.get_mut(app)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.by_app.remove(app);
            }
        }
        for owner in &entry.owners {
            if let Some(keys) = self.by_owner.get_mut(owner) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_owner.remove(owner);
                }
            }
        }
    }

    /// The application's name as it is kept already.
    fn app(&self, name: &str) -> Arc<str> {
        self.by_app
            .get_key_value(name)
            .map_or_else(|| name.into(), |(kept, _)| Arc::clone(kept))
    }
}

fn key(feed: usize, namespace: &str, name: &str) -> Key {
    Arc::new((number(feed), namespace.into(), name.into()))
}

fn number(feed: usize) -> u32 {
    u32::try_from(feed).unwrap_or(u32::MAX)
}

fn owners(manifest: &Manifest) -> Box<[Uid]> {
    let owners = manifest
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str().map(uid))
        .collect()
}

/// The number that a uid is; for a text that is none, a number that no other text has but by chance.
fn uid(text: &str) -> Uid {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    match (hex.len(), Uid::from_str_radix(&hex, 16)) {
        (32, Ok(number)) => number,
        // FNV-1a of 128 bits.
        _ => text.bytes().fold(
            0x6c62_272e_07bb_0142_62b8_2175_6295_c58d,
            |hash: Uid, byte| {
                (hash ^ Uid::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
            },
        ),
    }
}

#[cfg(test)]
mod tests;
