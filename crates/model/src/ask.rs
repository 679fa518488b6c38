//! Questions to the workers of a pool that are no tasks: reads of which nothing is recorded.
//!
//! They go to the core subject `gk.ask.<pool>.<what>`. Whoever asks repeats a question that has no answer.

use serde::{Deserialize, Serialize};

/// Version of the questions and answers here.
pub const VERSION: u8 = 1;

/// The pool whose workers read addresses.
pub const ADDRESS_POOL: &str = "notify";

/// What stands in place of an account in the subject of questions about addresses.
pub const ADDRESS: &str = "address";

/// What stands at an address? Answered by [`AddressRead`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadAddress {
    /// [`VERSION`].
    pub v: u8,
    /// `http://`, `https://`, or `file://` where the worker allows it.
    pub url: String,
}

/// What a worker found at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressRead {
    /// The text.
    Text(String),
    /// Why there is none: a sentence for people.
    Failed(String),
}

/// The pool whose workers send notifications.
pub const NOTIFY_POOL: &str = "notify";

/// What stands in place of an account in the subject of wishes to send a message.
pub const MESSAGE: &str = "message";

/// What stands in place of an account in the subject of questions about buttons that were pressed in Slack.
pub const SLACK: &str = "slack";

/// Send a message at once, as Echo's `POST /notifications` does. Answered by [`MessageSent`].
///
/// It is no task: nothing of it is recorded, and whoever asks must not ask twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// [`VERSION`].
    pub v: u8,
    /// Identity of the message.
    pub id: String,
    /// Echo's `Notification`.
    pub notification: crate::Map,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MessageSent {
    /// Its receipt.
    Receipt(crate::Map),
    /// It cannot be sent; a sentence for people.
    Refused(String),
    /// It was not sent, and may be later.
    Later(String),
    /// It may have been sent.
    Unknown(String),
}

/// Something came from Slack. Answered by [`SlackSaid`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromSlack {
    /// [`VERSION`].
    pub v: u8,
    /// The header `X-Slack-Request-Timestamp`.
    pub timestamp: String,
    /// The header `X-Slack-Signature`.
    pub signature: String,
    /// The body as it came.
    pub body: String,
    /// What the readers of the message are told, once it was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// What a button in Slack means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SlackSaid {
    /// Somebody decides a judgement.
    Decides {
        /// Their mail address.
        user: String,
        /// How Slack calls them.
        user_id: String,
        /// The execution.
        execution: String,
        /// The stage.
        stage: String,
        /// `judgmentStatus`, and `judgmentInput` if there was a choice.
        patch: crate::Map,
    },
    /// The answer was passed on.
    Answered,
    /// It is not believed, or means nothing; a sentence for people.
    Refused(String),
    /// Slack cannot be asked just now; a sentence for people.
    Unavailable(String),
}
