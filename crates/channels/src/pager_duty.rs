//! PagerDuty: incidents. Source: echo `PagerDutyNotificationService`.
//!
//! PagerDuty takes two events with the same `incident_key` for one incident; ours is the identity of the delivery, so that a page may be
//! sent again whenever its answer was lost. Echo sends none, and does not repeat.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_model::Map;
use gennaker_outbound::Request;
use gennaker_settings as settings;
use serde_json::{Value, json};

use crate::{
    channels::{Delivery, below, read, secret_file},
    line::{Line, Repeat},
    notice::{Notice, Told, object, text},
    problem::Problem,
    receipt::{Sent, Several, shown_key},
    text::message::{self, Markup},
};

/// Longest description in characters; PagerDuty takes no more.
const DESCRIPTION_CHARS_MAX: usize = 1_024;

/// PagerDuty's events.
#[derive(Clone, Debug)]
pub struct PagerDuty {
    url: String,
    token: Secret,
}

/// What happened, for whoever is paged.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// On whose behalf.
    pub user: String,
    /// What is the matter.
    pub description: String,
    /// More of it.
    pub details: Map,
}

impl PagerDuty {
    /// From the settings; nothing without a token.
    #[must_use]
    pub fn of(set: &settings::PagerDuty) -> Option<Self> {
        Some(Self {
            url: set.url.clone(),
            token: secret_file(set.token_file.as_ref())?,
        })
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
        line: &Line<'_>,
    ) -> Result<Sent, Problem> {
        let Told::Message(message) = &notice.told else {
            return Err(Problem::refused(
                "PagerDuty is for messages, not for events",
            ));
        };
        let own = text(&message.context, "message").filter(|_| message.state.is_none());
        let description = own.map_or_else(|| message::body(message, Markup::Plain), str::to_owned);
        let page = Page {
            user: message.user.clone(),
            description,
            details: object(&message.context, "details")
                .cloned()
                .unwrap_or_default(),
        };
        notice.address()?;
        let mut several = Several::default();
        for key in notice.to() {
            let ended = self.page(&key, &page, delivery.id, line).await;
            several.note(shown_key(&key), ended);
        }
        several.end()
    }

    /// Opens an incident, or finds it open.
    ///
    /// # Errors
    /// [`Problem`]; the text of a refusal is PagerDuty's.
    pub async fn page(
        &self,
        service_key: &str,
        page: &Page,
        incident_key: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let token = read(&self.token).await?;
        let description: String = page
            .description
            .chars()
            .take(DESCRIPTION_CHARS_MAX)
            .collect();
        let event = json!({
            "event_type": "trigger",
            "client": format!("Spinnaker ({})", page.user),
            "service_key": service_key,
            "incident_key": incident_key,
            "description": description,
            "details": page.details,
        });
        let url = below(&self.url, "generic/2010-04-15/create_event.json");
        let request = Request::post(url, "application/json", event.to_string())
            .secret_header("Authorization", format!("Token token={token}"));
        let secrets = [service_key];
        let answer = line
            .hiding(&secrets)
            .send(request, Repeat::Harmless)
            .await?;
        let body = answer.json();
        if answer.is_success() && body["status"].as_str() == Some("success") {
            return Ok(body["incident_key"].as_str().map(str::to_owned));
        }
        let told = told(&body).map_or_else(|| answer.shown(), |told| answer.quiet(&told));
        // What is not a refusal keeps its class; a refusal says PagerDuty's words.
        match answer.settled(Repeat::Harmless) {
            Ok(answer) if !body.is_object() => Err(answer.garbage(Repeat::Harmless)),
            Err(problem @ (Problem::Later { .. } | Problem::Unknown(_) | Problem::Stopped)) => {
                Err(problem)
            }
            Ok(_) | Err(Problem::Refused(_)) => Err(Problem::Refused(told)),
        }
    }
}

/// What PagerDuty has against an event, in its words.
fn told(body: &Value) -> Option<String> {
    let errors = body["errors"].as_array().into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
    match errors.is_empty() {
        false => Some(errors.join(", ")),
        true => body["message"].as_str().map(str::to_owned),
    }
}
