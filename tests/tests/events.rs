//! What starts pipelines by itself: schedules, pushes and webhooks, and what is said about those that did not.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use gennaker_tests::gate::Gate;
use gennaker_tests::http::send;
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::until;
use serde_json::{Value, json};

const SECRET: &str = "pl4nted-s3cret";

const PUSH: &str = r#"{"ref": "refs/heads/main", "after": "c1", "repository": {"name": "web", "owner": {"name": "acme"}}}"#;

/// HMAC of [`PUSH`] with [`SECRET`], as `openssl dgst -sha256 -hmac` makes it.
const SIGNATURE: &str = "sha256=308630e13dbf102a4f7d3378615ae162f5f30643f000c7e4f5affa0b7a1a3a34";

async fn save(gate: &Gate, name: &str, trigger: Value) -> String {
    gate.save_pipeline(&json!({
        "application": "events", "name": name, "triggers": [trigger],
        "stages": [{"refId": "1", "type": "evaluateVariables", "name": "Say", "variables": []}],
    }))
    .await
}

async fn verdicts(gate: &Gate, event: &str) -> Value {
    until("the verdict", async || {
        let answer = gate
            .call("GET", &format!("/v2/events/{event}"), None, None)
            .await;
        answer.is_success().then(|| answer.json())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_once_each_second_while_triggers_is_killed_again_and_again() {
    let mut installation = Installation::start_with(1, "[triggers]\ntime_zone = \"UTC\"\n").await;
    let gate = installation.gate;
    gate.save_application("events").await;
    let trigger =
        json!({"type": "cron", "enabled": true, "id": "t", "cronExpression": "* * * * * ?"});
    let id = save(&gate, "clock", trigger).await;
    installation.start_more("triggers-b", "triggers");
    for kills in 1..=6 {
        let enough = kills * 2;
        // As soon as an instant has an execution, which is when the other process fires it, too.
        until("the next instant", async || {
            (gate.executions(&id).await.len() >= enough).then_some(())
        })
        .await;
        let victim = ["triggers", "triggers-b"][kills % 2];
        installation.process(victim).kill_9();
        // For a moment nobody is there: what is missed is made up for.
        if kills % 3 == 0 {
            let other = ["triggers", "triggers-b"][(kills + 1) % 2];
            installation.process(other).kill_9();
            installation.process(other).start_again();
        }
        installation.process(victim).start_again();
    }
    until("the last instant", async || {
        (gate.executions(&id).await.len() >= 16).then_some(())
    })
    .await;
    let seconds: Vec<i64> = gate
        .executions(&id)
        .await
        .iter()
        .map(|execution| {
            let event = execution["trigger"]["eventId"].as_str().unwrap();
            event.rsplit('-').next().unwrap().parse::<i64>().unwrap() / 1_000
        })
        .collect();
    let distinct: BTreeSet<i64> = seconds.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        seconds.len(),
        "an instant started two executions: {seconds:?}"
    );
    let (first, last) = (distinct.first().unwrap(), distinct.last().unwrap());
    assert_eq!(
        usize::try_from(last - first + 1).unwrap(),
        distinct.len(),
        "an instant started none: {distinct:?}"
    );
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_starts_what_its_signature_opens_and_says_why_the_rest_stays() {
    let installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application("events").await;
    let git = |more: Value| {
        let mut trigger = json!({"type": "git", "enabled": true, "source": "github", "project": "acme", "slug": "web"});
        trigger
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        trigger
    };
    let signed = save(
        &gate,
        "signed",
        git(json!({"secret": SECRET, "branch": "main"})),
    )
    .await;
    save(&gate, "other secret", git(json!({"secret": "another"}))).await;
    save(&gate, "no secret", git(json!({}))).await;
    save(
        &gate,
        "other branch",
        git(json!({"secret": SECRET, "branch": "release/.*"})),
    )
    .await;
    save(
        &gate,
        "other repository",
        git(json!({"slug": "api", "secret": SECRET})),
    )
    .await;

    let headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Delivery", "delivery-1"),
        ("X-Hub-Signature-256", SIGNATURE),
    ];
    let mut events = BTreeSet::new();
    for _ in 0..5 {
        let answer = send(
            gate.address,
            "POST",
            "/webhooks/git/github",
            &headers,
            PUSH.as_bytes(),
        )
        .await
        .unwrap();
        assert_eq!(answer.json()["eventProcessed"], true, "{}", answer.text());
        events.insert(answer.json()["eventId"].as_str().unwrap().to_owned());
    }
    assert_eq!(events.len(), 1, "deliveries of one event");
    let event = events.pop_first().unwrap();
    let record = verdicts(&gate, &event).await;
    let mut told: Vec<(&str, &str, &str)> = record["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |field: &str| it[field].as_str().unwrap_or("");
            (text("pipeline"), text("outcome"), text("reason"))
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (
                "no secret",
                "passed",
                "the webhook is signed, and the trigger has no secret to compare with"
            ),
            (
                "other branch",
                "passed",
                "the branch is \"main\", which \"release/.*\" does not match as a whole"
            ),
            (
                "other repository",
                "passed",
                "the slug is \"web\", the trigger wants \"api\""
            ),
            (
                "other secret",
                "passed",
                "the signature of the webhook was not made with the trigger's secret"
            ),
            ("signed", "started", ""),
        ]
    );
    let started = until("the execution", async || {
        let found = gate.executions(&signed).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(started.len(), 1, "five deliveries, one execution");
    assert_eq!(started[0]["trigger"]["hash"], "c1");

    // Whoever may see an execution or an event does not see the secret.
    let document = gate
        .execution(started[0]["id"].as_str().unwrap())
        .await
        .to_string();
    assert!(!document.contains(SECRET) && !record.to_string().contains(SECRET));
    installation.check_processes();
}
