//! Builds on a double of a Jenkins that is as strict as the original: workers are killed at every step of its protocol, and each
//! stage has one build.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_testkit::jenkins::{Fault, Jenkins, Job, Parameter, Rules};
use gennaker_tests::gate::Gate;
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::{PATIENCE, until_true};
use serde_json::{Value, json};

/// At each a worker is lost, for a job that takes the token of a start and for one that has no parameters.
const STEPS: [&str; 6] = [
    "looked-at",
    "asked",
    "accepted",
    "queued",
    "running",
    "over",
];

fn settings(double: &Jenkins) -> String {
    format!(
        "[jenkins]\nui_url = \"https://spin.example.com\"\n[[jenkins.masters]]\nname = \"ci\"\naddress = \"{}\"\nusername = \"spin\"\n\
         password = \"secretword\"\ncsrf = true\n",
        double.url()
    )
}

async fn double() -> Jenkins {
    Jenkins::start(Rules {
        user: Some(("spin".to_owned(), "secretword".to_owned())),
        crumbs: true,
        ..Rules::default()
    })
    .await
}

fn job(name: &str, declares: bool) -> Job {
    let token = Parameter::Text("GENNAKER_TOKEN".to_owned(), String::new());
    Job {
        name: name.to_owned(),
        parameters: if declares { vec![token] } else { Vec::new() },
        ..Job::default()
    }
}

async fn start(gate: Gate, job: &str, more: Value) -> String {
    let mut stage = json!({"refId": "1", "requisiteStageRefIds": [], "type": "jenkins", "name": job, "master": "ci", "job": job});
    for (key, value) in more.as_object().unwrap() {
        stage[key] = value.clone();
    }
    let report = json!({"refId": "2", "requisiteStageRefIds": ["1"], "type": "evaluateVariables", "name": "Report",
        "variables": [{"key": "version", "value": "${version}"}, {"key": "result", "value": "${buildInfo.result}"}]});
    let stages = json!([stage, report]);
    let pipeline = json!({"application": "builds", "name": job, "stages": stages});
    let started = gate
        .ask("POST", "/pipelines/start", Some(&pipeline), None)
        .await;
    let reference = started["ref"].as_str().unwrap();
    reference.trim_start_matches("/pipelines/").to_owned()
}

