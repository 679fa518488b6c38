//! One watch that keeps the store up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gennaker_manifests::Native;
use gennaker_runtime::Backoff;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Active, strip};
use crate::account::Account;
use crate::discovery::Resource;
use crate::error::Error;
use crate::transport::Call;
use crate::watch::{Event, Watch, is_expired};

/// Objects in one page. Small, as the whole page is in memory at once.
const PAGE: usize = 250;
/// Largest page in bytes; a larger one is asked for again with fewer objects.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// Largest page of a single object: as any answer.
const OBJECT_BYTES_MAX: usize = crate::transport::ANSWER_BYTES_MAX;
/// How long one watch lasts. A connection that broke unnoticed is found after that.
const WATCH: Duration = Duration::from_secs(120);
const RETRY_BASE: Duration = Duration::from_millis(500);
const RETRY_CEILING: Duration = Duration::from_secs(60);
/// What only names are needed of.
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const JSON: &str = "application/json";

/// What one watch is about.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) resource: Resource,
    /// None for all.
    pub(super) namespace: Option<String>,
    /// Else metadata only.
    pub(super) whole: bool,
}

/// A page of a list, its objects not read yet: one at a time is enough in memory.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

impl Feed {
    /// As it is called in logs and in what a cache says about itself.
    pub(super) fn name(&self) -> String {
        let kind = self.resource.spinnaker_kind();
        match &self.namespace {
            Some(namespace) => format!("{kind} in {namespace}"),
            None => kind.to_string(),
        }
    }

    fn call(&self, accept: &'static str) -> Call {
        Call::get(self.resource.path(self.namespace.as_deref())).accept(accept)
    }
}

/// Keeps the store up to date until it is stopped.
pub(super) async fn run(account: Account, active: Arc<Active>, feed: Feed, number: usize) {
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CEILING, number as u64);
    let mut version = None;
    loop {
        match follow(&account, &active, &feed, number, &mut version, &mut backoff).await {
            // The server ends watches after a while; the next goes on where it ended.
            Ok(()) => {}
            Err(error) if is_expired(&error) => {
                version = None;
                tokio::time::sleep(backoff.next_delay()).await;
            }
            Err(error) => {
                let now = account.inner.clock.now_ms();
                active.lock().disconnected(number, now, error.to_string());
                active.news.notify_waiters();
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    }
}

async fn follow(
    account: &Account,
    active: &Active,
    feed: &Feed,
    number: usize,
    version: &mut Option<String>,
    backoff: &mut Backoff,
) -> Result<(), Error> {
    let begin = match version {
        Some(version) => version.clone(),
        None => load(account, active, feed, number).await?,
    };
    let accept = if feed.whole { JSON } else { METADATA };
    let transport = &account.inner.transport;
    let mut watch =
        Watch::begin(transport, account.name(), feed.call(accept), &begin, WATCH).await?;
    *version = Some(begin);
    backoff.reset();
    active
        .lock()
        .connected(number, account.inner.clock.now_ms());
    active.news.notify_waiters();
    loop {
        let event = watch.next().await?;
        *version = Some(watch.version().to_owned());
        match event {
            Some(Event::Applied(object)) => put(account, active, feed, number, object),
            Some(Event::Deleted(object)) => {
                let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
                active
                    .lock()
                    .remove(number, text("namespace"), text("name"));
            }
            Some(Event::Bookmark) => {}
            None => return Ok(()),
        }
    }
}

/// Reads all objects anew and answers the version that they are of. What was known stays until all is read.
async fn load(
    account: &Account,
    active: &Active,
    feed: &Feed,
    number: usize,
) -> Result<String, Error> {
    let transport = &account.inner.transport;
    let mut seen = BTreeSet::new();
    let mut next = String::new();
    let mut limit = PAGE;
    loop {
        let Ok(_place) = active.pages.acquire().await else {
            unreachable!("nobody closes it");
        };
        let bytes = match transport.bytes(page(feed, limit, &next)).await {
            Err(Error::TooLarge { .. }) if limit > 1 => {
                limit /= 2;
                continue;
            }
            other => other?,
        };
        let page: Page<'_> = serde_json::from_slice(&bytes)
            .map_err(|error| transport.nonsense(&format!("a list cannot be read ({error})")))?;
        for item in page.items.unwrap_or_default() {
            let object: Value = serde_json::from_str(item.get()).map_err(|error| {
                transport.nonsense(&format!("an object cannot be read ({error})"))
            })?;
            let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().into();
            seen.insert((text("namespace"), text("name")));
            put(account, active, feed, number, object);
        }
        if page.metadata.next.is_empty() {
            active.lock().keep_only(number, &seen);
            return Ok(page.metadata.resource_version);
        }
        next = page.metadata.next;
    }
}

/// The question for a page of a list: so many objects, from where the one before ended.
fn page(feed: &Feed, limit: usize, from: &str) -> Call {
    let accept = if feed.whole { JSON } else { METADATA_LIST };
    let bytes_max = if limit > 1 {
        PAGE_BYTES_MAX
    } else {
        OBJECT_BYTES_MAX
    };
    feed.call(accept)
        .bytes_max(bytes_max)
        .query("limit", limit.to_string())
        .query_if("continue", Some(from).filter(|from| !from.is_empty()))
}

fn put(account: &Account, active: &Active, feed: &Feed, number: usize, object: Value) {
    let text = |key: &str| {
        object["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (namespace, name) = (text("namespace"), text("name"));
    let settings = account.settings();
    if !namespace.is_empty() && !settings.lets_pass(&namespace) {
        return;
    }
    match strip::strip(
        object,
        &feed.resource,
        feed.whole,
        settings.only_spinnaker_managed,
    ) {
        Some(object) => active.lock().put(number, object),
        // It may have been shown before.
        None => active.lock().remove(number, &namespace, &name),
    }
}

/// Forgets which kinds the cluster serves when custom resource definitions change.
pub(super) async fn run_definitions(account: Account) {
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CEILING, 0);
    loop {
        // Without the right to watch definitions a kind that is not found is looked for again anyway.
        if follow_definitions(&account, &mut backoff).await.is_err() {
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}

async fn follow_definitions(account: &Account, backoff: &mut Backoff) -> Result<(), Error> {
    let resource = account
        .resource_unchecked(&Native::CustomResourceDefinition.into())
        .await?;
    let transport = &account.inner.transport;
    let path = resource.path(None);
    let list = transport
        .bytes(
            Call::get(path.clone())
                .accept(METADATA_LIST)
                .query("limit", "1"),
        )
        .await?;
    let page: Page<'_> =
        serde_json::from_slice(&list).map_err(|error| transport.nonsense(&error.to_string()))?;
    let version = page.metadata.resource_version;
    let mut watch = Watch::begin(
        transport,
        account.name(),
        Call::get(path).accept(METADATA),
        &version,
        WATCH,
    )
    .await?;
    backoff.reset();
    while let Some(event) = watch.next().await? {
        match event {
            Event::Applied(_) | Event::Deleted(_) => account.inner.discovery.forget().await,
            Event::Bookmark => {}
        }
    }
    Ok(())
}
