//! The task and the answers, over the broker and against recording servers.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{CommandError, subject};
use gennaker_model::{
    ask::{FromSlack, MESSAGE, MessageSent, NOTIFY_POOL, SLACK, SendMessage, SlackSaid, VERSION},
    work::{Outcome, TaskMessage},
};
use gennaker_settings::Settings;
use gennaker_testkit::{
    http::{Reply, Server},
    smtp,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    SecretHeaders,
    testing::{Fixture, Target, context, error},
};

async fn with(settings: &Settings) -> Fixture {
    Fixture::with_settings(SecretHeaders::default(), |services| services, settings).await
}

/// Settings of Slack's bot at this address.
fn slack(url: &str) -> (Settings, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "xoxb-s3cret").unwrap();
    let mut settings = Settings::default();
    settings.notifications.slack.token_file = Some(file.to_str().unwrap().to_owned());
    settings.notifications.slack.url = Some(url.to_owned());
    (settings, folder)
}

fn due(entry: Value) -> Value {
    json!({"notification": entry, "when": "pipeline.failed",
        "event": {"type": "orca:pipeline:failed", "application": "demo"},
        "execution": {"id": "01JEXEC", "name": "deploy"}, "stage": null, "link": "https://x.io/e", "judgment": null})
}

fn receipt(outcome: &Outcome) -> Value {
    let Outcome::Succeeded { outputs, .. } = outcome else {
        panic!("{outcome:?}")
    };
    outputs["receipt"].clone()
}

