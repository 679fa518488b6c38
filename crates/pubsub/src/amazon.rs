//! Amazon's SQS: a queue that exists, with a topic of SNS in front of it or not.
//!
//! Echo makes the queue and subscribes it to the topic unless it is told not to; here that is left to whoever owns them, so that our
//! credentials need no more than `sqs:GetQueueUrl`, `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`.
//!
//! Source: echo `SQSSubscriber`, `AmazonMessageAcknowledger`; AWS JSON protocol of SQS.

use std::collections::BTreeMap;
use std::time::Duration;

use gennaker_credentials::aws::{Options, Service};
use gennaker_outbound::Client;
use gennaker_runtime::Clock;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    Named,
    message::Received,
    pull::{BATCH, Delivered},
};

/// The system, as triggers name it.
pub(crate) const SYSTEM: &str = "amazon";

/// Seconds until a message comes again that could not be stored.
const AGAIN_S: u64 = 5;

/// A queue.
#[derive(Debug)]
pub struct Subscription {
    pub(crate) named: Named,
    service: Service,
    settings: Settings,
    /// Amazon's account and name of the queue.
    owner: String,
    queue: String,
    url: OnceCell<String>,
}

/// How a queue is asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub queue_arn: String,
    /// Seconds for which a message that was received stays hidden.
    pub visibility_s: u64,
    /// Seconds that a request waits for messages.
    pub wait_s: u64,
    /// Attribute that names messages instead of the queue's id.
    pub alternate_id: Option<String>,
    /// How long messages that are named so are remembered.
    pub remembered: Duration,
}

impl Subscription {
    /// A subscription; `options` say how the account is reached, without region and service. Opens nothing yet.
    ///
    /// # Errors
    /// The name of the queue is none.
    pub fn new(
        named: Named,
        client: Client,
        clock: Clock,
        options: Options,
        settings: Settings,
    ) -> Result<Self, String> {
        let parts: Vec<&str> = settings.queue_arn.split(':').collect();
        let ["arn", _, "sqs", region, owner, queue] = parts[..] else {
            return Err(format!("{:?} is no queue of SQS", settings.queue_arn));
        };
        let options = Options {
            region: region.to_owned(),
            service: "sqs",
            ..options
        };
        Ok(Self {
            named,
            owner: owner.to_owned(),
            queue: queue.to_owned(),
            service: Service::new(client, clock, options),
            url: OnceCell::new(),
            settings,
        })
    }

    pub(crate) async fn receive(&self) -> Result<Vec<Delivered>, String> {
        let question = json!({
            "QueueUrl": self.url().await?,
            "MaxNumberOfMessages": BATCH,
            "VisibilityTimeout": self.settings.visibility_s,
            "WaitTimeSeconds": self.settings.wait_s,
            "MessageSystemAttributeNames": ["SentTimestamp"],
            "MessageAttributeNames": ["All"],
        });
        let answer = self.call("ReceiveMessage", &question).await?;
        let messages = answer["Messages"].as_array();
        messages
            .into_iter()
            .flatten()
            .map(|message| {
                self.read(message)
                    .ok_or_else(|| "SQS answers a message without id or receipt".to_owned())
            })
            .collect()
    }

    pub(crate) async fn delete(&self, handles: &[String]) -> Result<(), String> {
        let url = self.url().await?;
        let mut failed = Ok(());
        for handle in handles {
            let question = json!({"QueueUrl": url, "ReceiptHandle": handle});
            let told = self.call("DeleteMessage", &question).await;
            failed = failed.and(told.map(drop));
        }
        failed
    }

    pub(crate) async fn hand_back(&self, handles: &[String]) -> Result<(), String> {
        let url = self.url().await?;
        let mut failed = Ok(());
        for handle in handles {
            let question =
                json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": AGAIN_S});
            let told = self.call("ChangeMessageVisibility", &question).await;
            failed = failed.and(told.map(drop));
        }
        failed
    }

    async fn url(&self) -> Result<&str, String> {
        let found = self.url.get_or_try_init(async || {
            let question = json!({"QueueName": self.queue, "QueueOwnerAWSAccountId": self.owner});
            let answer = self.call("GetQueueUrl", &question).await?;
            let url = answer["QueueUrl"].as_str().map(str::to_owned);
            url.ok_or_else(|| "SQS names no address of the queue".to_owned())
        });
        found.await.map(String::as_str)
    }

