//! BearyChat: a person by mail address, a channel with that person, a message. Source: echo `BearychatNotificationAgent`, until May 2026.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::Request;
use gennaker_settings::BearychatChannel;
use serde_json::{Value, json};

use crate::{
    channels::{below, read, secret_file},
    line::{Line, Repeat},
    notice::{Notice, Told, segment},
    problem::Problem,
    receipt::{Sent, Several},
    text::{event, message, message::Markup},
};

/// A team.
#[derive(Clone, Debug)]
pub(crate) struct Bearychat {
    token: Secret,
    url: String,
}

impl Bearychat {
    pub(crate) fn new(set: &BearychatChannel) -> Option<Self> {
        Some(Self {
            token: secret_file(set.token_file.as_ref())?,
            url: set.url.clone(),
        })
    }

    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let text = match &notice.told {
            Told::Event(event) => event::bearychat(event, &notice.entry),
            Told::Message(message) => message::body(message, Markup::Plain),
        };
        let token = read(&self.token).await?;
        let secrets = [token.as_str()];
        let line = &line.hiding(&secrets);
        let token = segment(&token);
        notice.address()?;
        let users = Request::get(below(&self.url, &format!("v1/user.list?token={token}")));
        let answer = line.deliver(users, Repeat::Harmless).await?;
        let users = answer.json();
        if !users.is_array() {
            return Err(answer.garbage(Repeat::Harmless));
        }
        let mut several = Several::default();
        for email in notice.to() {
            let ended = self.send(&users, &email, &text, &token, line).await;
            several.note(email, ended);
        }
        several.end()
    }

    async fn send(
        &self,
        users: &Value,
        email: &str,
        text: &str,
        token: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let user = users.as_array().into_iter().flatten();
        let mut user = user.filter(|user| user["email"].as_str() == Some(email));
        let id = user.next().and_then(|user| user["id"].as_str());
        let id = id.ok_or_else(|| Problem::refused("no user of BearyChat has this address"))?;
        let post = |path: &str, body: Value| {
            let url = below(&self.url, &format!("v1/{path}?token={token}"));
            Request::post(url, "application/json", body.to_string())
        };
        // One that exists is answered again.
        let channel = post("p2p.create", json!({"user_id": id}));
        let channel = line.deliver(channel, Repeat::Harmless).await?;
        let channel = channel.object(Repeat::Harmless)?;
        let channel = channel["vchannel_id"].as_str();
        let channel = channel.ok_or_else(|| Problem::refused("BearyChat names no channel"))?;
        let body = json!({"vchannel_id": channel, "text": text, "attachments": ""});
        let sent = line
            .deliver(post("message.create", body), Repeat::Never)
            .await?
            .object(Repeat::Never)?;
        Ok(sent["key"].as_str().map(str::to_owned))
    }
}
