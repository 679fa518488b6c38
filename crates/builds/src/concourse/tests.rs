//! Concourse as a double of its API: tokens by version, builds that were run again, streams of events.

use std::sync::{Arc, Mutex, MutexGuard};

use gennaker_testkit::http::{Reply, Seen, Server};
use serde_json::json;

use super::{resources::Resource, *};
use crate::{BuildResult, rest::testing::client};

struct State {
    version: &'static str,
    tokens: usize,
    builds: Vec<Value>,
}

struct World {
    state: Arc<Mutex<State>>,
    concourse: Concourse,
    _server: Server,
    _folder: tempfile::TempDir,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

const EVENTS: &str = "id: 0\nevent: event\ndata: {\"data\":{\"origin\":{\"id\":\"2\",\"source\":\"stdout\"},\"payload\":\"hi\"},\"event\":\"log\"}\n\n\
    event: event\ndata: {\"data\":{\"origin\":{\"id\":\"1\"},\"metadata\":[{\"name\":\"commit\",\"value\":\"0123456789\"},\
    {\"name\":\"message\",\"value\":\"fix\\n\"},{\"name\":\"branch\",\"value\":\"\"}]},\"event\":\"finish-get\"}\n\n\
    event: event\ndata: {\"data\":{\"origin\":{\"id\":\"3\"},\"metadata\":[{\"name\":\"url\",\
    \"value\":\"https://s3-eu-west-1.amazonaws.com/out/web.tgz\"}]},\"event\":\"finish-put\"}\n\nevent: end\ndata\n\n";

fn answer(state: &mut State, request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    match path {
        "/api/v1/info" => return Reply::ok(&json!({"version": state.version}).to_string()),
        "/sky/token" | "/sky/issuer/token" => {
            assert_eq!(path == "/sky/token", state.version == "5.8.0");
            assert_eq!(request.header("authorization"), Some("Basic Zmx5OlpteDU="));
            assert!(
                request
                    .text()
                    .starts_with("grant_type=password&username=ann&password=p%26w&scope=openid+"),
                "{}",
                request.text()
            );
            state.tokens += 1;
            let token = format!("t{}", state.tokens);
            return Reply::ok(
                &match state.version {
                    "6.3.0" => json!({"access_token": "not this", "id_token": token}),
                    _ => json!({"access_token": token}),
                }
                .to_string(),
            );
        }
        _ => {}
    }
    if request.header("authorization") != Some(&format!("bearer t{}", state.tokens)) {
        return Reply::status(401, "not authorized");
    }
    match (request.method.as_str(), path) {
        ("GET", "/api/v1/teams") => Reply::ok("[{\"name\": \"main\"}, {\"name\": \"hidden\"}]"),
        ("GET", "/api/v1/pipelines") => {
            Reply::ok("[{\"name\": \"web\", \"team_name\": \"main\"}, {\"name\": \"api\", \"team_name\": \"main\"}, \
                {\"name\": \"x\", \"team_name\": \"hidden\"}]")
        }
        ("GET", "/api/v1/jobs") => {
            let job = |name: &str, last: Option<&Value>| json!({"name": name, "pipeline_name": "web", "team_name": "main", "finished_build": last});
            let hidden = json!({"name": "j", "pipeline_name": "x", "team_name": "hidden"});
            Reply::ok(&json!([job("unit", state.builds.first()), job("deploy", None), hidden]).to_string())
        }
        ("GET", "/api/v1/teams/main/pipelines/web/resources") => Reply::ok("[{\"name\": \"src\"}, {\"name\": \"out\"}]"),
        ("GET", "/api/v1/teams/main/pipelines/web/jobs/unit/builds") => {
            assert_eq!(query, "limit=200");
            Reply::ok(&json!(state.builds).to_string())
        }
        // An empty list is null.
        ("GET", "/api/v1/teams/main/pipelines/web/jobs/deploy/builds") => Reply::ok("null"),
        ("GET", "/api/v1/builds/11/plan") => Reply::ok(&json!({"plan": {"id": "0", "do": [
            {"id": "1", "get": {"name": "src", "type": "git"}}, {"id": "2", "task": {"name": "test"}},
            {"id": "4", "in_parallel": {"steps": [{"id": "3", "put": {"name": "out", "type": "s3"}}]}},
        ]}}).to_string()),
        ("GET", "/api/v1/builds/11/events") => Reply::ok(EVENTS),
        ("PUT", "/api/v1/builds/12/abort") => {
            state.builds[0]["status"] = "aborted".into();
            Reply::status(204, "")
        }
        ("GET", "/api/v1/builds/12/plan") => Reply::status(404, ""),
        (method, path) => panic!("{method} {path} is not called"),
    }
}

async fn world(version: &'static str) -> World {
    let build = |id: u64, name: &str, status: &str| json!({"id": id, "name": name, "status": status, "start_time": 1_767_225_600 + id, "end_time": 1_767_225_700 + id});
    let builds = vec![
        build(12, "3", "started"),
        build(10, "2", "failed"),
        build(11, "2.1", "succeeded"),
        build(9, "1", "errored"),
    ];
    let state = Arc::new(Mutex::new(State {
        version,
        tokens: 0,
        builds,
    }));
    let shared = Arc::clone(&state);
    let server = Server::start(move |request| answer(&mut shared.lock().unwrap(), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "p&w").unwrap();
    let concourse = Concourse::new(ConcourseOptions {
        client: client(),
        url: server.url("/"),
        username: "ann".to_owned(),
        password: Secret::File(password),
        teams: vec!["main".to_owned()],
        resource_filter: None,
        build_lookback_limit: 200,
    });
    World {
        state,
        concourse: concourse.unwrap(),
        _server: server,
        _folder: folder,
    }
}

#[tokio::test]
async fn tokens_are_had_as_each_version_gives_them() {
    for version in ["5.8.0", "6.3.0", "7.9.1"] {
        let world = world(version).await;
        assert_eq!(
            world.concourse.teams().await.unwrap(),
            ["main"],
            "{version}"
        );
        world.concourse.teams().await.unwrap();
        assert_eq!(world.state().tokens, 1);
        // One that does not count any more is asked for anew.
        world.state().tokens = 5;
        world.concourse.teams().await.unwrap();
        assert_eq!(world.state().tokens, 6);
    }
}

#[tokio::test]
async fn pipelines_jobs_and_resources_are_listed() {
    let world = world("7.9.1").await;
    assert_eq!(
        world.concourse.pipelines("main").await.unwrap(),
        ["api", "web"]
    );
    assert_eq!(
        world.concourse.pipelines("hidden").await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        world.concourse.jobs_of("main", "web").await.unwrap(),
        ["unit", "deploy"]
    );
    assert_eq!(
        world.concourse.resources("main", "web").await.unwrap(),
        ["out", "src"]
    );
    assert_eq!(
        world.concourse.jobs().await.unwrap(),
        ["main/web/deploy", "main/web/unit"]
    );
}

#[tokio::test]
async fn a_build_has_what_its_resources_say() {
    let world = world("7.9.1").await;
    let build = world.concourse.build("main/web/unit", 2).await.unwrap();
    assert!(build.is_success(), "the last run counts: {build:?}");
    assert_eq!(build.id.as_deref(), Some("11"));
    assert!(
        build
            .url
            .as_deref()
            .unwrap()
            .ends_with("/teams/main/pipelines/web/jobs/unit/builds/2.1")
    );
    let revision = &build.revisions[0];
    assert_eq!(
        (revision.branch.as_deref(), revision.message.as_deref()),
        (Some("0123456"), Some("fix"))
    );
    assert_eq!(
        Value::Object(build.properties),
        json!({"out": {"url": "https://s3-eu-west-1.amazonaws.com/out/web.tgz"}})
    );
    assert_eq!(
        build.artifacts[0]
            .reference
            .as_deref()
            .or(build.artifacts[0].file_name.as_deref()),
        Some("s3://out/web.tgz")
    );
    let running = world.concourse.build("main/web/unit", 3).await.unwrap();
    assert!(running.building && running.result == Some(BuildResult::Building));
    assert!(matches!(
        world.concourse.build("main/web/unit", 4).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        world.concourse.build("main/web", 4).await,
        Err(Error::Refused { .. })
    ));
    assert!(
        world
            .concourse
            .builds("hidden/web/unit")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_poller_sees_the_last_builds_of_jobs() {
    let world = world("7.9.1").await;
    let projects = world.concourse.projects().await.unwrap();
    let shown: Vec<_> = projects
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.last_build.as_ref().map(|last| last.number),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("main/web/unit", Some(3)), ("main/web/deploy", None)]
    );
    let since = world
        .concourse
        .builds_since("main/web/unit", Some(1_767_225_610_000))
        .await
        .unwrap();
    assert_eq!(since.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 3]);
    assert!(
        world
            .concourse
            .builds_since("main/web/deploy", None)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn builds_are_stopped_and_not_started() {
    let world = world("7.9.1").await;
    let stop = Stop {
        job: "main/web/unit".to_owned(),
        item: None,
        number: Some(3),
    };
    world.concourse.stop(&stop).await.unwrap();
    let stopped = world.concourse.build("main/web/unit", 3).await.unwrap();
    assert_eq!(stopped.result, Some(BuildResult::Aborted));
    let start = world.concourse.start(&Start::default()).await.unwrap_err();
    assert_eq!(
        start,
        Error::NotSupported("Triggering concourse builds not supported".to_owned())
    );
}

#[test]
fn plans_are_searched_to_a_depth() {
    let mut deep = json!({"id": "1", "get": {"name": "src", "type": "git"}});
    for _ in 0..100 {
        deep = json!({ "do": [deep] });
    }
    let mut found: Vec<Resource> = Vec::new();
    resources::collect(&deep, 0, &mut found);
    assert!(found.is_empty());
}
