//! `[notifications]`: channels by which people and programs hear about executions. The names are those of Echo's settings, in the
//! spelling of this file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Channels by which people and programs hear about executions. Workers of the pool `notify` use them; every one of these should have
/// the same. Files with secrets are read at each use; white space at their end does not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Address of the pages that links in notifications lead to. Spinnaker: `spinnaker.base-url`.
    pub base_url: String,
    /// Mail (`email`). Spinnaker: `mail.*` and `spring.mail.*`.
    pub email: EmailChannel,
    /// Slack (`slack`). Spinnaker: `slack.*`.
    pub slack: SlackChannel,
    /// Text messages by Twilio (`sms`). Spinnaker: `twilio.*`.
    pub sms: SmsChannel,
    /// Google Chat (`googlechat`). Spinnaker: `googlechat.*`.
    pub google_chat: GoogleChatChannel,
    /// Microsoft Teams (`microsoftteams`). Spinnaker: `microsoftteams.*`.
    pub microsoft_teams: AddressedChannel,
    /// Statuses of commits in GitHub (`githubStatus`). Spinnaker: `github-status.*`.
    pub github_status: GithubStatusChannel,
    /// Statuses of commits in GitLab (`gitlabStatus`). Spinnaker has none.
    pub gitlab_status: GitlabStatusChannel,
    /// Rooms that speak as HipChat did (`hipchat`). The service is gone, and so is the channel of Spinnaker.
    pub hipchat: HipchatChannel,
    /// BearyChat (`bearychat`), which Spinnaker dropped in May 2026.
    pub bearychat: BearychatChannel,
    /// `CDEvents` over HTTP (`cdevents`). Spinnaker: `cdevents.*`.
    pub cdevents: AddressedChannel,
    /// Topics to which notifications of type `pubsub` go. Spinnaker: `pubsub.google.publishers`.
    pub publishers: Vec<Publisher>,
    /// Addresses to which every event of every execution goes. Spinnaker: `rest.endpoints`.
    pub endpoints: Vec<RestEndpoint>,
}

/// Mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmailChannel {
    /// The mail server. Unset: notifications of type `email` are not sent and say so.
    pub host: Option<String>,
    /// Its port. Unset: 587 with `starttls`, 465 with `tls`, 25 with `none`.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// A file with certificate authorities (PEM) to trust besides the machine's.
    pub ca_file: Option<String>,
    /// User name, for servers that ask for one; with `password_file`. Never sent over a connection that is not secured.
    pub username: Option<String>,
    /// A file with the password.
    pub password_file: Option<String>,
    /// The sender: `Deployments <deploy@example.com>`.
    pub from: Option<String>,
    /// The name by which this machine introduces itself. Unset: the host of `from`.
    pub hello_name: Option<String>,
}

/// How the connection to a mail server is secured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// By STARTTLS; a server without it gets no mail.
    #[default]
    Starttls,
    /// By TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

/// Slack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlackChannel {
    /// A file with the token of a bot, or with the rest of the address of an incoming webhook (`T…/B…/…`). Unset: notifications of
    /// type `slack` are not sent and say so.
    pub token_file: Option<String>,
    /// Its address. Unset: `https://slack.com`, and `https://hooks.slack.com/services` for an incoming webhook.
    pub url: Option<String>,
    /// The token is of an incoming webhook, whatever it looks like.
    pub force_incoming_webhook: bool,
    /// Only the sentence, without title and footer.
    pub compact: bool,
    /// Names of users in a message become links to them.
    pub expand_user_names: bool,
    /// The app whose buttons decide manual judgements. Spinnaker: `slack.app.*`.
    pub app: SlackApp,
}

/// The app whose buttons decide manual judgements.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlackApp {
    /// A file with the app's token. Unset: messages have no buttons.
    pub token_file: Option<String>,
    /// A file with the secret by which Slack signs what it sends to `/notifications/callbacks/slack`.
    pub signing_secret_file: Option<String>,
    /// Where answers to pressed buttons go; nothing is sent elsewhere, whatever a request says.
    pub hooks_url: Option<String>,
    /// People who may decide by a button, as their mail addresses in Slack, or `*@example.com`. Empty: everybody in the workspace.
    pub allowed_users: Vec<String>,
}

/// Text messages by Twilio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmsChannel {
    /// The account. Unset: notifications of type `sms` are not sent and say so.
    pub account: Option<String>,
    /// A file with its token.
    pub token_file: Option<String>,
    /// The number that sends.
    pub from: Option<String>,
    /// Address of Twilio.
    pub url: String,
}

/// Google Chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleChatChannel {
    /// Whether notifications of type `googlechat` are sent.
    pub enabled: bool,
    /// Address of Google Chat: where every room's address begins, whatever is written in a notification.
    pub url: String,
}

/// A channel whose address stands in the notification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AddressedChannel {
    /// Whether it is used. Addresses are chosen by whoever writes a pipeline, within `[outbound]`.
    pub enabled: bool,
}

/// Statuses of commits in GitHub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GithubStatusChannel {
    /// A file with a token that may write statuses. Unset: notifications of type `githubStatus` are not sent and say so.
    pub token_file: Option<String>,
    /// Address of the API.
    pub url: String,
}

