//! Which pipelines an event starts: the event against every enabled trigger, one verdict each, without IO.
//!
//! A verdict says either what the execution's trigger will be, or the first condition that failed with the values that
//! were compared, so that "why did it not fire" has an answer.
//!
//! Source: echo `WebhookEventHandler`, `BaseTriggerEventHandler`, kork `ExpectedArtifact`.

use std::collections::BTreeMap;

use fancy_regex::{Regex, RegexBuilder};
use gennaker_model::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of [`Header`].
pub const VERSION: u8 = 1;

/// Steps a backtracking regular expression may take on one value before it counts as not matching.
const BACKTRACK_LIMIT: usize = 100_000;

/// Largest compiled regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

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
            let found = java_text(value);
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
    let pattern = java_text(pattern);
    let regex = compile(&pattern)?;
    regex.is_match(value).map_err(|_| {
        format!(
            "the regular expression {pattern:?} took too many steps on {:?}",
            excerpt(value)
        )
    })
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| format!("the regular expression {pattern:?} cannot be read: {error}"))
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
        java_text(pattern)
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
    let mut wanted = expected
        .iter()
        .filter(|item| {
            item.get("id")
                .and_then(Value::as_str)
                .is_some_and(|id| ids.contains(&id))
        })
        .filter_map(|item| item.get("matchArtifact")?.as_object());
    if wanted.any(|wanted| {
        event
            .artifacts
            .iter()
            .any(|artifact| artifact_matches(wanted, artifact))
    }) {
        return Ok(());
    }
    Err(format!(
        "none of the {} artifacts of the event matches an expected artifact ({})",
        event.artifacts.len(),
        ids.join(", ")
    ))
}

/// Source: kork `ExpectedArtifact.matches`.
fn artifact_matches(wanted: &Map, artifact: &Value) -> bool {
    ["type", "name", "version", "location", "reference"]
        .into_iter()
        .all(|field| {
            let Some(wanted) = text(wanted, field).filter(|wanted| !wanted.is_empty()) else {
                return true;
            };
            let Some(found) = artifact.get(field).and_then(Value::as_str) else {
                return false;
            };
            let embedded = ["embedded/base64", "remote/base64"];
            found == wanted
                || (field == "type" && embedded.contains(&found) && embedded.contains(&wanted))
                || compile(&format!("^(?:{wanted})$"))
                    .is_ok_and(|regex| regex.is_match(found).unwrap_or(false))
        })
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

fn is_webhook(kind: &str) -> bool {
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

/// What Java's `toString` shows of a JSON value: `{a=1, b=2}` for an object, `[1, 2]` for a list.
fn java_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => java_double(float),
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(java_text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}={}", java_text(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn java_double(float: f64) -> String {
    let size = float.abs();
    if float == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{float:?}");
    }
    let text = format!("{float:E}");
    match text.split_once('E') {
        Some((digits, power)) if !digits.contains('.') => format!("{digits}.0E{power}"),
        Some(_) | None => text,
    }
}

fn excerpt(value: &str) -> String {
    if value.chars().count() <= EXCERPT_CHARS_MAX {
        return value.to_owned();
    }
    let start: String = value.chars().take(EXCERPT_CHARS_MAX).collect();
    format!("{start}…")
}

/// The part of JSON path that constraints use: `$.a.b`, `$['a']`, `$.list[0]`, `$.list[-1]`, `[*]`, `.*`, `..name`.
mod path {
    use gennaker_model::Map;
    use serde_json::Value;

    use super::PATH_VALUES_MAX;

    enum Step {
        Key(String),
        Index(i64),
        Each,
        Deep(String),
    }

