//! Which pipelines an event starts: the event against every enabled trigger, one verdict each, without IO.
//!
//! A verdict says either what the execution's trigger will be, or the first condition that failed with the values that
//! were compared, so that "why did it not fire" has an answer. Each type of trigger is a file: which events concern it, what it
//! asks of them, and what it adds to the execution's trigger.
//!
//! Source: echo `BaseTriggerEventHandler`, `ArtifactMatcher`, and the handler of each type.

mod artifactory;
mod build;
mod cdevents;
mod constraints;
mod cron;
mod docker;
pub mod dry_run;
pub mod ended;
mod git;
mod helm;
mod index;
mod nexus;
mod path;
mod plugin;
mod pubsub;
mod quiet;
mod record;
mod s3;
mod semver;
mod stored;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod types;
#[cfg(test)]
mod unfired;
mod webhook;

use gennaker_model::Map;
use gennaker_stages::artifacts::{Artifact, Matcher};
use serde_json::Value;

pub use build::{BUILD, BUILD_TYPES, Built, Told, built, property_files};
pub use cdevents::{CDEVENTS, is_complete as is_cdevent};
pub use cron::{CRON, Scheduled, firing, schedules};
pub use git::{Push, SOURCES, Scm, compare_shared_secret, token_digest};
pub use index::{Considered, Found, Index};
pub use pubsub::{Message, PUBSUB, message};
pub use quiet::QuietPeriod;
pub use record::{Judged, Outcome, Record};
pub use stored::{Event, Header, Origin, Unreadable, VERSION, decode, encode};
use types::{TYPES, Type};

/// Longest excerpt of a value in a verdict, in characters.
const EXCERPT_CHARS_MAX: usize = 80;

/// Values that one JSON path may yield; more are not looked at.
const PATH_VALUES_MAX: usize = 10_000;

/// What became of one trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It fires; this is the trigger of the execution.
    Fires(Box<Map>),
    /// It does not, for this reason.
    Passes(String),
}

type Check = Result<(), String>;

/// Whether triggers of this type fire.
#[must_use]
pub fn is_known(kind: &str) -> bool {
    TYPES.iter().any(|it| it.name.eq_ignore_ascii_case(kind))
}

/// Whether a pipeline has a trigger that an event could fire.
#[must_use]
pub fn has_trigger(config: &Map) -> bool {
    triggers_of(config).any(|(_, trigger)| type_of(trigger).is_some())
}

/// Why an event fires nothing whatever the triggers say; `None` if it may.
#[must_use]
pub fn passed_over(event: &Event) -> Option<&str> {
    match &event.scm {
        Some(Scm::Ignored(reason) | Scm::Unreadable(reason)) => Some(reason),
        Some(Scm::Push(_)) | None => None,
    }
}

/// The verdicts on all triggers of `config` that are of the event's kind, with their place in the list.
#[must_use]
pub fn consider(event: &Event, config: &Map) -> Vec<(usize, Verdict)> {
    triggers_of(config)
        .filter_map(|(place, trigger)| {
            let kind = type_of(trigger).filter(|kind| kind.concerns(event, config))?;
            Some((place, judge(event, config, place, trigger, kind)))
        })
        .collect()
}

/// Whether somebody who asks why an event did not fire a trigger would ask it of this one: the two name the same source,
/// repository, subscription.
#[must_use]
pub fn is_near(event: &Event, config: &Map, place: usize) -> bool {
    let trigger = triggers_of(config).find(|(at, _)| *at == place);
    trigger.is_some_and(|(_, trigger)| {
        type_of(trigger).is_some_and(|kind| index::names_same(event, config, trigger, kind))
    })
}

fn type_of(trigger: &Map) -> Option<&'static Type> {
    let name = text(trigger, "type")?;
    TYPES
        .iter()
        .find(|kind| kind.name.eq_ignore_ascii_case(name))
}

fn judge(event: &Event, config: &Map, place: usize, trigger: &Map, kind: &Type) -> Verdict {
    let checked = pipeline_enabled(config)
        .and_then(|()| trigger_enabled(trigger))
        .and_then(|()| kind.check(event, place, trigger))
        .and_then(|()| artifacts_fit(event, config, trigger));
    match checked {
        Err(reason) => Verdict::Passes(reason),
        Ok(()) => Verdict::Fires(Box::new(execution_trigger(event, config, trigger, kind))),
    }
}

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

/// With `expectedArtifactIds`, at least one artifact must match at least one of the named expected artifacts.
fn artifacts_fit(event: &Event, config: &Map, trigger: &Map) -> Check {
    // Of a parent whose artifacts do not fit the start fails, so that people see it (orca `DependentPipelineStarter`).
    if event.header.kind == ended::PIPELINE {
        return Ok(());
    }
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
    let received = received(event, trigger);
    let artifacts: Vec<Artifact> = received
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
        received.len(),
        ids.join(", ")
    ))
}

/// The trigger's own keys, and what the event adds. Its secret stays where it is: executions are shown around.
fn execution_trigger(event: &Event, config: &Map, trigger: &Map, kind: &Type) -> Map {
    let mut fired = trigger.clone();
    fired.shift_remove("secret");
    if !fired.get("parameters").is_some_and(Value::is_object) {
        fired.insert("parameters".to_owned(), Map::new().into());
    }
    let user = text(trigger, "runAsUser")
        .filter(|user| !user.is_empty())
        .unwrap_or("anonymous")
        .to_owned();
    fired.insert("user".to_owned(), user.into());
    kind.complete(event, config, &mut fired);
    let received = received(event, trigger);
    fired.insert("artifacts".to_owned(), received.into());
    fired.insert("eventId".to_owned(), event.header.id.clone().into());
    fired
}

/// The artifacts of an event, and those that the trigger finds in it.
fn received(event: &Event, trigger: &Map) -> Vec<Value> {
    let found = match event.header.kind.eq_ignore_ascii_case("nexus") {
        true => nexus::artifact(&event.payload).into_iter().collect(),
        false => build::artifacts(event, trigger),
    };
    event.artifacts.iter().cloned().chain(found).collect()
}

/// Whether we saw it ourselves; nobody outside can claim it.
fn is_polled(event: &Event, kind: &str) -> bool {
    event.header.origin == Origin::Inside && event.header.kind == kind
}

/// Whether a field of the trigger is exactly what was found; both have names for people.
fn equal(what: &str, found: Option<&str>, trigger: &Map, field: &str) -> Check {
    let found = found.unwrap_or_default();
    match text(trigger, field).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) if wanted == found => Ok(()),
        Some(wanted) => Err(format!(
            "the {what} is {found:?}, the trigger wants {wanted:?}"
        )),
        None => Err(format!("the trigger names no {field}")),
    }
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
