//! `/v2/builds`, `/v3/builds`, and starts that name a build, with a worker that answers as it is told.

use std::sync::{Arc, Mutex};

use gennaker_bus::{Bus, subject};
use gennaker_model::build_reads::{Answer, Master, POOL, Question, Read, VERSION, place};
use serde_json::{Value, json};

use super::Fixture;
use crate::{Config, Gate, builds};

fn master(name: &str, kind: &str) -> Master {
    Master {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ..Master::default()
    }
}

async fn fixture() -> Fixture {
    let build_masters = vec![master("ci", "jenkins"), master("travis-x", "travis")];
    Fixture::with(Config {
        build_masters,
        ..Config::default()
    })
    .await
}

/// A worker that serves `ci`; what it is asked is kept.
async fn worker(fixture: &mut Fixture) -> Arc<Mutex<Vec<Read>>> {
    let bus = Bus::memory(&fixture.broker, "worker");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut questions = bus
        .serve(subject::ask(POOL, &place("ci")), None)
        .await
        .unwrap();
    let seen = Arc::clone(&asked);
    fixture.tasks.spawn(async move {
        while let Some(question) = questions.next().await {
            let Question { read, .. } = serde_json::from_slice(&question.payload).unwrap();
            let (status, body) = match &read {
                Read::Jobs => (200, json!(["a", "team/job/b"])),
                Read::Job { .. } => (404, json!("Job 'x' not found")),
                Read::Builds { .. } => (200, json!([{"number": 2}])),
                Read::Build { number, .. } => (200, json!({"number": number})),
                Read::Trigger { number: 9, .. } => (503, json!("it is down")),
                Read::Trigger { .. } => {
                    let artifact = json!({"type": "docker/image", "name": "app"});
                    (200, json!({"buildInfo": {"number": 3}, "properties": {"a": "1"}, "artifacts": [artifact]}))
                }
            };
            seen.lock().unwrap().push(read);
            let answer = Answer { v: VERSION, status, body };
            let answer = serde_json::to_vec(&answer).unwrap().into();
            question.responder.send(answer).await.unwrap();
        }
    });
    asked
}

#[tokio::test]
async fn jobs_and_builds_are_asked_of_workers_under_old_and_new_addresses() {
    let mut fixture = fixture().await;
    for path in ["/v2/builds", "/v3/builds", "/builds"] {
        assert_eq!(
            fixture.ok("GET", path, Value::Null).await,
            json!(["ci", "travis-x"])
        );
    }
    assert_eq!(
        fixture
            .ok("GET", "/v2/builds?type=TRAVIS", Value::Null)
            .await,
        json!(["travis-x"])
    );
    let asked = worker(&mut fixture).await;
    let job = || "team/job/b c".to_owned();
    for (path, read) in [
        ("/v2/builds/ci/jobs", Read::Jobs),
        ("/v3/builds/ci/jobs", Read::Jobs),
        (
            "/v2/builds/ci/builds/team/job/b%20c",
            Read::Builds { job: job() },
        ),
        (
            "/v3/builds/ci/builds?job=team/job/b%20c",
            Read::Builds { job: job() },
        ),
        (
            "/v2/builds/ci/build/7/team/job/b%20c",
            Read::Build {
                job: job(),
                number: 7,
            },
        ),
        (
            "/builds/ci/build/7/team/job/b%20c",
            Read::Build {
                job: job(),
                number: 7,
            },
        ),
        (
            "/v3/builds/ci/build/7?job=team/job/b%20c",
            Read::Build {
                job: job(),
                number: 7,
            },
        ),
    ] {
        fixture.ok("GET", path, Value::Null).await;
        assert_eq!(asked.lock().unwrap().pop(), Some(read), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let mut fixture = fixture().await;
    let silent = fixture
        .call("GET", "/v2/builds/travis-x/jobs", "")
        .await
        .problem();
    assert_eq!(
        silent,
        (
            503,
            "No worker of pool jenkins in any zone serves build master travis-x".to_owned()
        )
    );
    worker(&mut fixture).await;
    for (path, status, message) in [
        (
            "/v2/builds/other/jobs",
            404,
            "Build master 'other' not found",
        ),
        ("/v2/builds/ci/jobs/x", 404, "Job 'x' not found"),
        (
            "/v3/builds/ci/job",
            400,
            "Required parameter 'job' is not present.",
        ),
        (
            "/v3/builds/ci/build/new?job=x",
            400,
            "\"new\" is not the number of a build",
        ),
    ] {
        let problem = fixture.call("GET", path, "").await.problem();
        assert_eq!(problem, (status, message.to_owned()), "{path}");
    }
}

async fn completed(gate: &Gate, trigger: Value) -> Value {
    let mut trigger = trigger.as_object().unwrap().clone();
    builds::complete(gate, &mut trigger).await;
    Value::Object(trigger)
}

#[tokio::test]
async fn a_trigger_that_names_a_build_learns_what_it_was() {
    let mut fixture = fixture().await;
    let asked = worker(&mut fixture).await;
    let gate = fixture.gate.clone();
    let own = json!({"type": "git/repo"});
    let named = json!({"master": "ci", "job": "j", "buildNumber": "3", "propertyFile": "p", "artifacts": [own]});
    let trigger = completed(&gate, named).await;
    assert_eq!(trigger["buildInfo"], json!({"number": 3}));
    assert_eq!(trigger["properties"], json!({"a": "1"}));
    assert_eq!(
        trigger["artifacts"],
        json!([own, {"type": "docker/image", "name": "app"}])
    );
    let read = Read::Trigger {
        job: "j".to_owned(),
        number: 3,
        property_file: Some("p".to_owned()),
    };
    assert_eq!(asked.lock().unwrap().pop(), Some(read));
    // What is known, what names no build, and what cannot be had, stays.
    for trigger in [
        json!({"master": "ci", "job": "j", "buildNumber": 3, "buildInfo": {"number": 1}}),
        json!({"master": "ci", "job": "j"}),
        json!({"master": "unknown", "job": "j", "buildNumber": 3}),
        json!({"master": "ci", "job": "j", "buildNumber": 9}),
    ] {
        assert_eq!(completed(&gate, trigger.clone()).await, trigger);
    }
}
