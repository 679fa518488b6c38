//! `[pubsub]`: subscriptions whose messages become events. The names of fields are those of Echo's `pubsub.*`, in the spelling of
//! this file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Subscriptions whose messages become events, for triggers of the type `pubsub`. All processes with the role `triggers` should
/// have the same; those with the role `gate` list them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pubsub {
    /// Subjects of our own broker.
    pub nats: Vec<NatsSubscription>,
    /// Queues of Amazon's SQS, mostly fed by a topic of SNS.
    pub amazon: Vec<AmazonSubscription>,
    /// Subscriptions of Google's Pub/Sub.
    pub google: Vec<GoogleSubscription>,
}

/// How artifacts are found in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageFormat {
    /// By `template_file`; without one they are the message's list `artifacts`.
    #[default]
    Custom,
    /// Not at all.
    None,
    /// It is a notification of Google Cloud Storage.
    Gcs,
    /// It is one of Google's container registry.
    Gcr,
    /// It is the state of a build of Google Cloud Build.
    Gcb,
    /// It is a notification of Amazon's S3.
    S3,
}

/// A subject of our own broker, whose messages are kept until they are events: `gk.pubsub.NAME`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSubscription {
    /// Name by which triggers choose it, and last part of the subject.
    pub name: String,
    /// How artifacts are found.
    pub message_format: MessageFormat,
    /// File with a Jinja template that makes a JSON list of artifacts; names in it are keys of the message. It is read when the
    /// process starts.
    pub template_file: Option<String>,
}

/// A queue of Amazon's SQS. With `topic_arn` it is made and subscribed to that topic of SNS, unless `skip_queue_bootstrap`; without,
/// it must exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmazonSubscription {
    /// Name by which triggers choose it.
    pub name: String,
    /// The queue: `arn:aws:sqs:REGION:ACCOUNT:NAME`.
    pub queue_arn: String,
    /// The topic that it gets its messages from: `arn:aws:sns:REGION:ACCOUNT:NAME` (Echo's `topicARN`).
    pub topic_arn: Option<String>,
    /// Leave making and subscribing the queue to its owner.
    pub skip_queue_bootstrap: bool,
    /// How long a queue that is made keeps messages that nobody received, in seconds. Echo's is two minutes.
    #[schemars(range(min = 60, max = 1_209_600))]
    pub sqs_message_retention_period_seconds: u64,
    /// How artifacts are found.
    pub message_format: MessageFormat,
    /// File with a Jinja template that makes a JSON list of artifacts.
    pub template_file: Option<String>,
    /// Attribute of messages that names them instead of the queue's id: messages that are equal in it count as one for
    /// `dedupe_retention_seconds`.
    pub alternate_id_in_message_attributes: Option<String>,
    /// How long a message is remembered.
    #[schemars(range(min = 1, max = 604_800))]
    pub dedupe_retention_seconds: u64,
    /// How long a message that was received stays hidden from others, in seconds.
    #[schemars(range(min = 10, max = 43_200))]
    pub visibility_timeout: u64,
    /// How long a request waits for messages, in seconds.
    #[schemars(range(min = 0, max = 20))]
    pub wait_time_seconds: u64,
    /// Access key, with a secret. Unset: credentials are found as Amazon's own tools find them.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<Secret<String>>,
    /// File with its secret, read again at each use.
    pub secret_access_key_file: Option<String>,
    /// Role to take on (`arn:aws:iam::…`).
    pub assume_role: Option<String>,
    /// Another address of SQS than Amazon's own.
    pub endpoint: Option<String>,
    /// Another address of SNS than Amazon's own.
    pub topic_endpoint: Option<String>,
}

/// A subscription of Google's Pub/Sub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleSubscription {
    /// Name by which triggers choose it.
    pub name: String,
    /// Google's project.
    pub project: String,
    /// The subscription's name there.
    pub subscription_name: String,
    /// How long a message that was received stays hidden from others, in seconds.
    #[schemars(range(min = 10, max = 600))]
    pub ack_deadline_seconds: u64,
    /// How artifacts are found.
    pub message_format: MessageFormat,
    /// File with a Jinja template that makes a JSON list of artifacts.
    pub template_file: Option<String>,
    /// File with the key of a service account (Echo's `jsonPath`), read again at each use. Unset: the machine's own account.
    pub json_path: Option<String>,
    /// Another address of Pub/Sub than Google's own.
    pub endpoint: Option<String>,
}

impl Default for AmazonSubscription {
    fn default() -> AmazonSubscription {
        AmazonSubscription {
            name: String::new(),
            queue_arn: String::new(),
            topic_arn: None,
            skip_queue_bootstrap: false,
            sqs_message_retention_period_seconds: 345_600,
            message_format: MessageFormat::default(),
            template_file: None,
            alternate_id_in_message_attributes: None,
            dedupe_retention_seconds: 3_600,
            visibility_timeout: 30,
            wait_time_seconds: 5,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
            assume_role: None,
            endpoint: None,
            topic_endpoint: None,
        }
    }
}

impl Default for GoogleSubscription {
    fn default() -> GoogleSubscription {
        GoogleSubscription {
            name: String::new(),
            project: String::new(),
            subscription_name: String::new(),
            ack_deadline_seconds: 10,
            message_format: MessageFormat::default(),
            template_file: None,
            json_path: None,
            endpoint: None,
        }
    }
}
