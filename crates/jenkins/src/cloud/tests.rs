//! The tasks in a worker, over the in-memory broker, against a service that keeps what it was told.

use std::sync::Mutex;

use gennaker_bus::{Bucket, Bus, Layout, TaskAddress, layout, memory::Broker, token};
use gennaker_model::{
    AttemptId, EffectId, ExecutionId, StageId,
    command::{Answer, Reply},
    work::{Order, Outcome, TaskReport, VERSION},
};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_worker::{
    Options, Pool, Registry, Worker,
    ledger::{Entry, State},
};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::*;

const POOL: &str = "jenkins";

/// A service that builds.
#[derive(Default)]
struct Service(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// Builds by what started them.
    builds: Vec<(String, Built)>,
    starts: usize,
    /// What the next calls end with.
    errors: Vec<Error>,
    /// The next start is carried out all the same.
    lies: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Built {
    id: String,
    status: String,
}

impl Service {
    fn answer<T>(&self, answer: impl FnOnce(&mut Told) -> Result<T, Error>) -> Result<T, Error> {
        let mut told = self.0.lock().unwrap();
        match told.errors.pop() {
            Some(error) => Err(error),
            None => answer(&mut told),
        }
    }

    fn build(&self, id: &str, status: Option<&str>) -> Result<Built, Error> {
        self.answer(|told| {
            let found = told.builds.iter_mut().find(|(_, build)| build.id == id);
            let (_, build) = found.ok_or_else(|| Error::NotFound("no such build".to_owned()))?;
            if let Some(status) = status
                && build.status == "RUNS"
            {
                build.status = status.to_owned();
            }
            Ok(build.clone())
        })
    }
}

impl Cloud for Service {
    type Start = String;
    type Build = Built;

    const NAME: &'static str = "The service";
    const KINDS: [&'static str; 4] = ["start", "monitor", "artifacts", "stop"];

    fn wanted(input: &Map, token: &str) -> Result<String, String> {
        match input.contains_key("bad") {
            true => Err("that is no build".to_owned()),
            false => Ok(token.to_owned()),
        }
    }

    fn reference(build: &Built) -> String {
        build.id.clone()
    }

    fn named(reference: &str) -> Built {
        Built {
            id: reference.to_owned(),
            ..Built::default()
        }
    }

    fn standing(build: &Built) -> Standing {
        match build.status.as_str() {
            "RUNS" => Standing::Running,
            "GOOD" => Standing::Succeeded,
            other => Standing::Failed(other.to_owned()),
        }
    }

    fn start<'a>(&'a self, start: &'a String) -> BoxFuture<'a, Result<Built, Error>> {
        Box::pin(async move {
            let mut told = self.0.lock().unwrap();
            told.starts += 1;
            let error = told.errors.pop();
            if error.is_none() || std::mem::take(&mut told.lies) {
                let id = format!("b{}", told.builds.len() + 1);
                let status = "RUNS".to_owned();
                told.builds.push((start.clone(), Built { id, status }));
            }
            match error {
                Some(error) => Err(error),
                None => Ok(told.builds.last().unwrap().1.clone()),
            }
        })
    }

    fn find<'a>(&'a self, start: &'a String) -> BoxFuture<'a, Result<Option<Built>, Error>> {
        Box::pin(async move {
            self.answer(|told| {
                let found = told.builds.iter().find(|(by, _)| by == start);
                Ok(found.map(|(_, build)| build.clone()))
            })
        })
    }

    fn get<'a>(&'a self, build: &'a Built) -> BoxFuture<'a, Result<Built, Error>> {
        Box::pin(async move { self.build(&build.id, None) })
    }

    fn stop<'a>(&'a self, build: &'a Built) -> BoxFuture<'a, Result<Built, Error>> {
        Box::pin(async move { self.build(&build.id, Some("STOPPED")) })
    }

    fn artifacts<'a>(&'a self, build: &'a Built) -> BoxFuture<'a, Result<Vec<Map>, Error>> {
        Box::pin(async move { Ok(vec![one("name", self.build(&build.id, None)?.id.into())]) })
    }
}

/// A pool at work.
struct World {
    told: Arc<Mutex<Told>>,
    bus: Bus,
    reports: mpsc::UnboundedReceiver<TaskReport>,
    attempts: u64,
    scope: Scope,
}

impl World {
    async fn new() -> Self {
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
        let blobs = gennaker_store::Blobs::kv(&bus);
        scope.spawn("owner", async move {
            while let Some(command) = commands.next().await {
                let payload = blobs.open(command.payload).await.unwrap();
                let _ = sender.send(serde_json::from_slice(&payload).unwrap());
                let answer = Answer {
                    partition: 0,
                    sequence: 1,
                    result: Ok(Reply::Report { stale: false }),
                };
                let answer = serde_json::to_vec(&answer).unwrap();
                command.responder.send(answer.into()).await.unwrap();
            }
        });
        let told = Arc::new(Mutex::new(Told::default()));
        let account = gennaker_builds::Account {
            name: "acc".to_owned(),
            zone: None,
            permissions: std::collections::BTreeMap::new(),
            service: Arc::new(Service(Arc::clone(&told))),
        };
        let options = Options {
            name: "worker".into(),
            zone: None,
            seed: 1,
            pools: vec![Pool {
                name: POOL.into(),
                concurrency: 4,
                tasks: Registry::new(tasks(&Accounts::new([account]))),
            }],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(Bus::memory(&broker, "worker"), Clock::system(), options);
        scope.spawn("worker", async move {
            worker.run(CancellationToken::new()).await;
        });
        Self {
            told,
            bus,
            reports,
            attempts: 0,
            scope,
        }
    }

    /// A task; each has an effect of its own.
    fn task(&mut self, kind: &str, mut input: Value) -> TaskMessage {
        self.attempts += 1;
        let execution = ExecutionId::new(format!("E{}", self.attempts)).unwrap();
        let stage = StageId::new("S").unwrap();
        input["account"] = input.get("account").cloned().unwrap_or(json!("acc"));
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

    async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(&task).await
    }

    async fn finish(&mut self, task: &TaskMessage) -> Outcome {
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
        let report = tokio::time::timeout(Duration::from_secs(30), self.reports.recv()).await;
        report.expect("a report within 30 s").unwrap().outcome
    }

    /// Leaves the ledger as a worker does that was killed during its call, long ago.
    async fn lose_worker_of(&self, task: &TaskMessage) {
        let state = State::Intent {
            worker: "lost#1".to_owned(),
            attempt: task.attempt,
            heartbeat_ms: 0,
            reference: None,
        };
        let key = token(task.effect.as_ref().unwrap().as_str());
        let value = serde_json::to_vec(&Entry::new(state)).unwrap().into();
        let ledger = self.bus.kv(Bucket::Effect(POOL.into()));
        ledger.put_if(&key, 0, value, None).await.unwrap();
    }

    fn started(&self, task: &TaskMessage) {
        let by = task.effect.as_ref().unwrap().to_string();
        let mut told = self.told.lock().unwrap();
        let id = format!("b{}", told.builds.len() + 1);
        let status = "RUNS".to_owned();
        told.builds.push((by, Built { id, status }));
    }

    fn set(&self, status: &str) {
        self.told.lock().unwrap().builds[0].1.status = status.to_owned();
    }

    fn fail_next(&self, error: Error, times: usize) {
        self.told.lock().unwrap().errors = vec![error; times];
    }
}

fn down(may_have_happened: bool) -> Error {
    Error::Unavailable {
        status: Some(500),
        sentence: "it is down".to_owned(),
        may_have_happened,
    }
}

fn context(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Running { context, .. }
        | Outcome::Succeeded { context, .. }
        | Outcome::Failed { context, .. }
        | Outcome::Canceled { context }
        | Outcome::Closed { context, .. } => json!(context),
    }
}

fn sentence(outcome: &Outcome) -> String {
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

#[tokio::test]
async fn a_build_is_started_followed_and_read() {
    let mut world = World::new().await;
    let started = world.run("start", json!({})).await;
    let known = json!({"buildInfo": {"id": "b1", "status": "RUNS"}, "consecutiveErrors": 0});
    assert!(matches!(started, Outcome::Succeeded { .. }), "{started:?}");
    assert_eq!(context(&started), known);
    let looked = world.run("monitor", known.clone()).await;
    assert!(
        matches!(
            looked,
            Outcome::Running {
                again_ms: 10_000,
                ..
            }
        ),
        "{looked:?}"
    );
    assert_eq!(context(&looked), json!({}), "there is no news");
    world.set("GOOD");
    let over = world.run("monitor", known.clone()).await;
    assert!(matches!(over, Outcome::Succeeded { .. }), "{over:?}");
    assert_eq!(context(&over)["buildInfo"]["status"], "GOOD");
    let Outcome::Succeeded { outputs, .. } = world.run("artifacts", known.clone()).await else {
        panic!("artifacts are read");
    };
    assert_eq!(json!(outputs), json!({"artifacts": [{"name": "b1"}]}));
    world.set("BROKEN");
    let failed = world.run("monitor", known).await;
    assert_eq!(sentence(&failed), "The service ended the build with BROKEN");
    assert_eq!(context(&failed)["buildInfo"]["status"], "BROKEN");
}

#[tokio::test]
async fn a_worker_that_follows_a_dead_one_adopts_its_build() {
    let mut world = World::new().await;
    let task = world.task("start", json!({}));
    world.started(&task);
    world.lose_worker_of(&task).await;
    let adopted = world.finish(&task).await;
    assert_eq!(context(&adopted)["buildInfo"]["id"], "b1");
    assert_eq!(
        world.told.lock().unwrap().starts,
        0,
        "nothing is started again"
    );
    // One that died before its call is followed by one that makes it.
    let task = world.task("start", json!({}));
    world.lose_worker_of(&task).await;
    let started = world.finish(&task).await;
    assert_eq!(context(&started)["buildInfo"]["id"], "b2");
    assert_eq!(world.told.lock().unwrap().starts, 1);
    let _ = &world.scope;
}

#[tokio::test]
async fn a_close_stops_what_a_dead_worker_has_started() {
    let mut world = World::new().await;
    let mut task = world.task("start", json!({}));
    world.started(&task);
    world.lose_worker_of(&task).await;
    task.order = Order::Close;
    let closed = world.finish(&task).await;
    assert!(
        matches!(closed, Outcome::Closed { remains: None, .. }),
        "{closed:?}"
    );
    assert_eq!(world.told.lock().unwrap().builds[0].1.status, "STOPPED");
}

#[tokio::test]
async fn refusals_end_the_stage_and_absence_does_not() {
    let mut world = World::new().await;
    world.fail_next(down(false), 1);
    let later = world.run("start", json!({})).await;
    assert!(matches!(later, Outcome::Running { .. }), "{later:?}");
    world.fail_next(Error::invalid("no such project"), 1);
    assert_eq!(
        sentence(&world.run("start", json!({})).await),
        "no such project"
    );
    let unknown = world.run("start", json!({"account": "other"})).await;
    assert_eq!(
        sentence(&unknown),
        "No The service account with name other is configured"
    );
    let bad = world.run("start", json!({"bad": 1})).await;
    assert_eq!(sentence(&bad), "that is no build");
    assert_eq!(world.told.lock().unwrap().builds.len(), 0);
    let none = world.run("monitor", json!({})).await;
    assert!(sentence(&none).contains("buildInfo"));
}

#[tokio::test]
async fn a_question_is_asked_again_five_times() {
    let mut world = World::new().await;
    world.run("start", json!({})).await;
    let mut input = json!({"buildInfo": {"id": "b1", "status": "RUNS"}});
    for errors in 1..=5 {
        world.fail_next(down(false), 1);
        let later = world.run("monitor", input.clone()).await;
        assert!(
            matches!(
                later,
                Outcome::Running {
                    again_ms: 5_000,
                    ..
                }
            ),
            "{later:?}"
        );
        assert_eq!(context(&later)["consecutiveErrors"], errors);
        input["consecutiveErrors"] = errors.into();
    }
    world.fail_next(down(false), 1);
    assert_eq!(
        sentence(&world.run("monitor", input.clone()).await),
        "it is down"
    );
    // An answer begins the count anew.
    assert_eq!(
        context(&world.run("monitor", input).await)["consecutiveErrors"],
        0
    );
}

#[tokio::test]
async fn a_cancelled_stage_stops_its_build() {
    let mut world = World::new().await;
    world.run("start", json!({})).await;
    let known = json!({"buildInfo": {"id": "b1", "status": "RUNS"}});
    let stopped = world.run("stop", known).await;
    assert_eq!(context(&stopped)["buildInfo"]["status"], "STOPPED");
    let gone = world
        .run("stop", json!({"buildInfo": {"id": "b9", "status": "RUNS"}}))
        .await;
    assert!(matches!(gone, Outcome::Succeeded { .. }), "{gone:?}");
}
