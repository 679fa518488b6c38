//! Slack: the API of bots, incoming webhooks, and apps whose buttons decide judgements.
//!
//! Neither the API nor a webhook knows a key by which a repeated message could be told from a new one.
//!
//! Source: echo `SlackService`, `SlackAttachment`, `SlackConfig`.

pub mod callback;
#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::Request;
use gennaker_settings::SlackChannel;
use serde_json::{Value, json};

use crate::{
    channels::{Delivery, below, read, secret_file},
    line::{Line, Repeat},
    notice::{Notice, Told},
    problem::Problem,
    receipt::{Sent, Several},
    text::{
        event,
        message::{self, Actions, Markup, Message},
    },
};
pub use callback::{App, Pressed};

const API: &str = "https://slack.com";
const HOOKS: &str = "https://hooks.slack.com/services";
const ICON: &str = "https://avatars0.githubusercontent.com/u/7634182?s=200&v=4";
/// Colour of a message that says none. Source: echo `SlackAttachment`.
const GREY: &str = "#cccccc";

/// A workspace.
#[derive(Clone, Debug)]
pub struct Slack {
    token: Option<Secret>,
    url: Option<String>,
    force_incoming_webhook: bool,
    compact: bool,
    expand_user_names: bool,
    app: Option<App>,
}

/// What stands in an attachment.
struct Shown {
    title: String,
    text: String,
    colour: String,
    actions: Option<Actions>,
}

impl Slack {
    pub(crate) fn new(set: &SlackChannel) -> Option<Self> {
        let token = secret_file(set.token_file.as_ref());
        let app = App::new(&set.app, set.url.as_deref().unwrap_or(API));
        if token.is_none() && app.is_none() {
            return None;
        }
        Some(Self {
            token,
            url: set.url.clone(),
            force_incoming_webhook: set.force_incoming_webhook,
            compact: set.compact,
            expand_user_names: set.expand_user_names,
            app,
        })
    }

    /// The app whose buttons decide, if there is one.
    #[must_use]
    pub fn app(&self) -> Option<&App> {
        self.app.as_ref()
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
        line: &Line<'_>,
    ) -> Result<Sent, Problem> {
        let shown = match &notice.told {
            Told::Event(event) => Shown {
                title: event::title(event),
                text: event::slack(event, &notice.entry),
                colour: event::colour(&event.status).to_owned(),
                actions: None,
            },
            Told::Message(message) => self.shown(message),
        };
        let is_by_app = shown.actions.is_some() || self.token.is_none();
        let attachment = self.attachment(&shown, delivery.now_ms);
        let to = notice.to();
        if to.is_empty() {
            return Err(Problem::refused("the notification has no address"));
        }
        let mut several = Several::default();
        for address in to {
            let ended = self.send(&attachment, &address, is_by_app, line).await;
            several.note(address, ended);
        }
        several.end()
    }

    /// A message; with buttons if there is an app that can be asked about them.
    fn shown(&self, message: &Message) -> Shown {
        let actions = message.actions.clone().filter(|_| self.app.is_some());
        let colour = actions.as_ref().map_or(GREY, |actions| &actions.colour);
        Shown {
            title: message::subject(message),
            text: message::body(message, Markup::Slack),
            colour: colour.to_owned(),
            actions,
        }
    }

    fn attachment(&self, shown: &Shown, now_ms: i64) -> Value {
        let Shown {
            title,
            text,
            colour,
            actions,
        } = shown;
        if self.compact && actions.is_none() {
            return json!({"fallback": text, "text": text, "color": colour, "mrkdwn_in": ["text"]});
        }
        let id = actions
            .as_ref()
            .map(|it| format!("{}:{}", it.service, it.message));
        let buttons: Vec<Value> = actions
            .iter()
            .flat_map(|actions| &actions.buttons)
            .map(|it| json!({"type": "button", "name": it.name, "text": it.label, "value": it.value}))
            .collect();
        json!({
            "title": title,
            "text": text,
            "fallback": text,
            "color": colour,
            "callback_id": id,
            "actions": buttons,
            "footer_icon": ICON,
            "footer": "Spinnaker",
            "mrkdwn_in": ["text"],
            "ts": now_ms / 1_000,
        })
    }

    async fn send(
        &self,
        attachment: &Value,
        channel: &str,
        is_by_app: bool,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let of_app = self.app.as_ref().filter(|_| is_by_app).map(App::token);
        let token = of_app.or(self.token.as_ref());
        let token = token.ok_or_else(|| Problem::refused("Slack has no token"))?;
        let token = read(token).await?;
        // Echo sends compact messages to the API even with the token of a webhook, which cannot work.
        let is_hook =
            !is_by_app && (self.force_incoming_webhook || token.matches('/').count() >= 2);
        match is_hook {
            true => self.by_hook(&token, attachment, channel, line).await,
            false => self.by_api(&token, attachment, channel, line).await,
        }
    }

    async fn by_hook(
        &self,
        token: &str,
        attachment: &Value,
        channel: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let url = below(
            self.url.as_deref().unwrap_or(HOOKS),
            token.trim_start_matches('/'),
        );
        let body = json!({"attachments": [attachment], "channel": channel});
        let request = Request::post(url, "application/json", body.to_string());
        // The end of such an address is its password.
        let last = token.rsplit('/').next().unwrap_or_default();
        let secrets = [token, last];
        line.hiding(&secrets)
            .deliver(request, Repeat::Never)
            .await?;
        Ok(None)
    }

    async fn by_api(
        &self,
        token: &str,
        attachment: &Value,
        channel: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let url = below(self.url.as_deref().unwrap_or(API), "api/chat.postMessage");
        let attachments = json!([attachment]).to_string();
        let link_names = if self.expand_user_names { "1" } else { "0" };
        let form = form(&[
            ("token", token),
            ("attachments", &attachments),
            ("channel", channel),
            ("as_user", "true"),
            ("link_names", link_names),
        ]);
        let request = Request::post(url, "application/x-www-form-urlencoded", form);
        let secrets = [token];
        let line = line.hiding(&secrets);
        let answer = line.deliver(request, Repeat::Never).await?;
        said(&answer.json()).map_err(|problem| match answer.quiet(&problem).as_str() {
            "" => answer.garbage(Repeat::Never),
            "ratelimited" | "service_unavailable" | "request_timeout" => {
                Problem::later(format!("Slack says {problem}"))
            }
            problem => Problem::refused(format!("Slack says {problem}")),
        })
    }
}

/// What the API answers: the time stamp that is a message's id, or what is wrong; an empty text when the answer is none of it.
///
/// Echo looks at the status alone, which is 200 for an unknown channel, too.
fn said(answer: &Value) -> Result<Option<String>, String> {
    match answer["ok"].as_bool() {
        Some(true) => Ok(answer["ts"].as_str().map(str::to_owned)),
        Some(false) => {
            let error = answer["error"].as_str().unwrap_or("unknown_error");
            Err(error.chars().take(200).collect())
        }
        None => Err(String::new()),
    }
}

/// Fields as the body of a form.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut all = url::form_urlencoded::Serializer::new(String::new());
    all.extend_pairs(fields);
    all.finish()
}
