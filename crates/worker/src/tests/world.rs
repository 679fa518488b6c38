//! Doubles for the tests of this crate: a world in which effects happen, a task that acts on it, and an owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use gennaker_bus::{Bus, Layout, layout, memory::Broker};
use gennaker_model::{
    AttemptId, Map,
    work::{Outcome, TaskMessage, TaskReport},
};
use gennaker_runtime::{CancellationToken, Clock, Report, Scope};
use serde_json::json;
use tokio::{
    sync::{Semaphore, oneshot},
    task::AbortHandle,
};

use crate::{
    BoxFuture, Ctx, Done, Effect, Failure, Options, Pool, Probed, Registry, Stopped, Task, Worker,
    testing,
};

/// The broker's clock begins here.
pub(crate) const START_MS: i64 = 1_767_225_600_000;

const POOL: &str = "notify";

const PARTITION: u32 = 3;

/// Attempt `attempt` at task 1 of a stage of execution `execution`.
pub(crate) fn message(execution: &str, attempt: u64) -> TaskMessage {
    TaskMessage {
        partition: PARTITION,
        ..testing::message(POOL, "probe", execution, attempt)
    }
}

/// What is outside: effects by their identity.
#[derive(Default)]
pub(crate) struct Outside {
    /// Every call that arrived.
    pub calls: Vec<String>,
    /// What is there, by effect.
    pub there: BTreeMap<String, String>,
    /// What was told to stop.
    pub stopped: Vec<String>,
    /// Whether a probe is answered.
    pub silent: bool,
}

