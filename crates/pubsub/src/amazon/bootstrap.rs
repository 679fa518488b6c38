//! The queue of a topic: made if there is none, opened for the topic, and subscribed to it.
//!
//! Everything may be done again, by any number of processes. Unlike Echo, which writes its own over the policy of a queue that exists,
//! a policy that somebody gave to the queue stays as it is.
//!
//! Source: echo `PubSubUtils` (`ensureQueueExists`, `subscribeToTopic`, `buildSQSPolicy`); AWS Query protocol of SNS.

use gennaker_credentials::aws::{Error, Options, Service};
use gennaker_outbound::Client;
use gennaker_runtime::Clock;
use serde_json::{Value, json};

use super::{Subscription, failed, url_in};

/// What SQS says of a queue that does not exist, in its two protocols.
const MISSING: [&str; 2] = [
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
];

/// Version of SNS' protocol.
const SNS_VERSION: &str = "2010-03-31";

/// A topic that a queue is to get its messages from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub arn: String,
    /// Another address of SNS than Amazon's own.
    pub endpoint: Option<String>,
    /// Seconds for which a queue that is made keeps messages that nobody received.
    pub retention_s: u64,
}

#[derive(Debug)]
pub(super) struct Bootstrap {
    topic: Topic,
    sns: Service,
}

impl Bootstrap {
    /// `options` say how the account is reached.
    pub(super) fn new(
        topic: &Topic,
        client: &Client,
        clock: &Clock,
        options: &Options,
    ) -> Result<Self, String> {
        let parts: Vec<&str> = topic.arn.split(':').collect();
        let ["arn", _, "sns", region, _, _] = parts[..] else {
            return Err(format!("{:?} is no topic of SNS", topic.arn));
        };
        let options = Options {
            region: region.to_owned(),
            service: "sns",
            endpoint: topic.endpoint.clone(),
            ..options.clone()
        };
        Ok(Self {
            topic: topic.clone(),
            sns: Service::new(client.clone(), clock.clone(), options),
        })
    }

    /// The address of the queue, which is ready then. `found` is what SQS said when it was asked for the address.
    pub(super) async fn run(
        &self,
        queue: &Subscription,
        found: Result<Value, Error>,
    ) -> Result<String, String> {
        let name = &queue.named.name;
        let url = match found {
            Ok(found) => {
                let url = url_in(&found)?;
                self.open(queue, &url).await?;
                url
            }
            Err(Error::Refused { code, .. }) if MISSING.contains(&code.as_str()) => {
                let attributes = json!({
                    "Policy": self.policy(queue),
                    "MessageRetentionPeriod": self.topic.retention_s.to_string(),
                });
                let question = json!({"QueueName": queue.queue, "Attributes": attributes});
                let made = queue.call("CreateQueue", &question).await?;
                tracing::info!("the queue of subscription {name} was made");
                url_in(&made)?
            }
            Err(error) => return Err(failed("GetQueueUrl", &error)),
        };
        let fields = [
            ("Action", "Subscribe"),
            ("Version", SNS_VERSION),
            ("TopicArn", &self.topic.arn),
            ("Protocol", "sqs"),
            ("Endpoint", &queue.settings.queue_arn),
        ];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let subscribed = self.sns.query(&fields).await;
        subscribed.map_err(|error| failed("Subscribe", &error))?;
        tracing::info!(
            "the queue of subscription {name} is subscribed to {}",
            self.topic.arn
        );
        Ok(url)
    }

    /// Lets the topic send to a queue that has no policy.
    async fn open(&self, queue: &Subscription, url: &str) -> Result<(), String> {
        let question = json!({"QueueUrl": url, "AttributeNames": ["Policy"]});
        let known = queue.call("GetQueueAttributes", &question).await?;
        match known["Attributes"]["Policy"].as_str() {
            Some(policy) if !policy.is_empty() => {
                if !policy.contains(&self.topic.arn) {
                    tracing::warn!(
                        "the policy of the queue of subscription {} does not name {}: perhaps the topic may not send to it",
                        queue.named.name,
                        self.topic.arn
                    );
                }
                Ok(())
            }
            Some(_) | None => {
                let attributes = json!({"Policy": self.policy(queue)});
                let question = json!({"QueueUrl": url, "Attributes": attributes});
                queue.call("SetQueueAttributes", &question).await.map(drop)
            }
        }
    }

    fn policy(&self, queue: &Subscription) -> String {
        let policy = json!({
            "Version": "2012-10-17",
            "Id": "allow-sns-topic-send",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue.settings.queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": self.topic.arn}},
            }],
        });
        policy.to_string()
    }
}
