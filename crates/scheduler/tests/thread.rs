//! Command in, task out, report in, answer out: real scheduler and real worker over the in-memory bus.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{Bus, Class, Layout, layout, memory::Broker};
use gennaker_model::{
    CommandId, Execution, ExecutionId, ExecutionType, Map, Status,
    command::{Answer, Envelope, ListQuery, Refusal, RefusalCode, Reply, Request, Start, VERSION},
    routing,
};
use gennaker_runtime::{Clock, Scope};
use gennaker_scheduler::{Config, Scheduler};
use gennaker_store::Store;
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
        _ctx: &'a Ctx,
    ) -> futures_util::future::BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async { Ok(Done::default()) })
    }
}

const PARTITIONS: u32 = 2;

struct World {
    broker: Broker,
    bus: Bus,
    clock: Clock,
    commands: u64,
    schedulers: Vec<(String, Scope)>,
}

impl World {
    async fn new() -> Self {
        let broker = Broker::new(1);
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

    fn scheduler(&mut self, name: &str) {
        let bus = Bus::memory(&self.broker, name);
        let store = Store::new(&bus);
        let config = Config::new(name, PARTITIONS, self.schedulers.len() as u64 + 11);
        let scope = Scope::root(name);
        let scheduler = Scheduler::new(config, bus, store, self.clock.clone());
        let inner = scope.clone();
        scope.spawn("scheduler", async move {
            scheduler.run(inner.child("partitions")).await
        });
        self.schedulers.push((name.to_owned(), scope));
    }

    async fn ask(&mut self, partition: u32, request: Request) -> Result<Reply, Refusal> {
        self.commands += 1;
        let id = CommandId::new(format!("c{}", self.commands)).unwrap();
        let envelope = Envelope {
            v: VERSION,
            id,
            at_ms: self.clock.now_ms(),
            request,
            trace: None,
        };
        let payload = Bytes::from(serde_json::to_vec(&envelope).unwrap());
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

    async fn start(&mut self, number: u64, stages: Value) -> ExecutionId {
        self.start_of(number, json!({ "stages": stages })).await
    }

    async fn try_start(
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

    async fn start_of(&mut self, number: u64, more: Value) -> ExecutionId {
        let (id, reply) = self.try_start(number, more, json!({})).await;
        assert_eq!(
            reply,
            Ok(Reply::Started {
                execution: id.clone(),
                existing: false
            })
        );
        id
    }

    async fn read(&mut self, id: &ExecutionId) -> Execution {
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

    async fn until(&mut self, id: &ExecutionId, done: impl Fn(&Execution) -> bool) -> Execution {
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
    fn replace_scheduler(&mut self, by: &str) {
        self.scheduler(by);
        let (name, scope) = self.schedulers.remove(0);
        self.broker.kill_node(&name);
        scope.cancel();
    }

    async fn ended(&mut self, id: &ExecutionId) -> Execution {
        self.until(id, |document| document.status.is_complete())
            .await
    }

    async fn restart(&mut self, document: &Execution) -> Result<Reply, Refusal> {
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

fn ten_noops() -> Value {
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

#[tokio::test(start_paused = true)]
async fn ten_dispatched_stages_run_and_the_end_is_readable() {
    let mut world = World::new().await;
    let id = world.start(1, ten_noops()).await;
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    assert!(
        document
            .stages
            .iter()
            .all(|stage| stage.status == Status::Succeeded)
    );
    let partition = routing::partition_of(&id, PARTITIONS);
    let query = ListQuery {
        application: Some("app".into()),
        ..ListQuery::default()
    };
    match world.ask(partition, Request::List(query)).await {
        Ok(Reply::Executions { documents }) => assert_eq!(documents, [document.unexpanded()]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_owner_is_followed_and_nothing_is_lost() {
    let mut world = World::new().await;
    let stages = json!([
        {"refId": "1", "type": "manualJudgment"},
        {"refId": "2", "type": "noop", "pool": "notify", "requisiteStageRefIds": ["1"]},
        {"refId": "3", "type": "wait", "waitTime": 30},
    ]);
    let id = world.start(1, stages).await;
    world.scheduler("two");
    let (name, scope) = world.schedulers.remove(0);
    world.broker.kill_node(&name);
    scope.cancel();
    let document = world.read(&id).await;
    assert_eq!(document.status, Status::Running);
    let stage = document.stages[0].id.clone();
    let partition = routing::partition_of(&id, PARTITIONS);
    let patch = json!({"judgmentStatus": "continue"})
        .as_object()
        .unwrap()
        .clone();
    let judge = Request::PatchStage {
        execution: id.clone(),
        stage,
        patch,
        user: "bob".into(),
        roles: None,
    };
    assert_eq!(world.ask(partition, judge).await, Ok(Reply::Done));
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    assert_eq!(
        document.stages[0].last_modified.as_ref().unwrap().user,
        "bob"
    );
}

#[tokio::test(start_paused = true)]
async fn what_parks_leaves_memory_and_comes_back() {
    let mut world = World::new().await;
    let id = world
        .start(1, json!([{"refId": "1", "type": "wait", "waitTime": 3600}]))
        .await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let document = world.read(&id).await;
    assert_eq!(document.status, Status::Running);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let document = world
        .until(&id, |document| document.status.is_complete())
        .await;
    assert_eq!(document.status, Status::Succeeded);
    let waited = document.end_time.unwrap() - document.start_time.unwrap();
    assert!((3_600_000..3_601_000).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_execution_stays_deleted_and_its_id_taken() {
    let mut world = World::new().await;
    let id = world
        .start(1, json!([{"refId": "1", "type": "wait"}]))
        .await;
    world
        .until(&id, |document| document.status.is_complete())
        .await;
    let partition = routing::partition_of(&id, PARTITIONS);
    for _ in 0..2 {
        let delete = Request::Delete {
            execution: id.clone(),
        };
        assert_eq!(world.ask(partition, delete).await, Ok(Reply::Done));
    }
    world.scheduler("two");
    let (name, scope) = world.schedulers.remove(0);
    world.broker.kill_node(&name);
    scope.cancel();
    let read = world
        .ask(
            partition,
            Request::Read {
                execution: id.clone(),
            },
        )
        .await;
    assert_eq!(read.unwrap_err().code, RefusalCode::NotFound);
    let again = Start {
        execution: id.clone(),
        kind: ExecutionType::Pipeline,
        config: json!({"id": "config", "stages": []})
            .as_object()
            .unwrap()
            .clone(),
        trigger: Map::new(),
        user: "ann".into(),
        origin: "api".into(),
        parent: None,
        error: None,
    };
    let started = world.ask(partition, Request::Start(Box::new(again))).await;
    assert_eq!(started.unwrap_err().code, RefusalCode::Conflict);
}

fn limited(keeps: bool) -> Value {
    json!({"limitConcurrent": true, "keepWaitingPipelines": keeps,
        "stages": [{"refId": "1", "type": "wait", "waitTime": 20}]})
}

#[tokio::test(start_paused = true)]
async fn kept_executions_of_a_limited_pipeline_run_one_after_the_other_over_a_take_over() {
    let mut world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.start_of(number, limited(true)).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for id in &ids[1..] {
        assert_eq!(world.read(id).await.status, Status::NotStarted);
    }
    world.replace_scheduler("two");
    let mut before = 0;
    for id in &ids {
        let document = world.ended(id).await;
        assert_eq!(document.status, Status::Succeeded);
        assert!(
            document.start_time.unwrap() >= before,
            "one at a time, in order"
        );
        before = document.end_time.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_execution_supersedes_those_that_wait_beside_it() {
    let mut world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.start_of(number, limited(false)).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut ends = Vec::new();
    for id in &ids {
        let document = world.ended(id).await;
        ends.push((document.status, document.canceled_by));
    }
    let superseded = (Status::Canceled, Some("spinnaker".to_owned()));
    assert_eq!(
        ends,
        [
            (Status::Succeeded, None),
            superseded,
            (Status::Succeeded, None)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_in_line_and_a_finished_execution_comes_back_for_it() {
    let mut world = World::new().await;
    let first = world.start_of(1, limited(true)).await;
    let document = world.ended(&first).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let second = world.start_of(2, limited(true)).await;
    assert_eq!(world.restart(&document).await, Ok(Reply::Done));
    assert_eq!(world.read(&first).await.status, Status::NotStarted);
    world.replace_scheduler("two");
    let between = world.ended(&second).await;
    let again = world.ended(&first).await;
    assert_eq!(again.status, Status::Succeeded);
    assert!(again.start_time >= between.end_time);
    let details = &again.stages[0].context["restartDetails"];
    assert_eq!(details["restartedBy"], "bob");
}

#[tokio::test(start_paused = true)]
async fn a_start_with_the_correlation_id_of_a_running_execution_is_that_execution() {
    let mut world = World::new().await;
    let stages = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 20}]});
    let trigger = json!({"correlationId": "c-1"});
    let (first, _) = world.try_start(1, stages.clone(), trigger.clone()).await;
    world.replace_scheduler("two");
    let (_, reply) = world.try_start(2, stages.clone(), trigger.clone()).await;
    let existing = Reply::Started {
        execution: first.clone(),
        existing: true,
    };
    assert_eq!(reply, Ok(existing));
    world.ended(&first).await;
    let (third, reply) = world.try_start(3, stages, trigger).await;
    let started = Reply::Started {
        execution: third,
        existing: false,
    };
    assert_eq!(reply, Ok(started));
}

#[tokio::test(start_paused = true)]
async fn an_expected_artifact_may_come_from_the_execution_before() {
    let mut world = World::new().await;
    let config = json!({"stages": [{"refId": "1", "type": "wait"}], "expectedArtifacts": [
        {"id": "e", "matchArtifact": {"type": "docker/image", "name": "shop"}, "usePriorArtifact": true}]});
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let (first, _) = world
        .try_start(1, config.clone(), json!({"artifacts": [image]}))
        .await;
    world.ended(&first).await;
    world.replace_scheduler("two");
    let (second, reply) = world.try_start(2, config.clone(), json!({})).await;
    assert!(reply.is_ok(), "{reply:?}");
    let document = world.ended(&second).await;
    assert_eq!(document.trigger["artifacts"][0]["reference"], "shop:1");
    let bound = &document.trigger["resolvedExpectedArtifacts"][0]["boundArtifact"];
    assert_eq!(bound["reference"], "shop:1");
}

#[tokio::test(start_paused = true)]
async fn what_is_frozen_is_not_started_and_what_runs_goes_on() {
    use gennaker_model::freeze::{Freeze, Target};
    let mut world = World::new().await;
    let stages = json!({"stages": [{"refId": "1", "type": "wait", "waitTime": 20}]});
    let running = world.start_of(1, stages.clone()).await;
    let freeze = Freeze {
        target: Target::application("APP"),
        by: "carol".into(),
        at_ms: 0,
        reason: "the release".into(),
    };
    let record = Bytes::from(serde_json::to_vec(&freeze).unwrap());
    let kv = world.bus.kv(gennaker_bus::Bucket::Cfg);
    let key = "freeze.application.app";
    kv.put_if(key, 0, record, None).await.unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(
            world.ask(partition, Request::Freezes).await,
            Ok(Reply::Done)
        );
    }
    for number in [2, 3] {
        let (id, reply) = world.try_start(number, stages.clone(), json!({})).await;
        let refusal = reply.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (
                RefusalCode::Invalid,
                "The application is frozen by carol since 1970-01-01T00:00:00Z: the release"
            )
        );
        assert_eq!(
            world.read(&id).await.status,
            Status::Terminal,
            "the refusal is visible"
        );
        world.replace_scheduler(&format!("scheduler-{number}"));
    }
    assert_eq!(world.ended(&running).await.status, Status::Succeeded);
}
