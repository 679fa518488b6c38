//! Schedulers, a worker and people, over a broker at which nothing takes time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{
    Bucket, Bus, Class, Layout, layout,
    memory::{Broker, Faults},
};
use gennaker_model::{
    CommandId, Execution, ExecutionId, ExecutionType, Map, StageId,
    command::{Answer, Envelope, ListQuery, Refusal, RefusalCode, Reply, Request, Start, VERSION},
    freeze::{Freeze, Target},
    routing,
};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_scheduler::{Config, Scheduler};
use gennaker_store::Store;
use gennaker_worker::{Options, Pool, Registry, Task, Worker};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    desk::{Cancelling, Desk, Reading, Said, Scripted},
    script::{Says, Step},
};

/// The first step: a Friday, 08:00 UTC.
pub const BEGAN_MS: i64 = 1_800_000_000_000;

/// What is needed until everything runs.
const AHEAD: Duration = Duration::from_secs(60);

/// More than one, so that children live elsewhere than their parents.
const PARTITIONS: u32 = 3;

const SECOND: Duration = Duration::from_secs(1);

pub struct World {
    broker: Broker,
    bus: Bus,
    clock: Clock,
    desk: Desk,
    pipelines: Vec<Map>,
    /// Executions that the script started.
    started: Vec<ExecutionId>,
    commands: u64,
    scheduler: (String, Scope),
    schedulers: u64,
    /// Ends everything with the world.
    _worker: Scope,
}

impl World {
    pub async fn new(pipelines: Vec<Value>) -> Self {
        let began = tokio::time::Instant::now();
        let ahead_ms = i64::try_from(AHEAD.as_millis()).unwrap();
        let broker = Broker::starting_at(1, (BEGAN_MS - ahead_ms).unsigned_abs());
        broker.set_faults(Faults {
            delay_ms: 0..=0,
            ..Faults::default()
        });
        let clock = Clock::simulated(BEGAN_MS - ahead_ms);
        let bus = Bus::memory(&broker, "people");
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
        let pipelines: Vec<Map> = pipelines.into_iter().enumerate().map(whole).collect();
        let store = Store::new(&bus);
        for pipeline in &pipelines {
            let id = pipeline["id"].as_str().unwrap();
            store
                .pipelines()
                .save(pipeline, id, "ann", false, BEGAN_MS)
                .await
                .unwrap();
        }
        let desk = Desk::default();
        let worker = run_worker(&broker, &layout, &clock, &desk);
        let scheduler = run_scheduler(&broker, &clock, 1);
        let mut world = Self {
            broker,
            bus,
            clock,
            desk,
            pipelines,
            started: Vec::new(),
            commands: 0,
            scheduler,
            schedulers: 1,
            _worker: worker,
        };
        world.documents_of_all().await;
        tokio::time::sleep_until(began + AHEAD - SECOND).await;
        world
    }

