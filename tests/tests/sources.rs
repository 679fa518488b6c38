//! Everything else that is polled, with real processes: builds of Travis, Concourse and GitLab CI, Artifactory, a repository of charts and
//! a bucket of a real S3; and what a Nexus says. What was there starts nothing, what is new starts its pipeline once, whoever dies, and
//! processes share the sources.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::s3;
use gennaker_tests::gate::Gate;
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::{PATIENCE, until};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A trigger of each type, and where its execution says which thing started it.
fn triggers() -> [(&'static str, Value, &'static str); 7] {
    let build = |kind: &str, master: &str, job: &str| json!({"type": kind, "enabled": true, "master": master, "job": job});
    let version = "/artifacts/0/version";
    [
        (
            "travis",
            build("travis", "travis-ci", "acme/web/main"),
            "/buildNumber",
        ),
        (
            "concourse",
            build("concourse", "concourse-ci", "main/web/unit"),
            "/buildNumber",
        ),
        ("gitlab", build("gitlab-ci", "gitlab", "7"), "/buildNumber"),
        (
            "artifactory",
            json!({"type": "artifactory", "enabled": true, "artifactorySearchName": "libs"}),
            version,
        ),
        (
            "helm",
            json!({"type": "helm", "enabled": true, "account": "charts", "chart": "web", "version": ">=0.0.0"}),
            "/version",
        ),
        (
            "s3",
            json!({"type": "s3", "enabled": true, "search": "uploads", "key": "in/.*\\.zip"}),
            "/artifacts/0/reference",
        ),
        (
            "nexus",
            json!({"type": "nexus", "enabled": true, "nexusSearchName": "releases"}),
            version,
        ),
    ]
}

/// The services, which all have the same number of things.
struct World {
    _server: Server,
    bucket: s3::Server,
    /// When each thing was published; the first is number 1.
    published: Arc<Mutex<Vec<Timestamp>>>,
    folder: tempfile::TempDir,
    url: String,
}

impl World {
    async fn start() -> Self {
        let published: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
        let shown = Arc::clone(&published);
        let server = Server::start(move |request| answer(&shown.lock().unwrap(), request)).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "secretword").unwrap();
        let bucket = s3::Server::start();
        bucket.make_bucket("uploads");
        Self {
            url: server.url(""),
            _server: server,
            bucket,
            published,
            folder,
        }
    }

    /// Adds one thing everywhere but in Nexus, which speaks for itself.
    fn publish(&self) -> usize {
        let mut published = self.published.lock().unwrap();
        published.push(Timestamp::now());
        let number = published.len();
        drop(published);
        let key = format!("in/{number}.zip");
        self.bucket
            .put("uploads", &key, format!("content {number}").as_bytes());
        number
    }

    fn settings(&self) -> String {
        let (url, secret) = (&self.url, self.folder.path().join("secret"));
        let secret = secret.display();
        let (key, password) = self.bucket.credentials();
        let endpoint = self.bucket.endpoint();
        format!(
            "[polling]\ninterval_ms = 1000\nhelm = true\nplugins = false\n\
             [[polling.s3]]\nname = \"uploads\"\naccount = \"minio\"\nbucket = \"uploads\"\nprefix = \"in/\"\n\
             [[artifacts.s3]]\nname = \"minio\"\napi_endpoint = \"{endpoint}\"\napi_region = \"us-east-1\"\n\
             aws_access_key_id = \"{key}\"\naws_secret_access_key = \"{password}\"\n\
             [[artifacts.helm]]\nname = \"charts\"\nrepository = \"{url}/charts\"\n\
             [[artifactory.searches]]\nname = \"libs\"\nbase_url = \"{url}/artifactory\"\nrepo = \"libs\"\n\
             [[travis.masters]]\nname = \"ci\"\naddress = \"{url}\"\nbase_url = \"{url}\"\ngithub_token_file = \"{secret}\"\n\
             [[gitlab_ci.masters]]\nname = \"gitlab\"\naddress = \"{url}\"\nprivate_token_file = \"{secret}\"\n\
             [[concourse.masters]]\nname = \"ci\"\nurl = \"{url}\"\nusername = \"ann\"\npassword_file = \"{secret}\"\n"
        )
    }
}

