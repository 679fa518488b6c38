//! Templates that lie at addresses, kept for those that look at pipelines: a worker reads each, again and again.
//!
//! Looking at pipelines must not wait for the network, so a template that was not read yet contributes no triggers until it was,
//! and one that cannot be read any more goes on contributing what it did.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::Store;

/// How often a template is read again.
const AGAIN_MS: i64 = 5 * 60_000;

/// How long until one is tried again that could not be read.
const RETRY_MS: i64 = 30_000;

/// How often is looked whether there is something to read.
const TICK: Duration = Duration::from_secs(1);

/// Most addresses that are read; of more, nobody would know which template is how old.
const ADDRESSES_MAX: usize = 500;

/// What is known of addresses.
#[derive(Clone, Default)]
pub(crate) struct Addresses(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Changes with every text that does.
    version: u64,
    texts: BTreeMap<String, Text>,
    /// Those that pipelines name now.
    wished: BTreeSet<String>,
}

struct Text {
    text: Option<String>,
    /// [`Known::version`] of its last change.
    version: u64,
    due_ms: i64,
}

impl Addresses {
    /// Which change was the last.
    pub(crate) fn version(&self) -> u64 {
        self.known(|known| known.version)
    }

    /// The text at an address, if it was read, and which version of it that is.
    pub(crate) fn of(&self, url: &str) -> (Option<String>, u64) {
        self.known(|known| match known.texts.get(url) {
            Some(found) => (found.text.clone(), found.version),
            None => (None, 0),
        })
    }

    /// These are what pipelines name now; others are forgotten.
    pub(crate) fn wish(&self, mut urls: BTreeSet<String>) {
        if urls.len() > ADDRESSES_MAX {
            tracing::warn!(
                "pipelines name {} templates at addresses, of which {ADDRESSES_MAX} are read; triggers of the others do not fire",
                urls.len()
            );
            urls = urls.into_iter().take(ADDRESSES_MAX).collect();
        }
        self.known(|known| known.wished = urls);
    }

    /// Reads what is due until `cancel`.
    pub(crate) async fn run(&self, store: &Store, clock: &Clock, cancel: &CancellationToken) {
        loop {
            while let Some(url) = self.due(clock.now_ms()) {
                let read = tokio::select! {
                    () = cancel.cancelled() => return,
                    read = store.read_address(&url) => read,
                };
                self.learn(&url, read, clock.now_ms());
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = clock.sleep(TICK) => {}
            }
        }
    }

    fn due(&self, now_ms: i64) -> Option<String> {
        self.known(|known| {
            let Known { texts, wished, .. } = known;
            texts.retain(|url, _| wished.contains(url));
            let is_due = |url: &&String| texts.get(*url).is_none_or(|it| it.due_ms <= now_ms);
            wished.iter().find(is_due).cloned()
        })
    }

    fn learn(&self, url: &str, read: Result<String, String>, now_ms: i64) {
        self.known(|known| {
            let next = known.version + 1;
            let found = known.texts.entry(url.to_owned()).or_insert(Text {
                text: None,
                version: 0,
                due_ms: 0,
            });
            match read {
                Ok(text) => {
                    found.due_ms = now_ms + AGAIN_MS;
                    if found.text.as_ref() != Some(&text) {
                        found.text = Some(text);
                        found.version = next;
                        known.version = next;
                    }
                }
                Err(reason) => {
                    found.due_ms = now_ms + RETRY_MS;
                    tracing::warn!(
                        "a template that pipelines name by its address cannot be read: {reason}"
                    );
                }
            }
        });
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().expect("no look at addresses panics"))
    }
}