#[tokio::test]
async fn a_notification_that_was_sent_leaves_a_receipt() {
    let server = Server::start(|_| Reply::ok(r#"{"ok": true, "ts": "1.2"}"#)).await;
    let (settings, _folder) = slack(&server.url(""));
    let outcome = with(&settings)
        .await
        .run(
            "sendNotification",
            due(json!({"type": "slack", "address": "ops"})),
        )
        .await;
    let receipt = receipt(&outcome);
    assert_eq!(receipt["status"], "sent");
    assert_eq!(
        (&receipt["to"], &receipt["reference"]),
        (&json!(["ops"]), &json!("1.2"))
    );
    assert!(!receipt.to_string().contains("s3cret"));
}

#[tokio::test]
async fn list_14_20_types_that_no_channel_has_go_nowhere_and_say_so() {
    let mut fixture = with(&Settings::default()).await;
    let pigeon = due(json!({"type": "pigeon"}));
    let told = error(&fixture.run("sendNotification", pigeon).await);
    assert_eq!(told, "no channel has the type 'pigeon'");
    // Whoever matches events starts it.
    let dry = fixture
        .run("sendNotification", due(json!({"type": "dryrun"})))
        .await;
    assert_eq!(receipt(&dry)["status"], "ignored");
    let outcome = fixture
        .run("sendNotification", due(json!({"type": "slack"})))
        .await;
    let told = error(&outcome);
    assert!(
        told.contains("the settings have no [notifications.slack]"),
        "{told}"
    );
    let told = error(&fixture.run("sendNotification", json!({})).await);
    assert_eq!(told, "there is no notification");
}

#[tokio::test]
async fn a_busy_channel_is_tried_again_when_it_wants_to_be() {
    let server = Server::start(|_| Reply::status(429, "").with("Retry-After", "77")).await;
    let (settings, _folder) = slack(&server.url(""));
    let outcome = with(&settings)
        .await
        .run(
            "sendNotification",
            due(json!({"type": "slack", "address": "ops"})),
        )
        .await;
    assert!(
        matches!(
            outcome,
            Outcome::Running {
                again_ms: 77_000,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(context(&outcome)["reason"], "status 429");
}

#[tokio::test]
async fn servers_that_are_slow_broken_or_talk_garbage_say_why_and_are_not_asked_twice() {
    // Takes the request and breaks off without an answer.
    let broken = Target::answering([None, None]).await;
    let (settings, _folder) = slack(&broken.url);
    let mut fixture = with(&settings).await;
    let entry = json!({"type": "slack", "address": "ops"});
    let task = fixture.task("sendNotification", due(entry.clone()));
    let told = error(&fixture.finish(&task).await);
    assert!(told.contains("it may have been sent"), "{told}");
    let again = TaskMessage {
        attempt: gennaker_model::AttemptId(99),
        ..task
    };
    let told = error(&fixture.finish(&again).await);
    assert!(told.contains("it may have been sent"), "{told}");
    assert_eq!(broken.got().len(), 1);

    let garbage = Server::start(|_| Reply::ok("<!doctype html>")).await;
    let (settings, _folder) = slack(&garbage.url(""));
    let mut fixture = with(&settings).await;
    let told = error(&fixture.run("sendNotification", due(entry.clone())).await);
    assert!(told.contains("it may have been sent"), "{told}");

    let slow = Server::start(|_| {
        std::thread::sleep(Duration::from_secs(3));
        Reply::ok("")
    })
    .await;
    let (settings, _folder) = slack(&slow.url(""));
    let mut fixture = with(&settings).await;
    let told = error(&fixture.run("sendNotification", due(entry)).await);
    assert!(told.contains("it may have been sent"), "{told}");
    assert_eq!(slow.seen().len(), 1);
}

#[tokio::test]
async fn a_channel_that_knows_its_messages_is_called_again_after_a_lost_answer() {
    let server = Server::start(|_| Reply::status(202, "")).await;
    let mut settings = Settings::default();
    settings.notifications.cdevents.enabled = true;
    let mut fixture = with(&settings).await;
    let entry = json!({"type": "cdevents", "address": server.url("/e"), "cdEventsType": "pipelinerun.finished"});
    let task = fixture.task("sendNotification", due(entry.clone()));
    fixture.lose_worker_of(&task).await;
    receipt(&fixture.finish(&task).await);
    let seen = server.seen();
    assert_eq!(
        seen[0].header("ce-id"),
        task.effect.as_ref().map(AsRef::as_ref)
    );
    // A chat does not know them.
    let chat = Server::start(|_| Reply::ok(r#"{"ok": true}"#)).await;
    let (settings, _folder) = slack(&chat.url(""));
    let mut fixture = with(&settings).await;
    let task = fixture.task(
        "sendNotification",
        due(json!({"type": "slack", "address": "ops"})),
    );
    fixture.lose_worker_of(&task).await;
    let told = error(&fixture.finish(&task).await);
    assert!(
        told.contains("slack cannot tell a repeated message"),
        "{told}"
    );
    assert!(chat.seen().is_empty());
}

#[tokio::test]
async fn mail_is_sent_once_and_says_what_the_server_said() {
    let server = smtp::Server::start();
    let mut settings = Settings::default();
    let email = &mut settings.notifications.email;
    email.host = Some("127.0.0.1".to_owned());
    email.port = Some(server.port("plain"));
    email.security = gennaker_settings::MailSecurity::None;
    email.from = Some("deploy@example.com".to_owned());
    let mut fixture = with(&settings).await;
    let entry = json!({"type": "email", "address": "anna@example.org"});
    let receipt = receipt(&fixture.run("sendNotification", due(entry)).await);
    assert!(
        receipt["note"].as_str().unwrap().contains("queued as 1"),
        "{receipt}"
    );
    let [mail] = &server.mails()[..] else {
        panic!()
    };
    let id = receipt["reference"].as_str().unwrap();
    assert!(
        mail.data.contains(&format!("Message-ID: {id}")),
        "{}",
        mail.data
    );
    let cut = fixture.task(
        "sendNotification",
        due(json!({"type": "email", "address": "cut@example.org"})),
    );
    let told = error(&fixture.finish(&cut).await);
    assert!(
        told.contains("email cannot tell a repeated message"),
        "{told}"
    );
    assert_eq!(server.mails().len(), 2);
}

async fn ask<Q: Serialize, A: DeserializeOwned>(fixture: &Fixture, about: &str, question: &Q) -> A {
    let payload: Bytes = serde_json::to_vec(question).unwrap().into();
    let wait = Duration::from_secs(20);
    // Until it listens, nobody does.
    loop {
        let subject = subject::ask(NOTIFY_POOL, about);
        match fixture.bus().ask(subject, payload.clone(), wait).await {
            Err(CommandError::NoOwner) => tokio::task::yield_now().await,
            answer => break serde_json::from_slice(&answer.unwrap()).unwrap(),
        }
    }
}

#[tokio::test]
async fn messages_are_sent_at_once_for_whoever_asks() {
    let server = Server::start(|_| Reply::ok(r#"{"ok": true, "ts": "1.2"}"#)).await;
    let (settings, _folder) = slack(&server.url(""));
    let fixture = with(&settings).await;
    let wish = |notification: Value| SendMessage {
        v: VERSION,
        id: "m-1".to_owned(),
        notification: notification.as_object().unwrap().clone(),
    };
    let sent = wish(
        json!({"notificationType": "SLACK", "to": ["ops"], "additionalContext": {"subject": "S", "body": "B"}}),
    );
    let MessageSent::Receipt(receipt) = ask(&fixture, MESSAGE, &sent).await else {
        panic!()
    };
    assert_eq!(receipt["status"], "sent");
    let unknown = wish(json!({"notificationType": "PIGEON", "to": ["x"]}));
    let MessageSent::Receipt(receipt) = ask(&fixture, MESSAGE, &unknown).await else {
        panic!()
    };
    assert_eq!(receipt["status"], "ignored");
    let refused = wish(json!({"notificationType": "SMS", "to": ["x"]}));
    let MessageSent::Refused(told) = ask(&fixture, MESSAGE, &refused).await else {
        panic!()
    };
    assert!(told.contains("[notifications.sms]"), "{told}");
}

#[tokio::test]
async fn buttons_are_not_believed_without_an_app_or_its_signature() {
    let from = FromSlack {
        v: VERSION,
        timestamp: "1".to_owned(),
        signature: "v0=00".to_owned(),
        body: "payload={}".to_owned(),
        answer: None,
    };
    let fixture = with(&Settings::default()).await;
    let SlackSaid::Refused(told) = ask(&fixture, SLACK, &from).await else {
        panic!()
    };
    assert!(told.contains("[notifications.slack.app]"), "{told}");
    let (mut settings, _folder) = slack("http://127.0.0.1:1");
    let file = settings.notifications.slack.token_file.clone();
    settings
        .notifications
        .slack
        .app
        .token_file
        .clone_from(&file);
    settings.notifications.slack.app.signing_secret_file = file;
    let fixture = with(&settings).await;
    let SlackSaid::Refused(told) = ask(&fixture, SLACK, &from).await else {
        panic!()
    };
    assert!(told.contains("older than 5 minutes"), "{told}");
}