/// When a build began: by its number, so that the order is always the same.
fn began(first: Timestamp, number: usize) -> Timestamp {
    let number = i64::try_from(number).unwrap();
    first - SignedDuration::from_secs(1_000) + SignedDuration::from_secs(number * 10)
}

fn answer(published: &[Timestamp], request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    let json = |value: Value| Reply::ok(&value.to_string());
    let first = published[0];
    let numbers = || (1..=published.len()).rev();
    let travis = |number: usize| {
        let at = began(first, number).to_string();
        json!({"id": 1_000 + number, "number": number.to_string(), "state": "passed", "event_type": "push", "started_at": at,
            "finished_at": at, "repository": {"slug": "acme/web"}, "branch": {"name": "main"},
            "commit": {"sha": "c0ffee", "ref": "refs/heads/main", "message": "fix"}, "jobs": [{"id": 5_000 + number}]})
    };
    let gitlab = |number: usize| json!({"id": number, "ref": "main", "sha": "c0ffee", "status": "success", "created_at": began(first, number).to_string()});
    let concourse = |number: usize| {
        let at = began(first, number).as_second();
        json!({"id": 100 + number, "name": number.to_string(), "status": "succeeded", "start_time": at, "end_time": at + 1})
    };
    match path {
        "/auth/github" => json(json!({"access_token": "t"})),
        "/jobs" => {
            let jobs =
                numbers().map(|number| json!({"id": 5_000 + number, "build": travis(number)}));
            json(json!({"jobs": jobs.collect::<Vec<_>>()}))
        }
        "/repo/acme%2Fweb/builds" => {
            json(json!({"builds": numbers().map(travis).collect::<Vec<_>>()}))
        }
        "/builds" => {
            let number: usize = query.rsplit('=').next().unwrap().parse().unwrap();
            let mut build = travis(number);
            build["job_ids"] = json!([5_000 + number]);
            json(json!({"builds": [build]}))
        }
        path if path.starts_with("/job/") => {
            json(json!({"content": "Done. Your build exited with 0.",
            "log_parts": [{"content": "Done. Your build exited with 0.", "number": 0, "final": true}]}))
        }
        "/api/v4/projects" => json(
            json!([{"id": 7, "path_with_namespace": "acme/web", "builds_access_level": "enabled"}]),
        ),
        "/api/v4/projects/7" => json(
            json!({"id": 7, "path_with_namespace": "acme/web", "builds_access_level": "enabled"}),
        ),
        "/api/v4/projects/7/pipelines" => {
            json(json!(numbers().take(5).map(gitlab).collect::<Vec<_>>()))
        }
        path if path.starts_with("/api/v4/projects/7/pipelines/") => json(gitlab(
            path.rsplit('/').next().unwrap().parse().unwrap_or(1),
        )),
        "/api/v1/info" => json(json!({"version": "7.9.1"})),
        "/sky/issuer/token" => json(json!({"access_token": "t"})),
        "/api/v1/jobs" => json(
            json!([{"name": "unit", "pipeline_name": "web", "team_name": "main", "finished_build": concourse(published.len())}]),
        ),
        "/api/v1/teams/main/pipelines/web/jobs/unit/builds" => {
            json(json!(numbers().map(concourse).collect::<Vec<_>>()))
        }
        "/artifactory/api/search/aql" => {
            let search = request.text();
            let after = search.split("\"$gt\":\"").nth(1).unwrap();
            let after: Timestamp = after.split('"').next().unwrap().parse().unwrap();
            let found = published.iter().enumerate().filter(|(_, at)| **at > after);
            let found = found.map(|(place, at)| {
                let number = place + 1;
                json!({"path": format!("org/acme/web/{number}"), "name": format!("web-{number}.pom"), "modified": format!("{at:.3}")})
            });
            json(json!({"results": found.collect::<Vec<_>>()}))
        }
        "/charts/index.yaml" => {
            let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
            for number in numbers() {
                let at = published[number - 1];
                index.push_str(&format!(
                    "  - version: 1.0.{number}\n    digest: d{number}\n    created: \"{at}\"\n"
                ));
            }
            Reply::ok(&index)
        }
        _ => Reply::status(404, "{}"),
    }
}

