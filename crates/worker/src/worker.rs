//! The process: pulls tasks of its pools, keeps owners informed, ends in order.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{Bus, subject};
use gennaker_model::work::{Abort, Heartbeat, VERSION};
use gennaker_runtime::{Backoff, CancellationToken, Clock, Report, Scope};
use gennaker_store::Blobs;
use tokio::sync::Semaphore;

use crate::{
    Registry, ask, attempt,
    holds::Holds,
    metrics,
    shared::{PoolState, Shared},
};

/// How often owners are told which attempts are held.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);

/// Most attempts in one heartbeat message.
const HEARTBEAT_HOLDS_MAX: usize = 2_000;

/// A pool that a worker serves.
pub struct Pool {
    /// Its name, for example `notify`.
    pub name: String,
    /// Most tasks at work at once; tasks that only wait to be reported do not count.
    pub concurrency: usize,
    /// What it can do.
    pub tasks: Registry,
}

/// What a worker is told at its start.
pub struct Options {
    /// Name of the process, for people; unique among those that run.
    pub name: String,
    /// The zone it stands in: it takes tasks pinned to it, and those for any.
    pub zone: Option<String>,
    /// Randomness of this process: it tells it from its earlier lives in the ledger, and spreads its retries.
    pub seed: u64,
    /// The pools it serves.
    pub pools: Vec<Pool>,
    /// How long tasks at work may take to end when the process stops.
    pub drain: Duration,
}

/// A worker process. See the crate's documentation.
pub struct Worker {
    shared: Shared,
    pools: Vec<Arc<PoolState>>,
    zone_sets: Vec<String>,
    drain: Duration,
}

impl Worker {
    /// A worker that does nothing before [`Worker::run`]. Large values are in the broker, unless [`Worker::with_blobs`] names
    /// another place.
    #[must_use]
    pub fn new(bus: Bus, clock: Clock, options: Options) -> Self {
        let Options {
            name,
            zone,
            seed,
            pools,
            drain,
        } = options;
        let shared = Shared {
            blobs: Blobs::kv(&bus),
            bus,
            clock,
            me: format!("{name}#{seed:016x}"),
            name,
            zone,
            seed,
            holds: Holds::default(),
            scope: Scope::root("worker"),
        };
        let pools = pools.into_iter().map(|pool| {
            Arc::new(PoolState {
                progress_every: shared.bus.tasks(&pool.name).ack_wait() / 3,
                name: pool.name,
                tasks: pool.tasks,
                slots: Arc::new(Semaphore::new(
                    pool.concurrency.clamp(1, Semaphore::MAX_PERMITS),
                )),
            })
        });
        let pools = pools.collect();
        Self {
            shared,
            pools,
            zone_sets: Vec::new(),
            drain,
        }
    }

    /// The same with large values in another place. Everybody in an installation has the same one.
    #[must_use]
    pub fn with_blobs(mut self, blobs: Blobs) -> Self {
        self.shared.blobs = blobs;
        self
    }

    /// The same for a worker that also takes tasks which more than one zone can do: the names of the sets of zones that it
    /// belongs to.
    #[must_use]
    pub fn in_zone_sets(self, zone_sets: Vec<String>) -> Self {
        Self { zone_sets, ..self }
    }

