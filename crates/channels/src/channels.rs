//! The channels of an installation, and the one way through them.

use std::sync::Arc;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::Client;
use gennaker_runtime::Clock;
use gennaker_settings::Settings;

use crate::{
    bearychat::Bearychat,
    cdevents::CdEvents,
    email::Email,
    github::Github,
    gitlab::Gitlab,
    google_chat::GoogleChat,
    hipchat::Hipchat,
    jira::Jira,
    line::{Line, Permit, Repeat},
    notice::{Notice, Told},
    pager_duty::PagerDuty,
    problem::Problem,
    pubsub::{Broker, Publishers},
    receipt::{Receipt, Sent},
    slack::Slack,
    sms::Sms,
    teams::Teams,
};

/// A kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Mail.
    Email,
    /// Slack.
    Slack,
    /// Text messages.
    Sms,
    /// Google Chat.
    GoogleChat,
    /// Microsoft Teams.
    Teams,
    /// Rooms that speak as HipChat did.
    Hipchat,
    /// BearyChat.
    Bearychat,
    /// Statuses of commits in GitHub.
    GithubStatus,
    /// Statuses of commits in GitLab.
    GitlabStatus,
    /// PagerDuty.
    PagerDuty,
    /// Issues of Jira.
    Jira,
    /// CDEvents.
    CdEvents,
    /// Topics.
    Pubsub,
}

/// What calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// For addresses that operators have set.
    pub trusted: Client,
    /// For addresses that pipelines choose.
    pub untrusted: Client,
}

/// One delivery.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// What it is called wherever a target takes a key by which a repeated message is known: the same for every try.
    pub id: &'a str,
    /// Says before each call whether it may be made.
    pub permit: &'a dyn Permit,
    /// The time, epoch milliseconds.
    pub now_ms: i64,
}

/// The channels of an installation; cheap to clone.
#[derive(Clone)]
pub struct Channels(Arc<Inner>);

struct Inner {
    clients: Clients,
    base_url: String,
    email: Option<Email>,
    slack: Option<Slack>,
    sms: Option<Sms>,
    google_chat: Option<GoogleChat>,
    teams: Option<Teams>,
    hipchat: Option<Hipchat>,
    bearychat: Option<Bearychat>,
    github: Option<Github>,
    gitlab: Option<Gitlab>,
    pager_duty: Option<PagerDuty>,
    jira: Option<Jira>,
    cdevents: Option<CdEvents>,
    publishers: Publishers,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Email,
        Self::Slack,
        Self::Sms,
        Self::GoogleChat,
        Self::Teams,
        Self::Hipchat,
        Self::Bearychat,
        Self::GithubStatus,
        Self::GitlabStatus,
        Self::PagerDuty,
        Self::Jira,
        Self::CdEvents,
        Self::Pubsub,
    ];

    /// The channel of a type, in whatever case: notifications write `githubStatus`, calls of Echo `PAGER_DUTY`.
    #[must_use]
    pub fn parse(kind: &str) -> Option<Self> {
        let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|channel| plain(channel.name()) == plain(kind))
    }

    /// The type of its notifications.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Sms => "sms",
            Self::GoogleChat => "googlechat",
            Self::Teams => "microsoftteams",
            Self::Hipchat => "hipchat",
            Self::Bearychat => "bearychat",
            Self::GithubStatus => "githubStatus",
            Self::GitlabStatus => "gitlabStatus",
            Self::PagerDuty => "pager_duty",
            Self::Jira => "jira",
            Self::CdEvents => "cdevents",
            Self::Pubsub => "pubsub",
        }
    }

    /// Where its settings are.
    const fn section(self) -> &'static str {
        match self {
            Self::Email => "notifications.email",
            Self::Slack => "notifications.slack",
            Self::Sms => "notifications.sms",
            Self::GoogleChat => "notifications.google_chat",
            Self::Teams => "notifications.microsoft_teams",
            Self::Hipchat => "notifications.hipchat",
            Self::Bearychat => "notifications.bearychat",
            Self::GithubStatus => "notifications.github_status",
            Self::GitlabStatus => "notifications.gitlab_status",
            Self::PagerDuty => "services.pager_duty",
            Self::Jira => "services.jira",
            Self::CdEvents => "notifications.cdevents",
            Self::Pubsub => "notifications.publishers",
        }
    }

    /// Whether a delivery that may have happened can be made again: the target knows its key, or the second one changes nothing.
    #[must_use]
    pub const fn repeat(self) -> Repeat {
        match self {
            Self::GithubStatus
            | Self::GitlabStatus
            | Self::PagerDuty
            | Self::CdEvents
            | Self::Pubsub => Repeat::Harmless,
            Self::Email
            | Self::Slack
            | Self::Sms
            | Self::GoogleChat
            | Self::Teams
            | Self::Hipchat
            | Self::Bearychat
            | Self::Jira => Repeat::Never,
        }
    }
}

