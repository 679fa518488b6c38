//! What tests of a pool's tasks stand on: a worker over the in-memory broker, and an owner that hands it tasks and takes its
//! reports as the engine does.
//!
//! Here only with the feature `testing`, which the crates of pools take for their own tests and no shipped program may take
//! (`cargo xtask architecture` looks).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_bus::{Bucket, Bus, Layout, Published, TaskAddress, layout, memory::Broker, token};
use gennaker_model::{
    AttemptId, EffectId, ExecutionId, Map, StageId,
    command::{Answer, Reply},
    work::{Order, Outcome, TaskMessage, TaskReport, VERSION},
};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    Options, Pool, Registry, Worker,
    ledger::{Entry, State},
};

/// Longest wait for a report. Under some tests are real clusters, which take minutes for hundreds of objects on a busy machine.
const REPORT_WITHIN: Duration = Duration::from_secs(300);

/// How far the broker's clock is behind the worker's: what is written to the ledger looks long dead at once.
const BEHIND_MS: i64 = 3_600_000;

/// Tasks that run at one time.
const CONCURRENCY: usize = 8;

/// One worker of one pool, its broker, and the owner of the executions.
pub struct Workbench {
    pool: String,
    broker: Broker,
    bus: Bus,
    reports: mpsc::UnboundedReceiver<TaskReport>,
    executions: u64,
    scope: Scope,
}

impl Workbench {
    /// A broker with what the pool needs, and the owner. The worker begins with [`Workbench::work`].
    ///
    /// # Panics
    ///
    /// When the broker refuses; so do all methods here.
    pub async fn new(pool: &str) -> Self {
        let broker_ms = u64::try_from(Clock::system().now_ms() - BEHIND_MS).unwrap();
        let broker = Broker::starting_at(1, broker_ms);
        let bus = Bus::memory(&broker, "owner");
        let layout = Layout {
            pools: vec![layout::Pool::new(pool)],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let scope = Scope::root("workbench");
        let (sender, reports) = mpsc::unbounded_channel();
        own(&scope, &bus, 0, move |report| {
            // The test may have ended.
            let _ = sender.send(report);
            false
        })
        .await;
        Self {
            pool: pool.to_owned(),
            broker,
            bus,
            reports,
            executions: 0,
            scope,
        }
    }

    /// Counts executions from there and not from 0, so that effects of two workbenches do not meet in a target that both have.
    #[must_use]
    pub fn after(self, executions: u64) -> Self {
        Self { executions, ..self }
    }

    /// Starts the worker.
    pub fn work(&self, tasks: Registry) {
        let options = Options {
            name: "worker".into(),
            zone: None,
            seed: 1,
            pools: vec![Pool {
                name: self.pool.clone(),
                concurrency: CONCURRENCY,
                tasks,
            }],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(self.worker_bus(), Clock::system(), options);
        self.scope.spawn("worker", async move {
            worker.run(CancellationToken::new()).await;
        });
    }

    /// The owner's way to the broker.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The worker's way to the broker.
    #[must_use]
    pub fn worker_bus(&self) -> Bus {
        Bus::memory(&self.broker, "worker")
    }

    /// What runs here.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A task of this kind with this input, not yet published; each is of an execution of its own, whose number is the attempt's.
    ///
    /// # Panics
    ///
    /// When the input is no object.
    #[must_use]
    pub fn task(&mut self, kind: &str, input: Value) -> TaskMessage {
        self.executions += 1;
        let number = self.executions;
        let Value::Object(input) = input else {
            panic!("the input of a task is an object: {input}");
        };
        TaskMessage {
            input,
            ..message(&self.pool, kind, &format!("E{number}"), number)
        }
    }

    /// Runs a task of this kind with this input to its first report.
    pub async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(&task).await
    }

    /// Publishes a task and waits for its report.
    ///
    /// # Panics
    ///
    /// When there is none in time.
    pub async fn finish(&mut self, task: &TaskMessage) -> Outcome {
        publish(&self.bus, task).await;
        let report = tokio::time::timeout(REPORT_WITHIN, self.reports.recv()).await;
        report.expect("a report in time").unwrap().outcome
    }

    /// Leaves the ledger as a worker does that was killed during its call, long ago.
    ///
    /// # Panics
    ///
    /// When the task has no effect.
    pub async fn lose_worker_of(&self, task: &TaskMessage) {
        self.lose_worker_with(task, None).await;
    }

    /// The same, after the worker had noted this reference.
    ///
    /// # Panics
    ///
    /// When the task has no effect.
    pub async fn lose_worker_with(&self, task: &TaskMessage, noted: Option<&str>) {
        let state = State::Intent {
            worker: "lost#1".to_owned(),
            attempt: task.attempt,
            heartbeat_ms: 0,
            reference: noted.map(str::to_owned),
        };
        let key = token(task.effect.as_ref().unwrap().as_str());
        let value = serde_json::to_vec(&Entry::new(state)).unwrap();
        let ledger = self.bus.kv(Bucket::Effect(self.pool.clone()));
        let held = ledger.get(&key).await.unwrap();
        let revision = held.map_or(0, |held| held.revision);
        let written = ledger.put_if(&key, revision, value.into(), None).await;
        written.unwrap();
    }
}

/// What an outcome adds to the context, whatever the outcome is.
#[must_use]
pub fn context(outcome: &Outcome) -> &Map {
    match outcome {
        Outcome::Running { context, .. }
        | Outcome::Succeeded { context, .. }
        | Outcome::Failed { context, .. }
        | Outcome::Canceled { context }
        | Outcome::Closed { context, .. } => context,
    }
}

/// The outputs of a success.
///
/// # Panics
///
/// When it is none.
#[must_use]
pub fn outputs(outcome: &Outcome) -> &Map {
    match outcome {
        Outcome::Succeeded { outputs, .. } => outputs,
        other => panic!("no success: {other:?}"),
    }
}

/// The first of `details.errors` of a failure.
///
/// # Panics
///
/// When it is none.
#[must_use]
pub fn error(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed {
            exception: Some(exception),
            ..
        } => exception["details"]["errors"][0]
            .as_str()
            .unwrap()
            .to_owned(),
        other => panic!("no exception: {other:?}"),
    }
}

