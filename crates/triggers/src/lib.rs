//! Events become starts: each stored event is matched against the triggers of all pipelines, and every pipeline that one of
//! them fires for is started once.
//!
//! An event is acknowledged after every start was answered by its owner and the verdicts on all triggers were kept. A process
//! that dies in between leaves the event to another one, which derives the same execution ids and starts nothing twice. Which
//! triggers fire is a pure function ([`gennaker_intake::matching`]); this crate does the reading, the waiting and the sending. Its
//! own clock makes events, too ([`timetable`]).
//!
//! It must never decide whether a start is allowed: the owner of the partition does. Run by `gennaker`; nobody calls it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod addresses;
mod artifacts;
mod candidates;
mod fresh;
mod hints;
mod observe;
mod starter;
mod switches;
#[cfg(test)]
mod tests;
pub mod timetable;
mod told;
mod verdicts;

use std::{sync::Arc, time::Duration};

use gennaker_bus::{Bus, Delivery};
use gennaker_credentials::auth::Secret;
use gennaker_intake::matching::{self, Event, QuietPeriod, Unreadable};
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::{Blobs, Store};
use tokio::{sync::Semaphore, task::JoinSet};
use tracing::Instrument as _;

pub use artifacts::Templates;
use candidates::Candidates;
use fresh::Fresh;
use starter::Starter;
use switches::Switches;
use timetable::Timetable;
use verdicts::Verdicts;

/// Events that are handled at once.
const EVENTS_MAX: usize = 64;

/// Deliveries after which an event is given up: something in it brings processes down.
const DELIVERIES_MAX: u64 = 10;

/// How often the broker hears that an event is still being worked on, or waits here for its turn: three times within the silence
/// after which the event goes to another process.
const PROGRESS: Duration = Duration::from_secs(3);

/// Pause before an event is tried again while documents cannot be read.
const AGAIN: Duration = Duration::from_secs(2);

/// How the role works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Number of partitions: whom starts go to.
    pub partitions: u32,
    /// How schedules are read.
    pub cron: timetable::Settings,
    /// The secret of triggers of the type `git` that have none of their own.
    pub git_secret: Option<Secret>,
    /// When triggers of some types fire nothing.
    pub quiet: Option<QuietPeriod>,
    /// What makes artifacts of events.
    pub templates: Templates,
}

/// Why the role ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event stream cannot be read.
    #[error("read the stream of events")]
    Events(#[source] gennaker_bus::Error),
}

/// The role `triggers`.
pub struct Triggers {
    bus: Bus,
    store: Store,
    candidates: candidates::Shared,
    starter: Starter,
    timetable: Timetable,
    clock: Clock,
    reading: Arc<Reading>,
    switches: Arc<Switches>,
}

/// How stored events are read.
struct Reading {
    git_secret: Option<Secret>,
    quiet: Option<QuietPeriod>,
    templates: Templates,
}

impl Triggers {
    /// The role over one bus. The cache of `store` must be kept current by the caller ([`Store::run`]).
    #[must_use]
    pub fn new(bus: Bus, store: Store, clock: Clock, config: Config) -> Self {
        let candidates = candidates::Shared::new(store.watch());
        Self {
            starter: Starter::new(bus.clone(), store.clone(), clock.clone(), config.partitions),
            timetable: Timetable {
                bus: bus.clone(),
                store: store.clone(),
                candidates: candidates.clone(),
                clock: clock.clone(),
                settings: config.cron,
            },
            clock,
            reading: Arc::new(Reading {
                git_secret: config.git_secret,
                quiet: config.quiet,
                templates: config.templates,
            }),
            switches: Arc::new(Switches::new(&bus)),
            bus,
            store,
            candidates,
        }
    }

    /// The same with large values in another place than the broker. Everybody in an installation has the same one.
    #[must_use]
    pub fn with_blobs(mut self, blobs: Blobs) -> Self {
        self.starter.set_blobs(blobs);
        self
    }

    /// Handles events until `cancel`; those that are under way are handed back.
    ///
    /// # Errors
    /// [`Error::Events`] when the stream of events cannot be read at all; trouble on the way is waited out.
    pub async fn run(&self, cancel: CancellationToken) -> Result<(), Error> {
        if let Err(error) = observe::register().and_then(|()| Timetable::register()) {
            tracing::error!("the figures of triggers are not shown: {error}");
        }
        // One that cannot read events tells no instants either.
        let (handled, (), ()) = tokio::join!(
            async {
                let handled = self.handle_events(&cancel).await;
                if handled.is_err() {
                    cancel.cancel();
                }
                handled
            },
            self.timetable.run(cancel.clone()),
            self.candidates
                .read_addresses(&self.store, &self.clock, &cancel),
        );
        handled
    }

    async fn handle_events(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let mut events = self.bus.events().consume().await.map_err(Error::Events)?;
        let mut running = JoinSet::new();
        let fresh = Arc::new(Fresh::new(self.store.clone()));
        let places = Arc::new(Semaphore::new(EVENTS_MAX));
        loop {
            let delivery = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(ended) = running.join_next(), if !running.is_empty() => {
                    log_end(ended);
                    continue;
                }
                // How many are taken is limited by the bus. Those that wait for a place wait in a task of their own, where somebody
                // tells the broker that they are not forgotten.
                delivery = events.next() => match delivery {
                    Some(delivery) => delivery,
                    None => break,
                },
            };
            let handling = Handling {
                bus: self.bus.clone(),
                starter: self.starter.clone(),
                fresh: Arc::clone(&fresh),
                candidates: self.candidates.clone(),
                reading: Arc::clone(&self.reading),
                switches: Arc::clone(&self.switches),
                places: Arc::clone(&places),
                cancel: cancel.clone(),
            };
            running.spawn(async move { handling.run(delivery).await });
        }
        while let Some(ended) = running.join_next().await {
            log_end(ended);
        }
        events.close().await;
        Ok(())
    }
}

