//! Configured notifications: which entry is for which event, and the merging of an application's with a pipeline's.

use gennaker_model::Map;
use serde_json::Value;

/// What an event must begin with to be one of a pipeline.
const OF_PIPELINES: &str = "pipeline";

/// Whether an entry is for an event such as `pipeline.complete`.
///
/// A `when` that is plain text is for every event that it contains, as in Echo.
#[must_use]
pub fn is_for(entry: &Map, event: &str) -> bool {
    match entry.get("when") {
        Some(Value::Array(events)) => events.iter().any(|it| it.as_str() == Some(event)),
        Some(Value::String(text)) => text.contains(event),
        Some(_) | None => false,
    }
}

/// A pipeline's notifications with those of its application that are about pipelines: the events that no entry of its own already sends
/// to the same address, or by the same publisher. `None` when nothing is added.
///
/// `theirs` is the application's document, a list per channel. Orca adds them when the execution starts and again when it ends, as the
/// document is then. Orca compares with the first such entry alone, and so may send twice what a second one sends, or what it has added
/// itself at the start; here all of them count.
///
/// Source: orca `EchoNotifyingExecutionListener.addApplicationNotifications`, `ApplicationNotifications`.
#[must_use]
pub fn with_application(own: &[Value], theirs: &Map) -> Option<Vec<Value>> {
    let mut all = own.to_vec();
    let entries = theirs.values().filter_map(Value::as_array).flatten();
    for entry in entries.filter_map(Value::as_object) {
        let mut when = events(entry);
        when.retain(|event| event.starts_with(OF_PIPELINES));
        let held = all.iter().filter_map(Value::as_object);
        for same in held.filter(|own| go_the_same_way(own, entry)) {
            let sent = events(same);
            when.retain(|event| !sent.contains(event));
        }
        if !when.is_empty() {
            let when = when.into_iter().map(Value::from).collect::<Vec<_>>();
            let mut entry = entry.clone();
            entry.insert("when".to_owned(), when.into());
            all.push(entry.into());
        }
    }
    (all.len() > own.len()).then_some(all)
}

/// The events that an entry is for.
fn events(entry: &Map) -> Vec<String> {
    match entry.get("when") {
        Some(Value::Array(events)) => {
            let texts = events.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        Some(Value::String(event)) => vec![event.clone()],
        Some(_) | None => Vec::new(),
    }
}

/// Whether two entries send by the same channel to the same place.
fn go_the_same_way(one: &Map, two: &Map) -> bool {
    let same = |field: &str| {
        let text = |entry: &Map| {
            let text = entry.get(field).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        text(one).is_some() && text(one) == text(two)
    };
    same("type") && (same("address") || same("publisherName"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_entry_is_for_the_events_that_it_names() {
        let list = map(json!({"when": ["pipeline.complete", "manualJudgment"]}));
        assert!(is_for(&list, "pipeline.complete"));
        assert!(!is_for(&list, "pipeline.failed"));
        let text = map(json!({"when": "pipeline.complete,pipeline.failed"}));
        assert!(is_for(&text, "pipeline.failed"));
        assert!(!is_for(&map(json!({})), "pipeline.failed"));
    }

    #[test]
    fn list_14_13_merging_again_at_the_end_adds_only_what_is_new() {
        let own = [json!({"type": "slack", "address": "ops", "when": ["pipeline.failed"]})];
        let theirs = map(json!({"slack": [
            {"type": "slack", "address": "ops", "when": ["pipeline.failed", "pipeline.complete"]}]}));
        let started = with_application(&own, &theirs).unwrap();
        assert_eq!(started[1]["when"], json!(["pipeline.complete"]));
        assert_eq!(with_application(&started, &theirs), None);
        let later = map(
            json!({"email": [{"type": "email", "address": "a@b", "when": ["pipeline.failed"]}]}),
        );
        assert_eq!(with_application(&started, &later).unwrap().len(), 3);
    }
}