    /// One second later, somebody does something; `words` say where that is written.
    pub async fn step(&mut self, step: Step, words: &str) {
        sleep(SECOND).await;
        let (answer, refused) = match step {
            Step::Wait { seconds } => {
                sleep(Duration::from_secs_f64(seconds) - SECOND).await;
                return;
            }
            Step::TakeOver => return self.take_over().await,
            Step::Start {
                pipeline,
                trigger,
                user,
                task,
                refused,
            } => {
                let answer = self.start(pipeline.as_deref(), trigger, user, task).await;
                (answer, refused)
            }
            Step::Worker {
                stage,
                execution,
                says,
                context,
                outputs,
                error,
                seconds,
            } => {
                let id = self.named(&execution, words).await.id;
                let said = match says {
                    Says::Succeeded => Said::Succeeded { context, outputs },
                    Says::Failed => Said::Failed {
                        error: error.unwrap_or_else(|| "it went wrong".to_owned()),
                        context,
                    },
                    Says::Again => Said::Again {
                        after: Duration::from_secs_f64(seconds.unwrap_or(1.0)),
                        context,
                    },
                };
                assert!(
                    self.desk.say(&id, &stage, said),
                    "{words}: no worker has a task of stage {stage} of {execution}"
                );
                return;
            }
            Step::Judge {
                stage,
                execution,
                word,
                input,
                by,
                roles,
                refused,
            } => {
                let (id, stage) = self.stage(&execution, &stage, words).await;
                let mut patch: Map = [("judgmentStatus".to_owned(), json!(word))]
                    .into_iter()
                    .collect();
                patch.extend(input.map(|input| ("judgmentInput".to_owned(), json!(input))));
                let request = Request::PatchStage {
                    execution: id.clone(),
                    stage,
                    patch,
                    user: by.unwrap_or_else(|| "bob".to_owned()),
                    roles,
                };
                (self.ask_about(&id, request).await, refused)
            }
            Step::Patch {
                stage,
                execution,
                set,
                refused,
            } => {
                let (id, stage) = self.stage(&execution, &stage, words).await;
                let request = Request::PatchStage {
                    execution: id.clone(),
                    stage,
                    patch: set,
                    user: "bob".to_owned(),
                    roles: None,
                };
                (self.ask_about(&id, request).await, refused)
            }
            Step::Pause { execution, refused } => {
                let id = self.named(&execution, words).await.id;
                let request = Request::Pause {
                    execution: id.clone(),
                    user: "bob".to_owned(),
                };
                (self.ask_about(&id, request).await, refused)
            }
            Step::Resume { execution, refused } => {
                let id = self.named(&execution, words).await.id;
                let request = Request::Resume {
                    execution: id.clone(),
                    user: "bob".to_owned(),
                };
                (self.ask_about(&id, request).await, refused)
            }
            Step::Cancel { execution, reason } => {
                let id = self.named(&execution, words).await.id;
                let request = Request::Cancel {
                    execution: id.clone(),
                    user: "bob".to_owned(),
                    reason,
                };
                (self.ask_about(&id, request).await, None)
            }
            Step::Restart {
                stage,
                execution,
                preconditions,
                refused,
            } => {
                let (id, stage) = self.stage(&execution, &stage, words).await;
                let request = Request::RestartStage {
                    execution: id.clone(),
                    stage,
                    preconditions,
                    user: "carol".to_owned(),
                };
                (self.ask_about(&id, request).await, refused)
            }
            Step::Freeze { pipeline, reason } => {
                let freeze = Freeze {
                    target: Target::Pipeline(pipeline.clone()),
                    by: "carol".to_owned(),
                    at_ms: self.clock.now_ms(),
                    reason,
                };
                let record = Bytes::from(serde_json::to_vec(&freeze).unwrap());
                let kv = self.bus.kv(Bucket::Cfg);
                let key = format!("freeze.pipeline.{pipeline}");
                kv.put_if(&key, 0, record, None).await.unwrap();
                return self.freezes_changed().await;
            }
            Step::Thaw { pipeline } => {
                let kv = self.bus.kv(Bucket::Cfg);
                let key = format!("freeze.pipeline.{pipeline}");
                let held = kv.get(&key).await.unwrap().unwrap();
                kv.delete_if(&key, held.revision).await.unwrap();
                return self.freezes_changed().await;
            }
        };
        match (answer, refused) {
            (Ok(_), None) => {}
            (Err(refusal), Some(part)) if refusal.message.contains(&part) => {}
            (answer, refused) => panic!("{words}: {answer:?}, where {refused:?} is expected"),
        }
    }

    /// Every execution by its name, a second after the last step.
    pub async fn documents(&mut self) -> BTreeMap<String, Execution> {
        sleep(SECOND).await;
        self.names().await
    }