fn stage<'d>(document: &'d Value, kind: &str) -> &'d Value {
    let stages = document["stages"].as_array().unwrap();
    stages
        .iter()
        .find(|stage| stage["type"] == kind)
        .unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_killed_at_any_step_of_the_protocol_leaves_one_build() {
    let double = double().await;
    let mut installation =
        Installation::start_with_pools(1, &["jenkins", "notify"], &settings(&double)).await;
    let gate = installation.gate;
    let late = Duration::from_secs(3);
    let mut runs = Vec::new();
    for (kind, declares) in [("telling", true), ("plain", false)] {
        for step in STEPS {
            let name = format!("{kind}/job/{step}");
            double.job(Job {
                held: step == "queued",
                files: vec![("out/p.properties".to_owned(), "version=1.2".to_owned())],
                ..job(&name, declares)
            });
            match step {
                "looked-at" => {
                    double.fault("GET", &format!("/job/{name}/api/xml"), Fault::Held(late))
                }
                "asked" => double.fault("POST", &format!("/job/{name}/build"), Fault::Held(late)),
                "accepted" => {
                    double.fault("POST", &format!("/job/{name}/build"), Fault::Late(late))
                }
                _ => {}
            }
            let id = start(gate, &name, json!({"propertyFile": "p.properties"})).await;
            runs.push((name, step, id));
        }
    }
    for (name, step, id) in &runs {
        match *step {
            "looked-at" => {
                until_true(name, || {
                    double.count("GET", &format!("/job/{name}/api/xml")) > 0
                })
                .await
            }
            "asked" | "accepted" => {
                until_true(name, || {
                    double.count("POST", &format!("/job/{name}/build")) > 0
                })
                .await
            }
            "queued" => until_true(name, || double.waiting(name) > 0).await,
            _ => {
                gate.wait_for(id, "the build has a number", PATIENCE, |document| {
                    stage(document, "jenkins")["context"]["buildNumber"].is_number()
                })
                .await;
                if *step == "over" {
                    double.finish(name, 1, "SUCCESS");
                }
            }
        }
    }
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).kill_9();
    }
    for (name, ..) in runs.iter().filter(|(_, step, _)| *step == "queued") {
        double.hold_job(name, false);
    }
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).start_again();
    }
    for (name, step, id) in &runs {
        until_true(name, || !double.builds(name).is_empty()).await;
        double.finish(name, 1, "SUCCESS");
        let ended = gate.wait_for_end(id, PATIENCE).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{name}: {ended}");
        let outputs = &stage(&ended, "evaluateVariables")["outputs"];
        assert_eq!(
            (&outputs["version"], &outputs["result"]),
            (&json!("1.2"), &json!("SUCCESS")),
            "{name}"
        );
        let builds = double.builds(name);
        assert_eq!(
            (builds.len(), double.waiting(name)),
            (1, 0),
            "{step} of {name}: {builds:?}"
        );
        let said = builds[0].description.clone().unwrap_or_default();
        assert!(
            said.contains(&format!("/executions/details/{id}")),
            "{name}: {said}"
        );
    }
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancel_stops_what_is_queued_and_what_runs_and_the_api_shows_builds() {
    let double = double().await;
    let installation =
        Installation::start_with_pools(1, &["jenkins", "notify"], &settings(&double)).await;
    let gate = installation.gate;
    for name in ["team/job/queued", "team/job/running", "failing", "plain"] {
        double.job(Job {
            held: name.ends_with("queued"),
            ..job(name, false)
        });
    }

    let queued = start(gate, "team/job/queued", json!({})).await;
    until_true("it is in the queue", || {
        double.waiting("team/job/queued") == 1
    })
    .await;
    gate.wait_for(&queued, "the item is known", PATIENCE, |document| {
        stage(document, "jenkins")["context"]["queuedBuild"].is_string()
    })
    .await;
    let running = start(gate, "team/job/running", json!({})).await;
    gate.wait_for(&running, "the build runs", PATIENCE, |document| {
        stage(document, "jenkins")["context"]["buildInfo"]["building"] == true
    })
    .await;
    // Jenkins is being restarted just then: the stage does not wait for it, and the build is not forgotten.
    let restarting = Fault::Refused(503, "restarting".to_owned());
    double.fault("POST", "/job/team/job/running/1/stop", restarting);
    for id in [&queued, &running] {
        gate.ask("PUT", &format!("/pipelines/{id}/cancel"), None, None)
            .await;
        assert_eq!(gate.wait_for_end(id, PATIENCE).await["status"], "CANCELED");
    }
    until_true("the item is taken out", || {
        double.waiting("team/job/queued") == 0
    })
    .await;
    until_true("the build is stopped", || {
        double.builds("team/job/running")[0].result.as_deref() == Some("ABORTED")
    })
    .await;
    assert!(double.builds("team/job/queued").is_empty());

    let failing = start(gate, "failing", json!({})).await;
    until_true("it runs", || !double.builds("failing").is_empty()).await;
    double.finish("failing", 1, "FAILURE");
    let failed = gate.wait_for_end(&failing, PATIENCE).await;
    assert_eq!(failed["status"], "TERMINAL");
    let exception = &stage(&failed, "jenkins")["context"]["exception"];
    assert_eq!(
        exception["details"]["errors"],
        json!(["Job failed (see Jenkins)"]),
        "{exception}"
    );

    let get = |path: &'static str| async move { gate.ask("GET", path, None, None).await };
    assert_eq!(get("/v2/builds").await, json!(["ci"]));
    assert_eq!(get("/v3/builds?type=travis").await, json!([]));
    let jobs = json!(["failing", "plain", "team/job/queued", "team/job/running"]);
    assert_eq!(get("/v2/builds/ci/jobs").await, jobs);
    assert_eq!(
        get("/v2/builds/ci/jobs/team/job/running").await["buildable"],
        true
    );
    assert_eq!(
        get("/v3/builds/ci/builds?job=team/job/running").await[0]["result"],
        "ABORTED"
    );
    assert_eq!(
        get("/v2/builds/ci/build/1/team/job/running").await["name"],
        "team/job/running"
    );
    assert_eq!(
        get("/v3/builds/ci/build/1?job=failing").await["result"],
        "FAILURE"
    );
    for (path, message) in [
        ("/v2/builds/other/jobs", "Build master 'other' not found"),
        ("/v3/builds/ci/job?job=none", "Job 'none' not found"),
        (
            "/v3/builds/ci/build/7?job=failing",
            "Build '7' of job 'failing' not found",
        ),
    ] {
        let answer = gate.call("GET", path, None, None).await;
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (404, &json!(message))
        );
    }

    // A start by hand that names a build knows it.
    let stages = json!([{"refId": "1", "requisiteStageRefIds": [], "type": "evaluateVariables", "name": "Report",
        "variables": [{"key": "result", "value": "${trigger.buildInfo.result}"}]}]);
    let trigger = json!({"type": "manual", "master": "ci", "job": "failing", "buildNumber": 1});
    let pipeline =
        json!({"application": "builds", "name": "by hand", "stages": stages, "trigger": trigger});
    let started = gate
        .ask("POST", "/pipelines/start", Some(&pipeline), None)
        .await;
    let id = started["ref"]
        .as_str()
        .unwrap()
        .trim_start_matches("/pipelines/")
        .to_owned();
    let ended = gate.wait_for_end(&id, PATIENCE).await;
    assert_eq!(
        stage(&ended, "evaluateVariables")["outputs"]["result"],
        "FAILURE",
        "{ended}"
    );
    installation.check_secrets(&["secretword"]);
    installation.check_processes();
}
