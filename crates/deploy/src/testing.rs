//! A worker of the pool, and an owner that hands it tasks and takes its reports as the engine does: what tests of tasks stand on.

use std::time::Duration;

use gennaker_bus::{Bus, Layout, TaskAddress, layout, memory::Broker};
use gennaker_model::{
    command::{Answer, Reply},
    work::{Outcome, TaskMessage, TaskReport},
};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_worker::{Options, Pool, Registry, Worker};
use tokio::sync::mpsc;

use crate::POOL;

/// Longest wait for a report; real clusters and programs are under it.
const REPORT_WITHIN: Duration = Duration::from_secs(90);

/// Tasks that run at one time.
const CONCURRENCY: usize = 8;

/// Both. They end with this value.
pub(crate) struct Bench {
    /// The owner's way to the broker.
    pub(crate) bus: Bus,
    reports: mpsc::UnboundedReceiver<TaskReport>,
    _scope: Scope,
}

impl Bench {
    /// Starts them in a scope. The broker's clock is so far behind the worker's, so that what is written to the ledger looks old.
    pub(crate) async fn start(scope: Scope, tasks: Registry, behind: Duration) -> Self {
        let now_ms = u64::try_from(Clock::system().now_ms()).unwrap();
        let behind_ms = u64::try_from(behind.as_millis()).unwrap();
        let broker = Broker::starting_at(1, now_ms - behind_ms);
        let bus = Bus::memory(&broker, "owner");
        let layout = Layout {
            pools: vec![layout::Pool::new(POOL)],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let (sender, reports) = mpsc::unbounded_channel();
        let mut commands = bus.serve_commands(0).await.unwrap();
        scope.spawn("owner", async move {
            while let Some(command) = commands.next().await {
                let _ = sender.send(serde_json::from_slice(&command.payload).unwrap());
                let answer = Answer {
                    partition: 0,
                    sequence: 1,
                    result: Ok(Reply::Report { stale: false }),
                };
                let answer = serde_json::to_vec(&answer).unwrap().into();
                command.responder.send(answer).await.unwrap();
            }
        });
        let pool = Pool {
            name: POOL.into(),
            concurrency: CONCURRENCY,
            tasks,
        };
        let options = Options {
            name: "worker".into(),
            zone: None,
            seed: 1,
            pools: vec![pool],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(Bus::memory(&broker, "worker"), Clock::system(), options);
        scope.spawn("worker", async move {
            worker.run(CancellationToken::new()).await;
        });
        Self {
            bus,
            reports,
            _scope: scope,
        }
    }

    /// Hands a task out and waits for its report.
    pub(crate) async fn run(&mut self, task: &TaskMessage) -> Outcome {
        let address = TaskAddress {
            zone: None,
            execution: task.execution.to_string(),
            stage: task.stage.to_string(),
            task: task.task.clone(),
            attempt: task.attempt.0,
        };
        let payload = serde_json::to_vec(task).unwrap().into();
        self.bus
            .tasks(POOL)
            .publish(&address, payload)
            .await
            .unwrap();
        let report = tokio::time::timeout(REPORT_WITHIN, self.reports.recv()).await;
        report.expect("a report in time").unwrap().outcome
    }
}