    async fn start(
        &mut self,
        pipeline: Option<&str>,
        trigger: Map,
        user: Option<String>,
        task: bool,
    ) -> Result<Reply, Refusal> {
        let mut found = self.pipelines.iter();
        let config = match pipeline {
            None => found.next(),
            Some(id) => found.find(|held| held["id"] == id),
        };
        let config = config
            .expect("the script names a pipeline of the case")
            .clone();
        let key = config["id"].as_str().unwrap();
        let number = self.started.len() as u64;
        let id = routing::execution_id(self.clock.now_ms(), key, number);
        let start = Start {
            execution: id.clone(),
            kind: if task {
                ExecutionType::Orchestration
            } else {
                ExecutionType::Pipeline
            },
            config,
            trigger,
            user: user.unwrap_or_else(|| "ann".to_owned()),
            origin: "api".to_owned(),
            parent: None,
            error: None,
        };
        self.started.push(id.clone());
        self.ask_about(&id, Request::Start(Box::new(start))).await
    }

    async fn take_over(&mut self) {
        self.schedulers += 1;
        let next = run_scheduler(&self.broker, &self.clock, self.schedulers);
        let (name, scope) = std::mem::replace(&mut self.scheduler, next);
        self.broker.kill_node(&name);
        scope.cancel();
        // Until the lease has run out and everything is loaded.
        sleep(Duration::from_secs(9)).await;
    }

    async fn freezes_changed(&mut self) {
        for partition in 0..PARTITIONS {
            assert_eq!(self.ask(partition, Request::Freezes).await, Ok(Reply::Done));
        }
    }

    async fn named(&mut self, name: &str, words: &str) -> Execution {
        let names = self.names().await;
        let known: Vec<&String> = names.keys().collect();
        let found = names.get(name);
        found
            .unwrap_or_else(|| panic!("{words}: there is no execution {name}, only {known:?}"))
            .clone()
    }

    async fn stage(
        &mut self,
        execution: &str,
        ref_id: &str,
        words: &str,
    ) -> (ExecutionId, StageId) {
        let document = self.named(execution, words).await;
        let stage = document.stages.iter().find(|stage| stage.ref_id == ref_id);
        let stage = stage.unwrap_or_else(|| panic!("{words}: there is no stage {ref_id}"));
        (document.id.clone(), stage.id.clone())
    }

    /// Every execution by its name: `1`, `1/3`, `1/3.2`.
    async fn names(&mut self) -> BTreeMap<String, Execution> {
        let mut all = self.documents_of_all().await;
        all.sort_by(|one, other| (one.build_time, &one.id).cmp(&(other.build_time, &other.id)));
        let mut names: BTreeMap<String, Execution> = BTreeMap::new();
        // Nothing takes time, so that a child may be as old as its parent: parents first.
        while !all.is_empty() {
            let (named, rest): (Vec<_>, Vec<_>) = all
                .into_iter()
                .map(|document| (self.name_of(&names, &document), document))
                .partition(|(name, _)| name.is_some());
            assert!(!named.is_empty(), "nobody started what is left");
            for (name, document) in named {
                names.insert(free(&names, name.unwrap()), document);
            }
            all = rest.into_iter().map(|(_, document)| document).collect();
        }
        names
    }

    /// Its place among those that the script started, or the name of the parent with its stage; `None` while the parent has none.
    fn name_of(&self, names: &BTreeMap<String, Execution>, document: &Execution) -> Option<String> {
        let started = self.started.iter().position(|id| *id == document.id);
        if let Some(place) = started {
            return Some((place + 1).to_string());
        }
        let stage = document.trigger.get("parentPipelineStageId")?.as_str()?;
        names.iter().find_map(|(name, parent)| {
            let mut stages = parent.stages.iter();
            let stage = stages.find(|held| held.id.as_str() == stage)?;
            Some(format!("{name}/{}", stage.ref_id))
        })
    }

