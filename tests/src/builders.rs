//! Doubles of Travis CI and AWS CodeBuild, as far as one stage needs them: builds begin when they are asked for and end as a test says.
//!
//! How strictly they are spoken to is tested beside their clients; here processes die between a wish and its answer.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gennaker_testkit::http::{Reply, Seen, Server};
use serde_json::{Value, json};

/// How long an answer is kept back whose worker is to be killed.
const LATE: Duration = Duration::from_secs(3);

/// The job that stages name.
pub const REPOSITORY: &str = "o/r";

/// The project that stages name.
pub const PROJECT: &str = "web";

/// Both services, on one port.
pub struct Builders {
    server: Server,
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
}

/// What was asked for, and how it stands.
#[derive(Default)]
pub struct State {
    /// Requests of Travis, the oldest first.
    pub requests: Vec<Value>,
    /// Builds of Travis, the oldest first: one for each request.
    pub travis: Vec<Value>,
    /// Builds of CodeBuild, the newest first.
    pub amazon: Vec<Value>,
    /// Whether the next start is done and answered late.
    pub is_late: bool,
    /// Whether requests stay requests.
    pub is_held: bool,
}

impl Builders {
    /// Starts both.
    ///
    /// # Panics
    /// When no port or folder is to be had.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            let mut state = shared.lock().expect("no answer panicked");
            let reply = answer(&mut state, request);
            let is_start = request.method == "POST" && reply.1;
            let is_late = is_start && std::mem::take(&mut state.is_late);
            drop(state);
            if is_late {
                std::thread::sleep(LATE);
            }
            reply.0
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self {
            server,
            state,
            folder,
        }
    }

    /// Settings with both: the master `travis-org`, and the account `aws`; their secrets are these.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn settings(&self, token: &str, key: &str) -> String {
        let file = |name: &str, content: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, content).expect("a file can be written in our own folder");
            path
        };
        let url = self.server.url("");
        format!(
            "[[travis.masters]]\nname = \"org\"\naddress = \"{url}\"\nbase_url = \"https://travis.example.com\"\n\
             github_token_file = {:?}\n\
             [aws_code_build]\naccess_key_id = \"AKID\"\nsecret_access_key_file = {:?}\n\
             [[aws_code_build.accounts]]\nname = \"aws\"\nregion = \"eu-west-1\"\nendpoint = \"{url}\"\n",
            file("token", token),
            file("key", key),
        )
    }

    /// What they know.
    ///
    /// # Panics
    /// When an answer has panicked.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panicked")
    }
}

impl State {
    /// Ends all builds of both, well.
    pub fn finish(&mut self) {
        for build in &mut self.travis {
            build["state"] = "passed".into();
            build["finished_at"] = "2030-01-01T00:00:20Z".into();
        }
        for build in &mut self.amazon {
            build["buildStatus"] = "SUCCEEDED".into();
        }
    }
}

/// The answer, and whether it is that of a start.
fn answer(state: &mut State, request: &Seen) -> (Reply, bool) {
    match request.header("x-amz-target") {
        Some(target) => amazon(state, target, request),
        None => travis(state, request),
    }
}

fn json(value: &Value) -> Reply {
    Reply::ok(&value.to_string())
}

