//! Builds on doubles of Google Cloud Build, GitLab CI, Concourse, Travis CI and AWS CodeBuild, with real processes: a worker that is killed while it starts a
//! build is followed by one that adopts it, cancel stops it, and what a job of Concourse reports reaches the stage that waits for it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::keys::PEM;
use gennaker_tests::builders::{self, Builders, PROJECT, REPOSITORY};
use gennaker_tests::gate::{Gate, stage};
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::{PATIENCE, until_true};
use serde_json::{Value, json};

/// How long an answer is kept back whose worker is to be killed.
const LATE: Duration = Duration::from_secs(3);

/// What GitLab and Concourse know us by.
const SECRET: &str = "x4Wb8KqZt1Vn6Gy2";

/// A part of Google's key.
const KEY: &str = "PRIVATE KEY";

/// All three services, by their paths.
struct Services {
    server: Server,
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
}

#[derive(Default)]
struct State {
    /// Builds of Google, the newest first.
    google: Vec<Value>,
    /// Pipelines of GitLab, the newest first.
    gitlab: Vec<Value>,
    /// Whether the next start is answered late.
    is_late: bool,
    /// How the build of Concourse stands.
    concourse: &'static str,
}

impl Services {
    async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            concourse: "started",
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            let (reply, is_late) = answer(&mut shared.lock().unwrap(), request);
            if is_late {
                std::thread::sleep(LATE);
            }
            reply
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let key =
            json!({"client_email": "a@p", "private_key": PEM, "token_uri": server.url("/token")});
        std::fs::write(folder.path().join("key.json"), key.to_string()).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        Self {
            server,
            state,
            folder,
        }
    }

    fn settings(&self) -> String {
        let secret = self.folder.path().join("secret");
        let (url, secret) = (self.server.url(""), secret.display());
        let key = self.folder.path().join("key.json");
        format!(
            "[[google_cloud_build.accounts]]\nname = \"gcb\"\nproject = \"p\"\njson_key_file = \"{}\"\nendpoint = \"{url}\"\n\
             storage_endpoint = \"{url}\"\n\
             [[gitlab_ci.masters]]\nname = \"gitlab\"\naddress = \"{url}\"\nprivate_token_file = \"{secret}\"\n\
             trigger_token_file = \"{secret}\"\n\
             [[concourse.masters]]\nname = \"ci\"\nurl = \"{url}\"\nusername = \"ann\"\npassword_file = \"{secret}\"\n",
            key.display()
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn until(&self, what: &str, is: impl Fn(&State) -> bool) {
        until_true(what, || is(&self.state())).await;
    }
}

/// Whether a thing has this id.
fn has_id(thing: &Value, id: &str) -> bool {
    thing["id"].as_u64() == id.parse().ok()
}

/// The answer, and whether it is kept back.
fn answer(state: &mut State, request: &Seen) -> (Reply, bool) {
    let path = request.path().split('?').next().unwrap_or_default();
    let json = |value: Value| Reply::ok(&value.to_string());
    let reply = match (request.method.as_str(), path) {
        ("POST", "/token") => json(json!({"access_token": "t", "expires_in": 3600})),
        ("POST", "/v1/projects/p/builds") => {
            let mut build: Value = serde_json::from_slice(&request.body).unwrap();
            build["id"] = format!("b{}", state.google.len() + 1).into();
            build["status"] = "WORKING".into();
            build["createTime"] = "2030-01-01T00:00:00Z".into();
            state.google.insert(0, build.clone());
            return (
                json(json!({"metadata": {"build": build}})),
                std::mem::take(&mut state.is_late),
            );
        }
        ("GET", "/v1/projects/p/builds") => json(json!({"builds": state.google})),
        ("GET", "/v1/projects/p/triggers") => json(json!({"triggers": [{"id": "t1"}]})),
        (method, path) if path.starts_with("/v1/projects/p/builds/") => {
            let id = path.trim_start_matches("/v1/projects/p/builds/");
            let id = id.trim_end_matches(":cancel");
            let build = state
                .google
                .iter_mut()
                .find(|build| build["id"] == id)
                .unwrap();
            if method == "POST" {
                build["status"] = "CANCELLED".into();
            }
            json(build.clone())
        }
        ("POST", "/api/v4/projects/7/trigger/pipeline") => {
            let id = 100 + state.gitlab.len();
            let body = request.text();
            let token = body
                .split("variables%5BGENNAKER_BUILD%5D=")
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            state.gitlab.insert(
                0,
                json!({"id": id, "ref": "main", "status": "running", "token": token}),
            );
            return (
                json(state.gitlab[0].clone()),
                std::mem::take(&mut state.is_late),
            );
        }
        ("GET", "/api/v4/projects/7") => json(json!({"id": 7, "path_with_namespace": "g/web"})),
        ("GET", "/api/v4/projects/7/pipelines") => json(json!(state.gitlab)),
        ("GET", path) if path.ends_with("/variables") => {
            let id = path.split('/').nth(6).unwrap_or_default();
            let pipeline = state.gitlab.iter().find(|it| has_id(it, id)).unwrap();
            json(json!([{"key": "GENNAKER_BUILD", "value": pipeline["token"]}]))
        }
        (method, path) if path.starts_with("/api/v4/projects/7/pipelines/") => {
            let id = path.split('/').nth(6).unwrap_or_default();
            let place = state.gitlab.iter().position(|it| has_id(it, id)).unwrap();
            if method == "POST" {
                state.gitlab[place]["status"] = "canceled".into();
            }
            json(state.gitlab[place].clone())
        }
        ("GET", "/api/v1/info") => json(json!({"version": "7.9.1"})),
        ("POST", "/sky/issuer/token") => json(json!({"access_token": "t"})),
        ("GET", "/api/v1/teams") => json(json!([{"name": "main"}])),
        ("GET", "/api/v1/teams/main/pipelines/web/jobs/unit/builds") => {
            json(json!([{"id": 11, "name": "4", "status": state.concourse, "start_time": 1}]))
        }
        _ => Reply::status(404, "{}"),
    };
    (reply, false)
}

async fn run(gate: Gate, fields: Value) -> String {
    let mut wanted = json!({"refId": "1", "requisiteStageRefIds": [], "name": "Build"});
    for (key, value) in fields.as_object().unwrap() {
        wanted[key] = value.clone();
    }
    let pipeline = json!({"application": "builds", "name": "build", "stages": [wanted]});
    let started = gate
        .ask("POST", "/pipelines/start", Some(&pipeline), None)
        .await;
    let reference = started["ref"].as_str().unwrap();
    reference.trim_start_matches("/pipelines/").to_owned()
}

fn google(definition: Value) -> Value {
    json!({"type": "googleCloudBuild", "account": "gcb", "buildDefinition": definition})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_killed_while_they_start_builds_are_followed_by_ones_that_adopt_them() {
    let services = Services::start().await;
    let pools = ["jenkins", "deploy", "notify"];
    let mut installation = Installation::start_with_pools(1, &pools, &services.settings()).await;
    let gate = installation.gate;

    services.state().is_late = true;
    let google = run(gate, google(json!({"steps": [{"name": "busybox"}]}))).await;
    services
        .until("Google has begun", |state| state.google.len() == 1)
        .await;
    services.state().is_late = true;
    let gitlab = run(
        gate,
        json!({"type": "gitlab-ci", "master": "gitlab", "job": "7", "parameters": {"A": "b"}}),
    )
    .await;
    services
        .until("GitLab has begun", |state| state.gitlab.len() == 1)
        .await;
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).kill_9();
    }
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).start_again();
    }
    services.state().google[0]["status"] = "SUCCESS".into();
    services.state().google[0]["results"] =
        json!({"images": [{"name": "gcr.io/p/web:1", "digest": "sha256:d"}]});
    services.state().gitlab[0]["status"] = "success".into();

    let ended = gate.wait_for_end(&google, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let artifacts = &stage(&ended, "1")["outputs"]["artifacts"];
    assert_eq!(
        artifacts[0]["reference"], "gcr.io/p/web@sha256:d",
        "{artifacts}"
    );
    let ended = gate.wait_for_end(&gitlab, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    assert_eq!(stage(&ended, "1")["outputs"]["buildInfo"]["number"], 100);
    let state = services.state();
    assert_eq!(
        (state.google.len(), state.gitlab.len()),
        (1, 1),
        "each stage has one build"
    );
    drop(state);
    installation.check_secrets(&[SECRET, KEY]);
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn builds_are_read_from_files_stopped_and_reported() {
    let services = Services::start().await;
    let pools = ["jenkins", "deploy", "notify"];
    let installation = Installation::start_with_pools(1, &pools, &services.settings()).await;
    let gate = installation.gate;

    // The definition lies in an artifact, and a cancelled stage stops its build.
    let file = STANDARD.encode("steps:\n- name: busybox\ntags: [mine]\n");
    let artifact = json!({"type": "embedded/base64", "reference": file, "artifactAccount": "embedded-artifact"});
    let wanted = json!({"type": "googleCloudBuild", "account": "gcb", "buildDefinitionSource": "artifact",
        "buildDefinitionArtifact": {"artifact": artifact, "artifactAccount": "embedded-artifact"}});
    let id = run(gate, wanted).await;
    gate.wait_for(&id, "the build runs", PATIENCE, |document| {
        stage(document, "1")["context"]["buildInfo"]["status"] == "WORKING"
    })
    .await;
    assert_eq!(services.state().google[0]["tags"][0], "mine");
    gate.ask("PUT", &format!("/pipelines/{id}/cancel"), None, None)
        .await;
    assert_eq!(gate.wait_for_end(&id, PATIENCE).await["status"], "CANCELED");
    services
        .until("the build is stopped", |state| {
            state.google[0]["status"] == "CANCELLED"
        })
        .await;

    // A job of Concourse reports its build.
    let wanted = json!({"type": "concourse", "master": "concourse-ci", "teamName": "main", "pipelineName": "web"});
    let id = run(gate, wanted).await;
    let waiting = gate
        .wait_for(&id, "the stage waits", PATIENCE, |document| {
            stage(document, "1")["status"] == "RUNNING"
        })
        .await;
    let stage_id = stage(&waiting, "1")["id"].as_str().unwrap().to_owned();
    let report = format!("/concourse/stage/start?stageId={stage_id}&job=unit&buildNumber=4");
    gate.ask("POST", &report, None, None).await;
    gate.wait_for(&id, "the build runs", PATIENCE, |document| {
        stage(document, "1")["context"]["buildInfo"]["result"] == "BUILDING"
    })
    .await;
    services.state().concourse = "succeeded";
    let ended = gate.wait_for_end(&id, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");

    // What the API shows.
    let get = async |path: &str| gate.ask("GET", path, None, None).await;
    assert_eq!(get("/gcb/accounts").await, json!(["gcb"]));
    assert_eq!(get("/gcb/triggers/gcb").await, json!([{"id": "t1"}]));
    assert_eq!(get("/codebuild/accounts").await, json!([]));
    assert_eq!(get("/concourse/concourse-ci/teams").await, json!(["main"]));
    assert_eq!(
        get("/v2/builds?type=concourse").await,
        json!(["concourse-ci"])
    );
    assert_eq!(get("/v2/builds").await, json!(["concourse-ci", "gitlab"]));
    installation.check_secrets(&[SECRET, KEY]);
    installation.check_processes();
}

/// Values that nobody may read anywhere.
const PLANTED: [&str; 2] = ["7Qk9vTz2LmB4xW8r", "Hn3cYd6PsJ5uEf0a"];

fn travis() -> Value {
    json!({"type": "travis", "master": "travis-org", "job": REPOSITORY, "parameters": {"A": "b"}})
}

fn amazon() -> Value {
    json!({"type": "awsCodeBuild", "account": "aws", "projectName": PROJECT})
}

async fn until(builders: &Builders, what: &str, is: impl Fn(&builders::State) -> bool) {
    until_true(what, || is(&builders.state())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn travis_and_codebuild_build_once_though_the_worker_dies_before_it_hears_so() {
    let builders = Builders::start().await;
    let pools = ["jenkins", "notify"];
    let settings = builders.settings(PLANTED[0], PLANTED[1]);
    let mut installation = Installation::start_with_pools(1, &pools, &settings).await;
    let gate = installation.gate;

    builders.state().is_late = true;
    let of_travis = run(gate, travis()).await;
    until(&builders, "Travis has begun", |state| {
        state.travis.len() == 1
    })
    .await;
    builders.state().is_late = true;
    let of_amazon = run(gate, amazon()).await;
    until(&builders, "CodeBuild has begun", |state| {
        state.amazon.len() == 1
    })
    .await;
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).kill_9();
    }
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).start_again();
    }
    builders.state().finish();

    let ended = gate.wait_for_end(&of_travis, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let outputs = &stage(&ended, "1")["outputs"];
    assert_eq!(outputs["buildInfo"]["number"], 1, "{outputs}");
    assert_eq!(outputs["image"], "web:1", "{outputs}");
    let ended = gate.wait_for_end(&of_amazon, PATIENCE).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let artifacts = &stage(&ended, "1")["outputs"]["artifacts"];
    assert_eq!(
        artifacts[0]["reference"], "s3://bucket/out.zip",
        "{artifacts}"
    );
    let counts = {
        let state = builders.state();
        (state.requests.len(), state.amazon.len())
    };
    assert_eq!(counts, (1, 1), "each stage has one build");
    assert_eq!(
        gate.ask("GET", "/codebuild/accounts", None, None).await,
        json!(["aws"])
    );
    assert_eq!(
        gate.ask("GET", "/codebuild/projects/aws", None, None).await,
        json!([PROJECT])
    );
    installation.check_secrets(&PLANTED);
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancel_stops_builds_of_travis_and_codebuild_also_those_that_have_not_begun() {
    let builders = Builders::start().await;
    let pools = ["jenkins", "notify"];
    let settings = builders.settings(PLANTED[0], PLANTED[1]);
    let installation = Installation::start_with_pools(1, &pools, &settings).await;
    let gate = installation.gate;

    let of_amazon = run(gate, amazon()).await;
    gate.wait_for(&of_amazon, "the build runs", PATIENCE, |document| {
        stage(document, "1")["context"]["buildInfo"]["arn"].is_string()
    })
    .await;
    let running = run(gate, travis()).await;
    gate.wait_for(&running, "the build runs", PATIENCE, |document| {
        stage(document, "1")["context"]["buildInfo"]["building"] == true
    })
    .await;
    // A request of Travis cannot be taken back; it is stopped when it has become a build.
    builders.state().is_held = true;
    let held = run(gate, travis()).await;
    gate.wait_for(&held, "the request is known", PATIENCE, |document| {
        stage(document, "1")["context"]["queuedBuild"].is_string()
    })
    .await;
    for id in [&of_amazon, &running, &held] {
        let path = format!("/pipelines/{id}/cancel");
        gate.ask("PUT", &path, None, None).await;
    }
    for id in [&of_amazon, &running] {
        assert_eq!(gate.wait_for_end(id, PATIENCE).await["status"], "CANCELED");
    }
    until(&builders, "the builds that run are stopped", |state| {
        state.amazon[0]["buildStatus"] == "STOPPED" && state.travis[0]["state"] == "canceled"
    })
    .await;
    assert_eq!(builders.state().travis[1]["state"], "started");
    builders.state().is_held = false;
    until(
        &builders,
        "the build that began later is stopped",
        |state| state.travis[1]["state"] == "canceled",
    )
    .await;
    assert_eq!(
        gate.wait_for_end(&held, PATIENCE).await["status"],
        "CANCELED"
    );
    installation.check_processes();
}