/// A fake of everything around the workers: broker, owner, outside.
pub(crate) struct World {
    pub broker: Broker,
    pub clock: Clock,
    pub bus: Bus,
    pub outside: Arc<Mutex<Outside>>,
    pub reports: Arc<Mutex<Vec<TaskReport>>>,
    open: Arc<Mutex<BTreeSet<AttemptId>>>,
    scope: Scope,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::seeded(7).await
    }

    /// A world whose network draws from this seed.
    pub(crate) async fn seeded(seed: u64) -> Self {
        let broker = Broker::new(seed);
        let bus = Bus::memory(&broker, "owner");
        let pools = vec![layout::Pool::new(POOL)];
        bus.bootstrap(&Layout {
            partitions: 4,
            pools,
            ..Layout::default()
        })
        .await
        .unwrap();
        Self {
            broker,
            clock: Clock::simulated(START_MS),
            bus,
            outside: Arc::default(),
            reports: Arc::default(),
            open: Arc::default(),
            scope: Scope::root("world"),
        }
    }

    /// A world whose owner answers.
    pub(crate) async fn with_owner() -> Self {
        let world = Self::new().await;
        world.own().await;
        world
    }

    /// Starts to answer reports as the owner of the partition.
    pub(crate) async fn own(&self) {
        let (open, reports) = (Arc::clone(&self.open), Arc::clone(&self.reports));
        testing::own(&self.scope, &self.bus, PARTITION, move |report| {
            let stale = !open.lock().unwrap().remove(&report.attempt);
            if !stale {
                reports.lock().unwrap().push(report);
            }
            stale
        })
        .await;
    }

    /// Opens the attempt and publishes its task.
    pub(crate) async fn dispatch(&self, message: &TaskMessage) {
        self.open.lock().unwrap().insert(message.attempt);
        self.publish(message).await;
    }

    /// Opens the attempt.
    pub(crate) fn expect(&self, attempt: AttemptId) {
        self.open.lock().unwrap().insert(attempt);
    }

    /// Publishes the task of an attempt, open or not.
    pub(crate) async fn publish(&self, message: &TaskMessage) {
        testing::publish(&self.bus, message).await;
    }

    /// Publishes something else in its place.
    pub(crate) async fn publish_raw(&self, message: &TaskMessage, payload: Bytes) {
        let (tasks, address) = (self.bus.tasks(POOL), testing::address(message));
        tasks.publish(&address, payload).await.unwrap();
    }

    /// Starts a worker process on a node of this name.
    pub(crate) fn work(&self, node: &str) -> Process {
        self.work_in(node, None, 4)
    }

    pub(crate) fn work_in(&self, node: &str, zone: Option<&str>, concurrency: usize) -> Process {
        self.work_in_sets(node, zone, &[], concurrency)
    }

    pub(crate) fn work_in_sets(
        &self,
        node: &str,
        zone: Option<&str>,
        sets: &[&str],
        concurrency: usize,
    ) -> Process {
        let tasks = [
            ("plain", Effect::None),
            (
                "probe",
                Effect::Probe {
                    call_ms_max: 20_000,
                },
            ),
            (
                "repeatable",
                Effect::Repeatable {
                    call_ms_max: 20_000,
                },
            ),
            (
                "blind",
                Effect::Blind {
                    call_ms_max: 20_000,
                },
            ),
        ]
        .map(|(kind, effect)| {
            let (node, outside) = (node.to_owned(), Arc::clone(&self.outside));
            Arc::new(Fake {
                kind,
                effect,
                node,
                outside,
            }) as Arc<dyn Task>
        });
        let options = Options {
            name: node.to_owned(),
            zone: zone.map(str::to_owned),
            seed: gennaker_model::routing::fnv1a64(node.as_bytes()),
            pools: vec![Pool {
                name: POOL.into(),
                concurrency,
                tasks: Registry::new(tasks),
            }],
            drain: Duration::from_secs(4),
        };
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let worker = Worker::new(Bus::memory(&self.broker, node), self.clock.clone(), options)
            .in_zone_sets(sets);
        let cancel = CancellationToken::new();
        let (sender, report) = oneshot::channel();
        let token = cancel.clone();
        let run = async move {
            let _ = sender.send(worker.run(token).await);
        };
        let handle = self.scope.spawn(node, run).unwrap();
        Process {
            node: node.to_owned(),
            cancel,
            handle,
            report,
        }
    }

    /// Kills a process as SIGKILL would.
    pub(crate) fn kill(&self, process: Process) {
        self.broker.kill_node(&process.node);
        process.handle.abort();
    }

    pub(crate) fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap()
    }

    pub(crate) fn calls(&self) -> usize {
        self.outside().calls.len()
    }

    /// The outcomes that the owner took, in order.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.reports
            .lock()
            .unwrap()
            .iter()
            .map(|report| report.outcome.clone())
            .collect()
    }

    /// Waits until a worker has written that it may be calling.
    pub(crate) async fn intended(&self) {
        let is_intended = || self.ledger().contains(r#""is":"intent""#);
        self.until("the intent is written", is_intended).await;
    }

    /// What the entries of the ledger say.
    pub(crate) fn ledger(&self) -> String {
        let entries = self.broker.messages("KV_gk_effect_notify");
        entries
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.payload).into_owned())
            .collect()
    }

    /// Takes the next task and hands it back, so many times.
    pub(crate) async fn hand_back(&self, times: usize) {
        let slots = Arc::new(Semaphore::new(1));
        let mut deliveries = self.bus.tasks(POOL).pull(None, slots).await.unwrap();
        for _ in 0..times {
            let delivery = deliveries.next().await.unwrap();
            delivery.nak(Duration::ZERO).await.unwrap();
        }
        deliveries.close().await;
    }

    /// How many task messages the broker still has.
    pub(crate) fn queued(&self) -> usize {
        self.broker.messages("GK_TASK_notify").len()
    }

    /// Waits until so many reports were taken and every task message is gone.
    pub(crate) async fn settled(&self, reports: usize) {
        self.until("reports are taken and tasks acknowledged", || {
            self.outcomes().len() >= reports && self.queued() == 0
        })
        .await;
        assert_eq!(self.outcomes().len(), reports);
    }

    /// Waits for a condition, for ten minutes at most.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = self.clock.now_ms() + 600_000;
        while !condition() {
            if self.clock.now_ms() > deadline {
                let (outcomes, queued) = (self.outcomes(), self.queued());
                panic!(
                    "not within ten minutes: {what}; {queued} queued, {outcomes:?}\n{}",
                    self.broker.trace().join("\n")
                );
            }
            self.clock.sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn elapsed_ms(&self) -> i64 {
        self.clock.now_ms() - START_MS
    }
}

