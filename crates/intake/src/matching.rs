//! Which pipelines an event starts: the event against every enabled trigger, one verdict each, without IO.
//!
//! A verdict says either what the execution's trigger will be, or the first condition that failed with the values that
//! were compared, so that "why did it not fire" has an answer.
//!
//! Source: echo `WebhookEventHandler`, `BaseTriggerEventHandler`, `ArtifactMatcher`.

mod path;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gennaker_expressions::JavaPattern;
use gennaker_model::Map;
use gennaker_stages::{
    artifacts::{Artifact, Matcher},
    java,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of [`Header`].
pub const VERSION: u8 = 1;

/// Steps that a pattern may take on one value before it counts as not matching.
const STEPS_MAX: usize = 1_000_000;

/// Longest excerpt of a value in a verdict, in characters.
const EXCERPT_CHARS_MAX: usize = 80;

/// Values that one JSON path may yield; more are not looked at.
const PATH_VALUES_MAX: usize = 10_000;

/// What is stored in front of the body of an event: one line of JSON, a line break, the raw bytes of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Header {
    /// [`VERSION`].
    pub v: u8,
    /// Its id; the same for a repeated delivery of one event.
    pub id: String,
    /// The `{type}` of the webhook's address.
    pub kind: String,
    /// The `{source}` of the webhook's address.
    pub source: String,
    /// When it first came in, epoch milliseconds; a repeated delivery keeps it.
    pub at_ms: i64,
    /// Headers that some triggers look at, names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// An event as it is matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What is known of it besides its body.
    pub header: Header,
    /// The body; empty when there was none.
    pub payload: Map,
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

/// What became of one trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It fires; this is the trigger of the execution.
    Fires(Box<Map>),
    /// It does not, for this reason.
    Passes(String),
}

/// Stored form of an event.
#[must_use]
pub fn encode(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut stored = serde_json::to_vec(header).expect("a header always serialises");
    stored.push(b'\n');
    stored.extend_from_slice(body);
    stored
}

/// Reads what [`encode`] wrote; artifacts are those of the body's `artifacts` list.
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
    let artifacts = match payload.get("artifacts") {
        Some(Value::Array(items)) => items
            .iter()
            .filter(|item| item.is_object())
            .cloned()
            .collect(),
        Some(_) | None => Vec::new(),
    };
    Ok(Event {
        header,
        payload,
        artifacts,
    })
}

/// Whether a pipeline has a trigger that an event of any kind could fire.
#[must_use]
pub fn has_webhook_trigger(config: &Map) -> bool {
    triggers_of(config).any(|(_, trigger)| text(trigger, "type").is_some_and(is_webhook))
}

/// The verdicts on all triggers of `config` that are of the event's kind, with their place in the list.
#[must_use]
pub fn consider(event: &Event, config: &Map) -> Vec<(usize, Verdict)> {
    triggers_of(config)
        .filter(|(_, trigger)| {
            text(trigger, "type").is_some_and(|kind| {
                is_webhook(kind) && kind.eq_ignore_ascii_case(&event.header.kind)
            })
        })
        .map(|(place, trigger)| (place, judge(event, config, trigger)))
        .collect()
}

fn judge(event: &Event, config: &Map, trigger: &Map) -> Verdict {
    let checks = [
        pipeline_enabled(config),
        trigger_enabled(trigger),
        source_equal(event, trigger),
        payload_fits(event, trigger),
        artifacts_fit(event, config, trigger),
    ];
    match checks.into_iter().find_map(Result::err) {
        Some(reason) => Verdict::Passes(reason),
        None => Verdict::Fires(Box::new(execution_trigger(event, trigger))),
    }
}

type Check = Result<(), String>;

fn pipeline_enabled(config: &Map) -> Check {
    if config.get("disabled").is_some_and(is_true) {
        return Err("the pipeline is disabled".to_owned());
    }
    Ok(())
}

/// Source: a trigger whose `enabled` is missing never fires.
fn trigger_enabled(trigger: &Map) -> Check {
    if trigger.get("enabled").is_some_and(is_true) {
        Ok(())
    } else {
        Err("the trigger is not enabled".to_owned())
    }
}

fn source_equal(event: &Event, trigger: &Map) -> Check {
    let source = &event.header.source;
    match text(trigger, "source") {
        Some(wanted) if wanted == source => Ok(()),
        Some(wanted) => Err(format!(
            "the source is {source:?}, the trigger wants {wanted:?}"
        )),
        None => Err("the trigger names no source".to_owned()),
    }
}

fn payload_fits(event: &Event, trigger: &Map) -> Check {
    let Some(Value::Object(constraints)) = trigger.get("payloadConstraints") else {
        return Ok(());
    };
    constraints
        .iter()
        .try_for_each(|(key, pattern)| constraint_fits(&event.payload, key, pattern))
}

