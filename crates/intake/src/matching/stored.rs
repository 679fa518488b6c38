//! Events as they are stored: a line of JSON, then the bytes that came in.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    build::Told,
    cdevents,
    git::{self, Scm},
};

/// Version of [`Header`].
pub const VERSION: u8 = 2;

/// What is stored in front of the body of an event: one line of JSON, a line break, the raw bytes of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Header {
    /// [`VERSION`].
    pub v: u8,
    /// Its id; the same for a repeated delivery of one event.
    pub id: String,
    /// What kind of event it is: the `{type}` of the webhook's address, `cron`, `pubsub`.
    pub kind: String,
    /// Where it comes from: the `{source}` of the webhook's address, the id of the pipeline whose schedule it is, or the name of the
    /// subscription.
    pub source: String,
    /// When it first came in, epoch milliseconds; a repeated delivery keeps it.
    pub at_ms: i64,
    /// Headers that some triggers look at, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Who says that it happened.
    #[serde(default)]
    pub origin: Origin,
}

/// Who says that something happened. What happens inside cannot be claimed from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Whoever can call a webhook.
    #[default]
    Outside,
    /// Gennaker: its clock, what it polls, its executions.
    Inside,
}

/// An event as it is matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What is known of it besides its body.
    pub header: Header,
    /// The body; empty when there was none.
    pub payload: Map,
    /// The bytes of the body as they came: what a signature is about.
    pub body: Vec<u8>,
    /// What a source code system said in it, for events of the kind `git`.
    pub scm: Option<Scm>,
    /// What the secret that all triggers of the type `git` share says to its signature; `None` where there is no such secret.
    /// See [`super::compare_shared_secret`].
    pub shared_secret: Option<Result<(), String>>,
    /// What else is known of a build, for events of the kind `build`; whoever matches it asks for that before.
    pub told: Told,
    /// Artifacts that came with it or were found in it.
    pub artifacts: Vec<Value>,
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is no line break after the header.
    #[error("the event has no header line")]
    NoHeader,
    /// The header is not one of ours.
    #[error("the header of the event cannot be read")]
    Header(#[source] serde_json::Error),
    /// The header is of a later version.
    #[error("the event has version {0}, which is newer than this program")]
    Version(u8),
    /// The body is no JSON object.
    #[error("the body of the event is no JSON object")]
    Body(#[source] serde_json::Error),
}

/// Stored form of an event.
#[must_use]
pub fn encode(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut stored = serde_json::to_vec(header).expect("a header always serialises");
    stored.push(b'\n');
    stored.extend_from_slice(body);
    stored
}

/// Reads what [`encode`] wrote; artifacts are those of the body's `artifacts` list (of a CDEvent: of its `customData`).
///
/// # Errors
/// [`Unreadable`]: reading it again will not help.
pub fn decode(stored: &[u8]) -> Result<Event, Unreadable> {
    let line = stored
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(Unreadable::NoHeader)?;
    let header: Header = serde_json::from_slice(&stored[..line]).map_err(Unreadable::Header)?;
    if header.v > VERSION {
        return Err(Unreadable::Version(header.v));
    }
    let body = stored[line + 1..].trim_ascii();
    let payload: Map = if body.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(body).map_err(Unreadable::Body)?
    };
    let sent = match cdevents::is_cdevent(&header) {
        true => cdevents::custom(&payload, "artifacts"),
        false => payload.get("artifacts"),
    };
    let artifacts = match sent {
        Some(Value::Array(items)) => items
            .iter()
            .filter(|item| item.is_object())
            .cloned()
            .collect(),
        Some(_) | None => Vec::new(),
    };
    let scm = git::is_git(&header).then(|| git::read(&header, &payload));
    Ok(Event {
        body: stored[line + 1..].to_vec(),
        header,
        payload,
        scm,
        shared_secret: None,
        told: Told::new(),
        artifacts,
    })
}
