//! SQS and SNS as doubles that are strict about signatures.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gennaker_credentials::auth::Secret;
use gennaker_settings::Secret as Plain;
use gennaker_testkit::{
    aws::Signer,
    http::{Reply, Seen, Server},
};
use serde_json::Map;

use super::*;
use crate::testing::{self, Installation, client};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123:builds";
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
    /// Whether nobody has made the queue.
    is_missing: bool,
    /// What the queue has besides messages.
    attributes: Map<String, Value>,
    /// The queues that are subscribed to the topic.
    subscribed: BTreeSet<String>,
}

/// Whether a request is signed for a service.
fn is_signed(seen: &Seen, region: &str, service: &str) -> bool {
    let signer = Signer {
        key_id: "AKID",
        secret: "hush",
        region,
        service,
    };
    signer.check(seen).is_ok()
}

impl Sqs {
    fn answer(&mut self, seen: &Seen) -> Reply {
        let error = |status, code: &str| {
            let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "no"});
            Reply::status(status, &body.to_string())
        };
        let header = |name: &str| seen.header(name).unwrap_or_default().to_owned();
        if seen.path() == "/sns/" {
            return self.subscribe(seen);
        }
        if seen.method != "POST"
            || seen.path() != "/"
            || header("content-type") != "application/x-amz-json-1.0"
        {
            return error(400, "InvalidRequest");
        }
        if !is_signed(seen, "eu-central-1", "sqs") {
            return error(403, "InvalidSignature");
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
        let is_about = match operation {
            "CreateQueue" => true,
            "GetQueueUrl" => !self.is_missing,
            _ => question["QueueUrl"] == URL && !self.is_missing,
        };
        if !is_about {
            return error(400, "QueueDoesNotExist");
        }
        match operation {
            "CreateQueue" => {
                assert_eq!(question["QueueName"], "builds");
                self.is_missing = false;
                self.attributes = question["Attributes"].as_object().unwrap().clone();
                Reply::ok(&json!({"QueueUrl": URL}).to_string())
            }
            "GetQueueAttributes" => {
                assert_eq!(question["AttributeNames"], json!(["Policy"]));
                Reply::ok(&json!({"Attributes": self.attributes}).to_string())
            }
            "SetQueueAttributes" => {
                let wanted = question["Attributes"].as_object().unwrap().clone();
                self.attributes.extend(wanted);
                Reply::ok("")
            }
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

    /// SNS, which speaks AWS Query.
    fn subscribe(&mut self, seen: &Seen) -> Reply {
        let error = |status, code: &str| {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            );
            Reply::status(status, &body)
        };
        if !is_signed(seen, "eu-west-1", "sns") {
            return error(403, "SignatureDoesNotMatch");
        }
        if let Some(at) = self.broken.iter().position(|it| *it == "Subscribe") {
            self.broken.remove(at);
            return error(403, "AuthorizationError");
        }
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&seen.body)
            .into_owned()
            .collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        let asked = ["Action", "Version", "Protocol", "TopicArn"].map(field);
        if asked != ["Subscribe", "2010-03-31", "sqs", TOPIC].map(Some) {
            return error(400, "InvalidParameter");
        }
        self.subscribed
            .insert(field("Endpoint").unwrap_or_default().to_owned());
        Reply::ok(
            "<SubscribeResponse><SubscribeResult><SubscriptionArn>arn</SubscriptionArn></SubscribeResult></SubscribeResponse>",
        )
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
    with_topic(server, alternate_id, None)
}