/// A key of the body itself, or else a JSON path. A null pattern asks only that a plain key exists.
fn constraint_fits(payload: &Map, key: &str, pattern: &Value) -> Check {
    match payload.get(key) {
        Some(Value::Null) | None => {}
        Some(_) if pattern.is_null() => return Ok(()),
        Some(value) => {
            let found = java::text_of(value);
            return if find(pattern, &found)? {
                Ok(())
            } else {
                Err(differs(key, pattern, &[&found]))
            };
        }
    }
    let values = path::read(payload, key).map_err(|problem| {
        format!("payload key {key:?} is missing, and as a JSON path it cannot be read: {problem}")
    })?;
    if values.is_empty() {
        return Err(format!("payload key {key:?} is missing"));
    }
    let found: Vec<&str> = texts_of(&values);
    if found.is_empty() {
        return Err(format!(
            "the value at {key:?} is neither a string nor a list of strings"
        ));
    }
    if pattern.is_null() {
        return Err(format!(
            "payload key {key:?} is missing (a null constraint wants a plain key)"
        ));
    }
    for value in &found {
        if find(pattern, value)? {
            return Ok(());
        }
    }
    Err(differs(key, pattern, &found))
}

/// The strings that a path yielded; a single list of strings counts as its elements.
fn texts_of<'a>(values: &[&'a Value]) -> Vec<&'a str> {
    let mut texts = Vec::new();
    for value in values {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(items) => texts.extend(items.iter().filter_map(Value::as_str)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }
    texts
}

/// Java's `Matcher.find`: anywhere in the text. A pattern that cannot be compiled never matches, and says so.
fn find(pattern: &Value, value: &str) -> Result<bool, String> {
    let pattern = java::text_of(pattern);
    let compiled = JavaPattern::compile(&pattern).map_err(|problem| {
        format!("the regular expression {pattern:?} cannot be read: {problem}")
    })?;
    compiled.is_in(value, STEPS_MAX).map_err(|_| {
        format!(
            "the regular expression {pattern:?} took too many steps on {:?}",
            excerpt(value)
        )
    })
}

fn differs(key: &str, pattern: &Value, found: &[&str]) -> String {
    let found: Vec<String> = found
        .iter()
        .take(3)
        .map(|value| format!("{:?}", excerpt(value)))
        .collect();
    format!(
        "payload {key:?} is {}, which {:?} does not match",
        found.join(", "),
        java::text_of(pattern)
    )
}

/// With `expectedArtifactIds`, at least one artifact must match at least one of the named expected artifacts.
fn artifacts_fit(event: &Event, config: &Map, trigger: &Map) -> Check {
    let Some(Value::Array(ids)) = trigger.get("expectedArtifactIds") else {
        return Ok(());
    };
    let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let expected = match config.get("expectedArtifacts") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    let artifacts: Vec<Artifact> = event
        .artifacts
        .iter()
        .filter_map(|artifact| Artifact::read(artifact, "artifacts").ok())
        .collect();
    let wanted: Vec<Artifact> = expected
        .iter()
        .filter(|item| {
            item.get("id")
                .and_then(Value::as_str)
                .is_some_and(|id| ids.contains(&id))
        })
        .filter_map(|item| Artifact::read(item.get("matchArtifact")?, "matchArtifact").ok())
        .collect();
    // A pattern that cannot be compared matches nothing.
    let fits = |wanted: &Artifact| {
        let matcher = Matcher::of(wanted);
        artifacts
            .iter()
            .any(|artifact| matcher.matches(artifact).unwrap_or(false))
    };
    if wanted.iter().any(fits) {
        return Ok(());
    }
    Err(format!(
        "none of the {} artifacts of the event matches an expected artifact ({})",
        event.artifacts.len(),
        ids.join(", ")
    ))
}

/// The trigger's own keys, and what the event adds.
///
/// Source: echo `WebhookEventHandler.buildTrigger`. Echo replaces the trigger's fixed `parameters` by those of the body;
/// here the body's ones win key by key, so that fixed ones are not lost.
fn execution_trigger(event: &Event, trigger: &Map) -> Map {
    let mut fired = trigger.clone();
    let mut parameters = match trigger.get("parameters") {
        Some(Value::Object(fixed)) => fixed.clone(),
        Some(_) | None => Map::new(),
    };
    if let Some(Value::Object(sent)) = event.payload.get("parameters") {
        parameters.extend(sent.clone());
    }
    let user = text(trigger, "runAsUser")
        .filter(|user| !user.is_empty())
        .unwrap_or("anonymous")
        .to_owned();
    fired.insert("user".to_owned(), user.into());
    fired.insert("parameters".to_owned(), parameters.into());
    fired.insert("payload".to_owned(), event.payload.clone().into());
    fired.insert("artifacts".to_owned(), event.artifacts.clone().into());
    fired.insert("eventId".to_owned(), event.header.id.clone().into());
    fired
}

fn triggers_of(config: &Map) -> impl Iterator<Item = (usize, &Map)> {
    let list = match config.get("triggers") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    list.iter()
        .enumerate()
        .filter_map(|(place, trigger)| Some((place, trigger.as_object()?)))
}

pub(crate) fn is_webhook(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("webhook")
}

fn text<'a>(map: &'a Map, field: &str) -> Option<&'a str> {
    map.get(field).and_then(Value::as_str)
}

/// Jackson reads the quoted word as the boolean.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn excerpt(value: &str) -> String {
    if value.chars().count() <= EXCERPT_CHARS_MAX {
        return value.to_owned();
    }
    let start: String = value.chars().take(EXCERPT_CHARS_MAX).collect();
    format!("{start}…")
}
