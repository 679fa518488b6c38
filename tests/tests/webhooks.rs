//! A storm of webhooks: everything that was answered is matched, whatever is killed meanwhile; and the events of others that come
//! over subjects of our own broker.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use gennaker_tests::gate::Gate;
use gennaker_tests::http::send;
use gennaker_tests::installation::{Brokers, Installation};
use gennaker_tests::patience::until;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::task::JoinSet;

/// Webhooks of the storm.
const WEBHOOKS: usize = 300;

/// Who send them, each one after the other.
const SENDERS: usize = 20;

async fn save(gate: &Gate, name: &str, trigger: Value) -> String {
    gate.save_pipeline(&json!({
        "application": "storm", "name": name, "triggers": [trigger],
        "stages": [{"refId": "1", "type": "evaluateVariables", "name": "Say", "variables": []}],
    }))
    .await
}

async fn verdicts(gate: &Gate, event: &str) -> Vec<Value> {
    let record = until("the verdict", async || {
        let path = format!("/v2/events/{event}");
        let answer = gate.call("GET", &path, None, None).await;
        answer.is_success().then(|| answer.json())
    })
    .await;
    record["verdicts"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_webhook_that_was_answered_starts_its_pipeline_although_triggers_is_killed() {
    let mut installation = Installation::start(1).await;
    let gate = installation.gate;
    gate.save_application("storm").await;
    let mut configs = BTreeMap::new();
    for number in 0..SENDERS {
        let source = format!("hook-{number}");
        let trigger = json!({"type": "webhook", "enabled": true, "source": source});
        configs.insert(source.clone(), save(&gate, &source, trigger).await);
    }
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(async move {
            let path = format!("/webhooks/webhook/hook-{number}");
            let mut events = Vec::new();
            for _ in 0..WEBHOOKS / SENDERS {
                let answer = send(gate.address, "POST", &path, &[], b"{}").await.unwrap();
                assert!(answer.is_success(), "{}", answer.text());
                let event = answer.json()["eventId"].as_str().unwrap().to_owned();
                events.push(event);
            }
            (format!("hook-{number}"), events)
        });
    }
    let mut answered = BTreeMap::new();
    while let Some(ended) = senders.join_next().await {
        let (source, events) = ended.unwrap();
        answered.insert(source, events);
        // Once while most are on their way, and once when the last ones came in.
        if [2, SENDERS].contains(&answered.len()) {
            installation.process("triggers").kill_9();
            installation.process("triggers").start_again();
        }
    }
    for (source, events) in &answered {
        for event in events {
            let found = verdicts(&gate, event).await;
            assert_eq!(
                found[0]["outcome"], "started",
                "{source} {event}: {found:?}"
            );
        }
        let config = &configs[source];
        let started = until("the last execution", async || {
            let found = gate.executions(config).await;
            (found.len() >= events.len()).then_some(found)
        })
        .await;
        let of_events: BTreeSet<&str> = started
            .iter()
            .map(|it| it["trigger"]["eventId"].as_str().unwrap())
            .collect();
        let expected: BTreeSet<&str> = events.iter().map(String::as_str).collect();
        assert_eq!(
            (started.len(), of_events),
            (expected.len(), expected),
            "{source}"
        );
    }
    installation.check_processes();
}

/// Publishes as any client of NATS does; the acknowledgement of JetStream.
async fn publish(broker: (u16, &str, &str), name: &str, id: &str, body: &str) -> String {
    let (port, user, password) = broker;
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let mut stream = BufReader::new(stream);
    let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nkind: image\r\n\r\n");
    let (head, whole) = (headers.len(), headers.len() + body.len());
    let said = format!(
        "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true,\"user\":{user:?},\"pass\":{password:?}}}\r\nSUB reply 1\r\n\
         HPUB gk.pubsub.{name} reply {head} {whole}\r\n{headers}{body}\r\n"
    );
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        assert!(!line.starts_with("-ERR"), "{line}");
        if line.starts_with("MSG reply") {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_on_a_subject_of_ours_starts_a_pipeline_once_although_triggers_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("artifacts.jinja");
    std::fs::write(
        &template,
        r#"[{"type": "docker/image", "name": "{{ image }}"}]"#,
    )
    .unwrap();
    let more = format!(
        "[[pubsub.nats]]\nname = \"builds\"\ntemplate_file = {:?}\n",
        template.display().to_string()
    );
    let mut installation = Installation::start_with(1, &more).await;
    let gate = installation.gate;
    let Brokers::One(broker) = &installation.brokers else {
        panic!("one broker was asked for");
    };
    let broker = (broker.port(), broker.user(), broker.password());
    gate.save_application("storm").await;
    let trigger = |kind: &str| {
        json!({"type": "pubsub", "enabled": true, "pubsubSystem": "nats", "subscriptionName": "builds",
               "payloadConstraints": {"status": "done"}, "attributeConstraints": {"kind": kind}})
    };
    let config = save(&gate, "image", trigger("^image$")).await;
    save(&gate, "chart", trigger("chart")).await;
    let listed = gate.ask("GET", "/pubsub/subscriptions", None, None).await;
    assert_eq!(
        listed,
        json!([{"pubsubSystem": "nats", "subscriptionName": "builds"}])
    );

    let body = r#"{"status": "done", "image": "acme/web", "parameters": {"tag": "v1"}}"#;
    for _ in 0..3 {
        let acknowledged = publish(broker, "builds", "build-7", body).await;
        assert!(acknowledged.contains("GK_PUBSUB"), "{acknowledged}");
        installation.process("triggers").kill_9();
        installation.process("triggers").start_again();
    }
    let started = until("the execution", async || {
        let found = gate.executions(&config).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(started.len(), 1, "{started:?}");
    let trigger = &started[0]["trigger"];
    assert_eq!(trigger["payload"]["image"], "acme/web");
    assert_eq!(trigger["parameters"]["tag"], "v1");
    assert_eq!(trigger["artifacts"][0]["name"], "acme/web", "{trigger}");
    let found = verdicts(&gate, trigger["eventId"].as_str().unwrap()).await;
    let told: BTreeSet<(&str, &str)> = found
        .iter()
        .map(|it| {
            let text = |field: &str| it[field].as_str().unwrap_or("");
            (text("pipeline"), text("reason"))
        })
        .collect();
    let reason = "attribute \"kind\" is \"image\", which \"chart\" does not match";
    assert_eq!(told, BTreeSet::from([("image", ""), ("chart", reason)]));
    installation.check_processes();
}