fn amazon(state: &mut State, target: &str, request: &Seen) -> (Reply, bool) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let reply = match operation {
        "StartBuild" => {
            let id = format!("{PROJECT}:{}", state.amazon.len() + 1);
            let build = json!({
                "id": id, "arn": format!("arn:aws:codebuild:eu-west-1:123:build/{id}"), "buildStatus": "IN_PROGRESS",
                "startTime": 1_900_000_000.5,
                "environment": {"environmentVariables": body["environmentVariablesOverride"]},
                "artifacts": {"location": "arn:aws:s3:::bucket/out.zip"},
            });
            state.amazon.insert(0, build.clone());
            return (json(&json!({"build": build})), true);
        }
        "ListBuildsForProject" => {
            let ids: Vec<&Value> = state.amazon.iter().map(|it| &it["id"]).collect();
            json(&json!({"ids": ids}))
        }
        "BatchGetBuilds" => {
            let wanted = body["ids"].as_array().cloned().unwrap_or_default();
            let known = state.amazon.iter();
            let found: Vec<&Value> = known.filter(|it| wanted.contains(&it["id"])).collect();
            json(&json!({"builds": found}))
        }
        "StopBuild" => match state.amazon.iter_mut().find(|it| it["id"] == body["id"]) {
            Some(build) => {
                build["buildStatus"] = "STOPPED".into();
                json(&json!({"build": build}))
            }
            None => Reply::status(400, r#"{"__type": "ResourceNotFoundException"}"#),
        },
        "ListProjects" => json(&json!({"projects": [PROJECT]})),
        _ => Reply::status(400, r#"{"__type": "UnknownOperationException"}"#),
    };
    (reply, false)
}

fn travis(state: &mut State, request: &Seen) -> (Reply, bool) {
    let path = request.path().split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let reply = match (request.method.as_str(), &parts[..]) {
        ("GET", ["jobs"]) => json(&json!({"jobs": []})),
        ("POST", ["auth", "github"]) => json(&json!({"access_token": "t"})),
        ("POST", ["repo", _, "requests"]) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let id = 70 + state.requests.len();
            state.requests.push(json!({
                "id": id, "state": "pending", "event_type": "api", "created_at": "2030-01-01T00:00:00Z", "builds": [],
                "commit": {"message": body["request"]["message"]},
            }));
            let number = state.requests.len();
            state.travis.push(json!({
                "id": number, "number": number.to_string(), "state": "started", "event_type": "api",
                "started_at": "2030-01-01T00:00:10Z", "repository": {"id": 1, "slug": REPOSITORY},
                "branch": {"name": "main"}, "commit": {"sha": "abc", "message": body["request"]["message"]},
                "jobs": [{"id": number * 10}],
            }));
            let made = json!({"request": {"id": id, "repository": {"id": 1}}});
            return (json(&made), true);
        }
        ("GET", ["repo", _, "requests"]) => {
            let newest: Vec<&Value> = state.requests.iter().rev().collect();
            json(&json!({"requests": newest}))
        }
        ("GET", ["repo", _, "request", id]) => {
            let place = state.requests.iter().position(|made| has_id(made, id));
            match place {
                None => Reply::status(404, "{}"),
                Some(place) => {
                    let mut made = state.requests[place].clone();
                    if !state.is_held {
                        made["builds"] = json!([state.travis[place]]);
                    }
                    json(&made)
                }
            }
        }
        ("GET", ["builds"]) => {
            let query = request.path().split('?').nth(1).unwrap_or_default();
            let number = query.split("number=").nth(1).unwrap_or_default();
            let mut found = Vec::new();
            for build in state.travis.iter().filter(|it| it["number"] == number) {
                let mut old = build.clone();
                old["number"] = build["id"].clone();
                old["job_ids"] = json!([build["jobs"][0]["id"]]);
                found.push(old);
            }
            json(&json!({"builds": found}))
        }
        ("GET", ["build", id]) => {
            let found = state.travis.iter().find(|build| has_id(build, id));
            found.map_or_else(|| Reply::status(404, "{}"), json)
        }
        ("POST", ["build", id, "cancel"]) => {
            for build in state.travis.iter_mut().filter(|build| has_id(build, id)) {
                build["state"] = "canceled".into();
            }
            Reply::status(202, "{}")
        }
        ("GET", ["job", _, "log"]) => {
            let log = "SPINNAKER_PROPERTY_IMAGE=web:1\nDone. Your build exited with 0.\n";
            json(
                &json!({"content": log, "log_parts": [{"content": log, "number": 0, "final": true}]}),
            )
        }
        _ => Reply::status(404, "{}"),
    };
    (reply, false)
}

/// Whether a thing has this id.
fn has_id(thing: &Value, id: &str) -> bool {
    thing["id"].as_u64() == id.parse().ok()
}
