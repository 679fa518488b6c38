//! Travis as a double of both versions of its API: requests that become builds, logs that come late, tokens that end.

use std::sync::{Arc, Mutex, MutexGuard};

use gennaker_credentials::auth::Secret;
use gennaker_testkit::http::{Reply, Seen, Server};

use super::*;
use crate::rest::testing::client;

const NOW_MS: i64 = 1_767_225_660_000;

#[derive(Default)]
struct State {
    /// Builds in version 3.
    builds: Vec<Value>,
    requests: Vec<Value>,
    /// Jobs whose log is complete.
    ready: Vec<u64>,
    log: String,
    loses_answer: bool,
    /// Whether requests have been looked at.
    is_slow: bool,
    /// How many tokens were given; only the last counts.
    tokens: usize,
}

struct World {
    server: Server,
    state: Arc<Mutex<State>>,
    travis: Travis,
    _folder: tempfile::TempDir,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Whether a thing has this id.
fn has_id(thing: &Value, id: &str) -> bool {
    thing["id"].as_u64() == id.parse().ok()
}

fn answer(state: &mut State, request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if path == "/auth/github" {
        assert_eq!(body, json!({"github_token": "ghp"}));
        state.tokens += 1;
        return Reply::ok(&json!({"access_token": format!("t{}", state.tokens)}).to_string());
    }
    if request.header("authorization") != Some(&format!("token t{}", state.tokens)) {
        return Reply::status(403, "access denied");
    }
    let is_new = request.header("travis-api-version") == Some("3");
    if path == "/builds" {
        assert!(!is_new, "only version 2 knows numbers");
        let number = query.strip_prefix("slug=o%2Fr&number=").unwrap();
        let found = state
            .builds
            .iter()
            .filter(|build| build["number"] == number);
        let old = |build: &Value| {
            let mut build = build.clone();
            build["number"] = json!(build["number"].as_str().unwrap().parse::<u64>().unwrap());
            build["job_ids"] = build["jobs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["id"].clone())
                .collect();
            build
        };
        return Reply::ok(
            &json!({"builds": found.map(old).collect::<Vec<_>>(), "commits": []}).to_string(),
        );
    }
    assert!(is_new, "{path} is of version 3");
    match (request.method.as_str(), path) {
        ("POST", "/repo/o%2Fr/requests") => {
            let id = 70 + state.requests.len() as u64;
            let mut made = json!({"id": id, "state": "pending", "event_type": "api", "created_at": "2026-01-01T00:01:00Z", "builds": []});
            if !state.is_slow {
                made["commit"] = json!({"message": body["request"]["message"]});
            }
            made["asked"] = body["request"].clone();
            state.requests.insert(0, made);
            match std::mem::take(&mut state.loses_answer) {
                true => Reply::status(502, ""),
                false => Reply::ok(&json!({"remaining_requests": 9, "request": {"id": id, "repository": {"id": 1}}}).to_string()),
            }
        }
        ("GET", "/repo/o%2Fr/requests") => {
            Reply::ok(&json!({"requests": state.requests}).to_string())
        }
        ("GET", "/repo/o%2Fr/builds" | "/repo/o%2Fother/builds") => {
            let branch = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("branch.name="));
            let fits =
                |build: &&Value| branch.is_none_or(|branch| build["branch"]["name"] == branch);
            let found: Vec<&Value> = state.builds.iter().filter(fits).collect();
            Reply::ok(&json!({"builds": found}).to_string())
        }
        ("GET", "/jobs") => {
            let job = |build: &Value| json!({"id": build["jobs"][0]["id"], "build": build});
            Reply::ok(
                &json!({"jobs": state.builds.iter().map(job).collect::<Vec<_>>()}).to_string(),
            )
        }
        ("POST", cancels) => {
            let id = cancels
                .strip_prefix("/build/")
                .and_then(|rest| rest.strip_suffix("/cancel"))
                .unwrap();
            let build = state
                .builds
                .iter_mut()
                .find(|build| has_id(build, id))
                .unwrap();
            if build["state"] != "started" {
                return Reply::status(409, "{\"error_message\": \"it is over\"}");
            }
            build["state"] = "canceled".into();
            Reply::status(202, "{}")
        }
        ("GET", path) => {
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            match parts[..] {
                ["repo", "o%2Fr", "request", id] => {
                    let found = state.requests.iter().find(|made| has_id(made, id));
                    found.map_or_else(
                        || Reply::status(404, ""),
                        |made| Reply::ok(&made.to_string()),
                    )
                }
                ["build", id] => {
                    let found = state.builds.iter().find(|build| has_id(build, id)).unwrap();
                    Reply::ok(&found.to_string())
                }
                ["job", id, "log"] => {
                    let is_final = state.ready.contains(&id.parse().unwrap());
                    let part = json!({"content": state.log, "number": 0, "final": is_final});
                    Reply::ok(
                        &json!({"id": 1, "content": state.log, "log_parts": [part]}).to_string(),
                    )
                }
                _ => panic!("{path} is not called"),
            }
        }
        (method, path) => panic!("{method} {path} is not called"),
    }
}

async fn world() -> World {
    let state = Arc::new(Mutex::new(State {
        log: "SPINNAKER_PROPERTY_IMAGE=web:1\nUploading artifact: https://x/web_1.deb;a\nDone. Your build exited with 0.".to_owned(),
        ..State::default()
    }));
    let shared = Arc::clone(&state);
    let server = Server::start(move |request| answer(&mut shared.lock().unwrap(), request)).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "ghp\n").unwrap();
    let travis = Travis::new(TravisOptions {
        client: client(),
        clock: Clock::simulated(NOW_MS),
        address: server.url("/"),
        base_url: "https://travis".to_owned(),
        github_token: Secret::File(token),
        number_of_jobs: 100,
        build_result_limit: 10,
        filtered_repositories: Vec::new(),
        use_log_complete: false,
        patterns: Vec::new(),
        message_key: "travis.buildMessage".to_owned(),
    });
    World {
        server,
        state,
        travis: travis.unwrap(),
        _folder: folder,
    }
}

