//! One source: who polls it, when, and what happens when it fails.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gennaker_bus::{Bus, Events, Held, Lease, token};
use gennaker_runtime::{Backoff, CancellationToken, Clock};
use tokio::sync::{Notify, Semaphore};

use crate::{
    book::{Book, Fault, State},
    cycle::{Cycle, Failure, Outcome},
    health::Record,
    metrics,
    share::Mine,
    source::{Id, Source},
};

/// How long a source stays with a process that says nothing. A process that dies is followed after that.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// How often a process says that it still polls.
pub(crate) const RENEW: Duration = Duration::from_secs(5);

/// Longest look, with everything that is stored because of it.
const LOOK_MAX: Duration = Duration::from_secs(1_800);

/// Longest pause beyond the interval after failures.
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// Shortest time between a look and one that a hint asks for.
const HINT_PAUSE: Duration = Duration::from_secs(1);

/// Pause before a source is looked at again that another process has written.
const SUPERSEDED: Duration = Duration::from_millis(500);

/// Groups that wait for a look because of hints; more of them wait for the next look at everything.
const HINTED_MAX: usize = 1_000;

/// How often somebody else's source is looked after. One that nobody polls twice in a row is polled by whoever notices.
const FORSAKEN: Duration = Duration::from_secs(20);

/// Longest wait for the broker when a source is given back.
pub(crate) const RELEASE_MAX: Duration = Duration::from_millis(500);

/// What all drivers of a process share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) book: Book,
    pub(crate) events: Events,
    pub(crate) lease: Lease,
    pub(crate) process: String,
    pub(crate) interval: Duration,
    pub(crate) threshold: u32,
    /// Bounds the looks at a time.
    pub(crate) places: Arc<Semaphore>,
}

/// The groups of a source that somebody said something about.
#[derive(Default)]
pub(crate) struct Hinted {
    groups: Mutex<BTreeSet<String>>,
    came: Notify,
}

/// Polls one source.
pub(crate) struct Driver {
    pub(crate) shared: Shared,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) hinted: Arc<Hinted>,
    /// Which sources this process is to poll.
    pub(crate) mine: Mine,
    pub(crate) seed: u64,
}

