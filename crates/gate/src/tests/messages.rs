//! Messages that are sent at once, and buttons that decide: what workers are asked, and what becomes of their answers.

use std::sync::{Arc, Mutex};

use axum::{body::Body, http::Request};
use gennaker_bus::{Bus, subject};
use gennaker_model::{
    Map, Status,
    ask::{FromSlack, MESSAGE, MessageSent, NOTIFY_POOL, SLACK, SendMessage, SlackSaid},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Fixture, Got};

impl Fixture {
    /// A worker that answers questions of one kind, and keeps them.
    async fn serve_notify<Q, A>(
        &mut self,
        about: &str,
        answer: impl Fn(&Q) -> A + Send + 'static,
    ) -> Arc<Mutex<Vec<Q>>>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize,
    {
        let bus = Bus::memory(&self.broker, "worker");
        let subject = subject::ask(NOTIFY_POOL, about);
        let mut questions = bus.serve(subject, Some("group")).await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        self.tasks.spawn(async move {
            let _bus = bus;
            while let Some(question) = questions.next().await {
                let read: Q = serde_json::from_slice(&question.payload).unwrap();
                let payload = serde_json::to_vec(&answer(&read)).unwrap();
                kept.lock().unwrap().push(read);
                question.responder.send(payload.into()).await.unwrap();
            }
        });
        asked
    }
}

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn wish() -> String {
    json!({"notificationType": "SLACK", "to": ["ops"], "additionalContext": {"body": "hello"}})
        .to_string()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_by_a_worker_and_its_receipt_is_told() {
    let mut fixture = Fixture::new().await;
    let nobody = fixture.call("POST", "/notifications", &wish()).await;
    assert_eq!(
        nobody.problem(),
        (503, "No worker of the pool notify runs".to_owned())
    );
    let asked = fixture
        .serve_notify(MESSAGE, |wish: &SendMessage| {
            let kind = wish.notification["notificationType"].as_str().unwrap();
            match kind {
                "SLACK" => MessageSent::Receipt(map(json!({"status": "sent", "to": ["ops"]}))),
                "JIRA" => MessageSent::Receipt(map(
                    json!({"status": "sent", "reference": "OPS-7", "note": "https://j/7"}),
                )),
                "PIGEON" => MessageSent::Receipt(map(json!({"status": "ignored"}))),
                "SMS" => MessageSent::Later("busy".to_owned()),
                "EMAIL" => MessageSent::Unknown("no answer".to_owned()),
                _ => MessageSent::Refused("no such address".to_owned()),
            }
        })
        .await;
    let sent = fixture.call("POST", "/notifications", &wish()).await;
    assert_eq!(
        sent.json(),
        json!({"receipt": {"status": "sent", "to": ["ops"]}})
    );
    let of = |kind: &str| json!({"notificationType": kind, "to": ["x"]}).to_string();
    let issue = fixture.call("POST", "/notifications", &of("JIRA")).await;
    assert_eq!(
        issue.json()["value"],
        json!({"key": "OPS-7", "self": "https://j/7"})
    );
    let unknown = fixture.call("POST", "/notifications", &of("PIGEON")).await;
    assert_eq!((unknown.status.as_u16(), unknown.body.as_str()), (200, ""));
    for (kind, status, message) in [
        ("HIPCHAT", 400, "no such address"),
        ("SMS", 503, "busy"),
        ("EMAIL", 502, "The message may have been sent: no answer"),
    ] {
        let refused = fixture.call("POST", "/notifications", &of(kind)).await;
        assert_eq!(refused.problem(), (status, message.to_owned()));
    }
    let asked = asked.lock().unwrap();
    assert_ne!(
        asked[0].id, asked[1].id,
        "each request is a message of its own"
    );
}

const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("x-slack-request-timestamp", "1787220672"),
    ("x-slack-signature", "v0=abc"),
];

async fn press(fixture: &Fixture, source: &str, headers: &[(&str, &str)]) -> Got {
    let mut request =
        Request::post(format!("/notifications/callbacks/{source}")).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fixture
        .send(request.body(Body::from("payload=%7B%7D")).unwrap())
        .await
}

