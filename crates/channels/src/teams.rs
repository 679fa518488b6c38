//! Microsoft Teams, by webhooks of Power Automate: adaptive cards.
//!
//! Echo's templates can be replaced by operators' own; here they cannot.
//!
//! Source: echo `MicrosoftTeamsNotificationAgent`, `MicrosoftTeamsNotificationService` and their two templates.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use gennaker_outbound::Request;
use serde_json::{Value, json};

use crate::{
    line::{Line, Repeat, of_address},
    notice::{Happened, Kind, Notice, Told},
    problem::Problem,
    receipt::{Sent, Several, shown_address},
    text::{
        capitalized, event,
        message::{self, Markup, Message},
    },
};

/// Microsoft Teams; the address of a room stands in the notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teams;

impl Teams {
    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let card = match &notice.told {
            Told::Event(event) => of_event(event, &notice.entry),
            Told::Message(message) => of_message(message),
        };
        let body = card.to_string();
        notice.address()?;
        let mut several = Several::default();
        for address in notice.to() {
            let request = Request::post(address.as_str(), "application/json", body.as_str());
            let secrets = of_address(&address);
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let ended = line.hiding(&secrets).deliver(request, Repeat::Never).await;
            several.note(shown_address(&address), ended.map(|_| None));
        }
        several.end()
    }
}

fn of_event(event: &Happened, entry: &Map) -> Value {
    let style = match event.status.as_str() {
        status if status.contains("failed") => "attention",
        status if status.contains("complete") => "good",
        _ => "emphasis",
    };
    let label = match event.kind {
        Kind::Stage => "Stage Name",
        Kind::Pipeline => "Pipeline Name",
        Kind::Orchestration | Kind::Task => "Event Name",
    };
    let own = event::own_text(event, entry).unwrap_or_default();
    let status = capitalized(&event.status);
    let facts: Vec<Value> = [
        ("Application", event.application.as_str()),
        ("Execution", event.of_execution("name").unwrap_or_default()),
        (label, event.stage_name()),
        (
            "Description",
            event.of_execution("description").unwrap_or_default(),
        ),
        ("Message", own),
        ("Status", status.as_str()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(title, value)| json!({"title": title, "value": value}))
    .collect();
    let body = json!([
        header(&event::title(event), style),
        {"type": "TextBlock", "text": event::summary(event), "wrap": true, "spacing": "Medium"},
        {"type": "FactSet", "spacing": "Medium", "facts": facts},
    ]);
    card(body, &event.link)
}

fn of_message(message: &Message) -> Value {
    let subject = format!("**Message:** {}", message::subject(message));
    let summary = format!("**Summary:** {}", message::body(message, Markup::Teams));
    let body = json!([
        header("Spinnaker Notification", "emphasis"),
        {"type": "Container", "spacing": "Medium", "items": [
            {"type": "TextBlock", "text": subject, "wrap": true},
            {"type": "TextBlock", "text": summary, "wrap": true, "spacing": "Small"},
        ]},
    ]);
    card(body, &message.link)
}

fn header(title: &str, style: &str) -> Value {
    json!({"type": "Container", "style": style, "items": [
        {"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Large", "wrap": true},
    ]})
}

fn card(body: Value, link: &str) -> Value {
    json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": body,
            "actions": [{"type": "Action.OpenUrl", "title": "View in Spinnaker", "url": link}],
        },
    }]})
}