impl Hinted {
    pub(crate) fn add(&self, groups: BTreeSet<String>) {
        if groups.is_empty() {
            return;
        }
        let mut waiting = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HINTED_MAX.saturating_sub(waiting.len());
        waiting.extend(groups.into_iter().take(room));
        drop(waiting);
        self.came.notify_one();
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.groups.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Driver {
    /// Polls when it is this process's turn, or nobody else does, until `cancel`.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        let source = Arc::clone(&self.source);
        let id = source.id();
        let key = key(id);
        let mut waits = Backoff::new(RENEW, RENEW, self.seed);
        let mut number = 0_u64;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = self.due(&key) => {}
            }
            number += 1;
            let owner = format!("{} {:x} {number}", self.shared.process, self.seed);
            let acquired = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                acquired = self.shared.lease.acquire(&key, owner.into()) => acquired,
            };
            match acquired {
                Ok(Some(held)) => self.hold(held, &cancel).await,
                Ok(None) => {}
                Err(error) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "nobody knows who polls {} {}",
                    id.kind,
                    id.name
                ),
            }
            let pause = RENEW / 2 + waits.next_delay();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = self.shared.clock.sleep(pause) => {}
            }
        }
    }

    /// Ends when the source is this process's, or nobody's.
    async fn due(&mut self, key: &str) {
        let mut was_free = false;
        loop {
            tokio::select! {
                biased;
                () = until(&mut self.mine, |mine| mine.contains(key)) => return,
                () = self.shared.clock.sleep(FORSAKEN) => {}
            }
            let is_free = matches!(self.shared.lease.holder(key).await, Ok(None));
            if is_free && was_free {
                return;
            }
            was_free = is_free;
        }
    }

    /// Polls until the lease is lost, the source becomes another process's, or `cancel`.
    async fn hold(&self, mut held: Held, cancel: &CancellationToken) {
        let id = self.source.id();
        let mut record = Record::new(&self.shared.bus, id, &self.shared.process);
        tracing::info!("{} {} is polled by this process", id.kind, id.name);
        let is_lost = tokio::select! {
            biased;
            () = cancel.cancelled() => false,
            () = self.renew(&mut held) => true,
            // Whatever it is at, it may end there: it is as if the process had died.
            () = self.poll(&mut record) => {
                tracing::info!("{} {} is left to another process", id.kind, id.name);
                false
            }
        };
        record.left();
        if is_lost {
            tracing::warn!("{} {} is polled by another process now", id.kind, id.name);
            return;
        }
        let released = self.shared.lease.release(held);
        if tokio::time::timeout(RELEASE_MAX, released).await.is_err() {
            tracing::debug!(
                "the broker was not told that {} {} is free",
                id.kind,
                id.name
            );
        }
    }

    /// Ends when the lease is lost.
    async fn renew(&self, held: &mut Held) {
        loop {
            self.shared.clock.sleep(RENEW).await;
            let renewed = tokio::time::timeout(RENEW, self.shared.lease.renew(held)).await;
            match renewed {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return,
                Ok(Err(_)) | Err(_) if held.renewed_at.elapsed() > LEASE => return,
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    /// Ends between two looks, when the source has become another process's.
    async fn poll(&self, record: &mut Record) {
        let Shared {
            clock, interval, ..
        } = &self.shared;
        let mut jitter = Backoff::new(*interval / 5, *interval / 5, self.seed);
        let mut pauses = Backoff::new(*interval, PAUSE_MAX, self.seed);
        let mut state: Option<State> = None;
        let mut due_ms = clock.now_ms();
        let mut only = None;
        let key = key(self.source.id());
        let mut mine = self.mine.clone();
        loop {
            let looked = self.look(&mut state, only.as_ref(), record).await;
            let is_whole = only.is_none();
            let pause = match looked {
                Looked::Well if is_whole => {
                    pauses.reset();
                    *interval * 9 / 10 + jitter.next_delay()
                }
                // The next look at everything stays where it was.
                Looked::Well => Duration::ZERO,
                Looked::Badly => *interval + pauses.next_delay(),
                Looked::Superseded => SUPERSEDED,
            };
            if !pause.is_zero() {
                due_ms = clock.now_ms() + ms(pause);
            }
            record.write(due_ms, clock.now_ms()).await;
            let next = async {
                match looked {
                    Looked::Well => self.wait(due_ms).await,
                    Looked::Badly | Looked::Superseded => {
                        clock.sleep_until_ms(due_ms).await;
                        None
                    }
                }
            };
            only = tokio::select! {
                biased;
                () = until(&mut mine, |mine| !mine.contains(&key)) => return,
                next = next => next,
            };
        }
    }

    /// Waits until it is time; for everything, or for what a hint is about.
    async fn wait(&self, due_ms: i64) -> Option<BTreeSet<String>> {
        let clock = &self.shared.clock;
        tokio::select! {
            biased;
            () = clock.sleep_until_ms(due_ms) => None,
            () = self.hinted.came.notified() => {
                // More may follow.
                clock.sleep(HINT_PAUSE).await;
                let groups = self.hinted.take();
                (clock.now_ms() < due_ms && !groups.is_empty()).then_some(groups)
            }
        }
    }

    async fn look(
        &self,
        state: &mut Option<State>,
        only: Option<&BTreeSet<String>>,
        record: &mut Record,
    ) -> Looked {
        let Shared { clock, places, .. } = &self.shared;
        let _place = places.acquire().await.expect("nobody closes it");
        let cycle = Cycle {
            source: &*self.source,
            book: &self.shared.book,
            events: &self.shared.events,
            clock,
            threshold: self.shared.threshold,
        };
        let began = tokio::time::Instant::now();
        let ended = tokio::time::timeout(LOOK_MAX, cycle.run(state, only)).await;
        let (now_ms, took) = (clock.now_ms(), began.elapsed());
        let kind = self.source.id().kind;
        match ended {
            Ok(Ok(outcome)) => {
                let is_partial = !outcome.failed.is_empty();
                metrics::looked(kind, if is_partial { "partial" } else { "ok" }, took);
                self.tell(&outcome, record);
                // A look at a part says nothing about the rest.
                if only.is_none() || outcome.events > 0 {
                    record.succeeded(&outcome, now_ms, took);
                }
                Looked::Well
            }
            Ok(Err(Failure::Book(Fault::Superseded))) => {
                metrics::looked(kind, "superseded", took);
                *state = None;
                Looked::Superseded
            }
            Ok(Err(failure)) => {
                *state = None;
                self.complain(&failure.to_string(), record, now_ms, took);
                Looked::Badly
            }
            Err(_) => {
                *state = None;
                let why = format!("a look takes longer than {LOOK_MAX:?}");
                self.complain(&why, record, now_ms, took);
                Looked::Badly
            }
        }
    }

    fn tell(&self, outcome: &Outcome, record: &Record) {
        let id = self.source.id();
        if record.failures().0 > 0 {
            tracing::info!("{} {} can be polled again", id.kind, id.name);
        }
        if outcome.events > 0 {
            tracing::info!(
                "{} {} has {} new things among {}",
                id.kind,
                id.name,
                outcome.events,
                outcome.found
            );
        }
        if let Some(trouble) = outcome.trouble()
            && record.failures().1 != Some(&trouble)
        {
            tracing::warn!("{} {} cannot be polled whole: {trouble}", id.kind, id.name);
        }
    }

    fn complain(&self, why: &str, record: &mut Record, now_ms: i64, took: Duration) {
        let id = self.source.id();
        metrics::looked(id.kind, "failed", took);
        if record.failures().1 != Some(why) {
            tracing::warn!("{} {} cannot be polled: {why}", id.kind, id.name);
        }
        record.failed(why, now_ms, took);
    }
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Well,
    Badly,
    Superseded,
}

/// Waits until the sources of this process are so.
async fn until(mine: &mut Mine, is_so: impl Fn(&BTreeSet<String>) -> bool) {
    // Nobody shares any more: the process ends.
    if mine.wait_for(|mine| is_so(mine)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The lease of a source.
pub(crate) fn key(id: &Id) -> String {
    format!("poll.{}.{}", token(id.kind), token(&id.name))
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
