//! `/gcb/…`, `/codebuild/…`, `/concourse/…`, with a worker that answers as it is told.

use std::sync::{Arc, Mutex};

use gennaker_bus::{Bus, subject};
use gennaker_model::{
    Execution, StageId,
    build_reads::{self, Master, POOL},
    build_service_reads::{Account, Kind, Question, Read},
    routing,
};
use serde_json::{Value, json};

use super::{Fixture, NOW};
use crate::Config;

const CONFIG_ID: &str = "c";

fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        ..Account::default()
    }
}

async fn fixture() -> Fixture {
    let master = |name: &str, kind: &str| Master {
        name: name.to_owned(),
        kind: kind.to_owned(),
        ..Master::default()
    };
    let mut fixture = Fixture::with(Config {
        google_cloud_build: vec![account("builds"), account("other")],
        aws_code_build: vec![account("aws")],
        build_masters: vec![master("ci", "jenkins"), master("concourse-x", "concourse")],
        ..Config::default()
    })
    .await;
    for partition in 0..super::PARTITIONS {
        fixture.serve(partition).await;
    }
    fixture
}

/// A worker that serves one of each kind; what it is asked is kept.
async fn worker(fixture: &mut Fixture) -> Arc<Mutex<Vec<Read>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    for place in [
        Kind::Google.place("builds"),
        Kind::Amazon.place("aws"),
        Kind::Concourse.place("concourse-x"),
    ] {
        let bus = Bus::memory(&fixture.broker, &place);
        let mut questions = bus.serve(subject::ask(POOL, &place), None).await.unwrap();
        let seen = Arc::clone(&asked);
        fixture.tasks.spawn(async move {
            while let Some(question) = questions.next().await {
                let asked: Question = serde_json::from_slice(&question.payload).unwrap();
                let (status, body) = match &asked.read {
                    Read::Projects => (503, json!("it is down")),
                    _ => (200, json!([asked.name])),
                };
                seen.lock().unwrap().push(asked.read);
                let v = build_reads::VERSION;
                let answer = build_reads::Answer { v, status, body };
                let answer = serde_json::to_vec(&answer).unwrap().into();
                question.responder.send(answer).await.unwrap();
            }
        });
    }
    asked
}

#[tokio::test]
async fn accounts_are_listed_and_what_they_have_is_asked_of_workers() {
    let mut fixture = fixture().await;
    let list = async |fixture: &Fixture, path: &str| fixture.ok("GET", path, Value::Null).await;
    assert_eq!(
        list(&fixture, "/gcb/accounts").await,
        json!(["builds", "other"])
    );
    assert_eq!(list(&fixture, "/codebuild/accounts").await, json!(["aws"]));
    let asked = worker(&mut fixture).await;
    let (team, pipeline) = ("a b".to_owned(), "web".to_owned());
    let jobs = Read::Jobs {
        team: team.clone(),
        pipeline: pipeline.clone(),
    };
    let resources = Read::Resources {
        team: team.clone(),
        pipeline,
    };
    for (path, name, read) in [
        ("/gcb/triggers/builds", "builds", Read::Triggers),
        ("/concourse/concourse-x/teams", "concourse-x", Read::Teams),
        (
            "/concourse/concourse-x/teams/a%20b/pipelines",
            "concourse-x",
            Read::Pipelines { team },
        ),
        (
            "/concourse/concourse-x/teams/a%20b/pipelines/web/jobs",
            "concourse-x",
            jobs,
        ),
        (
            "/concourse/concourse-x/teams/a%20b/pipelines/web/resources",
            "concourse-x",
            resources,
        ),
    ] {
        assert_eq!(list(&fixture, path).await, json!([name]), "{path}");
        assert_eq!(asked.lock().unwrap().pop(), Some(read), "{path}");
    }
    // What is no server of Concourse has nothing.
    assert_eq!(list(&fixture, "/concourse/ci/teams").await, json!([]));
    let (status, message) = fixture.get("/codebuild/projects/aws").await.problem();
    assert_eq!((status, message.as_str()), (503, "it is down"));
    let (status, message) = fixture.get("/gcb/triggers/nobody").await.problem();
    assert_eq!(
        (status, message.as_str()),
        (
            404,
            "No Google Cloud Build account with name nobody is configured"
        )
    );
    let (status, message) = fixture.get("/gcb/triggers/other").await.problem();
    assert_eq!(status, 503);
    assert!(
        message.contains("serves account other of Google Cloud Build"),
        "{message}"
    );
}

/// A pipeline with a stage that waits for a report.
fn waiting(status: &str) -> (Execution, StageId) {
    let id = routing::execution_id(NOW, CONFIG_ID, 7);
    let stage = StageId::derived(NOW, 5);
    let execution = json!({
        "type": "PIPELINE", "id": id.as_str(), "application": "app", "name": "p", "pipelineConfigId": CONFIG_ID,
        "buildTime": NOW, "status": "RUNNING", "authentication": {"user": "ann"}, "trigger": {"type": "manual"},
        "stages": [{"id": stage.as_str(), "refId": "1", "type": "concourse", "name": "Concourse", "status": status,
            "requisiteStageRefIds": [], "context": {}, "outputs": {}, "tasks": []}],
    });
    (serde_json::from_value(execution).unwrap(), stage)
}

#[tokio::test]
async fn a_report_of_concourse_patches_the_stage_that_waits_for_it() {
    let fixture = fixture().await;
    let (execution, stage) = waiting("RUNNING");
    let id = execution.id.as_str().to_owned();
    fixture
        .owner
        .lock()
        .unwrap()
        .executions
        .insert(id.clone(), execution);
    let report = format!("/concourse/stage/start?stageId={stage}&job=unit&buildNumber=12");
    for path in [report.clone(), format!("{report}&executionId={id}")] {
        assert!(
            fixture.call("POST", &path, "").await.status.is_success(),
            "{path}"
        );
        let owner = fixture.owner.lock().unwrap();
        let context = &owner.executions[&id].stages[0].context;
        assert_eq!(
            (&context["jobName"], &context["buildNumber"]),
            (&json!("unit"), &json!(12))
        );
    }
}

#[tokio::test]
async fn a_report_for_nobody_says_so() {
    let fixture = fixture().await;
    let (execution, stage) = waiting("SUCCEEDED");
    let id = execution.id.as_str().to_owned();
    fixture
        .owner
        .lock()
        .unwrap()
        .executions
        .insert(id.clone(), execution);
    let other = StageId::derived(NOW - 1, 5);
    for (query, status) in [
        (format!("stageId={stage}&job=unit&buildNumber=12"), 404),
        (
            format!("stageId={stage}&job=unit&buildNumber=12&executionId={id}"),
            404,
        ),
        (format!("stageId={other}&job=unit&buildNumber=12"), 404),
        ("stageId=x&job=unit&buildNumber=12".to_owned(), 404),
        (format!("stageId={stage}&job=unit&buildNumber=x"), 400),
        (format!("stageId={stage}&buildNumber=12"), 400),
    ] {
        let (got, message) = fixture
            .call("POST", &format!("/concourse/stage/start?{query}"), "")
            .await
            .problem();
        assert_eq!(got, status, "{query}: {message}");
    }
}
