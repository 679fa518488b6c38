//! A broker in memory, schedulers, a worker, and a client.
#![allow(dead_code, reason = "not every test uses everything")]

use std::{sync::Arc, time::Duration};

use gennaker_bus::{Bus, Class, Layout, layout, memory::Broker};
use gennaker_model::{
    CommandId, Execution, ExecutionId, ExecutionType,
    command::{Answer, Envelope, Refusal, RefusalCode, Reply, Request, Start, VERSION},
    routing,
};
use gennaker_runtime::{Clock, Scope};
use gennaker_scheduler::{Config, Scheduler};
use gennaker_store::{Archive, Blobs, Store};
use gennaker_worker::{Ctx, Done, Effect, Failure, Options, Pool, Registry, Task, Worker};
use serde_json::{Value, json};

struct Noop;

impl Task for Noop {
    fn kind(&self) -> &'static str {
        "noop"
    }

    fn effect(&self, _message: &gennaker_model::work::TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(
        &'a self,
        ctx: &'a Ctx,
    ) -> futures_util::future::BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async {
            let mut done = Done::default();
            let input = ctx.input();
            if let Some(size) = input.get("answers").and_then(Value::as_u64) {
                let answer = "a".repeat(usize::try_from(size).unwrap());
                done.outputs.insert("answer".to_owned(), answer.into());
                let seen = serde_json::to_vec(input).unwrap().len();
                done.outputs.insert("seen".to_owned(), seen.into());
            }
            Ok(done)
        })
    }
}

pub const PARTITIONS: u32 = 2;

/// The node by which schedulers reach large values.
pub const VALUES: &str = "values";

pub struct World {
    pub broker: Broker,
    pub bus: Bus,
    pub clock: Clock,
    commands: u64,
    /// Changes the settings of schedulers that are started from then on.
    pub settle: fn(&mut Config),
    /// Where schedulers that are started from then on have the archive and large values, if not in the broker.
    pub places: Option<(Archive, Blobs)>,
    pub schedulers: Vec<(String, Scope)>,
}

impl World {
    pub async fn new() -> Self {
        Self::settled(|_| {}).await
    }