impl Channels {
    /// Those of these settings, which were checked. Opens nothing; `broker` publishes on subjects of the broker.
    ///
    /// # Errors
    /// What is wrong with a setting, as a sentence.
    pub fn new(
        settings: &Settings,
        clients: Clients,
        clock: &Clock,
        broker: Option<Arc<dyn Broker>>,
    ) -> Result<Self, String> {
        let set = &settings.notifications;
        let services = &settings.services;
        Ok(Self(Arc::new(Inner {
            base_url: set.base_url.clone(),
            email: Email::new(&set.email)?,
            slack: Slack::new(&set.slack),
            sms: Sms::new(&set.sms),
            google_chat: GoogleChat::new(&set.google_chat),
            teams: set.microsoft_teams.enabled.then_some(Teams),
            hipchat: Hipchat::new(&set.hipchat),
            bearychat: Bearychat::new(&set.bearychat),
            github: Github::new(&set.github_status, &set.base_url),
            gitlab: Gitlab::new(&set.gitlab_status),
            pager_duty: PagerDuty::of(&services.pager_duty),
            jira: Jira::of(&services.jira),
            cdevents: set.cdevents.enabled.then(|| CdEvents::new(&set.base_url)),
            publishers: Publishers::new(&set.publishers, &clients.trusted, clock, broker),
            clients,
        })))
    }

    /// Address of the pages that links lead to.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// Slack, if it is set up.
    #[must_use]
    pub fn slack(&self) -> Option<&Slack> {
        self.0.slack.as_ref()
    }