/// Statuses of commits in GitLab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitlabStatusChannel {
    /// A file with a token that may write statuses. Unset: notifications of type `gitlabStatus` are not sent and say so.
    pub token_file: Option<String>,
    /// Address of GitLab.
    pub url: String,
}

/// Rooms that speak as HipChat did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HipchatChannel {
    /// Address of the server. Unset: notifications of type `hipchat` are not sent and say so.
    pub url: Option<String>,
    /// A file with the token.
    pub token_file: Option<String>,
}

/// BearyChat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BearychatChannel {
    /// A file with the token. Unset: notifications of type `bearychat` are not sent and say so.
    pub token_file: Option<String>,
    /// Address of the API.
    pub url: String,
}

/// A topic to which notifications of type `pubsub` go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publisher {
    /// Name by which notifications choose it (`publisherName`).
    pub name: String,
    /// Which kind of topic it is.
    #[serde(rename = "type")]
    pub kind: PublisherKind,
    /// What goes to it.
    pub content: PublisherContent,
    /// Google: the project.
    pub project: Option<String>,
    /// The topic: its name with Google, its full name (`arn:…`) with Amazon, the last part of the subject `gk.out.…` with NATS.
    pub topic: String,
    /// Google: a file with the key of a service account. Unset: the machine's own account.
    pub key_file: Option<String>,
    /// Amazon: the region.
    pub region: Option<String>,
    /// Amazon: the id of an access key; with `secret_key_file`. Unset: found as Amazon's tools do.
    pub access_key: Option<String>,
    /// Amazon: a file with the secret of the key.
    pub secret_key_file: Option<String>,
    /// Amazon: a role to take on.
    pub role: Option<String>,
    /// Another address than the cloud's own.
    pub url: Option<String>,
}

/// A kind of topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublisherKind {
    /// A topic of Google Pub/Sub.
    #[default]
    Google,
    /// A topic of Amazon SNS.
    Sns,
    /// A subject of the broker.
    Nats,
}

/// What goes to a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PublisherContent {
    /// Notifications that name it.
    #[default]
    Notifications,
    /// Every event of every execution.
    All,
}

/// An address to which every event of every execution goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RestEndpoint {
    /// The address. It may lie in a private network.
    pub url: String,
    /// Whether the event is put into another object.
    pub wrap: bool,
    /// With `wrap`: the value of `eventName` in that object.
    pub event_name: String,
    /// With `wrap`: the field of the event in that object.
    pub field_name: String,
    /// With `wrap`: the object as JSON, with `{{event}}` in the place of the event.
    pub template: Option<String>,
    /// Whether `content` and `details` of the event become texts with JSON.
    pub flatten: bool,
    /// User name, for servers that ask for one; with `password_file`.
    pub username: Option<String>,
    /// A file with the password.
    pub password_file: Option<String>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// A file with headers, a line for each: `Name: value`.
    pub headers_file: Option<String>,
    /// How often an event is sent at most, 200 ms apart.
    #[schemars(range(min = 1, max = 20))]
    pub tries: u32,
}

impl Default for Notifications {
    fn default() -> Notifications {
        Notifications {
            base_url: "http://localhost:9000".to_owned(),
            email: EmailChannel::default(),
            slack: SlackChannel::default(),
            sms: SmsChannel::default(),
            google_chat: GoogleChatChannel::default(),
            microsoft_teams: AddressedChannel::default(),
            github_status: GithubStatusChannel::default(),
            gitlab_status: GitlabStatusChannel::default(),
            hipchat: HipchatChannel::default(),
            bearychat: BearychatChannel::default(),
            cdevents: AddressedChannel::default(),
            publishers: Vec::new(),
            endpoints: Vec::new(),
        }
    }
}

impl Default for SmsChannel {
    fn default() -> SmsChannel {
        SmsChannel {
            account: None,
            token_file: None,
            from: None,
            url: "https://api.twilio.com".to_owned(),
        }
    }
}

impl Default for GoogleChatChannel {
    fn default() -> GoogleChatChannel {
        GoogleChatChannel {
            enabled: false,
            url: "https://chat.googleapis.com".to_owned(),
        }
    }
}

impl Default for GithubStatusChannel {
    fn default() -> GithubStatusChannel {
        GithubStatusChannel {
            token_file: None,
            url: "https://api.github.com".to_owned(),
        }
    }
}

impl Default for GitlabStatusChannel {
    fn default() -> GitlabStatusChannel {
        GitlabStatusChannel {
            token_file: None,
            url: "https://gitlab.com".to_owned(),
        }
    }
}

impl Default for BearychatChannel {
    fn default() -> BearychatChannel {
        BearychatChannel {
            token_file: None,
            url: "https://api.bearychat.com".to_owned(),
        }
    }
}

impl Default for RestEndpoint {
    fn default() -> RestEndpoint {
        RestEndpoint {
            url: String::new(),
            wrap: false,
            event_name: "spinnaker_events".to_owned(),
            field_name: "payload".to_owned(),
            template: None,
            flatten: false,
            username: None,
            password_file: None,
            headers: BTreeMap::new(),
            headers_file: None,
            tries: 1,
        }
    }
}
