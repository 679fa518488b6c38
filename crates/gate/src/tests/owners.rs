//! Owners that are late, absent, former, or silent.

use std::time::Duration;

use gennaker_bus::{Bucket, Bus};
use gennaker_model::{
    ExecutionId,
    command::{RefusalCode, Reply},
    routing,
};
use serde_json::{Value, json};

use super::{
    Fixture, PARTITIONS,
    owner::{answer, refusal},
};

#[tokio::test(start_paused = true)]
async fn a_take_over_is_not_seen() {
    let mut fixture = Fixture::without_owner().await;
    let body = json!({"application": "demo", "job": [{"type": "wait"}]}).to_string();
    let router = fixture.router.clone();
    let waiting = super::request("POST", "/tasks", &[], &body);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        tower::ServiceExt::oneshot(router, waiting)
            .await
            .unwrap()
            .status()
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    for partition in 0..PARTITIONS {
        fixture.serve(partition).await;
    }
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), 200);
    assert_eq!(fixture.owner.lock().unwrap().starts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_owner_the_client_hears_it_in_ten_seconds() {
    let fixture = Fixture::without_owner().await;
    let began = tokio::time::Instant::now();
    let got = fixture.get("/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    let (status, message) = got.problem();
    assert_eq!((status, began.elapsed().as_secs()), (503, 10));
    assert!(message.contains("did not answer in 10 s"), "{message}");
    assert_eq!(got.headers["retry-after"], "1");
}

#[tokio::test(start_paused = true)]
async fn retries_carry_the_same_command() {
    let fixture = Fixture::new().await;
    // Silence twice, then a word from a partition that moved.
    fixture.owner.lock().unwrap().script.extend([
        None,
        None,
        answer(5_000, Err(refusal(RefusalCode::WrongPartition, "not mine"))),
    ]);
    let body = json!({"application": "demo", "job": [{"type": "wait"}]}).to_string();
    // The owner's next sequence must not be older than what was said.
    let got = fixture.call("POST", "/tasks", &body).await;
    assert_eq!(got.status, 503, "the owner at sequence 11 is a former one");
    let asked = &fixture.owner.lock().unwrap().asked;
    assert!(asked.len() > 4);
    assert!(
        asked.iter().all(|envelope| envelope == &asked[0]),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_the_past_is_asked_for_again() {
    let fixture = Fixture::new().await;
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let path = format!("/pipelines/{id}/pause");
    fixture.owner.lock().unwrap().script.extend([
        answer(100, Ok(Reply::Done)),
        answer(
            99,
            Err(refusal(RefusalCode::NotFound, "denied by a former owner")),
        ),
        answer(100, Ok(Reply::Done)),
    ]);
    assert_eq!(fixture.call("PUT", &path, "").await.status, 200);
    assert_eq!(fixture.call("PUT", &path, "").await.status, 200);
    assert_eq!(fixture.owner.lock().unwrap().asked.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn answers_may_overtake_each_other() {
    let fixture = Fixture::without_owner().await;
    let id = ExecutionId::new("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
    let partition = routing::partition_of(&id, PARTITIONS);
    let owner = Bus::memory(&fixture.broker, "scheduler");
    let mut commands = owner.serve_commands(partition).await.unwrap();
    let path = format!("/pipelines/{id}/pause");
    let clients = async {
        tokio::join!(
            fixture.call("PUT", &path, ""),
            fixture.call("PUT", &path, "")
        )
    };
    let owner = async {
        let first = commands.next().await.unwrap();
        let second = commands.next().await.unwrap();
        for (command, sequence) in [(second, 11), (first, 10)] {
            let said = serde_json::to_vec(&answer(sequence, Ok(Reply::Done))).unwrap();
            command.responder.send(said.into()).await.unwrap();
        }
    };
    let ((one, two), ()) = tokio::join!(clients, owner);
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    let again = tokio::time::timeout(Duration::from_secs(5), commands.next()).await;
    assert!(again.is_err(), "it was asked again");
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_partition_is_none() {
    let mut fixture = Fixture::without_owner().await;
    fixture.serve(0).await;
    fixture.serve(2).await;
    let (status, message) = fixture.get("/applications/demo/pipelines").await.problem();
    assert_eq!(status, 503);
    assert!(
        message.starts_with("Partition 1 did not answer"),
        "{message}"
    );
    let partial = fixture
        .get("/applications/demo/pipelines?partial=true")
        .await;
    assert_eq!(
        (partial.status.as_u16(), partial.body.as_str()),
        (200, "[]")
    );
    assert_eq!(partial.headers["x-gennaker-missing-partitions"], "1");
}

#[tokio::test(start_paused = true)]
async fn refusals_become_statuses() {
    let fixture = Fixture::new().await;
    for (code, status) in [
        (RefusalCode::NotFound, 404),
        (RefusalCode::Invalid, 400),
        (RefusalCode::Conflict, 409),
        (RefusalCode::NotAllowed, 405),
        (RefusalCode::Internal, 500),
    ] {
        let said = answer(1_000, Err(refusal(code, "because")));
        fixture.owner.lock().unwrap().script.push_back(said);
        let got = fixture.call("PATCH", "/pipelines/X/stages/S", "{}").await;
        assert_eq!(got.problem(), (status, "because".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_too_much_to_do_is_asked_again() {
    let fixture = Fixture::new().await;
    let path = "/pipelines/01ARZ3NDEKTSV4RRFFQ69G5FAV/pause";
    let busy = |sequence| answer(sequence, Err(refusal(RefusalCode::Busy, "too much to do")));
    // The second is from a full queue, which does not look at its log.
    fixture.owner.lock().unwrap().script.extend([
        answer(100, Ok(Reply::Done)),
        busy(101),
        busy(0),
        answer(101, Ok(Reply::Done)),
    ]);
    assert_eq!(fixture.call("PUT", path, "").await.status, 200);
    let began = tokio::time::Instant::now();
    assert_eq!(fixture.call("PUT", path, "").await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(1));
    let asked: Vec<_> = fixture.owner.lock().unwrap().asked.drain(..).collect();
    assert_eq!(asked.len(), 4);
    assert_eq!((&asked[1], &asked[2]), (&asked[2], &asked[3]));

    let always = (0..1_000).map(|_| busy(102));
    fixture.owner.lock().unwrap().script.extend(always);
    let began = tokio::time::Instant::now();
    let got = fixture.call("PUT", path, "").await;
    assert_eq!(got.problem(), (503, "too much to do".to_owned()));
    assert_eq!(
        (began.elapsed().as_secs(), &got.headers["retry-after"]),
        (10, &"1".parse().unwrap())
    );
    let tries = fixture.owner.lock().unwrap().asked.len();
    assert!((6..60).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn health_names_what_is_missing() {
    let mut fixture = Fixture::without_owner().await;
    fixture.ok("GET", "/pipelineConfigs", Value::Null).await;
    // Leases of a scheduler that was killed a moment ago.
    let leases = Bus::memory(&fixture.broker, "scheduler").kv(Bucket::Lease);
    for partition in 0..PARTITIONS {
        let key = format!("part.{partition}");
        leases.put_if(&key, 0, "me".into(), None).await.unwrap();
    }
    fixture.serve(1).await;
    let down = fixture.get("/health").await;
    assert_eq!(down.status, 503);
    let details = &down.json()["components"]["partitions"];
    assert_eq!(details["details"]["withoutOwner"], json!([0, 2]));
    for partition in [0, 2] {
        fixture.serve(partition).await;
    }
    let up = fixture.get("/health").await;
    assert_eq!(
        (up.status.as_u16(), up.body.as_str()),
        (200, r#"{"status":"UP"}"#)
    );
    let busy = answer(0, Err(refusal(RefusalCode::Busy, "too much to do")));
    fixture.owner.lock().unwrap().script.push_back(busy);
    assert_eq!(fixture.get("/health").await.status, 200, "it is there");
    // An owner that is there and says nothing.
    fixture.owner.lock().unwrap().script.push_back(None);
    let began = tokio::time::Instant::now();
    assert_eq!(fixture.get("/health").await.status, 503);
    assert_eq!(began.elapsed().as_secs(), 2);
    fixture.broker.partition("gate");
    let gone = fixture.get("/health").await;
    assert_eq!(
        (
            gone.status.as_u16(),
            gone.json()["components"]["broker"]["status"].as_str()
        ),
        (503, Some("DOWN"))
    );
}
