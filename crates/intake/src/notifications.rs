//! Notifications of a start: those of the configuration, of what triggered it, and of the application.

use gennaker_model::Map;
use serde_json::Value;

/// The types of notifications that are sent, if the settings have what their channel needs, and `dryrun`, which starts a dry run.
pub const CHANNELS: &[&str] = &[
    "bearychat",
    "cdevents",
    "dryrun",
    "email",
    "githubStatus",
    "gitlabStatus",
    "googlechat",
    "hipchat",
    "jira",
    "microsoftteams",
    "pager_duty",
    "pubsub",
    "slack",
    "sms",
];

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

/// The configuration with those notifications of its application that are about pipelines
/// ([`gennaker_engine::notice::with_application`]). `theirs` is the application's document, a list per channel; what it says when the
/// execution ends is added then.
#[must_use]
pub fn with_application(mut config: Map, theirs: &Map) -> Map {
    if let Some(all) = gennaker_engine::notice::with_application(&own(&config), theirs) {
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
