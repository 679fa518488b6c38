//! Amazon's SQS: a queue that exists, or one that is made and subscribed to a topic of SNS (`bootstrap`).
//!
//! Source: echo `SQSSubscriber`, `AmazonMessageAcknowledger`; AWS JSON protocol of SQS.

mod bootstrap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use gennaker_credentials::aws::{Error, Options, Service};
use gennaker_outbound::Client;
use gennaker_runtime::Clock;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    Named,
    message::Received,
    pull::{BATCH, Delivered},
};
use bootstrap::Bootstrap;

pub use bootstrap::Topic;

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
    bootstrap: Option<Bootstrap>,
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
    /// The topic that the queue gets its messages from, if the queue is to be made and subscribed to it.
    pub topic: Option<Topic>,
}

impl Subscription {
    /// A subscription; `options` say how the account is reached, without region and service. Opens nothing yet.
    ///
    /// # Errors
    /// The name of the queue, or of the topic, is none.
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
        let topic = settings.topic.as_ref();
        let bootstrap = topic.map(|topic| Bootstrap::new(topic, &client, &clock, &options));
        let options = Options {
            region: region.to_owned(),
            service: "sqs",
            ..options
        };
        Ok(Self {
            bootstrap: bootstrap.transpose()?,
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

    /// Where the queue is; the first time it is made and subscribed, if that is wanted.
    async fn url(&self) -> Result<&str, String> {
        let found = self.url.get_or_try_init(async || {
            let question = json!({"QueueName": self.queue, "QueueOwnerAWSAccountId": self.owner});
            let found = self.ask("GetQueueUrl", &question).await;
            match &self.bootstrap {
                // It happens once, and need not make every look larger.
                Some(bootstrap) => Box::pin(bootstrap.run(self, found)).await,
                None => url_in(&found.map_err(|error| failed("GetQueueUrl", &error))?),
            }
        });
        found.await.map(String::as_str)
    }

    async fn call(&self, operation: &str, question: &Value) -> Result<Value, String> {
        let answer = self.ask(operation, question).await;
        answer.map_err(|error| failed(operation, &error))
    }

    async fn ask(&self, operation: &str, question: &Value) -> Result<Value, Error> {
        let target = format!("AmazonSQS.{operation}");
        self.service.call("1.0", &target, question).await
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

fn failed(operation: &str, error: &Error) -> String {
    format!("{operation}: {error}")
}

fn url_in(answer: &Value) -> Result<String, String> {
    let url = answer["QueueUrl"].as_str().map(str::to_owned);
    url.ok_or_else(|| "SQS names no address of the queue".to_owned())
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
