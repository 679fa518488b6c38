//! `/artifacts/…`, with a worker that answers as it is told.

use std::sync::{Arc, Mutex};

use gennaker_bus::{Bus, subject};
use gennaker_model::artifact_reads::{Account, Answer, POOL, Question, Read, VERSION, place};
use serde_json::{Value, json};

use super::Fixture;
use crate::Config;

fn account(name: &str, types: &[&str]) -> Account {
    Account {
        name: name.to_owned(),
        types: types.iter().map(|&one| one.to_owned()).collect(),
        ..Account::default()
    }
}

async fn fixture() -> Fixture {
    let artifacts = vec![
        account("shared", &["http/file"]),
        account("shared", &["helm/chart", "helm/index"]),
        account("other", &["helm/chart", "helm/index"]),
        account("kubernetes", &["kubernetes/*"]),
    ];
    Fixture::with(Config {
        artifacts,
        ..Config::default()
    })
    .await
}

#[tokio::test]
async fn accounts_of_one_name_are_listed_together() {
    let fixture = fixture().await;
    let listed = fixture
        .ok("GET", "/artifacts/credentials", Value::Null)
        .await;
    assert_eq!(
        listed,
        json!([
            {"name": "shared", "types": ["http/file", "helm/chart", "helm/index"]},
            {"name": "other", "types": ["helm/chart", "helm/index"]},
            {"name": "kubernetes", "types": ["kubernetes/*"]},
        ])
    );
}

#[tokio::test]
async fn workers_tell_what_accounts_hold() {
    let mut fixture = fixture().await;
    let bus = Bus::memory(&fixture.broker, "worker");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut questions = bus
        .serve(subject::ask(POOL, &place("shared")), None)
        .await
        .unwrap();
    let seen = Arc::clone(&asked);
    fixture.tasks.spawn(async move {
        while let Some(question) = questions.next().await {
            let Question { read, .. } = serde_json::from_slice(&question.payload).unwrap();
            let (status, body) = match &read {
                Read::Fetch { artifact } if artifact["name"] == "gone" => {
                    (404, json!("gone not found"))
                }
                Read::Fetch { .. } => (200, json!("AAEC")),
                Read::Names { .. } => (200, json!(["web", "db"])),
                Read::Versions { .. } => (200, json!(["1.0"])),
            };
            seen.lock().unwrap().push(read);
            let answer = Answer {
                v: VERSION,
                status,
                body,
            };
            question
                .responder
                .send(serde_json::to_vec(&answer).unwrap().into())
                .await
                .unwrap();
        }
    });
    let artifact =
        json!({"type": "http/file", "artifactAccount": "shared", "reference": "https://x.io/f"});
    let content = fixture
        .call("PUT", "/artifacts/fetch", &artifact.to_string())
        .await;
    assert_eq!(
        (content.status.as_u16(), content.body.as_bytes()),
        (200, &[0, 1, 2][..])
    );
    assert_eq!(asked.lock().unwrap()[0], Read::Fetch { artifact });
    let gone = json!({"type": "http/file", "name": "gone"});
    let gone = fixture
        .call("PUT", "/artifacts/fetch", &gone.to_string())
        .await
        .problem();
    assert_eq!(gone, (404, "gone not found".to_owned()));
    let names = fixture
        .ok(
            "GET",
            "/artifacts/account/shared/names?type=helm/chart",
            Value::Null,
        )
        .await;
    assert_eq!(names, json!(["web", "db"]));
    let path = "/artifacts/account/shared/versions?type=helm%2Fchart&artifactName=web";
    assert_eq!(fixture.ok("GET", path, Value::Null).await, json!(["1.0"]));
    let last = asked.lock().unwrap().pop().unwrap();
    let (account, kind, name) = (
        "shared".to_owned(),
        "helm/chart".to_owned(),
        "web".to_owned(),
    );
    assert_eq!(
        last,
        Read::Versions {
            account,
            kind,
            name
        }
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_told() {
    let fixture = fixture().await;
    let problem = async |method: &str, path: &str, body: &str| {
        fixture.call(method, path, body).await.problem()
    };
    for (body, status, message) in [
        (
            "{\"type\": \"helm/chart\", \"name\": \"web\"}",
            400,
            "An artifact account must be supplied to download this artifact: web",
        ),
        (
            "{\"type\": \"s3/object\", \"artifactAccount\": \"shared\"}",
            404,
            "Credentials 'shared' supporting artifact type 's3/object' cannot be found",
        ),
        (
            "{\"type\": \"http/file\", \"artifactAccount\": \"shared\"}",
            503,
            "No worker of pool deploy in any zone reads artifacts of account shared",
        ),
    ] {
        assert_eq!(
            problem("PUT", "/artifacts/fetch", body).await,
            (status, message.to_owned())
        );
    }
    let missing = problem("GET", "/artifacts/account/shared/names", "").await;
    assert_eq!(
        missing,
        (400, "Required parameter 'type' is not present.".to_owned())
    );
}
