//! Rooms of Google Chat, by their webhooks. Source: echo `GoogleChatNotificationAgent`, `GoogleChatMessage`.

#[cfg(test)]
mod tests;

use gennaker_outbound::Request;
use gennaker_settings::GoogleChatChannel;
use serde_json::{Value, json};

use crate::{
    channels::below,
    line::{Line, Repeat, of_address},
    notice::{Notice, Told},
    problem::Problem,
    receipt::{Sent, Several, shown_address},
    text::{event, message, message::Markup},
};

/// How every address begins.
const BEGINNING: &str = "https://chat.googleapis.com/v1/spaces/";
const ICON: &str = "https://avatars0.githubusercontent.com/u/7634182?s=200&v=4";
const FRONT_PAGE: &str = "https://www.spinnaker.io/";

/// Google Chat.
#[derive(Clone, Debug)]
pub(crate) struct GoogleChat {
    url: String,
}

impl GoogleChat {
    pub(crate) fn new(set: &GoogleChatChannel) -> Option<Self> {
        let url = set.url.clone();
        set.enabled.then_some(Self { url })
    }

    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let text = match &notice.told {
            Told::Event(event) => event::chat_html(event, &notice.entry),
            Told::Message(message) => message::body(message, Markup::GoogleChat),
        };
        let body = card(&text).to_string();
        notice.address()?;
        let mut several = Several::default();
        for address in notice.to() {
            let ended = self.send(&address, &body, line).await;
            several.note(shown_address(&address), ended);
        }
        several.end()
    }

    async fn send(
        &self,
        address: &str,
        body: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        // Echo cuts off as many characters, whatever they are.
        let room = address.strip_prefix(BEGINNING).ok_or_else(|| {
            Problem::refused(format!(
                "the address of a room does not begin with {BEGINNING}"
            ))
        })?;
        let url = below(&self.url, &format!("v1/spaces/{room}"));
        let request = Request::post(url, "application/json; charset=UTF-8", body);
        let secrets = of_address(address);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let answer = line
            .hiding(&secrets)
            .deliver(request, Repeat::Never)
            .await?;
        let answer = answer.object(Repeat::Never)?;
        Ok(answer["name"].as_str().map(str::to_owned))
    }
}

/// The one card; `cards` is an object, as in Echo, and not a list.
fn card(text: &str) -> Value {
    let front_page = json!({"openLink": {"url": FRONT_PAGE}});
    json!({"cards": {"sections": [{"widgets": [
        {"textParagraph": {"text": text}},
        {"buttons": [
            {"imageButton": {"iconUrl": ICON, "onClick": front_page}},
            {"textButton": {"text": "From Spinnaker", "onClick": front_page}},
        ]},
    ]}]}})
}