fn build(id: u64, number: u64, state: &str, branch: &str) -> Value {
    json!({
        "id": id, "number": number.to_string(), "state": state, "duration": 7, "event_type": "push",
        "started_at": "2026-01-01T00:00:10Z", "finished_at": (state != "started").then_some("2026-01-01T00:00:20Z"),
        "repository": {"id": 1, "slug": "o/r"}, "branch": {"name": branch},
        "commit": {"sha": "abc", "ref": format!("refs/heads/{branch}"), "message": "fix", "author": {"name": "ann"}},
        "jobs": [{"id": id * 10}],
    })
}

fn start(world: &World, token: &str) -> Start {
    let parameters = [
        ("travis.buildMessage", "Application: 'a'"),
        ("A", "1"),
        ("B", "x"),
    ];
    Start {
        job: "o/r/feature/x".to_owned(),
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        token: token.to_owned(),
        before: noted(world.travis.options.clock.now_ms()),
    }
}

#[tokio::test]
async fn a_request_becomes_a_build() {
    let world = world().await;
    let wanted = start(&world, "E.S.0.1.0");
    let started = world.travis.start(&wanted).await.unwrap();
    assert_eq!(started, Started::Queued("70".to_owned()));
    assert_eq!(
        world.state().requests[0]["asked"],
        json!({
            "branch": "feature/x", "message": "Triggered from Spinnaker: Application: 'a' [E.S.0.1.0]",
            "config": {"merge_mode": "deep_merge", "env": {"matrix": "A=1 B=x"}},
        })
    );
    let queued = || world.travis.queued(&wanted.job, "70");
    assert_eq!(
        queued().await.unwrap(),
        Queued::Waiting(Some("pending".to_owned()))
    );
    world.state().requests[0]["builds"] = json!([build(5, 12, "started", "feature/x")]);
    assert_eq!(queued().await.unwrap(), Queued::Number(12));
    world.state().requests[0]["builds"] = json!([]);
    world.state().requests[0]["result"] = "rejected".into();
    assert_eq!(queued().await.unwrap(), Queued::Cancelled);
    assert!(matches!(
        world.travis.queued("o/r", "../x").await,
        Err(Error::Refused { .. })
    ));
    assert!(matches!(
        world.travis.queued("o/r", "99").await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test]
async fn a_request_without_an_answer_is_found_by_its_message() {
    let world = world().await;
    let wanted = start(&world, "E.S.0.1.0");
    assert_eq!(world.travis.find(&wanted).await.unwrap(), None);
    world.state().loses_answer = true;
    let lost = world.travis.start(&wanted).await.unwrap_err();
    assert!(lost.may_have_happened(), "{lost}");
    let found = world.travis.find(&wanted).await.unwrap();
    assert_eq!(found, Some(Started::Queued("70".to_owned())));
    assert_eq!(
        world.travis.find(&start(&world, "other")).await.unwrap(),
        None
    );
    // Until Travis has looked at a new request nobody knows whose it is.
    world.state().is_slow = true;
    world.travis.start(&start(&world, "third")).await.unwrap();
    let unknown = world
        .travis
        .find(&start(&world, "other"))
        .await
        .unwrap_err();
    assert!(unknown.is_transient(), "{unknown}");
    assert_eq!(world.travis.find(&wanted).await.unwrap(), found);
    // One that is older than the start does not matter.
    world.state().requests[0]["created_at"] = "2025-12-31T00:00:00Z".into();
    assert_eq!(
        world.travis.find(&start(&world, "other")).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_build_is_over_when_its_log_is_complete() {
    let world = world().await;
    world.state().builds = vec![build(5, 12, "passed", "main")];
    let seen = world.travis.build("o/r/main", 12).await.unwrap();
    assert_eq!(seen.result, Some(BuildResult::Building));
    assert!(seen.artifacts.is_empty());
    world.state().ready = vec![50];
    let seen = world.travis.build("o/r/main", 12).await.unwrap();
    assert!(seen.is_success(), "{seen:?}");
    assert_eq!(seen.url.as_deref(), Some("https://travis/o/r/builds/5"));
    assert_eq!(seen.artifacts[0].file_name.as_deref(), Some("web_1.deb"));
    let properties = world.travis.properties("o/r", 12, "travis").await.unwrap();
    assert_eq!(Value::Object(properties), json!({"image": "web:1"}));
    let revisions = world.travis.revisions("o/r", 12).await.unwrap();
    assert_eq!(
        (revisions[0].branch.as_deref(), revisions[0].sha1.as_deref()),
        (Some("main"), Some("abc"))
    );
    assert!(matches!(
        world.travis.build("o/r", 13).await,
        Err(Error::NotFound(_))
    ));
    world.state().builds[0]["state"] = "failed".into();
    world.state().ready.clear();
    let failed = world.travis.build("o/r", 12).await.unwrap();
    assert_eq!(
        failed.result,
        Some(BuildResult::Failure),
        "nobody waits for its log"
    );
    world.state().builds[0]["state"] = "passed".into();
    // A log that is not complete after a quarter of an hour will not be.
    world.state().ready.clear();
    world.state().builds[0]["finished_at"] = "2025-12-31T23:00:00Z".into();
    assert!(world.travis.build("o/r", 12).await.unwrap().is_success());
}

#[tokio::test]
async fn a_build_is_stopped_by_number_or_request() {
    let world = world().await;
    world.state().builds = vec![build(5, 12, "started", "main")];
    let stop = |item: Option<&str>, number| Stop {
        job: "o/r/main".to_owned(),
        item: item.map(str::to_owned),
        number,
    };
    world.travis.stop(&stop(None, Some(12))).await.unwrap();
    assert_eq!(world.state().builds[0]["state"], "canceled");
    world.travis.stop(&stop(None, Some(12))).await.unwrap();
    world.travis.start(&start(&world, "t")).await.unwrap();
    let early = world
        .travis
        .stop(&stop(Some("70"), None))
        .await
        .unwrap_err();
    assert!(early.is_transient(), "{early}");
    world.state().builds[0]["state"] = "started".into();
    let made = world.state().builds[0].clone();
    world.state().requests[0]["builds"] = json!([made]);
    world.travis.stop(&stop(Some("70"), None)).await.unwrap();
    assert_eq!(world.state().builds[0]["state"], "canceled");
}

#[tokio::test]
async fn a_poller_sees_builds_by_repository_and_branch_but_none_of_ours() {
    let world = world().await;
    let mut ours = build(6, 13, "passed", "main");
    ours["event_type"] = "api".into();
    ours["commit"]["message"] = "Triggered from Spinnaker: x".into();
    let mut tag = build(7, 14, "failed", "v1");
    tag["commit"]["ref"] = "refs/tags/v1".into();
    world.state().builds = vec![build(5, 12, "passed", "main"), ours, tag];
    let named = |projects: Vec<Project>| -> Vec<(String, u64, bool)> {
        let shown = projects.into_iter().map(|project| {
            let last = project.last_build.unwrap();
            (project.name, last.number, last.building)
        });
        shown.collect()
    };
    let of = |name: &str, number, building| (name.to_owned(), number, building);
    let projects = named(world.travis.projects().await.unwrap());
    assert_eq!(
        projects,
        [
            of("o/r", 14, false),
            of("o/r/main", 12, true),
            of("o/r/tags", 14, false)
        ]
    );
    world.state().ready = vec![50];
    assert_eq!(
        named(world.travis.projects().await.unwrap())[1],
        of("o/r/main", 12, false)
    );
    let logs = || {
        world
            .server
            .seen()
            .iter()
            .filter(|it| it.path().ends_with("/log"))
            .count()
    };
    let read = logs();
    world.travis.projects().await.unwrap();
    assert_eq!(logs(), read, "a log that was complete is not read again");
    let since = world.travis.builds_since("o/r/main", None).await.unwrap();
    assert_eq!(since.iter().map(|it| it.number).collect::<Vec<_>>(), [12]);
    let began = since[0].timestamp_ms;
    assert!(
        world
            .travis
            .builds_since("o/r/main", began)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world.travis.jobs().await.unwrap(),
        ["o/r", "o/r/main", "o/r/tags"]
    );
}

#[tokio::test]
async fn a_token_that_has_ended_is_asked_for_anew() {
    let world = world().await;
    world.state().builds = vec![build(5, 12, "started", "main")];
    world.travis.build("o/r", 12).await.unwrap();
    assert_eq!(world.state().tokens, 1);
    // Another process asked, and ours does not count any more.
    world.state().tokens = 2;
    world.travis.build("o/r", 12).await.unwrap();
    assert_eq!(world.state().tokens, 3);
    assert!(
        world
            .server
            .seen()
            .iter()
            .all(|seen| !seen.path().contains("ghp"))
    );
}

#[test]
fn suggested_parameters_are_read_from_the_configuration() {
    let of = |config: Value| Value::Array(model::parameters(&config));
    let both = json!([{"name": "A", "defaultValue": "1"}, {"name": "B", "defaultValue": "x=y"}]);
    assert_eq!(
        of(json!({"global_env": ["A=1", "B=x=y", {"secure": "…"}]})),
        both
    );
    assert_eq!(of(json!({"global_env": "A=\"1\" B=x=y"})), both);
    assert_eq!(of(json!({})), json!([]));
}