/// One event on its way.
struct Handling {
    bus: Bus,
    starter: Starter,
    fresh: Arc<Fresh>,
    candidates: candidates::Shared,
    reading: Arc<Reading>,
    switches: Arc<Switches>,
    places: Arc<Semaphore>,
    cancel: CancellationToken,
}

/// How the handling of an event ended.
enum Ended {
    /// All starts were answered and the verdicts kept.
    Well,
    /// It never will be readable, for this reason.
    GivenUp(String),
    /// This process stops.
    HandedBack,
}

impl Handling {
    async fn run(self, delivery: Delivery) {
        match self.attend(&delivery).await {
            Ended::Well => settle(delivery.ack().await),
            Ended::GivenUp(reason) => {
                observe::given_up();
                tracing::error!(
                    event.sequence = delivery.sequence,
                    "event {} is given up: {reason}",
                    delivery.sequence
                );
                settle(delivery.term(&reason).await);
            }
            Ended::HandedBack => settle(delivery.nak(Duration::ZERO).await),
        }
    }

    /// Works on an event, and says so from the moment on at which it came.
    async fn attend(&self, delivery: &Delivery) -> Ended {
        let work = self.work(delivery);
        tokio::pin!(work);
        let mut progress = tokio::time::interval(PROGRESS);
        progress.reset();
        loop {
            tokio::select! {
                biased;
                ended = &mut work => return match ended {
                    Ok(()) => Ended::Well,
                    Err(reason) => Ended::GivenUp(reason),
                },
                () = self.cancel.cancelled() => return Ended::HandedBack,
                _ = progress.tick() => settle(delivery.progress().await),
            }
        }
    }

    /// The error is why it never will be readable.
    async fn work(&self, delivery: &Delivery) -> Result<(), String> {
        let _place = self.places.acquire().await.expect("nobody closes it");
        let mut event = self.reading.read(delivery).await?;
        // Everything that was saved before the event came in must have its chance. An event that waits for that stays here: each
        // delivery counts, and one that had too many is given up.
        while let Err(error) = self.fresh.catch_up().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                event.id = event.header.id,
                "event {} waits: the pipelines cannot be read just now",
                event.header.id
            );
            self.starter.clock().sleep(AGAIN).await;
        }
        let candidates = self.candidates.current();
        let span = observe::span(&event);
        self.handle(&mut event, &candidates).instrument(span).await;
        Ok(())
    }

    async fn handle(&self, event: &mut Event, candidates: &Candidates) {
        hints::send(&self.bus, event).await;
        told::complete(&self.bus, self.starter.clock(), event, candidates).await;
        let event = &*event;
        let matched_at_ms = self.starter.now_ms();
        let quiet = self.reading.quiet.as_ref();
        let off = self.switches.off(matched_at_ms).await;
        let verdicts = Verdicts::of(event, candidates, &|config, trigger| {
            let kind = trigger.get("type").and_then(serde_json::Value::as_str);
            switches::reason(&off, kind.unwrap_or_default())
                .or_else(|| quiet?.holds_back(config, trigger, matched_at_ms))
        });
        observe::matched(event, !verdicts.fired.is_empty(), matched_at_ms);
        let ended = self.starter.start_all(event, &verdicts.fired).await;
        let reason = matching::passed_over(event).map(str::to_owned);
        let record = verdicts.record(event, matched_at_ms, reason, ended);
        verdicts::keep(&self.bus, &record).await;
    }
}

impl Reading {
    /// Reads a stored event; the reason when it never will be readable.
    async fn read(&self, delivery: &Delivery) -> Result<Event, String> {
        if delivery.delivered > DELIVERIES_MAX {
            return Err(format!(
                "it was delivered {} times and never finished",
                delivery.delivered
            ));
        }
        let mut event = matching::decode(&delivery.payload).map_err(|error| told(&error))?;
        artifacts::complete(&mut event, &self.templates);
        if event.scm.is_some() {
            self.compare_secret(&mut event).await;
        }
        Ok(event)
    }

    async fn compare_secret(&self, event: &mut Event) {
        let Some(secret) = &self.git_secret else {
            return;
        };
        match secret.read().await {
            Ok(secret) => matching::compare_shared_secret(event, &secret),
            // Nobody gets in without it, and the verdict says so.
            Err(problem) => {
                tracing::error!("the secret that all git triggers share cannot be read: {problem}");
                event.shared_secret = Some(Err(
                    "the secret that all git triggers share cannot be read".to_owned(),
                ));
            }
        }
    }
}

fn told(error: &Unreadable) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A word to the broker that did not get through is no harm: the event comes again and starts nothing new.
fn settle(said: Result<(), gennaker_bus::Error>) {
    if let Err(error) = said {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the broker was not told; the event will come again"
        );
    }
}

fn log_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the handling of an event panicked; the event will come again"
        );
    }
}
