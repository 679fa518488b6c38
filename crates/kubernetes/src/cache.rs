//! The objects that pages show, kept up to date by watches while somebody looks.
//!
//! Nothing is watched before the first question, and nothing any more some time after the last. There is one watch for each kind
//! (and namespace, where the account names its namespaces). What is kept is small: the JSON text of stripped objects, with a few
//! indexes; of kinds that are shown by name only, the metadata. A cluster that cannot be reached keeps what was known, and says
//! how old it is.

mod feed;
mod store;
mod strip;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gennaker_manifests::kind::SpinnakerKind;
use gennaker_manifests::{Kind, Manifest, Native, views};
use gennaker_runtime::Scope;
use gennaker_settings::Kubernetes;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::account::Account;
use crate::accounts::Options;
use crate::error::Error;
use store::Store;

pub use store::Selection;

/// Kinds that are shown by their names only.
const BY_NAME: [Native; 4] = [
    Native::ConfigMap,
    Native::Secret,
    Native::PersistentVolume,
    Native::PersistentVolumeClaim,
];

/// After a cluster could not be reached, the next look at it is at least so long later.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Pages of lists that are read at the same time, of all watches of an account together. They are what takes memory while a cache
/// fills, not what is kept of them.
const PAGES_AT_ONCE: usize = 4;

/// Objects out of the cache, and how fresh they are.
///
/// They are stripped of what nobody looks at: managed fields, what was applied last, data of Secrets, environments of containers.
/// They stay text, which they share with the cache: as values they would take ten times the memory.
#[derive(Debug, Clone, Default)]
pub struct Cached {
    /// The objects as JSON.
    pub(crate) texts: Vec<Arc<[u8]>>,
    /// How fresh they are.
    pub freshness: Freshness,
}

/// How fresh a cache is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freshness {
    /// How long the part that was cut off longest is cut off; none when all is as of now.
    pub age: Option<Duration>,
    /// Kinds that were never read yet, and those that cannot be read: kind, and why.
    pub troubles: Vec<(String, String)>,
    /// Objects that did not fit into memory.
    pub left_out: usize,
    /// Bytes of the objects that are kept.
    pub bytes: usize,
}

/// The cache of one account.
pub(crate) struct Cache {
    scope: Scope,
    idle_after: Duration,
    bytes_max: usize,
    active: Mutex<Option<Arc<Active>>>,
    /// When and why it could not begin the last time.
    failed: Mutex<Option<(Instant, Error)>>,
}

/// A cache that is kept up to date.
struct Active {
    scope: Scope,
    store: Mutex<Store>,
    /// A place for each page that is being read.
    pages: Semaphore,
    /// Something changed in how fresh it is.
    news: Notify,
    usage: Mutex<Usage>,
}

/// Who looks.
struct Usage {
    /// Questions that are being answered.
    open: usize,
    /// When the last one was answered.
    last: Instant,
}

/// A question that is being answered: until it is, the watches go on.
struct Using(Arc<Active>);

impl Cache {
    pub(crate) fn new(settings: &Kubernetes, options: &Options) -> Cache {
        Cache {
            scope: options.scope.clone(),
            idle_after: Duration::from_millis(settings.cache_idle_ms),
            bytes_max: usize::try_from(settings.cache_bytes_max).unwrap_or(usize::MAX),
            active: Mutex::new(None),
            failed: Mutex::new(None),
        }
    }
}

