//! `pageApplicationOwner`: tells whoever is on call. Source: orca `PageApplicationOwnerTask`, echo `PagerDutyNotificationService`
//! (reference 6.7).
//!
//! PagerDuty takes two events with the same `incident_key` for one incident; ours is the identity of the effect, so that a page may be
//! sent again whenever its answer was lost. Orca sends none, and does not repeat.

use std::time::Duration;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::{Client, Request};
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{
    PagerDuty,
    call::{Answer, below, failed, not_set, secret, send},
};
use crate::limits::CALL_MS_MAX;

/// Orca's back-off.
const AGAIN: Duration = Duration::from_secs(15);

/// Most keys that one stage pages.
const KEYS_MAX: usize = 100;

/// Longest message in characters; PagerDuty takes no more.
const MESSAGE_CHARS_MAX: usize = 1_024;

/// Pages the services with the stage's `keys`, and those of its `applications`.
pub(crate) struct PageOwner {
    client: Client,
    store: Store,
    pager_duty: Option<PagerDuty>,
}

impl PageOwner {
    pub(crate) fn new(client: Client, store: Store, pager_duty: Option<PagerDuty>) -> Self {
        Self {
            client,
            store,
            pager_duty,
        }
    }

    async fn page(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let service = self.pager_duty.as_ref();
        let service = service.ok_or_else(|| not_set(ctx, "PagerDuty", "services.pager_duty"))?;
        let input = ctx.input();
        let illegal = |problem: &str| failed(ctx, "IllegalArgumentException", problem);
        let message = input.get("message").and_then(Value::as_str);
        let message = message.filter(|message| !message.trim().is_empty());
        let message = message.ok_or_else(|| illegal("the stage has no 'message'"))?;
        let mut keys = texts(input, "keys").map_err(|it| illegal(&it))?;
        let applications = texts(input, "applications").map_err(|it| illegal(&it))?;
        keys.extend(self.keys_of(ctx, &applications).await?);
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Err(illegal("the stage names neither 'applications' nor 'keys'"));
        }
        if keys.len() > KEYS_MAX {
            return Err(illegal(&format!(
                "the stage pages {} services; the limit is {KEYS_MAX}",
                keys.len()
            )));
        }
        let token = secret(ctx, "services.pager_duty.token_file", &service.token_file).await?;
        let mut problems = Vec::new();
        for key in &keys {
            let mut request = self.request(ctx, service, key, message);
            let authorization = format!("Token token={token}");
            request
                .secret_headers
                .push(("Authorization".to_owned(), authorization));
            let answer = send(&self.client, ctx, request, true, AGAIN).await?;
            if answer.is_busy() || answer.status >= 500 {
                return Err(Failure::retry_later(AGAIN));
            }
            problems.extend(problem(&answer).map(|it| format!("{}: {it}", shown(key))));
        }
        if problems.is_empty() {
            return Ok(Done::default());
        }
        let some = problems.len() < keys.len();
        let reason = format!(
            "{}{}",
            if some {
                "Some notifications succeeded, but the following failed: "
            } else {
                "There were problems with PagerDuty: "
            },
            problems.join(", ")
        );
        Err(failed(ctx, "PagerDutyException", &reason))
    }

    /// `pdApiKey` of each application.
    async fn keys_of(&self, ctx: &Ctx, applications: &[String]) -> Result<Vec<String>, Failure> {
        let (mut keys, mut without) = (Vec::new(), Vec::new());
        for name in applications {
            let found = match self.store.application(name).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "an application cannot be read for a page; it is tried again"
                    );
                    return Err(Failure::retry_later(AGAIN));
                }
            };
            let key = found.and_then(|it| Some(it.body.get("pdApiKey")?.as_str()?.to_owned()));
            match key.filter(|key| !key.trim().is_empty()) {
                Some(key) => keys.push(key),
                None => without.push(name.as_str()),
            }
        }
        if without.is_empty() {
            return Ok(keys);
        }
        let verb = if without.len() > 1 { "do" } else { "does" };
        let names = without.join(", ");
        let reason = format!("{names} {verb} not have a pager duty service key.");
        Err(failed(ctx, "IllegalStateException", &reason))
    }

    fn request(&self, ctx: &Ctx, service: &PagerDuty, key: &str, message: &str) -> Request {
        let user = ctx.message().user.as_str();
        let details = ctx.input().get("details").and_then(Value::as_object);
        let mut details = details.cloned().unwrap_or_default();
        if details.get("from").is_none_or(Value::is_null) {
            details.insert("from".to_owned(), json!(user));
        }
        let description: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
        let event = json!({
            "event_type": "trigger",
            "client": format!("Spinnaker ({user})"),
            "service_key": key,
            "incident_key": ctx.effect_id(),
            "description": description,
            "details": details,
        });
        let url = below(&service.endpoint, "generic/2010-04-15/create_event.json");
        Request::post(url, "application/json", event.to_string())
    }
}

impl Task for PageOwner {
    fn kind(&self) -> &'static str {
        "pageApplicationOwner"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.page(ctx))
    }
}

/// What PagerDuty has against an event.
fn problem(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let of = |key: &str| body.as_ref().and_then(|body| body.get(key));
    if answer.is_success() && of("status").and_then(Value::as_str) == Some("success") {
        return None;
    }
    let errors = of("errors").and_then(Value::as_array);
    let errors: Vec<&str> = errors
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let message = of("message").and_then(Value::as_str).map(str::to_owned);
    Some(match errors.is_empty() {
        false => errors.join(", "),
        true => message.unwrap_or_else(|| answer.shown()),
    })
}

/// The last characters of a key: with the whole of it anybody could page.
fn shown(key: &str) -> String {
    let length = key.chars().count();
    let last: String = key.chars().skip(length.saturating_sub(4)).collect();
    format!("…{last}")
}

fn texts(input: &Map, field: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("'{field}' must be a list of texts");
    match input.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}