    /// The values at a path; a path without `$` starts at the root, as Jayway's reader takes it.
    pub(super) fn read<'a>(root: &'a Map, path: &str) -> Result<Vec<&'a Value>, String> {
        let mut steps = parse(path)?.into_iter();
        let mut found: Vec<&Value> = match steps.next() {
            Some(Step::Key(key)) => root.get(&key).into_iter().collect(),
            Some(Step::Each) => root.values().collect(),
            Some(Step::Deep(key)) => {
                let mut found: Vec<&Value> = root.get(&key).into_iter().collect();
                root.values()
                    .for_each(|value| deep(value, &key, &mut found));
                found
            }
            Some(Step::Index(_)) => Vec::new(),
            None => return Err("it names nothing".to_owned()),
        };
        for step in steps {
            let mut next = Vec::new();
            for value in found {
                take(value, &step, &mut next);
            }
            next.truncate(PATH_VALUES_MAX);
            found = next;
        }
        Ok(found)
    }

    fn take<'a>(value: &'a Value, step: &Step, next: &mut Vec<&'a Value>) {
        match (step, value) {
            (Step::Key(key), Value::Object(map)) => next.extend(map.get(key)),
            (Step::Each, Value::Object(map)) => next.extend(map.values()),
            (Step::Each, Value::Array(items)) => next.extend(items),
            (Step::Index(index), Value::Array(items)) => {
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let place = if *index < 0 { length + index } else { *index };
                next.extend(
                    usize::try_from(place)
                        .ok()
                        .and_then(|place| items.get(place)),
                );
            }
            (Step::Deep(key), value) => deep(value, key, next),
            (Step::Key(_) | Step::Each | Step::Index(_), _) => {}
        }
    }

    fn deep<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if found.len() >= PATH_VALUES_MAX {
                return;
            }
            match value {
                Value::Object(map) => {
                    found.extend(map.get(key));
                    open.extend(map.values().rev());
                }
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    fn parse(path: &str) -> Result<Vec<Step>, String> {
        let rooted = path.strip_prefix('$');
        let mut rest = rooted.unwrap_or(path);
        let mut steps = Vec::new();
        if rooted.is_none() {
            rest = name(rest, &mut steps, Step::Key)?;
        }
        while !rest.is_empty() {
            rest = if let Some(after) = rest.strip_prefix("..") {
                name(after, &mut steps, Step::Deep)?
            } else if let Some(after) = rest.strip_prefix(".*") {
                steps.push(Step::Each);
                after
            } else if let Some(after) = rest.strip_prefix('.') {
                name(after, &mut steps, Step::Key)?
            } else if let Some(after) = rest.strip_prefix('[') {
                bracket(after, &mut steps)?
            } else {
                return Err(format!("unexpected {rest:?}"));
            };
        }
        Ok(steps)
    }

    fn name<'a>(
        rest: &'a str,
        steps: &mut Vec<Step>,
        step: fn(String) -> Step,
    ) -> Result<&'a str, String> {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() || name.contains(['(', ')', '?', '@', '*']) {
            return Err(format!("{name:?} is no name"));
        }
        steps.push(step(name.to_owned()));
        Ok(after)
    }

    fn bracket<'a>(rest: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
        for quote in ['\'', '"'] {
            if let Some(quoted) = rest.strip_prefix(quote) {
                let end = format!("{quote}]");
                let (name, after) = quoted
                    .split_once(end.as_str())
                    .ok_or_else(|| format!("{end} is missing"))?;
                steps.push(Step::Key(name.to_owned()));
                return Ok(after);
            }
        }
        let (inside, after) = rest.split_once(']').ok_or("] is missing")?;
        match inside.trim() {
            "*" => steps.push(Step::Each),
            number => {
                let index = number
                    .parse()
                    .map_err(|_| format!("[{inside}] is not supported"))?;
                steps.push(Step::Index(index));
            }
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(payload: Value) -> Event {
        let header = Header {
            v: VERSION,
            id: "event-1".to_owned(),
            kind: "webhook".to_owned(),
            source: "hook".to_owned(),
            at_ms: 1,
            headers: BTreeMap::new(),
        };
        decode(&encode(&header, payload.to_string().as_bytes())).unwrap()
    }

    fn verdict(payload: Value, trigger: Value) -> Verdict {
        let mut trigger = trigger;
        let all = trigger.as_object_mut().unwrap();
        for (key, value) in [
            ("type", json!("webhook")),
            ("enabled", json!(true)),
            ("source", json!("hook")),
        ] {
            if !all.contains_key(key) {
                all.insert(key.to_owned(), value);
            }
        }
        let config = json!({"triggers": [trigger], "expectedArtifacts": [
            {"id": "image", "matchArtifact": {"type": "docker/image", "name": "acme/.*", "version": ""}}
        ]});
        let mut verdicts = consider(&event(payload), config.as_object().unwrap());
        assert_eq!(verdicts.len(), 1);
        verdicts.remove(0).1
    }

    fn reason(payload: Value, trigger: Value) -> Option<String> {
        match verdict(payload, trigger) {
            Verdict::Fires(_) => None,
            Verdict::Passes(reason) => Some(reason),
        }
    }

    #[test]
    fn constraints_follow_echo() {
        let payload = json!({
            "environment": "prod-eu", "number": 7, "float": 1.5, "large": 1e10, "flag": true, "nothing": null,
            "object": {"a": 1, "b": "x"}, "list": ["a", "b"], "repo.name": "dotted",
            "repo": {"name": "web", "size": 3, "tags": ["v1", "v2"]},
            "items": [{"name": "one"}, {"name": "two"}]
        });
        for (key, pattern, fires) in [
            ("environment", json!("prod"), true),
            ("environment", json!("^prod$"), false),
            ("environment", json!("(?i)PROD"), true),
            ("environment", json!("^(?!dev).*"), true),
            ("environment", json!("^(?!prod).*"), false),
            ("environment", json!("("), false),
            ("environment", json!(null), true),
            ("number", json!("^7$"), true),
            ("number", json!(7), true),
            ("float", json!("^1\\.5$"), true),
            ("large", json!("^1\\.0E10$"), true),
            ("flag", json!("true"), true),
            ("nothing", json!(".*"), false),
            ("nothing", json!(null), false),
            ("absent", json!(".*"), false),
            ("absent", json!(null), false),
            ("object", json!("^\\{a=1, b=x\\}$"), true),
            ("list", json!("^\\[a, b\\]$"), true),
            ("repo.name", json!("dotted"), true),
            ("$.repo.name", json!("^web$"), true),
            ("$.repo.name", json!("^api$"), false),
            ("$.repo.name", json!(null), false),
            ("$['repo']['name']", json!("web"), true),
            ("$['repo.name']", json!("dotted"), true),
            ("$.repo.size", json!("3"), false),
            ("$.repo.tags", json!("^v2$"), true),
            ("$.repo.tags[*]", json!("^v2$"), true),
            ("$.repo.tags[0]", json!("^v2$"), false),
            ("$.repo.tags[-1]", json!("^v2$"), true),
            ("$.items[*].name", json!("^two$"), true),
            ("$.items[7].name", json!("."), false),
            ("$..name", json!("^one$"), true),
            ("repo.tags[0]", json!("v1"), true),
            ("$.items[?(@.name=='one')].name", json!("one"), false),
            ("$", json!("."), false),
            ("", json!("."), false),
        ] {
            let trigger = json!({"payloadConstraints": {key: pattern.clone()}});
            let said = reason(payload.clone(), trigger);
            assert_eq!(said.is_none(), fires, "{key} {pattern}: {said:?}");
        }
    }

    #[test]
    fn the_reason_names_what_was_compared() {
        for (payload, trigger, said) in [
            (
                json!({}),
                json!({"enabled": false}),
                "the trigger is not enabled",
            ),
            (
                json!({}),
                json!({"enabled": null}),
                "the trigger is not enabled",
            ),
            (
                json!({}),
                json!({"source": "Hook"}),
                "the source is \"hook\", the trigger wants \"Hook\"",
            ),
            (
                json!({}),
                json!({"source": null}),
                "the trigger names no source",
            ),
            (
                json!({"env": "dev"}),
                json!({"payloadConstraints": {"env": "^prod$"}}),
                "payload \"env\" is \"dev\", which \"^prod$\" does not match",
            ),
            (
                json!({}),
                json!({"payloadConstraints": {"env": "^prod$"}}),
                "payload key \"env\" is missing",
            ),
            (
                json!({}),
                json!({"expectedArtifactIds": ["image"]}),
                "none of the 0 artifacts of the event matches an expected artifact (image)",
            ),
        ] {
            assert_eq!(reason(payload, trigger).as_deref(), Some(said));
        }
    }

    #[test]
    fn one_artifact_that_matches_one_expectation_is_enough() {
        let trigger = json!({"expectedArtifactIds": ["gone", "image"]});
        for (artifacts, fires) in [
            (
                json!([{"type": "docker/image", "name": "acme/web", "version": "9"}, {"type": "other"}]),
                true,
            ),
            (
                json!([{"type": "docker/image", "name": "other/web"}]),
                false,
            ),
            (json!([{"type": "docker/image"}]), false),
            (json!(["acme/web"]), false),
            (json!({}), false),
        ] {
            let said = reason(json!({"artifacts": artifacts}), trigger.clone());
            assert_eq!(said.is_none(), fires, "{said:?}");
        }
    }

    #[test]
    fn the_execution_sees_the_event() {
        let Verdict::Fires(trigger) = verdict(
            json!({"parameters": {"tag": "v2"}, "artifacts": [{"type": "t"}], "x": 1}),
            json!({"parameters": {"tag": "v1", "zone": "a"}, "custom": [1]}),
        ) else {
            panic!("it should fire");
        };
        assert_eq!(
            Value::Object(*trigger),
            json!({
                "parameters": {"tag": "v2", "zone": "a"}, "custom": [1], "type": "webhook", "enabled": true,
                "source": "hook", "user": "anonymous",
                "payload": {"parameters": {"tag": "v2"}, "artifacts": [{"type": "t"}], "x": 1},
                "artifacts": [{"type": "t"}], "eventId": "event-1"
            })
        );
    }

    #[test]
    fn only_triggers_of_the_kind_are_considered() {
        let config = json!({"disabled": true, "triggers": [
            {"type": "git", "enabled": true, "source": "hook"},
            7,
            {"type": "WebHook", "enabled": "true", "source": "hook"}
        ]});
        let config = config.as_object().unwrap();
        assert!(has_webhook_trigger(config));
        assert_eq!(
            consider(&event(json!({})), config),
            [(2, Verdict::Passes("the pipeline is disabled".to_owned()))]
        );
        let mut git = event(json!({}));
        git.header.kind = "git".to_owned();
        assert_eq!(consider(&git, config), []);
        assert!(!has_webhook_trigger(
            json!({"triggers": {}}).as_object().unwrap()
        ));
    }

    #[test]
    fn a_catastrophic_expression_ends() {
        let said = reason(
            json!({"env": "a".repeat(200)}),
            json!({"payloadConstraints": {"env": "^(?=(a+)+$)(a+)+b\\1$"}}),
        );
        assert!(said.is_some());
    }

    #[test]
    fn what_is_no_event_is_named() {
        let header = event(json!({})).header;
        for (stored, said) in [
            (b"".to_vec(), "the event has no header line"),
            (b"{}\n{}".to_vec(), "the header of the event cannot be read"),
            (
                encode(&header, b"[1]"),
                "the body of the event is no JSON object",
            ),
            (
                encode(&header, b"{"),
                "the body of the event is no JSON object",
            ),
            (
                encode(
                    &Header {
                        v: 2,
                        ..header.clone()
                    },
                    b"{}",
                ),
                "the event has version 2, which is newer than this program",
            ),
        ] {
            assert_eq!(decode(&stored).unwrap_err().to_string(), said);
        }
        assert_eq!(
            decode(&encode(&header, b" \n")).unwrap().payload,
            Map::new()
        );
    }
}