/// A pipeline that waits for a person; ids of the execution and the stage.
async fn waiting(fixture: &Fixture) -> (String, String) {
    let pipeline = json!({"application": "demo", "name": "deploy", "stages": [{"type": "manualJudgment", "refId": "1"}]});
    fixture
        .call("POST", "/pipelines", &pipeline.to_string())
        .await;
    let started = fixture
        .call("POST", "/pipelines/demo/deploy", r#"{"type": "manual"}"#)
        .await;
    let id = started.json()["ref"]
        .as_str()
        .unwrap()
        .replace("/pipelines/", "");
    let mut owner = fixture.owner.lock().unwrap();
    let execution = owner.executions.get_mut(&id).unwrap();
    let stage = Arc::make_mut(&mut execution.stages[0]);
    stage.status = Status::Running;
    let stage = stage.id.to_string();
    (id, stage)
}

fn decides(execution: &str, stage: &str) -> SlackSaid {
    SlackSaid::Decides {
        user: "anna@example.com".to_owned(),
        user_id: "U1".to_owned(),
        execution: execution.to_owned(),
        stage: stage.to_owned(),
        patch: map(json!({"judgmentStatus": "continue", "judgmentInput": "prod"})),
    }
}

#[tokio::test(start_paused = true)]
async fn a_button_in_slack_decides_a_judgement_once() {
    let mut fixture = Fixture::new().await;
    let (id, stage) = waiting(&fixture).await;
    let (of, at) = (id.clone(), stage.clone());
    let asked = fixture
        .serve_notify(SLACK, move |from: &FromSlack| match from.answer {
            Some(_) => SlackSaid::Answered,
            None => decides(&of, &at),
        })
        .await;
    let pressed = press(&fixture, "slack", &HEADERS).await;
    assert_eq!((pressed.status.as_u16(), pressed.body.as_str()), (200, ""));
    let judged = fixture
        .ok("GET", &format!("/pipelines/{id}"), Value::Null)
        .await;
    let context = &judged["stages"][0]["context"];
    assert_eq!(context["judgmentStatus"], "continue");
    assert_eq!(context["judgmentInput"], "prod");
    assert_eq!(context["lastModifiedBy"], "anna@example.com");
    {
        let asked = asked.lock().unwrap();
        assert_eq!(
            (asked[0].timestamp.as_str(), asked[0].signature.as_str()),
            ("1787220672", "v0=abc")
        );
        assert_eq!(asked[0].body, "payload=%7B%7D", "as it came");
        assert_eq!(
            asked[1].answer.as_deref(),
            Some("User <@U1> clicked the *prod* action.")
        );
    }
    let again = press(&fixture, "slack", &HEADERS).await;
    assert_eq!(
        again.problem(),
        (400, "The judgement was made already".to_owned())
    );
    let asked = asked.lock().unwrap();
    let told = "User <@U1> decided nothing: The judgement was made already";
    assert_eq!(asked[3].answer.as_deref(), Some(told));
}

#[tokio::test(start_paused = true)]
async fn buttons_decide_only_what_waits() {
    let mut fixture = Fixture::new().await;
    let (id, stage) = waiting(&fixture).await;
    {
        let mut owner = fixture.owner.lock().unwrap();
        let execution = owner.executions.get_mut(&id).unwrap();
        Arc::make_mut(&mut execution.stages[0]).status = Status::Canceled;
    }
    fixture
        .serve_notify(SLACK, move |from: &FromSlack| match from.answer {
            Some(_) => SlackSaid::Answered,
            None => decides(&id, &stage),
        })
        .await;
    let late = press(&fixture, "slack", &HEADERS).await;
    let message = "The stage does not wait for a judgement any more";
    assert_eq!(late.problem(), (400, message.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn callbacks_without_proof_are_refused() {
    let mut fixture = Fixture::new().await;
    let unknown = press(&fixture, "teams", &HEADERS).await;
    assert_eq!(
        unknown.problem(),
        (
            404,
            "NotificationService for teams not registered".to_owned()
        )
    );
    let unsigned = press(&fixture, "slack", &HEADERS[..2]).await;
    assert_eq!(
        unsigned.problem(),
        (400, "The header x-slack-signature is missing".to_owned())
    );
    assert_eq!(press(&fixture, "slack", &HEADERS).await.problem().0, 503);
    fixture
        .serve_notify(SLACK, |_: &FromSlack| {
            SlackSaid::Refused("Invalid Slack signature header.".to_owned())
        })
        .await;
    let forged = press(&fixture, "slack", &HEADERS).await;
    assert_eq!(
        forged.problem(),
        (400, "Invalid Slack signature header.".to_owned())
    );
}
