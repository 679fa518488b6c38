//! A pool at work over the in-memory broker, with a double of a Jenkins.

use std::sync::Arc;
use std::time::Duration;

use gennaker_builds::jenkins::{Jenkins, JenkinsIdentity, Options as JenkinsOptions};
use gennaker_builds::{Kind, Master, Masters};
use gennaker_bus::{Bucket, Bus, Layout, TaskAddress, layout, memory::Broker, token};
use gennaker_model::{
    AttemptId, EffectId, ExecutionId, Map, StageId,
    command::{Answer, Reply},
    work::{Order, Outcome, TaskMessage, TaskReport, VERSION},
};
use gennaker_outbound::{Client, Policy};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_testkit::jenkins::{Jenkins as Double, Job, Parameter, Rules};
use gennaker_worker::{
    Options, Pool, Worker,
    ledger::{Entry, State},
};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{Config, POOL, registry};

/// A pool at work.
pub(crate) struct Fixture {
    pub(crate) double: Double,
    pub(crate) masters: Masters,
    bus: Bus,
    reports: mpsc::UnboundedReceiver<TaskReport>,
    attempts: u64,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let double = Double::start(Rules {
            crumbs: true,
            ..Rules::default()
        })
        .await;
        double.job(telling("deploy"));
        double.job(Job {
            name: "plain".to_owned(),
            ..Job::default()
        });
        let masters = masters(double.url());
        // The broker's clock is an hour behind, so that what is written to the ledger here looks old to the worker.
        let behind_ms = u64::try_from(Clock::system().now_ms() - 3_600_000).unwrap();
        let broker = Broker::starting_at(1, behind_ms);
        let bus = Bus::memory(&broker, "owner");
        let layout = Layout {
            pools: vec![layout::Pool::new(POOL)],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let (sender, reports) = mpsc::unbounded_channel();
        let mut commands = bus.serve_commands(0).await.unwrap();
        let scope = Scope::root("test");
        scope.spawn("owner", async move {
            while let Some(command) = commands.next().await {
                let _ = sender.send(serde_json::from_slice(&command.payload).unwrap());
                let answer = Answer {
                    partition: 0,
                    sequence: 1,
                    result: Ok(Reply::Report { stale: false }),
                };
                let payload = serde_json::to_vec(&answer).unwrap().into();
                command.responder.send(payload).await.unwrap();
            }
        });
        let config = Config {
            masters: masters.clone(),
            ui_url: Some("https://spin.example.com/".to_owned()),
            script: Some(("ci".to_owned(), "deploy".to_owned())),
        };
        let options = Options {
            name: "worker".into(),
            zone: None,
            seed: 1,
            pools: vec![Pool {
                name: POOL.into(),
                concurrency: 4,
                tasks: registry(&config),
            }],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(Bus::memory(&broker, "worker"), Clock::system(), options);
        scope.spawn("worker", async move {
            worker.run(CancellationToken::new()).await;
        });
        Self {
            double,
            masters,
            bus,
            reports,
            attempts: 0,
        }
    }

    /// A task of this kind and input, not yet published; each has an effect of its own.
    pub(crate) fn task(&mut self, kind: &str, input: Value) -> TaskMessage {
        self.attempts += 1;
        let execution = ExecutionId::new(format!("E{}", self.attempts)).unwrap();
        let stage = StageId::new("S").unwrap();
        TaskMessage {
            v: VERSION,
            partition: 0,
            application: "demo".into(),
            ref_id: "1".into(),
            task: "1".into(),
            attempt: AttemptId(self.attempts),
            kind: kind.into(),
            order: Order::Run,
            pool: POOL.into(),
            zone: None,
            effect: Some(EffectId::of(&execution, &stage, 0, "1", 0)),
            input: input.as_object().unwrap().clone(),
            user: "anna".into(),
            deadline_ms: None,
            trace: None,
            execution,
            stage,
        }
    }

    /// Runs a task to its report.
    pub(crate) async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(&task).await
    }

    /// Publishes a task and waits for its report.
    pub(crate) async fn finish(&mut self, task: &TaskMessage) -> Outcome {
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
        let report = tokio::time::timeout(Duration::from_secs(60), self.reports.recv()).await;
        report.expect("a report within 60 s").unwrap().outcome
    }

    /// Leaves the ledger as a worker does that was killed during its call, long ago, after it had noted this.
    pub(crate) async fn lose_worker_of(&self, task: &TaskMessage, noted: Option<&str>) {
        let state = State::Intent {
            worker: "lost#1".to_owned(),
            attempt: task.attempt,
            heartbeat_ms: 0,
            reference: noted.map(str::to_owned),
        };
        let key = token(task.effect.as_ref().unwrap().as_str());
        let value = serde_json::to_vec(&Entry::new(state)).unwrap().into();
        let ledger = self.bus.kv(Bucket::Effect(POOL.into()));
        ledger.put_if(&key, 0, value, None).await.unwrap();
    }
}

/// A job that declares the parameter for the token.
pub(crate) fn telling(name: &str) -> Job {
    Job {
        name: name.to_owned(),
        parameters: vec![
            Parameter::Text("WHO".to_owned(), "nobody".to_owned()),
            Parameter::Text("COMMAND".to_owned(), String::new()),
            Parameter::Text("GENNAKER_TOKEN".to_owned(), String::new()),
        ],
        ..Job::default()
    }
}

fn masters(address: String) -> Masters {
    let options = JenkinsOptions {
        name: "ci".to_owned(),
        address,
        identity: JenkinsIdentity::default(),
        csrf: true,
        token_parameter: "GENNAKER_TOKEN".to_owned(),
        timeout: Duration::from_millis(1_500),
    };
    let client = Client::new(Policy::trusted(), gennaker_outbound::Options::default()).unwrap();
    Masters::new([Master {
        name: "ci".to_owned(),
        kind: Kind::Jenkins,
        zone: None,
        permissions: std::collections::BTreeMap::new(),
        item_upper_threshold: None,
        server: Arc::new(Jenkins::new(options, client).unwrap()),
    }])
}

/// The context of an outcome, whatever it is.
pub(crate) fn context(outcome: &Outcome) -> &Map {
    match outcome {
        Outcome::Running { context, .. }
        | Outcome::Succeeded { context, .. }
        | Outcome::Failed { context, .. }
        | Outcome::Canceled { context }
        | Outcome::Closed { context, .. } => context,
    }
}

/// The first of `details.errors` of a failure's exception.
pub(crate) fn error(outcome: &Outcome) -> String {
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
