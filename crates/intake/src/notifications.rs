//! Notifications of a start: those of the configuration, of what triggered it, and of the application.

use gennaker_model::Map;
use serde_json::Value;

/// What an event must begin with to be one of a pipeline.
const OF_PIPELINES: &str = "pipeline";

/// The configuration with the trigger's notifications after its own.
///
/// Source: gate `PipelineService.trigger`, echo `BaseTriggerEventHandler`.
#[must_use]
pub fn appended(mut config: Map, trigger: &Map) -> Map {
    if let Some(Value::Array(more)) = trigger.get("notifications")
        && !more.is_empty()
    {
        let mut all = own(&config);
        all.extend(more.iter().cloned());
        config.insert("notifications".to_owned(), all.into());
    }
    config
}

/// The configuration with those notifications of its application that are about pipelines: the events that an entry of its own
/// does not already send to the same address, or by the same publisher.
///
/// `theirs` is the application's document, a list per channel. Orca adds them when the execution starts and again when it ends,
/// as the document is then; here the execution keeps those of its start.
///
/// Source: orca `EchoNotifyingExecutionListener.addApplicationNotifications`, `ApplicationNotifications`.
#[must_use]
pub fn with_application(mut config: Map, theirs: &Map) -> Map {
    let mut all = own(&config);
    let before = all.len();
    let entries = theirs.values().filter_map(Value::as_array).flatten();
    for entry in entries.filter_map(Value::as_object) {
        let mut when = events(entry);
        when.retain(|event| event.starts_with(OF_PIPELINES));
        let of_own = all.iter().filter_map(Value::as_object);
        if let Some(same) = of_own.into_iter().find(|own| go_the_same_way(own, entry)) {
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
    if all.len() > before {
        config.insert("notifications".to_owned(), all.into());
    }
    config
}

fn own(config: &Map) -> Vec<Value> {
    match config.get("notifications") {
        Some(Value::Array(own)) => own.clone(),
        Some(_) | None => Vec::new(),
    }
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

    fn merged(own: Value, theirs: Value) -> Value {
        let config = map(json!({"name": "deploy", "notifications": own}));
        with_application(config, &map(theirs))["notifications"].clone()
    }

    #[test]
    fn an_application_adds_what_a_pipeline_does_not_say_itself() {
        let own = json!([{"type": "slack", "address": "ops", "when": ["pipeline.failed"]}]);
        let theirs = json!({
            "application": "demo", "lastModified": 5,
            "slack": [
                {"type": "slack", "address": "ops", "level": "application", "when": ["pipeline.failed", "pipeline.complete"]},
                {"type": "slack", "address": "dev", "when": ["pipeline.starting", "task.failed"]},
            ],
            "email": [{"type": "email", "address": "ops", "when": "pipeline.failed"}, {"type": "email"}, 7],
            "pubsub": [{"type": "pubsub", "publisherName": "p", "when": ["task.failed"]}],
        });
        assert_eq!(
            merged(own.clone(), theirs),
            json!([
                own[0],
                {"type": "slack", "address": "ops", "level": "application", "when": ["pipeline.complete"]},
                {"type": "slack", "address": "dev", "when": ["pipeline.starting"]},
                {"type": "email", "address": "ops", "when": ["pipeline.failed"]},
            ])
        );
    }

    #[test]
    fn nothing_is_added_twice() {
        let own = json!([{"type": "pubsub", "publisherName": "p", "when": ["pipeline.failed"]}]);
        let theirs = json!({"pubsub": own});
        assert_eq!(merged(own.clone(), theirs), own);
        let config = map(json!({"name": "deploy"}));
        assert_eq!(with_application(config.clone(), &Map::new()), config);
        let twice = json!({"slack": [
            {"type": "slack", "address": "a", "when": ["pipeline.failed"]},
            {"type": "slack", "address": "a", "when": ["pipeline.failed"]},
        ]});
        assert_eq!(merged(json!([]), twice).as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_a_trigger_brings_comes_after_the_own_ones() {
        let config = map(json!({"notifications": [{"type": "a"}]}));
        let trigger = map(json!({"notifications": [{"type": "b"}]}));
        assert_eq!(
            appended(config, &trigger)["notifications"],
            json!([{"type": "a"}, {"type": "b"}])
        );
    }
}
