//! Rooms that speak as HipChat did: the service is gone, its JSON is still understood by rooms that people host themselves.
//!
//! Source: echo `HipchatNotificationAgent`, until 2019; the templates of judgements are still there.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::Request;
use gennaker_settings::HipchatChannel;
use serde_json::json;

use crate::{
    channels::{below, read, secret_file},
    line::{Line, Repeat},
    notice::{Notice, Told, segment},
    problem::Problem,
    receipt::{Sent, Several},
    text::{event, message, message::Markup},
};

/// A server with rooms.
#[derive(Clone, Debug)]
pub(crate) struct Hipchat {
    url: String,
    token: Secret,
}

impl Hipchat {
    pub(crate) fn new(set: &HipchatChannel) -> Option<Self> {
        Some(Self {
            url: set.url.clone()?,
            token: secret_file(set.token_file.as_ref())?,
        })
    }

    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let (text, colour, notify) = match &notice.told {
            Told::Event(event) => {
                let colour = match event.status.as_str() {
                    "failed" => "red",
                    "complete" => "green",
                    _ => "gray",
                };
                let text = event::chat_html(event, &notice.entry);
                (text, colour, event.status == "failed")
            }
            Told::Message(message) => (message::body(message, Markup::HipChat), "gray", true),
        };
        let body = json!({"message": text, "color": colour, "notify": notify}).to_string();
        let token = read(&self.token).await?;
        let secrets = [token.as_str()];
        notice.address()?;
        let mut several = Several::default();
        for room in notice.to() {
            let path = format!(
                "v2/room/{}/notification?auth_token={}",
                segment(&room),
                segment(&token)
            );
            let request = Request::post(below(&self.url, &path), "application/json", body.as_str());
            let line = line.hiding(&secrets);
            let ended = line.deliver(request, Repeat::Never).await;
            several.note(room, ended.map(|_| None));
        }
        several.end()
    }
}