/// What started the executions of each pipeline, by its number.
async fn started(gate: &Gate, pipelines: &[(&str, String, &str)]) -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::new();
    for (name, id, at) in pipelines {
        let path = format!("/executions?pipelineConfigIds={id}&limit=500");
        let found = gate.ask("GET", &path, None, None).await;
        let number = |execution: &Value| -> usize {
            let said = execution["trigger"].pointer(at).unwrap_or(&Value::Null);
            // `7`, `1.0.7`, `s3://uploads/in/7.zip`.
            let said = said.as_u64().map_or_else(
                || said.as_str().unwrap_or_default().to_owned(),
                |it| it.to_string(),
            );
            let said = said.trim_end_matches(".zip");
            let last = said.rsplit(['.', '/']).next().unwrap_or_default();
            last.parse()
                .unwrap_or_else(|_| panic!("{name}: {}", execution["trigger"]))
        };
        let mut numbers: Vec<usize> = found.as_array().unwrap().iter().map(number).collect();
        numbers.sort_unstable();
        all.insert((*name).to_owned(), numbers);
    }
    all
}

/// Waits until each pipeline was started once by each of these things.
async fn all_started(gate: &Gate, pipelines: &[(&str, String, &str)], wanted: &[usize]) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = started(gate, pipelines).await;
        if found.values().all(|numbers| numbers == wanted) {
            return;
        }
        assert!(
            Instant::now() < end,
            "each should be {wanted:?} within {PATIENCE:?}: {found:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What Nexus says of a version.
async fn tell(gate: &Gate, number: usize) {
    let name = format!("org/acme/web/{number}/web-{number}.pom");
    let body = json!({"timestamp": "t", "nodeId": "n", "initiator": "i", "repositoryName": "releases", "action": "CREATED",
        "asset": {"format": "maven2", "name": name}});
    let answer = gate.ask("POST", "/webhooks/nexus/releases", Some(&body), None);
    assert_eq!(answer.await["eventProcessed"], true);
}

/// How many sources each process polls, and whether all go well.
async fn shares(gate: &Gate) -> (BTreeMap<String, usize>, bool) {
    let answer = gate.ask("GET", "/v2/pollers", None, None).await;
    let pollers = answer["pollers"].as_array().unwrap();
    let mut shares = BTreeMap::new();
    for poller in pollers {
        let process = poller["process"].as_str().unwrap().to_owned();
        *shares.entry(process).or_default() += 1;
    }
    let is_well = pollers.iter().all(|poller| poller["state"] == "ok");
    (shares, is_well)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_thing_of_any_source_starts_its_pipeline_once_whoever_is_killed() {
    let world = World::start().await;
    world.publish();
    let pools = ["notify", "jenkins"];
    let mut installation = Installation::start_with_pools(1, &pools, &world.settings()).await;
    let gate = installation.gate;
    gate.save_application("sources").await;
    let mut pipelines = Vec::new();
    for (name, trigger, at) in triggers() {
        let pipeline = json!({"application": "sources", "name": name, "triggers": [trigger],
            "stages": [{"refId": "1", "type": "evaluateVariables", "name": "Say", "variables": []}]});
        pipelines.push((name, gate.save_pipeline(&pipeline).await, at));
    }
    // Nothing fires on first sight.
    until("six sources that go well", async || {
        let (shares, is_well) = shares(&gate).await;
        (is_well && shares.values().sum::<usize>() == 6).then_some(())
    })
    .await;
    all_started(&gate, &pipelines, &[]).await;

    tell(&gate, world.publish()).await;
    all_started(&gate, &pipelines, &[2]).await;

    // A second process has half of them, and what is new is found whoever looks.
    installation.start_more("triggers-b", "triggers");
    until("two processes with three sources each", async || {
        let (shares, is_well) = shares(&gate).await;
        (is_well && shares.values().copied().eq([3, 3])).then_some(())
    })
    .await;
    tell(&gate, world.publish()).await;
    installation.process("triggers").kill_9();
    tell(&gate, world.publish()).await;
    all_started(&gate, &pipelines, &[2, 3, 4]).await;

    // And nothing more: a mark that comes after everything, by other processes than before.
    installation.process("triggers-b").kill_9();
    installation.process("triggers").start_again();
    tell(&gate, world.publish()).await;
    all_started(&gate, &pipelines, &[2, 3, 4, 5]).await;
    installation.process("triggers-b").start_again();
    installation.check_processes();
}
