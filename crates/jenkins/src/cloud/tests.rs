//! The tasks in a worker, over the in-memory broker, against a service that keeps what it was told.

use std::sync::Mutex;

use gennaker_model::work::{Order, Outcome};
use gennaker_worker::{
    Registry,
    testing::{self, Workbench, error},
};
use serde::Deserialize;

use super::*;

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
    workbench: Workbench,
}

impl World {
    async fn new() -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let account = gennaker_builds::Account {
            name: "acc".to_owned(),
            zone: None,
            permissions: std::collections::BTreeMap::new(),
            service: Arc::new(Service(Arc::clone(&told))),
        };
        let workbench = Workbench::new(crate::POOL).await;
        workbench.work(Registry::new(tasks(&Accounts::new([account]))));
        Self { told, workbench }
    }

    /// A task; each has an effect of its own.
    fn task(&mut self, kind: &str, mut input: Value) -> TaskMessage {
        input["account"] = input.get("account").cloned().unwrap_or(json!("acc"));
        self.workbench.task(kind, input)
    }

    async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(&task).await
    }

    async fn finish(&mut self, task: &TaskMessage) -> Outcome {
        self.workbench.finish(task).await
    }

    async fn lose_worker_of(&self, task: &TaskMessage) {
        self.workbench.lose_worker_of(task).await;
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
    json!(testing::context(outcome))
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
    assert_eq!(error(&failed), "The service ended the build with BROKEN");
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
        error(&world.run("start", json!({})).await),
        "no such project"
    );
    let unknown = world.run("start", json!({"account": "other"})).await;
    assert_eq!(
        error(&unknown),
        "No The service account with name other is configured"
    );
    let bad = world.run("start", json!({"bad": 1})).await;
    assert_eq!(error(&bad), "that is no build");
    assert_eq!(world.told.lock().unwrap().builds.len(), 0);
    let none = world.run("monitor", json!({})).await;
    assert!(error(&none).contains("buildInfo"));
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
        error(&world.run("monitor", input.clone()).await),
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