fn with_topic(server: &Server, alternate_id: Option<&str>, topic: Option<Topic>) -> Subscription {
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
        topic,
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
        message["MessageAttributes"]["build"] = json!({"DataType": "String", "StringValue": "7"});
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

fn topic(server: &Server) -> Option<Topic> {
    Some(Topic {
        arn: TOPIC.to_owned(),
        endpoint: Some(server.url("/sns")),
        retention_s: 345_600,
    })
}

/// Source: echo `PubSubUtils`.
#[tokio::test]
async fn the_queue_of_a_topic_is_made_and_subscribed_and_that_again_changes_nothing() {
    let (server, sqs) = double(vec![message("m-1", "{}")]).await;
    {
        let mut sqs = sqs.lock().unwrap();
        sqs.is_missing = true;
        sqs.broken = vec!["CreateQueue"];
    }
    let installation = Installation::start().await;
    let running = installation.follow(crate::Subscriptions {
        amazon: vec![with_topic(&server, None, topic(&server))],
        ..crate::Subscriptions::default()
    });
    installation.events(1).await;
    let (policy, attributes) = {
        let sqs = sqs.lock().unwrap();
        let queue = "arn:aws:sqs:eu-central-1:123:builds".to_owned();
        assert_eq!(sqs.subscribed, BTreeSet::from([queue]));
        let policy: Value =
            serde_json::from_str(sqs.attributes["Policy"].as_str().unwrap()).unwrap();
        (policy, sqs.attributes.clone())
    };
    assert_eq!(attributes["MessageRetentionPeriod"], "345600");
    assert_eq!(
        policy["Statement"],
        json!([{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                "Resource": "arn:aws:sqs:eu-central-1:123:builds", "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}])
    );
    running.stop().await;
    // The next process, and the one after that.
    for _ in 0..2 {
        let other = with_topic(&server, None, topic(&server));
        assert_eq!(other.receive().await.unwrap(), []);
    }
    let sqs = sqs.lock().unwrap();
    assert_eq!((sqs.subscribed.len(), &sqs.attributes), (1, &attributes));
    let asked = |operation: &str| {
        let target = format!("AmazonSQS.{operation}");
        let is_it = |seen: &&Seen| seen.header("x-amz-target") == Some(&target);
        server.seen().iter().filter(is_it).count()
    };
    assert_eq!([asked("CreateQueue"), asked("SetQueueAttributes")], [2, 0]);
}

#[tokio::test]
async fn a_queue_that_exists_keeps_its_policy_and_gets_one_if_it_has_none() {
    let (server, sqs) = double(Vec::new()).await;
    let receive = async || with_topic(&server, None, topic(&server)).receive().await;
    sqs.lock().unwrap().broken = vec!["Subscribe"];
    let refused = receive().await.unwrap_err();
    assert_eq!(refused, "Subscribe: AuthorizationError: no (status 403)");
    assert_eq!(receive().await.unwrap(), []);
    let given = sqs.lock().unwrap().attributes["Policy"].clone();
    assert!(given.as_str().unwrap().contains(TOPIC), "{given}");

    sqs.lock().unwrap().attributes["Policy"] = "{\"mine\": 1}".into();
    assert_eq!(receive().await.unwrap(), []);
    assert_eq!(sqs.lock().unwrap().attributes["Policy"], "{\"mine\": 1}");
}

#[tokio::test]
async fn nothing_is_made_without_a_topic_and_a_wrong_secret_is_told() {
    let (server, sqs) = double(Vec::new()).await;
    sqs.lock().unwrap().is_missing = true;
    let queue = subscription(&server, None);
    let missing = queue.receive().await.unwrap_err();
    assert_eq!(missing, "GetQueueUrl: QueueDoesNotExist: no (status 400)");
    let options = Options {
        endpoint: Some(server.url("")),
        key: Some((
            "AKID".to_owned(),
            Secret::Value(Plain::new("other".to_owned())),
        )),
        ..Options::default()
    };
    let other = Subscription::new(
        queue.named.clone(),
        client(),
        Clock::system(),
        options,
        queue.settings.clone(),
    )
    .unwrap();
    let refused = other.receive().await.unwrap_err();
    assert_eq!(refused, "GetQueueUrl: InvalidSignature: no (status 403)");

    let wrong = Topic {
        arn: "arn:aws:sqs:eu-west-1:123:builds".to_owned(),
        ..Topic::default()
    };
    let settings = Settings {
        topic: Some(wrong),
        ..queue.settings.clone()
    };
    let refused = Subscription::new(
        queue.named.clone(),
        client(),
        Clock::system(),
        Options::default(),
        settings,
    );
    assert_eq!(
        refused.unwrap_err(),
        "\"arn:aws:sqs:eu-west-1:123:builds\" is no topic of SNS"
    );
}
