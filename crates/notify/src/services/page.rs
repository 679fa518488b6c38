//! `pageApplicationOwner`: tells whoever is on call. Source: orca `PageApplicationOwnerTask`, echo `PagerDutyNotificationService`
//! (reference 6.7).
//!
//! PagerDuty takes two events with the same `incident_key` for one incident; ours is the identity of the effect, so that a page may be
//! sent again whenever its answer was lost. Orca sends none, and does not repeat.

use std::time::Duration;

use gennaker_channels::{
    Problem,
    line::Line,
    pager_duty::{Page, PagerDuty},
};
use gennaker_model::{Map, shown_key, work::TaskMessage};
use gennaker_outbound::Client;
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::call::{ended, failed, not_set};
use crate::{limits::CALL_MS_MAX, notifications::TaskPermit};

/// Orca's back-off.
const AGAIN: Duration = Duration::from_secs(15);

/// Most keys that one stage pages.
const KEYS_MAX: usize = 100;

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
        let page = page(ctx, message);
        let permit = TaskPermit(ctx);
        let line = Line::new(&self.client, &permit);
        let incident = ctx.effect_id().unwrap_or_default();
        let mut problems = Vec::new();
        for key in &keys {
            match service.page(key, &page, incident, &line).await {
                Ok(_) => {}
                Err(Problem::Refused(reason)) => {
                    problems.push(format!("{}: {reason}", shown_key(key)))
                }
                Err(problem) => return Err(ended(ctx, problem, "PagerDutyException", AGAIN)),
            }
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
}

/// What whoever is on call is told; who asked for it stands in the details, unless something else does.
fn page(ctx: &Ctx, message: &str) -> Page {
    let user = ctx.message().user.as_str();
    let details = ctx.input().get("details").and_then(Value::as_object);
    let mut details = details.cloned().unwrap_or_default();
    if details.get("from").is_none_or(Value::is_null) {
        details.insert("from".to_owned(), json!(user));
    }
    Page {
        user: user.to_owned(),
        description: message.to_owned(),
        details,
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
