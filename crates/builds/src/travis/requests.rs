//! Starting and stopping: requests and what becomes of them.

use gennaker_outbound::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Travis,
    job::Job,
    model::{Commit, TravisBuild},
    new,
};
use crate::{
    Error, Queued, Start, Started, Stop,
    rest::{Intent, since_ms},
};

/// Requests that are looked through for one of ours.
const REQUESTS: &str = "100";

#[derive(Deserialize)]
struct Triggered {
    request: Id,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct Requests {
    #[serde(default)]
    requests: Vec<Made>,
}

/// A request.
#[derive(Deserialize)]
struct Made {
    id: u64,
    state: Option<String>,
    result: Option<String>,
    event_type: Option<String>,
    created_at: Option<String>,
    commit: Option<Commit>,
    #[serde(default)]
    builds: Vec<TravisBuild>,
}

impl Travis {
    pub(super) async fn request_build(&self, start: &Start) -> Result<Started, Error> {
        let job = Job::parse(&start.job)?;
        let (message, env): (Vec<_>, Vec<_>) = start
            .parameters
            .iter()
            .partition(|(name, _)| *name == self.options.message_key);
        let mut text = "Triggered from Spinnaker".to_owned();
        if let Some((_, message)) = message.first() {
            text.push_str(": ");
            text.push_str(message);
        }
        text.push_str(&mark(&start.token));
        let mut config = json!({"merge_mode": "deep_merge"});
        if !env.is_empty() {
            let pairs: Vec<String> = env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            config["env"] = json!({"matrix": pairs.join(" ")});
        }
        let body = json!({"request": {"branch": job.branch(), "message": text, "config": config}});
        let url = self.rest.url(&["repo", &job.slug, "requests"], &[])?;
        let request = new(Request::post(url, "application/json", body.to_string()));
        let made: Triggered = self.call(request, Intent::Changes).await?;
        Ok(Started::Queued(made.request.id.to_string()))
    }

    pub(super) async fn find_request(&self, start: &Start) -> Result<Option<Started>, Error> {
        let job = Job::parse(&start.job)?;
        let query = [("limit", REQUESTS)];
        let listed: Requests = self.get(&["repo", &job.slug, "requests"], &query).await?;
        let mark = mark(&start.token);
        let since_ms = since_ms(start.before.as_deref());
        let is_older = |made: &Made| {
            let created = made.created_at.as_deref()?.parse::<Timestamp>().ok()?;
            Some(created.as_millisecond() < since_ms)
        };
        let mut is_uncertain = false;
        for made in &listed.requests {
            let message = made
                .commit
                .as_ref()
                .and_then(|commit| commit.message.as_deref());
            match message {
                Some(message) if message.contains(&mark) => {
                    return Ok(Some(Started::Queued(made.id.to_string())));
                }
                Some(_) => {}
                // The message comes with the commit, which a request has once Travis has looked at it.
                None => {
                    let is_ours = made.event_type.as_deref().is_none_or(|kind| kind == "api");
                    let is_new = is_older(made) != Some(true);
                    is_uncertain |= is_ours && is_new && made.result.as_deref() != Some("rejected");
                }
            }
        }
        match is_uncertain {
            false => Ok(None),
            true => Err(Error::Unavailable {
                status: None,
                sentence: "Travis has a request of which it does not know yet what it is for"
                    .to_owned(),
                may_have_happened: false,
            }),
        }
    }

    pub(super) async fn look_at_request(&self, job: &str, item: &str) -> Result<Queued, Error> {
        let job = Job::parse(job)?;
        let made = self.made(&job, item).await?;
        if let Some(build) = made.builds.first() {
            return Ok(Queued::Number(build.number));
        }
        if made.result.as_deref() == Some("rejected") {
            return Ok(Queued::Cancelled);
        }
        Ok(Queued::Waiting(made.state))
    }

    pub(super) async fn cancel(&self, stop: &Stop) -> Result<(), Error> {
        let job = Job::parse(&stop.job)?;
        let id = match (stop.number, &stop.item) {
            (Some(number), _) => self.by_number(&job, number).await?.id,
            (None, Some(item)) => {
                let made = self.made(&job, item).await?;
                match made.builds.first() {
                    Some(build) => build.id,
                    None if made.result.as_deref() == Some("rejected") => return Ok(()),
                    None => {
                        return Err(Error::Unavailable {
                            status: None,
                            sentence: "Travis has made no build of the request yet, and a request cannot be stopped".to_owned(),
                            may_have_happened: false,
                        });
                    }
                }
            }
            (None, None) => return Ok(()),
        };
        let url = self.rest.url(&["build", &id.to_string(), "cancel"], &[])?;
        let request = new(Request::post(url, "application/json", "{}"));
        match self.call::<Value>(request, Intent::Changes).await {
            // 409: it is over.
            Ok(_) | Err(Error::Refused { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn made(&self, job: &Job<'_>, item: &str) -> Result<Made, Error> {
        if item.is_empty() || !item.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid(format!("{item:?} is no request of Travis")));
        }
        self.get(&["repo", &job.slug, "request", item], &[]).await
    }
}

/// How a message ends that carries a token.
fn mark(token: &str) -> String {
    format!(" [{token}]")
}