    async fn call(&self, operation: &str, question: &Value) -> Result<Value, String> {
        let target = format!("AmazonSQS.{operation}");
        let answer = self.service.call("1.0", &target, question).await;
        answer.map_err(|error| format!("{operation}: {error}"))
    }

    fn read(&self, message: &Value) -> Option<Delivered> {
        let text = |field: &str| message[field].as_str();
        let sent = message["Attributes"]["SentTimestamp"].as_str();
        let envelope = envelope(text("Body").unwrap_or_default());
        let (id, body, attributes) = match envelope {
            Some(notification) => notification,
            None => (
                text("MessageId")?.to_owned(),
                text("Body").unwrap_or_default().to_owned(),
                attributes(&message["MessageAttributes"], "StringValue"),
            ),
        };
        let alternate = self.settings.alternate_id.as_ref();
        let alternate = alternate.and_then(|name| attributes.get(name)).cloned();
        Some(Delivered {
            handle: text("ReceiptHandle")?.to_owned(),
            message: Received {
                remembered: alternate.as_ref().map(|_| self.settings.remembered),
                id: alternate.unwrap_or(id),
                text: body.into_bytes(),
                attributes,
                sent_at_ms: sent.and_then(|sent| sent.parse().ok()).unwrap_or(0),
            },
        })
    }
}

/// Id, text and attributes of a notification of SNS; `None` if the body is something else.
fn envelope(body: &str) -> Option<(String, String, BTreeMap<String, String>)> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let text = |field: &str| envelope[field].as_str();
    let (message, _topic) = (text("Message")?, text("TopicArn")?);
    Some((
        text("MessageId")?.to_owned(),
        message.to_owned(),
        attributes(&envelope["MessageAttributes"], "Value"),
    ))
}

