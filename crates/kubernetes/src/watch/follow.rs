//! A few objects, straight from the API server: what "wait until stable" looks at.

use std::collections::BTreeMap;
use std::time::Duration;

use gennaker_manifests::{Coordinates, Manifest};
use gennaker_runtime::Backoff;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::stream::{Event, Watch, is_expired};
use crate::account::Account;
use crate::error::Error;
use crate::requests::typed_items;
use crate::transport::Call;

/// Most objects of one [`Follow`]: each is a connection of its own.
const OBJECTS_MAX: usize = 500;
/// How long one watch lasts before the truth is read again.
const WATCH: Duration = Duration::from_secs(45);
const RETRY_BASE: Duration = Duration::from_millis(250);
const RETRY_CEILING: Duration = Duration::from_secs(5);
/// Changes that wait to be looked at.
const CHANGES_MAX: usize = 64;

/// What is known of an object.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nobody could be asked yet.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there, and is like this.
    Present(Box<Manifest>),
}

/// Some objects of one account and what is known of them. It ends with this value.
pub struct Follow {
    seen: BTreeMap<Coordinates, (Seen, Option<Error>)>,
    news: mpsc::Receiver<(Coordinates, Result<Seen, Error>)>,
    _tasks: JoinSet<()>,
}

impl Account {
    /// Follows objects from now on.
    ///
    /// # Errors
    /// [`Error::Malformed`] for more than 500 objects.
    pub fn follow(&self, objects: impl IntoIterator<Item = Coordinates>) -> Result<Follow, Error> {
        let seen: BTreeMap<_, _> = objects
            .into_iter()
            .map(|at| (at, (Seen::Unknown, None)))
            .collect();
        if seen.len() > OBJECTS_MAX {
            return Err(Error::Malformed(format!(
                "{} objects cannot be followed at once, at most {OBJECTS_MAX}",
                seen.len()
            )));
        }
        let (sender, news) = mpsc::channel(CHANGES_MAX);
        let mut tasks = JoinSet::new();
        for (number, at) in seen.keys().enumerate() {
            tasks.spawn(run(self.clone(), at.clone(), number as u64, sender.clone()));
        }
        Ok(Follow {
            seen,
            news,
            _tasks: tasks,
        })
    }
}

impl Follow {
    /// What is known of each object.
    pub fn all(&self) -> impl Iterator<Item = (&Coordinates, &Seen)> {
        self.seen.iter().map(|(at, (seen, _))| (at, seen))
    }

    /// What is known of one object.
    pub fn get(&self, at: &Coordinates) -> Option<&Seen> {
        self.seen.get(at).map(|(seen, _)| seen)
    }

    /// Objects that cannot be read at the moment, and why not: what is known of them may be old.
    pub fn troubles(&self) -> impl Iterator<Item = (&Coordinates, &Error)> {
        self.seen
            .iter()
            .filter_map(|(at, (_, trouble))| Some((at, trouble.as_ref()?)))
    }

    /// Waits until something changed, or something can be read no more or again. All changes that are known by then are taken
    /// in. Without objects it waits for ever. Cancel-safe.
    ///
    /// # Errors
    /// What does not pass by waiting: the kind is unknown or forbidden, the credentials are refused.
    pub async fn next(&mut self) -> Result<(), Error> {
        let Some(first) = self.news.recv().await else {
            return std::future::pending().await;
        };
        let mut next = Some(first);
        while let Some((at, news)) = next {
            let Some(known) = self.seen.get_mut(&at) else {
                next = self.news.try_recv().ok();
                continue;
            };
            match news {
                Ok(seen) => *known = (seen, None),
                Err(error) if error.is_transient() => known.1 = Some(error),
                Err(error) => return Err(error),
            }
            next = self.news.try_recv().ok();
        }
        Ok(())
    }
}

/// Follows one object until nobody listens, or an error that does not pass by waiting.
async fn run(
    account: Account,
    at: Coordinates,
    seed: u64,
    news: mpsc::Sender<(Coordinates, Result<Seen, Error>)>,
) {
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CEILING, seed);
    loop {
        let mut said = false;
        match follow_once(&account, &at, &news, &mut said).await {
            Ok(Ended::Listener) => return,
            Ok(Ended::Watch) => {}
            Err(error) => {
                let passes = error.is_transient();
                if !is_expired(&error) && news.send((at.clone(), Err(error))).await.is_err()
                    || !passes
                {
                    return;
                }
            }
        }
        if said {
            backoff.reset();
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Why a watch is over.
enum Ended {
    Listener,
    Watch,
}

/// Reads the truth, then watches from there.
async fn follow_once(
    account: &Account,
    at: &Coordinates,
    news: &mpsc::Sender<(Coordinates, Result<Seen, Error>)>,
    said: &mut bool,
) -> Result<Ended, Error> {
    let resource = account.resource(&at.kind).await?;
    let path = account.path(&resource, &at.namespace, "").await?;
    let transport = &account.inner.transport;
    let call = Call::get(path).query("fieldSelector", format!("metadata.name={}", at.name));
    let mut list = transport.json(call.clone()).await?;
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = match typed_items(&mut list, &resource).pop() {
        Some(object) => present(account, object)?,
        None => Seen::Absent,
    };
    if news.send((at.clone(), Ok(now))).await.is_err() {
        return Ok(Ended::Listener);
    }
    *said = true;
    if version.is_empty() {
        return Err(transport.nonsense("its list has no version"));
    }
    let mut watch = Watch::begin(transport, account.name(), call, &version, WATCH).await?;
    while let Some(event) = watch.next().await? {
        let seen = match event {
            Event::Applied(object) => present(account, object)?,
            Event::Deleted(_) => Seen::Absent,
            Event::Bookmark => continue,
        };
        if news.send((at.clone(), Ok(seen))).await.is_err() {
            return Ok(Ended::Listener);
        }
    }
    Ok(Ended::Watch)
}

fn present(account: &Account, object: Value) -> Result<Seen, Error> {
    Ok(Seen::Present(Box::new(account.object(object)?)))
}