    async fn documents_of_all(&mut self) -> Vec<Execution> {
        let mut all = Vec::new();
        for partition in 0..PARTITIONS {
            let query = ListQuery {
                expand: true,
                ..ListQuery::default()
            };
            match self.ask(partition, Request::List(query)).await {
                Ok(Reply::Executions { documents }) => all.extend(documents),
                other => panic!("a list was answered with {other:?}"),
            }
        }
        all
    }

    async fn ask_about(&mut self, id: &ExecutionId, request: Request) -> Result<Reply, Refusal> {
        self.ask(routing::partition_of(id, PARTITIONS), request)
            .await
    }

    async fn ask(&mut self, partition: u32, request: Request) -> Result<Reply, Refusal> {
        self.commands += 1;
        let envelope = Envelope {
            v: VERSION,
            id: CommandId::new(format!("c{}", self.commands)).unwrap(),
            at_ms: self.clock.now_ms(),
            request,
            trace: None,
        };
        let payload = Bytes::from(serde_json::to_vec(&envelope).unwrap());
        for _ in 0..200 {
            let patience = Duration::from_secs(2);
            let answer = self
                .bus
                .command(partition, Class::Request, payload.clone(), patience);
            if let Ok(bytes) = answer.await {
                let answer: Answer = serde_json::from_slice(&bytes).unwrap();
                let is_busy =
                    matches!(&answer.result, Err(refusal) if refusal.code == RefusalCode::Busy);
                if !is_busy {
                    return answer.result;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("no owner answered");
    }
}

/// A pipeline with what every pipeline has.
fn whole((place, written): (usize, Value)) -> Map {
    let id = if place == 0 { "main" } else { "child" };
    let mut whole = json!({"id": id, "application": "shop", "spelEvaluator": "v4"});
    let map = whole.as_object_mut().unwrap();
    map.extend(written.as_object().unwrap().clone());
    let id = map["id"].clone();
    map.entry("name").or_insert(id);
    std::mem::take(map)
}

/// The name, or the first with a number behind it that nobody has.
fn free(names: &BTreeMap<String, Execution>, name: String) -> String {
    let numbered = (2..).map(|number| format!("{name}.{number}"));
    let mut tries = std::iter::once(name.clone()).chain(numbered);
    tries.find(|name| !names.contains_key(name)).unwrap()
}

fn run_scheduler(broker: &Broker, clock: &Clock, number: u64) -> (String, Scope) {
    let name = format!("scheduler-{number}");
    let bus = Bus::memory(broker, &name);
    let store = Store::new(&bus);
    let config = Config::new(&name, PARTITIONS, number + 10);
    let scope = Scope::root(&name);
    let scheduler = Scheduler::new(config, bus, store, clock.clone());
    let inner = scope.clone();
    scope.spawn("scheduler", async move {
        scheduler.run(inner.child("partitions")).await;
    });
    (name, scope)
}

fn run_worker(broker: &Broker, layout: &Layout, clock: &Clock, desk: &Desk) -> Scope {
    let bus = Bus::memory(broker, "worker");
    bus.remember(layout);
    let scripted = |kind, has_effect| -> Arc<dyn Task> {
        let desk = desk.clone();
        Arc::new(Scripted {
            kind,
            has_effect,
            desk,
        })
    };
    let tasks: [Arc<dyn Task>; 5] = [
        scripted("noop", false),
        scripted("createWebhook", true),
        scripted("monitorWebhook", false),
        Arc::new(Cancelling),
        Arc::new(Reading),
    ];
    let options = Options {
        name: "worker".to_owned(),
        zone: None,
        seed: 5,
        pools: vec![Pool {
            name: "notify".to_owned(),
            concurrency: 50,
            tasks: Registry::new(tasks),
        }],
        drain: SECOND,
    };
    let worker = Worker::new(bus, clock.clone(), options);
    let scope = Scope::root("worker");
    scope.spawn("worker", async move {
        worker.run(CancellationToken::new()).await;
    });
    scope
}
