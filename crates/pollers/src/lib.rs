//! Looks at what others have made, and makes an event of what is new: images, charts, packages, builds, objects.
//!
//! A [`Source`] says what there is. Everything else is the same for all of them and stands here:
//!
//! * **One process polls a source**, and processes with the same sources share them evenly (`share`). It holds a lease and gives it
//!   back when it ends or when somebody else joins; one that dies is followed within half a minute. The lease only saves work: what
//!   is right does not hang on it.
//! * **What is known is compact.** Twenty bytes for each thing (`known`), in chunks that never change, below one head that is
//!   written conditionally (`book`). Ten thousand tags that are seen for the first time are two writes, a look that finds nothing
//!   new is none, and one new tag is two. Everything that becomes known does so by the head's write: of two processes that look
//!   at the same time, one is refused and reads again.
//! * **Nothing fires on first sight** (`difference`): not when the source is seen for the first time, and not what comes into
//!   sight because the settings look at more of it.
//! * **An event is stored once.** What it says, its id and its time are decided and kept in the head before it is stored, and
//!   only when it is stored does its item become known. A process that dies in between leaves it to the next one, which
//!   stores the same: the broker drops it as a repeat, or, after that window, it starts executions that exist already.
//! * **A threshold warns and never blocks.** Igor stops polling a source that has more new things than its threshold until
//!   somebody fast-forwards it; here all of them become events, two hundred at a time, and the status says so.
//! * **What fails is tried again** later and later, up to ten minutes apart; a part that fails (one repository of a registry)
//!   does not hold up the rest. How it goes with each source is kept for people (`health`).
//! * **A hint** makes a source be looked at at once, where the hint points to; nobody believes what it says
//!   ([`gennaker_model::polling::Hint`]).
//!
//! It must never start a pipeline, read a trigger, or know how a protocol is spoken: `registries`, `builds` and `artifacts` do
//! that. Run by `gennaker` in the role `triggers`; nobody calls it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod book;
mod cycle;
mod difference;
mod driver;
mod health;
mod known;
mod metrics;
mod share;
mod source;
pub mod sources;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use gennaker_bus::{Bus, Subscription, subject};
use gennaker_model::{polling::Hint, routing::fnv1a64};
use gennaker_runtime::{Backoff, CancellationToken, Clock};
use tokio::{sync::Semaphore, task::JoinSet};

use book::Book;
use driver::{Driver, Hinted, LEASE, Shared, key};
use share::Sharing;

pub use known::Known;
pub use source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// Looks at a time in one process.
const LOOKS_MAX: usize = 8;

/// How sources are polled.
#[derive(Clone, Debug)]
pub struct Config {
    /// The process, as the broker knows it.
    pub process: String,
    /// Time from one look at a source to the next.
    pub interval: Duration,
    /// Above how many new things at once a warning is due.
    pub item_upper_threshold: u32,
    /// Drawn once per process.
    pub seed: u64,
}

/// Polls sources.
pub struct Pollers {
    shared: Shared,
    sources: Vec<Arc<dyn Source>>,
    seed: u64,
}

impl Pollers {
    /// Over one bus. Every process of an installation should have the same sources, as far as its zone reaches them.
    #[must_use]
    pub fn new(bus: &Bus, clock: Clock, config: Config, sources: Vec<Arc<dyn Source>>) -> Self {
        Self {
            shared: Shared {
                book: Book::new(bus, config.seed),
                events: bus.events(),
                lease: bus.lease(LEASE),
                process: config.process,
                interval: config.interval,
                threshold: config.item_upper_threshold,
                places: Arc::new(Semaphore::new(LOOKS_MAX)),
                bus: bus.clone(),
                clock,
            },
            sources,
            seed: config.seed,
        }
    }

    /// Polls until `cancel`; trouble is waited out.
    pub async fn run(self, cancel: CancellationToken) {
        if self.sources.is_empty() {
            return;
        }
        if let Err(error) = metrics::register() {
            tracing::error!("the figures of pollers are not shown: {error}");
        }
        let mut running = JoinSet::new();
        let mut listeners = Vec::new();
        let (sharing, mine) = Sharing::new(
            self.shared.lease.clone(),
            self.shared.clock.clone(),
            (&self.shared.process, self.seed),
            self.sources.iter().map(|source| key(source.id())),
        );
        running.spawn(sharing.run(cancel.clone()));
        for source in self.sources {
            let id = source.id();
            let name = format!("{} {}", id.kind, id.name);
            let driver = Driver {
                shared: self.shared.clone(),
                source: Arc::clone(&source),
                hinted: Arc::default(),
                mine: mine.clone(),
                seed: self.seed ^ fnv1a64(name.as_bytes()),
            };
            listeners.push((source, Arc::clone(&driver.hinted)));
            running.spawn(driver.run(cancel.clone()));
        }
        let (bus, clock) = (self.shared.bus.clone(), self.shared.clock.clone());
        let token = cancel.clone();
        running.spawn(async move { listen(&bus, &clock, &listeners, &token).await });
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a poller panicked; its source is not polled by this process any more"
                );
            }
        }
    }
}

/// Hands hints to the sources that they are about.
async fn listen(
    bus: &Bus,
    clock: &Clock,
    listeners: &[(Arc<dyn Source>, Arc<Hinted>)],
    cancel: &CancellationToken,
) {
    let mut pauses = Backoff::new(Duration::from_millis(200), Duration::from_secs(5), 1);
    loop {
        match bus.subscribe(subject::poll_hint()).await {
            Ok(mut hints) => hear(&mut hints, listeners, cancel).await,
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "hints cannot be heard yet"
            ),
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = clock.sleep(pauses.next_delay()) => {}
        }
    }
}

async fn hear(
    hints: &mut Subscription,
    listeners: &[(Arc<dyn Source>, Arc<Hinted>)],
    cancel: &CancellationToken,
) {
    loop {
        let message = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            message = hints.next() => message,
        };
        let Some((_, payload)) = message else { return };
        let Some(hint) = Hint::decode(&payload) else {
            continue;
        };
        for (source, hinted) in listeners {
            hinted.add(source.hinted(&hint));
        }
    }
}
