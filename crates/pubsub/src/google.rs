//! Google Pub/Sub, pulled over HTTP.
//!
//! Not the streaming protocol: a pull waits at the server until there is something, which is as fast for events that come now and
//! then, and needs no client library.
//!
//! Source: echo `GooglePubsubSubscriber`; Google's reference of `projects.subscriptions`.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_credentials::google::Identity;
use gennaker_outbound::{Client, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Named,
    message::Received,
    pull::{BATCH, Delivered},
};

/// The system, as triggers name it.
pub(crate) const SYSTEM: &str = "google";

/// Google's address.
const ENDPOINT: &str = "https://pubsub.googleapis.com";

/// What a token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// Longest sentence of theirs in one of ours, in characters.
const REASON_CHARS_MAX: usize = 300;

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    pub(crate) named: Named,
    client: Client,
    identity: Identity,
    /// `https://pubsub.googleapis.com/v1/projects/p/subscriptions/s`
    address: String,
    ack_deadline_s: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Pulled {
    received_messages: Vec<ReceivedMessage>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReceivedMessage {
    ack_id: String,
    message: Message,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Message {
    data: String,
    attributes: BTreeMap<String, String>,
    message_id: String,
    publish_time: String,
}

impl Subscription {
    /// A subscription of a project, asked with the rights of `identity`. `ack_deadline_s` is how many seconds a message that was
    /// received stays hidden. Opens nothing yet.
    #[must_use]
    pub fn new(
        named: Named,
        client: Client,
        identity: Identity,
        endpoint: Option<&str>,
        (project, subscription): (&str, &str),
        ack_deadline_s: u64,
    ) -> Self {
        let endpoint = endpoint.unwrap_or(ENDPOINT).trim_end_matches('/');
        Self {
            named,
            client,
            identity,
            address: format!("{endpoint}/v1/projects/{project}/subscriptions/{subscription}"),
            ack_deadline_s,
        }
    }

    pub(crate) async fn receive(&self) -> Result<Vec<Delivered>, String> {
        let answer = match self.call("pull", &json!({"maxMessages": BATCH})).await {
            Ok(answer) => answer,
            // It waited as long as we let it, and nothing came.
            Err(Failed::Late) => return Ok(Vec::new()),
            Err(Failed::For(reason)) => return Err(reason),
        };
        let pulled: Pulled = serde_json::from_value(answer)
            .map_err(|error| format!("the answer to pull cannot be read: {error}"))?;
        let batch: Vec<Delivered> = pulled.received_messages.into_iter().map(read).collect();
        self.hold(&batch).await;
        Ok(batch)
    }

    /// The subscription's own deadline may be shorter or longer than ours.
    async fn hold(&self, batch: &[Delivered]) {
        if batch.is_empty() {
            return;
        }
        let ids: Vec<&str> = batch.iter().map(|it| it.handle.as_str()).collect();
        let question = json!({"ackIds": ids, "ackDeadlineSeconds": self.ack_deadline_s});
        if let Err(Failed::For(reason)) = self.call("modifyAckDeadline", &question).await {
            tracing::debug!(
                "messages of subscription {} keep their deadline: {reason}",
                self.named.name
            );
        }
    }

    pub(crate) async fn acknowledge(&self, handles: &[String]) -> Result<(), String> {
        let question = json!({"ackIds": handles});
        self.tell("acknowledge", &question).await
    }

    pub(crate) async fn hand_back(&self, handles: &[String]) -> Result<(), String> {
        // Zero: at once, but for the subscription's own retry policy.
        let question = json!({"ackIds": handles, "ackDeadlineSeconds": 0});
        self.tell("modifyAckDeadline", &question).await
    }

    async fn tell(&self, operation: &str, question: &Value) -> Result<(), String> {
        match self.call(operation, question).await {
            Ok(_) => Ok(()),
            Err(Failed::Late) => Err(format!("{operation}: there is no answer in time")),
            Err(Failed::For(reason)) => Err(reason),
        }
    }

    async fn call(&self, operation: &str, question: &Value) -> Result<Value, Failed> {
        let token = self.identity.token(SCOPE).await;
        let token = token.map_err(|error| Failed::For(format!("no token: {error}")))?;
        let request = Request::post(
            format!("{}:{operation}", self.address),
            "application/json",
            question.to_string(),
        )
        .secret_header("Authorization", format!("Bearer {token}"));
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => return Err(Failed::Late),
            Err(error) => return Err(Failed::For(format!("{operation}: {error}"))),
        };
        let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.is_success() {
            return Ok(read);
        }
        let said = read["error"]["message"].as_str().unwrap_or_default();
        let said: String = said.chars().take(REASON_CHARS_MAX).collect();
        Err(Failed::For(format!(
            "{operation}: status {} {said}",
            answer.status
        )))
    }
}

/// Why there is no answer.
enum Failed {
    /// It did not come in time.
    Late,
    /// For this reason.
    For(String),
}

fn read(received: ReceivedMessage) -> Delivered {
    let ReceivedMessage { ack_id, message } = received;
    let sent: Option<jiff::Timestamp> = message.publish_time.parse().ok();
    Delivered {
        handle: ack_id,
        message: Received {
            id: message.message_id,
            // What is not base64 is unreadable, and the event says so.
            text: STANDARD.decode(&message.data).unwrap_or_default(),
            attributes: message.attributes,
            sent_at_ms: sent.map_or(0, jiff::Timestamp::as_millisecond),
            remembered: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use gennaker_runtime::Clock;
    use gennaker_testkit::http::{Reply, Seen, Server};
    use gennaker_testkit::keys;

    use super::*;
    use crate::testing::{self, Installation, client};

    /// Pub/Sub's REST interface, strict about it.
    #[derive(Default)]
    struct Pubsub {
        waiting: Vec<Value>,
        hidden: Vec<(String, Value)>,
        ids: u32,
        acknowledged: Vec<String>,
        deadlines: Vec<Value>,
        /// Answers 503 so many times.
        broken: u32,
    }

    impl Pubsub {
        fn answer(&mut self, seen: &Seen) -> Reply {
            if seen.path() == "/token" {
                let assertion = seen.text();
                let assertion = assertion.rsplit('=').next().unwrap();
                assert_eq!(keys::claims(assertion)["scope"], SCOPE);
                return Reply::ok("{\"access_token\": \"t0ken\", \"expires_in\": 3600}");
            }
            let error = |status: u16, said: &str| {
                let body = json!({"error": {"code": status, "message": said, "status": "X"}});
                Reply::status(status, &body.to_string())
            };
            if seen.header("authorization") != Some("Bearer t0ken") {
                return error(401, "who are you?");
            }
            if self.broken > 0 {
                self.broken -= 1;
                return error(503, "not now");
            }
            let path = "/v1/projects/acme/subscriptions/builds-sub:";
            let Some(operation) = seen.path().strip_prefix(path) else {
                return error(404, "Resource not found");
            };
            let question: Value = serde_json::from_slice(&seen.body).unwrap();
            match operation {
                "pull" => {
                    assert_eq!(question, json!({"maxMessages": 10}));
                    let mut messages = Vec::new();
                    for message in std::mem::take(&mut self.waiting) {
                        self.ids += 1;
                        let id = format!("ack-{}", self.ids);
                        messages.push(json!({"ackId": id, "message": message}));
                        self.hidden.push((id, message));
                    }
                    // Google leaves empty lists out.
                    match messages.is_empty() {
                        true => Reply::ok("{}"),
                        false => Reply::ok(&json!({"receivedMessages": messages}).to_string()),
                    }
                }
                "acknowledge" | "modifyAckDeadline" => {
                    for id in question["ackIds"].as_array().unwrap() {
                        let id = id.as_str().unwrap();
                        let at = self.hidden.iter().position(|(it, _)| it == id);
                        let Some(at) = at else {
                            return error(400, "unknown ack id");
                        };
                        if operation == "acknowledge" {
                            self.hidden.remove(at);
                            self.acknowledged.push(id.to_owned());
                        } else {
                            let seconds = question["ackDeadlineSeconds"].clone();
                            if seconds == 0 {
                                let (_, message) = self.hidden.remove(at);
                                self.waiting.push(message);
                            }
                            self.deadlines.push(seconds);
                        }
                    }
                    Reply::ok("{}")
                }
                _ => error(404, "Method not found"),
            }
        }
    }

    fn message(id: &str, data: &str) -> Value {
        json!({"messageId": id, "data": STANDARD.encode(data), "publishTime": "2026-11-22T00:00:00.123456Z",
               "attributes": {"kind": "image"}, "orderingKey": "x"})
    }

    async fn double(messages: Vec<Value>) -> (Server, Arc<Mutex<Pubsub>>) {
        let pubsub = Arc::new(Mutex::new(Pubsub {
            waiting: messages,
            ..Pubsub::default()
        }));
        let answering = Arc::clone(&pubsub);
        let server = Server::start(move |seen| answering.lock().unwrap().answer(seen)).await;
        (server, pubsub)
    }

    fn subscription(server: &Server, folder: &std::path::Path) -> Subscription {
        let file = folder.join("key.json");
        let key = json!({"client_email": "bot@acme", "private_key": keys::PEM, "token_uri": server.url("/token")});
        std::fs::write(&file, key.to_string()).unwrap();
        let identity = Identity::new(client(), Clock::system(), Some(file));
        let named = Named {
            name: "builds".to_owned(),
            message_format: "GCR".to_owned(),
        };
        let endpoint = server.url("/");
        Subscription::new(
            named,
            client(),
            identity,
            Some(&endpoint),
            ("acme", "builds-sub"),
            15,
        )
    }

    #[tokio::test]
    async fn messages_become_events_before_they_are_acknowledged() {
        let (server, pubsub) = double(vec![message("m-1", "{\"n\": 1}")]).await;
        pubsub.lock().unwrap().broken = 1;
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation::start().await;
        let running = installation.follow(crate::Subscriptions {
            google: vec![subscription(&server, folder.path())],
            ..crate::Subscriptions::default()
        });
        let events = installation.events(1).await;
        testing::until("it is acknowledged", || {
            pubsub.lock().unwrap().acknowledged == ["ack-1"]
        })
        .await;
        assert_eq!(
            Value::from(events[0].payload.clone()),
            json!({"pubsubSystem": "google", "subscriptionName": "builds", "messageId": "m-1", "attributes": {"kind": "image"},
                   "payload": {"n": 1}, "messageFormat": "GCR"})
        );
        assert_eq!(events[0].header.at_ms, 1_795_305_600_123);
        assert_eq!(pubsub.lock().unwrap().deadlines, [15]);
        let status = installation.status("s.pubsub%2Fgoogle.builds", "ok");
        assert_eq!(status.await["source"], "builds");
        running.stop().await;
    }

    #[tokio::test]
    async fn what_cannot_be_stored_comes_again() {
        let (server, pubsub) = double(vec![message("m-1", "{}")]).await;
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation::start().await;
        installation.refuse_events(true);
        let running = installation.follow(crate::Subscriptions {
            google: vec![subscription(&server, folder.path())],
            ..crate::Subscriptions::default()
        });
        testing::until("it is handed back", || {
            pubsub.lock().unwrap().deadlines.contains(&json!(0))
        })
        .await;
        assert!(pubsub.lock().unwrap().acknowledged.is_empty());
        installation.refuse_events(false);
        installation.events(1).await;
        testing::until("it is acknowledged", || {
            pubsub.lock().unwrap().acknowledged.len() == 1
        })
        .await;
        running.stop().await;
    }

    #[tokio::test]
    async fn a_refusal_is_told_without_the_token() {
        let (server, _) = double(Vec::new()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut subscription = subscription(&server, folder.path());
        subscription.address.push_str("-gone");
        let reason = subscription.receive().await.unwrap_err();
        assert_eq!(reason, "pull: status 404 Resource not found");
        assert!(!format!("{subscription:?}").contains("t0ken"));
    }
}