    /// Works until `cancel`, then takes nothing more, lets tasks at work end or hands them back, and returns when nothing of
    /// it runs any more. It also returns when a part of it that it cannot work without ends, which the report names.
    /// Dropping the future ends everything at once, as a crash would.
    pub async fn run(self, cancel: CancellationToken) -> Report {
        let Self {
            shared,
            pools,
            zone_sets,
            drain,
        } = self;
        let shared = Arc::new(shared);
        metrics::register();
        let crash = AbortOnDrop(shared.scope.clone());
        tracing::info!(
            worker.name = shared.name,
            "worker {} takes tasks of {}",
            shared.name,
            pools
                .iter()
                .map(|pool| pool.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
        shared
            .scope
            .keep("heartbeat", run_heartbeat(Arc::clone(&shared)));
        for pool in &pools {
            for answers in pool.tasks.answers() {
                shared
                    .scope
                    .keep("answers", ask::run(&shared, &pool.name, answers));
            }
            for zone in zones(&shared, &zone_sets) {
                shared.scope.keep(
                    "aborts",
                    run_aborts(Arc::clone(&shared), pool.name.clone(), zone.clone()),
                );
                shared.scope.keep(
                    "pull",
                    run_pull(Arc::clone(&shared), Arc::clone(pool), zone),
                );
            }
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = shared.scope.cancelled() => {}
        }
        let held = shared.holds.count();
        tracing::info!(
            worker.name = shared.name,
            "worker {} stops; {held} tasks are at work",
            shared.name
        );
        let report = shared.scope.shutdown(drain).await;
        // What was aborted ends at its next await.
        shared.scope.idle().await;
        drop(crash);
        report
    }
}

/// Lets nothing outlive its owner.
struct AbortOnDrop(Scope);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The zones whose tasks are taken: the own one, any, and the sets that it belongs to.
fn zones(shared: &Shared, sets: &[String]) -> Vec<Option<String>> {
    let mut zones = vec![None];
    if shared.zone.is_some() {
        zones.insert(0, shared.zone.clone());
    }
    zones.extend(sets.iter().cloned().map(Some));
    zones
}

/// Takes tasks as long as there are slots for them.
async fn run_pull(shared: Arc<Shared>, pool: Arc<PoolState>, zone: Option<String>) {
    let stop = shared.scope.token().clone();
    let tasks = shared.bus.tasks(&pool.name);
    let mut deliveries = match tasks.pull(zone.as_deref(), Arc::clone(&pool.slots)).await {
        Ok(deliveries) => deliveries,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no tasks of pool {} can be taken",
                pool.name
            );
            return;
        }
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            delivery = deliveries.next() => match delivery {
                Some(delivery) => {
                    shared.scope.spawn("attempt", attempt::handle(Arc::clone(&shared), Arc::clone(&pool), delivery));
                }
                None => break,
            },
        }
    }
    deliveries.close().await;
}

/// Tells the owners which attempts are in good hands.
async fn run_heartbeat(shared: Arc<Shared>) {
    let stop = shared.scope.token().clone();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = shared.clock.sleep(HEARTBEAT_EVERY) => {}
        }
        metrics::held(shared.holds.count());
        for ((partition, pool), holds) in shared.holds.by_partition_and_pool() {
            for holds in holds.chunks(HEARTBEAT_HOLDS_MAX) {
                let heartbeat = Heartbeat {
                    v: VERSION,
                    worker: shared.name.clone(),
                    zone: shared.zone.clone(),
                    pool: pool.clone(),
                    holds: holds.to_vec(),
                };
                let payload: Bytes = serde_json::to_vec(&heartbeat)
                    .expect("a heartbeat always serialises")
                    .into();
                if let Err(error) = shared
                    .bus
                    .publish(subject::heartbeat(partition), payload)
                    .await
                {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a heartbeat was not sent"
                    );
                }
            }
        }
    }
}

/// Ends attempts that nobody wants any more. An abort may be lost; the owner says it again while the attempt is held.
async fn run_aborts(shared: Arc<Shared>, pool: String, zone: Option<String>) {
    let stop = shared.scope.token().clone();
    let mut backoff = Backoff::new(
        Duration::from_millis(200),
        Duration::from_secs(5),
        shared.seed,
    );
    let mut aborts = loop {
        match shared
            .bus
            .subscribe(subject::abort(&pool, zone.as_deref()))
            .await
        {
            Ok(aborts) => break aborts,
            Err(gennaker_bus::Error::Closed) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "aborts of pool {pool} cannot be heard yet"
                );
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = shared.clock.sleep(backoff.next_delay()) => {}
                }
            }
        }
    };
    loop {
        let payload = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            message = aborts.next() => match message {
                Some((_, payload)) => payload,
                None => return,
            },
        };
        match serde_json::from_slice::<Abort>(&payload) {
            Ok(abort) => {
                if shared.holds.abort(&abort) {
                    tracing::info!(
                        execution.id = %abort.execution,
                        "attempt {} of execution {} is asked to end",
                        abort.attempt,
                        abort.execution
                    );
                }
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an abort cannot be read"
            ),
        }
    }
}