    /// The client for addresses that operators have set.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.clients.trusted
    }

    /// The topics that get every event.
    #[must_use]
    pub fn publishers(&self) -> &Publishers {
        &self.0.publishers
    }

    /// Which channels are set up.
    #[must_use]
    pub fn set_up(&self) -> Vec<Channel> {
        let it = &*self.0;
        let is_set = |channel: &Channel| match channel {
            Channel::Email => it.email.is_some(),
            Channel::Slack => it.slack.is_some(),
            Channel::Sms => it.sms.is_some(),
            Channel::GoogleChat => it.google_chat.is_some(),
            Channel::Teams => it.teams.is_some(),
            Channel::Hipchat => it.hipchat.is_some(),
            Channel::Bearychat => it.bearychat.is_some(),
            Channel::GithubStatus => it.github.is_some(),
            Channel::GitlabStatus => it.gitlab.is_some(),
            Channel::PagerDuty => it.pager_duty.is_some(),
            Channel::Jira => it.jira.is_some(),
            Channel::CdEvents => it.cdevents.is_some(),
            Channel::Pubsub => !it.publishers.is_empty(),
        };
        Channel::ALL.into_iter().filter(is_set).collect()
    }

    /// Delivers. Echo ignores a type that no channel has without a word; here who reads the receipt learns of it.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
    ) -> Result<Receipt, Problem> {
        if notice.channel.eq_ignore_ascii_case("dryrun") {
            let why = "no channel: the end of the execution is an event, and its verdicts say which dry run it started";
            return Ok(Receipt::Ignored(why.to_owned()));
        }
        let channel = Channel::parse(&notice.channel).ok_or_else(|| {
            let kind = shown_type(&notice.channel);
            Problem::refused(format!("no channel has the type '{kind}'"))
        })?;
        if let (true, Told::Event(event)) = (says_nothing(channel), &notice.told) {
            let what = event.kind.word();
            let why = format!(
                "the channel {} is for messages, not for events of a {what}",
                channel.name()
            );
            return Ok(Receipt::Ignored(why));
        }
        self.through(channel, notice, delivery).await
    }

    async fn through(
        &self,
        channel: Channel,
        notice: &Notice,
        delivery: &Delivery<'_>,
    ) -> Result<Receipt, Problem> {
        let it = &*self.0;
        let trusted = Line::new(&it.clients.trusted, delivery.permit);
        let untrusted = Line::new(&it.clients.untrusted, delivery.permit);
        let sent = |sent: Result<Sent, Problem>| sent.map(Receipt::Sent);
        match channel {
            Channel::Email => sent(set(&it.email, channel)?.deliver(notice, delivery).await),
            Channel::Slack => sent(
                set(&it.slack, channel)?
                    .deliver(notice, delivery, &trusted)
                    .await,
            ),
            Channel::Sms => sent(set(&it.sms, channel)?.deliver(notice, &trusted).await),
            Channel::GoogleChat => sent(
                set(&it.google_chat, channel)?
                    .deliver(notice, &trusted)
                    .await,
            ),
            Channel::Teams => sent(set(&it.teams, channel)?.deliver(notice, &untrusted).await),
            Channel::Hipchat => sent(set(&it.hipchat, channel)?.deliver(notice, &trusted).await),
            Channel::Bearychat => {
                sent(set(&it.bearychat, channel)?.deliver(notice, &trusted).await)
            }
            Channel::GithubStatus => set(&it.github, channel)?.deliver(notice, &trusted).await,
            Channel::GitlabStatus => set(&it.gitlab, channel)?.deliver(notice, &trusted).await,
            Channel::PagerDuty => sent(
                set(&it.pager_duty, channel)?
                    .deliver(notice, delivery, &trusted)
                    .await,
            ),
            Channel::Jira => sent(set(&it.jira, channel)?.deliver(notice, &trusted).await),
            Channel::CdEvents => sent(
                set(&it.cdevents, channel)?
                    .deliver(notice, delivery, &untrusted)
                    .await,
            ),
            Channel::Pubsub => sent(it.publishers.deliver(notice, delivery).await),
        }
    }
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channels").field(&self.set_up()).finish()
    }
}

/// Channels that have messages and nothing to say about events. Source: echo, whose services for them have no agent.
const fn says_nothing(channel: Channel) -> bool {
    matches!(channel, Channel::PagerDuty | Channel::Jira)
}

fn set<T>(channel: &Option<T>, which: Channel) -> Result<&T, Problem> {
    channel.as_ref().ok_or_else(|| {
        Problem::refused(format!(
            "the channel {} is not set up in this installation: the settings have no [{}]",
            which.name(),
            which.section()
        ))
    })
}

fn shown_type(kind: &str) -> String {
    crate::text::one_line(kind).chars().take(100).collect()
}

/// The secret of a file that a setting names.
pub(crate) fn secret_file(file: Option<&String>) -> Option<Secret> {
    Secret::of(None, file)
}

/// What a secret is.
pub(crate) async fn read(secret: &Secret) -> Result<String, Problem> {
    secret.read().await.map_err(Problem::Refused)
}

/// An address below another one.
pub(crate) fn below(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_in_every_spelling() {
        for (kind, channel) in [
            ("slack", Some(Channel::Slack)),
            ("EMAIL", Some(Channel::Email)),
            ("PAGER_DUTY", Some(Channel::PagerDuty)),
            ("githubStatus", Some(Channel::GithubStatus)),
            ("MICROSOFTTEAMS", Some(Channel::Teams)),
            ("dryrun", None),
            ("", None),
        ] {
            assert_eq!(Channel::parse(kind), channel, "{kind}");
        }
    }
}