/// An attempt at the one task of the one stage of an execution of partition 0, with an effect and without input.
pub(crate) fn message(pool: &str, kind: &str, execution: &str, attempt: u64) -> TaskMessage {
    let execution = ExecutionId::new(execution).unwrap();
    let stage = StageId::new("S").unwrap();
    TaskMessage {
        v: VERSION,
        partition: 0,
        application: "demo".into(),
        ref_id: "1".into(),
        task: "1".into(),
        attempt: AttemptId(attempt),
        kind: kind.into(),
        order: Order::Run,
        pool: pool.into(),
        zone: None,
        effect: Some(EffectId::of(&execution, &stage, 0, "1", 0)),
        input: Map::new(),
        user: "anna".into(),
        deadline_ms: None,
        trace: None,
        execution,
        stage,
    }
}

/// Hands a task to the workers of its pool.
pub(crate) async fn publish(bus: &Bus, task: &TaskMessage) -> Published {
    let payload = serde_json::to_vec(task).unwrap().into();
    let tasks = bus.tasks(&task.pool);
    tasks.publish(&address(task), payload).await.unwrap()
}

/// Where a task lies in the queue of its pool.
pub(crate) fn address(task: &TaskMessage) -> TaskAddress {
    TaskAddress {
        zone: task.zone.clone(),
        execution: task.execution.to_string(),
        stage: task.stage.to_string(),
        task: task.task.clone(),
        attempt: task.attempt.0,
    }
}

/// Answers the reports of a partition as its owner. `take` gets each of them and says whether it is stale.
pub(crate) async fn own(
    scope: &Scope,
    bus: &Bus,
    partition: u32,
    take: impl Fn(TaskReport) -> bool + Send + 'static,
) {
    let mut commands = bus.serve_commands(partition).await.unwrap();
    let blobs = gennaker_store::Blobs::kv(bus);
    scope.spawn("owner", async move {
        while let Some(command) = commands.next().await {
            let payload = blobs.open(command.payload).await.unwrap();
            let stale = take(serde_json::from_slice(&payload).unwrap());
            let answer = Answer {
                partition,
                sequence: 1,
                result: Ok(Reply::Report { stale }),
            };
            let answer = serde_json::to_vec(&answer).unwrap();
            command.responder.send(answer.into()).await.unwrap();
        }
    });
}
