//! Events of tests.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{Event, Header, Origin, VERSION, Verdict, consider, decode, encode};

/// An event as it is read from the stream.
pub(super) fn event_of(kind: &str, source: &str, origin: Origin, body: &Value) -> Event {
    let header = Header {
        v: VERSION,
        id: "event-1".to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        at_ms: 1,
        headers: BTreeMap::new(),
        origin,
    };
    decode(&encode(&header, body.to_string().as_bytes())).unwrap()
}

/// The verdict on the only trigger of a pipeline; none when the event does not concern it.
pub(super) fn verdict_on(
    kind: &str,
    source: &str,
    origin: Origin,
    body: &Value,
    trigger: Value,
) -> Option<Verdict> {
    let config = json!({"id": "p", "triggers": [trigger]});
    let config: &Map = config.as_object().unwrap();
    let found = consider(&event_of(kind, source, origin, body), config);
    found.into_iter().map(|(_, verdict)| verdict).next()
}

/// What the trigger of the execution is.
pub(super) fn fired(verdict: Option<Verdict>) -> Value {
    match verdict {
        Some(Verdict::Fires(trigger)) => Value::Object(*trigger),
        other => panic!("{other:?}"),
    }
}

/// Why it does not fire.
pub(super) fn reason(verdict: Option<Verdict>) -> String {
    match verdict {
        Some(Verdict::Passes(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