/// A worker process.
pub(crate) struct Process {
    node: String,
    cancel: CancellationToken,
    handle: AbortHandle,
    report: oneshot::Receiver<Report>,
}

impl Process {
    /// Stops it as SIGTERM would.
    pub(crate) async fn stop(self) -> Report {
        self.cancel.cancel();
        self.report.await.unwrap()
    }
}

/// A task that acts on the outside as its input says: `beforeMs` and `afterMs` around the moment at which its call arrives,
/// `hang` after it, `calls` of them one after the other, `fail` with one of the classes.
struct Fake {
    kind: &'static str,
    effect: Effect,
    node: String,
    outside: Arc<Mutex<Outside>>,
}

impl Fake {
    async fn sleep(&self, ctx: &Ctx, field: &str) {
        let ms = ctx
            .input()
            .get(field)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        ctx.clock().sleep(Duration::from_millis(ms)).await;
    }

    async fn arrive(&self, ctx: &Ctx) -> String {
        self.sleep(ctx, "beforeMs").await;
        let key = ctx.effect_id().unwrap_or("none").to_owned();
        let reference = {
            let mut outside = self.outside.lock().unwrap();
            outside.calls.push(format!("{} {key}", self.node));
            let reference = format!("{}/{}", self.node, outside.calls.len());
            outside.there.insert(key, reference.clone());
            reference
        };
        if ctx.input().contains_key("hang") {
            std::future::pending::<()>().await;
        }
        self.sleep(ctx, "afterMs").await;
        reference
    }
}

impl Task for Fake {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        self.effect
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let input = ctx.input();
            self.sleep(ctx, "idleMs").await;
            let mut reference = String::new();
            let calls = input
                .get("calls")
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(1);
            for _ in 0..calls {
                reference = ctx
                    .call(Duration::from_secs(20), |_| self.arrive(ctx))
                    .await?;
            }
            match input.get("fail").and_then(serde_json::Value::as_str) {
                Some("later") => Err(Failure::retry_later(Duration::from_secs(10))),
                Some("giveUp") => Err(Failure::give_up(json!("refused"))),
                Some("panic") => panic!("asked for"),
                Some(other) => panic!("unknown class {other}"),
                None => {
                    let mut context = Map::new();
                    context.insert("reference".into(), reference.clone().into());
                    if let Some(size) = input.get("size").and_then(serde_json::Value::as_u64) {
                        context.insert(
                            "big".into(),
                            "x".repeat(usize::try_from(size).unwrap()).into(),
                        );
                    }
                    Ok(Done {
                        context,
                        reference: Some(reference),
                        ..Done::default()
                    })
                }
            }
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let outside = self.outside.lock().unwrap();
            if outside.silent {
                return Probed::Unknown("the target is down".into());
            }
            match outside.there.get(ctx.effect_id().unwrap_or("none")) {
                None => Probed::NotThere,
                Some(reference) => Probed::There(Done {
                    reference: Some(reference.clone()),
                    ..Done::default()
                }),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            if !matches!(self.effect, Effect::Probe { .. }) {
                return Ok(Stopped::Remains(
                    "what was sent cannot be taken back".into(),
                ));
            }
            let mut outside = self.outside.lock().unwrap();
            outside.stopped.push(reference.unwrap_or("?").to_owned());
            outside.there.remove(ctx.effect_id().unwrap_or("none"));
            Ok(Stopped::Gone)
        })
    }
}