impl Cached {
    /// The objects, each read when it is asked for.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = Manifest> {
        self.texts.iter().map(|text| {
            let value = serde_json::from_slice(text).expect("we wrote it");
            Manifest::new(value).expect("it was one when it was kept")
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

impl Account {
    /// Objects as they were last seen. The first question starts the watches and waits for them, at most for `patience`; what is
    /// not there by then is named in the freshness. Empty for an account whose cache is off.
    ///
    /// # Errors
    /// When nothing can be said at all: the cluster was never reached.
    pub async fn cached(&self, selection: &Selection, patience: Duration) -> Result<Cached, Error> {
        if !self.settings().cache {
            let mut cached = Cached::default();
            cached.freshness.troubles = vec![(
                "all".to_owned(),
                "the cache of this account is off".to_owned(),
            )];
            return Ok(cached);
        }
        let using = match self.active() {
            Some(using) => using,
            None => self.begin(patience).await?,
        };
        let active = &using.0;
        let complete = async {
            loop {
                let news = active.news.notified();
                if active.lock().is_settled() {
                    return;
                }
                news.await;
            }
        };
        // Whether it is complete stands in what it says.
        let _ = tokio::time::timeout(patience, complete).await;
        let (texts, freshness) = {
            let store = active.lock();
            let texts = store.select(selection);
            (texts, store.freshness(self.inner.clock.now_ms()))
        };
        Ok(Cached { texts, freshness })
    }

    /// Whether the cache is kept up to date at the moment.
    pub fn is_caching(&self) -> bool {
        self.inner
            .cache
            .active
            .lock()
            .expect("nothing panics while it holds this lock")
            .is_some()
    }

    fn active(&self) -> Option<Using> {
        let active = self
            .inner
            .cache
            .active
            .lock()
            .expect("nothing panics while it holds this lock");
        active.as_ref().map(Using::begin)
    }

    /// Begins to watch; for a while after that failed the failure is the answer, so that a cluster that stands still does not make
    /// every page wait.
    async fn begin(&self, patience: Duration) -> Result<Using, Error> {
        let failed = &self.inner.cache.failed;
        let held = "nothing panics while it holds this lock";
        if let Some((when, error)) = failed.lock().expect(held).as_ref()
            && when.elapsed() < AGAIN_AFTER
        {
            return Err(error.clone());
        }
        let begun = self.activate(patience).await;
        *failed.lock().expect(held) = begun
            .as_ref()
            .err()
            .map(|error| (Instant::now(), error.clone()));
        begun
    }

    /// Begins to watch. Which kinds the cluster serves must be known for that.
    async fn activate(&self, patience: Duration) -> Result<Using, Error> {
        let asked = tokio::time::timeout(patience, self.resources()).await;
        let resources = asked.unwrap_or_else(|_| {
            Err(Error::Timeout {
                account: self.name().to_owned(),
                after: patience,
            })
        })?;
        let mut feeds = Vec::new();
        for (kind, whole) in self.cached_kinds() {
            let Some(resource) = resources.preferred(&kind).filter(|it| it.can("watch")) else {
                continue;
            };
            feeds.extend(
                self.namespaces_to_watch(resource.namespaced)
                    .into_iter()
                    .map(|namespace| feed::Feed {
                        resource: resource.clone(),
                        namespace,
                        whole,
                    }),
            );
        }
        let cache = &self.inner.cache;
        let mut slot = cache
            .active
            .lock()
            .expect("nothing panics while it holds this lock");
        if let Some(active) = slot.as_ref() {
            return Ok(Using::begin(active));
        }
        let active = Arc::new(Active {
            scope: cache.scope.child(&format!("kubernetes-{}", self.name())),
            store: Mutex::new(Store::new(
                feeds.iter().map(feed::Feed::name),
                cache.bytes_max,
            )),
            pages: Semaphore::new(PAGES_AT_ONCE),
            news: Notify::new(),
            usage: Mutex::new(Usage {
                open: 0,
                last: Instant::now(),
            }),
        });
        for (number, feed) in feeds.into_iter().enumerate() {
            let name = feed.name();
            let run = feed::run(self.clone(), Arc::clone(&active), feed, number);
            active.scope.spawn(&name, run);
        }
        active
            .scope
            .spawn("definitions", feed::run_definitions(self.clone()));
        active
            .scope
            .spawn("idle", stop_when_idle(self.clone(), Arc::clone(&active)));
        tracing::debug!(
            account = self.name(),
            "the cache of account {} begins to watch",
            self.name()
        );
        let using = Using::begin(&active);
        *slot = Some(active);
        Ok(using)
    }

    /// The kinds to keep that the account may see, and whether they are kept whole.
    fn cached_kinds(&self) -> Vec<(Kind, bool)> {
        let whole = views::KINDS
            .into_iter()
            .map(|native| (Kind::from(native), true));
        let named = BY_NAME
            .into_iter()
            .map(|native| (Kind::from(native), false));
        let custom = self.custom_kinds().iter().map(|(kind, custom)| {
            (
                kind.clone(),
                custom.spinnaker_kind != SpinnakerKind::Unclassified,
            )
        });
        let all = whole.chain(named).chain(custom);
        all.filter(|(kind, _)| self.filter().lets_pass(kind))
            .collect()
    }

    fn namespaces_to_watch(&self, namespaced: bool) -> Vec<Option<String>> {
        let named = &self.settings().namespaces;
        match namespaced && !named.is_empty() {
            true => named.iter().cloned().map(Some).collect(),
            false => vec![None],
        }
    }
}

impl Active {
    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store
            .lock()
            .expect("nothing panics while it holds this lock")
    }

    fn usage(&self) -> std::sync::MutexGuard<'_, Usage> {
        self.usage
            .lock()
            .expect("nothing panics while it holds this lock")
    }

    /// The moment after which nobody looks any more, as far as it is known now.
    fn idle_at(&self, idle_after: Duration) -> Instant {
        let usage = self.usage();
        match usage.open {
            0 => usage.last + idle_after,
            _ => Instant::now() + idle_after,
        }
    }
}

impl Using {
    fn begin(active: &Arc<Active>) -> Using {
        active.usage().open += 1;
        Using(Arc::clone(active))
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.open -= 1;
        usage.last = Instant::now();
    }
}

async fn stop_when_idle(account: Account, active: Arc<Active>) {
    let idle_after = account.inner.cache.idle_after;
    loop {
        let end = active.idle_at(idle_after);
        if Instant::now() < end {
            tokio::time::sleep_until(end).await;
            continue;
        }
        let mut slot = account
            .inner
            .cache
            .active
            .lock()
            .expect("nothing panics while it holds this lock");
        // Somebody may have asked between our look and the lock.
        if active.idle_at(idle_after) > Instant::now() {
            continue;
        }
        *slot = None;
        drop(slot);
        tracing::debug!(
            account = account.name(),
            "nobody looks at account {}: its cache stops",
            account.name()
        );
        active.scope.abort();
        return;
    }
}