    pub async fn settled(settle: fn(&mut Config)) -> Self {
        let broker = Broker::starting_at(1, 1_800_000_000_000);
        let clock = Clock::simulated(1_800_000_000_000);
        let bus = Bus::memory(&broker, "client");
        let layout = Layout {
            partitions: PARTITIONS,
            pools: vec![layout::Pool {
                name: "notify".into(),
                limit: 200,
                ack_wait: Duration::from_secs(30),
            }],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let mut world = Self {
            broker,
            bus,
            clock,
            commands: 0,
            settle,
            places: None,
            schedulers: Vec::new(),
        };
        world.scheduler("one");
        let worker_bus = Bus::memory(&world.broker, "worker");
        worker_bus.remember(&layout);
        let pool = Pool {
            name: "notify".into(),
            concurrency: 50,
            tasks: Registry::new([Arc::new(Noop) as Arc<dyn Task>]),
        };
        let options = Options {
            name: "w".into(),
            zone: None,
            seed: 5,
            pools: vec![pool],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(worker_bus, world.clock.clone(), options);
        Scope::root("workers").spawn("worker", async move {
            worker.run(gennaker_runtime::CancellationToken::new()).await;
        });
        world
    }

    pub fn scheduler(&mut self, name: &str) {
        let bus = Bus::memory(&self.broker, name);
        let store = Store::new(&bus);
        let mut config = Config::new(name, PARTITIONS, self.schedulers.len() as u64 + 11);
        (self.settle)(&mut config);
        let scope = Scope::root(name);
        let (archive, values) = self.places.clone().unwrap_or_else(|| {
            let values = Blobs::kv(&Bus::memory(&self.broker, VALUES));
            (Archive::kv(&bus), values)
        });
        let scheduler = Scheduler::new(config, bus, store, self.clock.clone())
            .with_archive(archive)
            .with_blobs(values);
        let inner = scope.clone();
        scope.spawn("scheduler", async move {
            scheduler.run(inner.child("partitions")).await
        });
        self.schedulers.push((name.to_owned(), scope));
    }

    pub async fn ask(&mut self, partition: u32, request: Request) -> Result<Reply, Refusal> {
        self.commands += 1;
        let id = CommandId::new(format!("c{}", self.commands)).unwrap();
        let envelope = Envelope {
            v: VERSION,
            id,
            at_ms: self.clock.now_ms(),
            request,
            trace: None,
        };
        let text = serde_json::to_vec(&envelope).unwrap();
        let of = match &envelope.request {
            Request::Start(start) => start.execution.to_string(),
            Request::PatchStage { execution, .. } => execution.to_string(),
            _ => "somebody".to_owned(),
        };
        let values = match &self.places {
            Some((_, values)) => values.clone(),
            None => Blobs::kv(&self.bus),
        };
        let payload = values.encode(&of, text).await.unwrap();
        for _ in 0..200 {
            let patience = Duration::from_secs(2);
            if let Ok(bytes) = self
                .bus
                .command(partition, Class::Request, payload.clone(), patience)
                .await
            {
                let answer: Answer = serde_json::from_slice(&bytes).unwrap();
                if !matches!(
                    &answer.result,
                    Err(Refusal {
                        code: RefusalCode::Busy,
                        ..
                    })
                ) {
                    return answer.result;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no owner answered");
    }

    pub async fn start(&mut self, number: u64, stages: Value) -> ExecutionId {
        self.start_of(number, json!({ "stages": stages })).await
    }

    pub async fn try_start(
        &mut self,
        number: u64,
        more: Value,
        trigger: Value,
    ) -> (ExecutionId, Result<Reply, Refusal>) {
        let id = routing::execution_id(self.clock.now_ms(), "config", number);
        let mut config = json!({"id": "config", "name": "pipe", "application": "App"});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let start = Start {
            execution: id.clone(),
            kind: ExecutionType::Pipeline,
            config: config.as_object().unwrap().clone(),
            trigger: trigger.as_object().unwrap().clone(),
            user: "ann".into(),
            origin: "api".into(),
            parent: None,
            error: None,
        };
        let partition = routing::partition_of(&id, PARTITIONS);
        let reply = self.ask(partition, Request::Start(Box::new(start))).await;
        (id, reply)
    }

    pub async fn start_of(&mut self, number: u64, more: Value) -> ExecutionId {
        let (id, reply) = self.try_start(number, more, json!({})).await;
        // Whoever had to ask twice, because the first answer was late, learns that it exists.
        match reply {
            Ok(Reply::Started { execution, .. }) => assert_eq!(execution, id),
            other => panic!("not started: {other:?}"),
        }
        id
    }

    pub async fn read(&mut self, id: &ExecutionId) -> Execution {
        let partition = routing::partition_of(id, PARTITIONS);
        match self
            .ask(
                partition,
                Request::Read {
                    execution: id.clone(),
                },
            )
            .await
        {
            Ok(Reply::Execution { document }) => *document,
            other => panic!("{other:?}"),
        }
    }

    pub async fn until(
        &mut self,
        id: &ExecutionId,
        done: impl Fn(&Execution) -> bool,
    ) -> Execution {
        for _ in 0..600 {
            let document = self.read(id).await;
            if done(&document) {
                return document;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the condition never held");
    }
}

impl World {
    /// Another scheduler takes over from the one that runs.
    pub fn replace_scheduler(&mut self, by: &str) {
        self.scheduler(by);
        let (name, scope) = self.schedulers.remove(0);
        self.broker.kill_node(&name);
        scope.cancel();
    }

    pub async fn ended(&mut self, id: &ExecutionId) -> Execution {
        self.until(id, |document| document.status.is_complete())
            .await
    }

    pub async fn restart(&mut self, document: &Execution) -> Result<Reply, Refusal> {
        let partition = routing::partition_of(&document.id, PARTITIONS);
        let restart = Request::RestartStage {
            execution: document.id.clone(),
            stage: document.stages[0].id.clone(),
            preconditions: None,
            user: "bob".into(),
        };
        self.ask(partition, restart).await
    }
}

pub fn ten_noops() -> Value {
    let stage = |index: u32| {
        let requisites: Vec<String> = index
            .checked_sub(1)
            .map(|before| before.to_string())
            .into_iter()
            .collect();
        json!({"refId": index.to_string(), "type": "noop", "pool": "notify", "requisiteStageRefIds": requisites})
    };
    Value::Array((0..10).map(stage).collect())
}