/// Texts and numbers; bytes cannot be compared with anything.
fn attributes(attributes: &Value, field: &str) -> BTreeMap<String, String> {
    let all = attributes.as_object();
    all.into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value[field].as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use gennaker_credentials::auth::Secret;
    use gennaker_settings::Secret as Plain;
    use gennaker_testkit::http::{Reply, Seen, Server};

    use super::*;
    use crate::testing::{self, Installation, client};

    const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123/builds";

    /// A queue that speaks SQS's JSON protocol and is strict about it.
    #[derive(Default)]
    struct Sqs {
        /// Messages that wait, and those that were received by their receipts.
        waiting: Vec<Value>,
        hidden: Vec<(String, Value)>,
        receipts: u32,
        deleted: Vec<String>,
        /// Receipts that shall be seen again, with the seconds until then.
        again: Vec<(String, u64)>,
        /// Operations that fail, and so many times.
        broken: Vec<&'static str>,
    }

    impl Sqs {
        fn answer(&mut self, seen: &Seen) -> Reply {
            let error = |status, code: &str| {
                let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "no"});
                Reply::status(status, &body.to_string())
            };
            let header = |name: &str| seen.header(name).unwrap_or_default().to_owned();
            if seen.method != "POST"
                || seen.path() != "/"
                || header("content-type") != "application/x-amz-json-1.0"
                || !header("authorization").contains("/eu-central-1/sqs/aws4_request")
            {
                return error(400, "InvalidRequest");
            }
            let target = header("x-amz-target");
            let Some(operation) = target.strip_prefix("AmazonSQS.") else {
                return error(400, "UnknownOperationException");
            };
            if let Some(at) = self.broken.iter().position(|it| *it == operation) {
                self.broken.remove(at);
                return error(503, "ServiceUnavailable");
            }
            let question: Value = serde_json::from_slice(&seen.body).unwrap();
            if operation != "GetQueueUrl" && question["QueueUrl"] != URL {
                return error(400, "QueueDoesNotExist");
            }
            match operation {
                "GetQueueUrl" => {
                    assert_eq!(
                        question,
                        json!({"QueueName": "builds", "QueueOwnerAWSAccountId": "123"})
                    );
                    Reply::ok(&json!({"QueueUrl": URL}).to_string())
                }
                "ReceiveMessage" => {
                    assert_eq!(question["VisibilityTimeout"], 30);
                    assert_eq!(question["MaxNumberOfMessages"], 10);
                    assert_eq!(question["MessageAttributeNames"], json!(["All"]));
                    let count = self.waiting.len().min(10);
                    let mut messages = Vec::new();
                    for mut message in self.waiting.drain(..count).collect::<Vec<_>>() {
                        self.receipts += 1;
                        let receipt = format!("receipt-{}", self.receipts);
                        self.hidden.push((receipt.clone(), message.clone()));
                        message["ReceiptHandle"] = receipt.into();
                        messages.push(message);
                    }
                    match messages.is_empty() {
                        true => Reply::ok("{}"),
                        false => Reply::ok(&json!({"Messages": messages}).to_string()),
                    }
                }
                "DeleteMessage" | "ChangeMessageVisibility" => {
                    let receipt = question["ReceiptHandle"].as_str().unwrap_or_default();
                    let Some(at) = self.hidden.iter().position(|(it, _)| it == receipt) else {
                        return error(400, "ReceiptHandleIsInvalid");
                    };
                    let (receipt, message) = self.hidden.remove(at);
                    if operation == "DeleteMessage" {
                        self.deleted.push(receipt);
                    } else {
                        let seconds = question["VisibilityTimeout"].as_u64().unwrap();
                        self.again.push((receipt, seconds));
                        self.waiting.push(message);
                    }
                    Reply::ok("")
                }
                _ => error(400, "UnknownOperationException"),
            }
        }

        /// What was received and not told of becomes visible again.
        fn time_passes(&mut self) {
            let hidden = std::mem::take(&mut self.hidden);
            self.waiting
                .extend(hidden.into_iter().map(|(_, message)| message));
        }
    }

    fn message(id: &str, body: &str) -> Value {
        json!({"MessageId": id, "Body": body, "Attributes": {"SentTimestamp": "1700000000123"},
               "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "image"}, "raw": {"DataType": "Binary", "BinaryValue": "eA=="}}})
    }

    async fn double(messages: Vec<Value>) -> (Server, Arc<Mutex<Sqs>>) {
        let sqs = Arc::new(Mutex::new(Sqs {
            waiting: messages,
            ..Sqs::default()
        }));
        let answering = Arc::clone(&sqs);
        let server = Server::start(move |seen| answering.lock().unwrap().answer(seen)).await;
        (server, sqs)
    }

    fn subscription(server: &Server, alternate_id: Option<&str>) -> Subscription {
        let options = Options {
            endpoint: Some(server.url("")),
            key: Some((
                "AKID".to_owned(),
                Secret::Value(Plain::new("hush".to_owned())),
            )),
            ..Options::default()
        };
        let settings = Settings {
            queue_arn: "arn:aws:sqs:eu-central-1:123:builds".to_owned(),
            visibility_s: 30,
            wait_s: 0,
            alternate_id: alternate_id.map(str::to_owned),
            remembered: Duration::from_secs(3_600),
        };
        let named = Named {
            name: "builds".to_owned(),
            message_format: "S3".to_owned(),
        };
        Subscription::new(named, client(), Clock::system(), options, settings).unwrap()
    }

    #[tokio::test]
    async fn messages_become_events_before_they_are_deleted() {
        let notification = json!({
            "Type": "Notification", "MessageId": "sns-1", "TopicArn": "arn:aws:sns:eu-central-1:123:builds",
            "Message": "{\"status\": \"done\"}", "Timestamp": "2026-11-22T00:00:00.000Z",
            "MessageAttributes": {"kind": {"Type": "String", "Value": "chart"}},
        });
        let (server, sqs) = double(vec![
            message("m-1", "{\"n\": 1}"),
            message("m-2", &notification.to_string()),
            message("m-3", "no JSON"),
        ])
        .await;
        let installation = Installation::start().await;
        let running = installation.follow(crate::Subscriptions {
            amazon: vec![subscription(&server, None)],
            ..crate::Subscriptions::default()
        });
        let mut events = installation.events(3).await;
        testing::until("the messages are deleted", || {
            sqs.lock().unwrap().deleted.len() == 3
        })
        .await;
        events.sort_by_key(|event| event.header.id.clone());
        let told: Vec<(&str, Value)> = events
            .iter()
            .map(|event| {
                assert_eq!(event.header.at_ms, 1_700_000_000_123);
                (
                    event.header.source.as_str(),
                    Value::from(event.payload.clone()),
                )
            })
            .collect();
        let body = |id: &str, kind: &str, payload: Value| {
            json!({"pubsubSystem": "amazon", "subscriptionName": "builds", "messageId": id, "attributes": {"kind": kind},
                   "payload": payload, "messageFormat": "S3"})
        };
        let mut unreadable = body("m-3", "image", json!({}));
        unreadable["unreadable"] = "it is no JSON object: expected ident at line 1 column 2".into();
        assert_eq!(
            told,
            [
                ("builds", body("m-1", "image", json!({"n": 1}))),
                ("builds", unreadable),
                ("builds", body("sns-1", "chart", json!({"status": "done"}))),
            ]
        );
        running.stop().await;
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_the_same_event() {
        let (server, sqs) = double(vec![message("m-1", "{}")]).await;
        sqs.lock().unwrap().broken = vec!["DeleteMessage", "GetQueueUrl", "ReceiveMessage"];
        let installation = Installation::start().await;
        let running = installation.follow(crate::Subscriptions {
            amazon: vec![subscription(&server, None)],
            ..crate::Subscriptions::default()
        });
        let first = installation.events(1).await;
        testing::until("the deletion failed", || {
            sqs.lock().unwrap().broken.is_empty()
        })
        .await;
        sqs.lock().unwrap().time_passes();
        testing::until("the message is deleted", || {
            sqs.lock().unwrap().deleted == ["receipt-2"]
        })
        .await;
        assert_eq!(installation.stored().await, 1, "the broker keeps one");
        assert_eq!(
            first[0].header.id,
            format!(
                "pubsub-amazon-builds-m-1-{:016x}",
                gennaker_model::routing::fnv1a64(b"{}")
            )
        );
        running.stop().await;
    }

    #[tokio::test]
    async fn messages_that_are_equal_in_an_attribute_count_as_one() {
        let mut first = message("m-1", "{}");
        let mut second = message("m-2", "{}");
        second["Attributes"]["SentTimestamp"] = "1700000099999".into();
        let mut other = message("m-3", "{\"other\": 1}");
        for message in [&mut first, &mut second, &mut other] {
            message["MessageAttributes"]["build"] =
                json!({"DataType": "String", "StringValue": "7"});
        }
        let (server, sqs) = double(vec![first]).await;
        let installation = Installation::start().await;
        let running = installation.follow(crate::Subscriptions {
            amazon: vec![subscription(&server, Some("build"))],
            ..crate::Subscriptions::default()
        });
        let events = installation.events(1).await;
        sqs.lock().unwrap().waiting.extend([second, other]);
        testing::until("all are deleted", || sqs.lock().unwrap().deleted.len() == 3).await;
        // Another text under the same name is news.
        assert_eq!(installation.stored().await, 2);
        assert_eq!(events[0].header.at_ms, 1_700_000_000_123);
        let key = installation.claims().await;
        assert_eq!(key, 2);
        running.stop().await;
    }

    #[tokio::test]
    async fn what_cannot_be_stored_comes_again() {
        let (server, sqs) = double(vec![message("m-1", "{}")]).await;
        let installation = Installation::start().await;
        installation.refuse_events(true);
        let running = installation.follow(crate::Subscriptions {
            amazon: vec![subscription(&server, None)],
            ..crate::Subscriptions::default()
        });
        testing::until("it is handed back", || {
            !sqs.lock().unwrap().again.is_empty()
        })
        .await;
        assert_eq!(sqs.lock().unwrap().again[0].1, AGAIN_S);
        assert!(sqs.lock().unwrap().deleted.is_empty());
        installation.refuse_events(false);
        installation.events(1).await;
        testing::until("it is deleted", || sqs.lock().unwrap().deleted.len() == 1).await;
        running.stop().await;
    }
}
