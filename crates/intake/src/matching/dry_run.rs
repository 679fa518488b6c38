//! Notifications of the type `dryrun`: when one is due at the end of an execution, its pipeline starts again as a dry run.
//!
//! Echo does it as a channel. Here a start is the affair of whoever matches events: the end is an event, the notification counts as a
//! trigger of its pipeline, and so there is one start for each end, and a verdict that says why there is none.
//!
//! Source: echo `DryRunNotificationAgent`. Echo sends no parameters; here those of the execution that ended are used again.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{Check, Event, ended::PIPELINE, is_polled, text};

/// The type of such notifications, and of the triggers of what they start.
pub const DRY_RUN: &str = "dryrun";

/// Whether an entry of notifications is one.
fn is_one(entry: &Value) -> bool {
    let kind = entry.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(DRY_RUN))
}

/// Whether a pipeline, or a template, has such a notification.
#[must_use]
pub fn is_wanted(config: &Map) -> bool {
    let entries = config.get("notifications").and_then(Value::as_array);
    entries.into_iter().flatten().any(is_one)
}

/// The configuration with a trigger for each of its notifications of this type, behind its own triggers.
#[must_use]
pub fn with_triggers(mut config: Map) -> Map {
    let entries = config.get("notifications").and_then(Value::as_array);
    let entries = entries.into_iter().flatten().filter(|entry| is_one(entry));
    let more: Vec<Value> = entries
        .map(|entry| json!({"type": DRY_RUN, "enabled": true, "when": entry.get("when")}))
        .collect();
    if more.is_empty() {
        return config;
    }
    match config.get_mut("triggers") {
        Some(Value::Array(triggers)) => triggers.extend(more),
        _ => drop(config.insert("triggers".to_owned(), more.into())),
    }
    config
}

/// What is started in place of a pipeline: the same under another name, known by no id, telling nobody.
#[must_use]
pub fn of_pipeline(mut config: Map) -> Map {
    let name = text(&config, "name").unwrap_or_default();
    let name = format!("{name} (dry run)");
    config.insert("name".to_owned(), name.into());
    config.shift_remove("id");
    config.insert("notifications".to_owned(), json!([]));
    config
}

/// The end of one pipeline concerns the notifications of no other.
pub(super) fn concerns(event: &Event, config: &Map) -> bool {
    is_polled(event, PIPELINE) && text(config, "id") == Some(event.header.source.as_str())
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let status = text(&event.payload, "status").unwrap_or_default();
    let word = match status {
        "successful" => "pipeline.complete",
        "failed" => "pipeline.failed",
        other => return Err(format!("an execution that ended as {other:?} tells nobody")),
    };
    let is_listed = match trigger.get("when") {
        Some(Value::Array(words)) => words.iter().any(|it| it == word),
        Some(Value::String(words)) => words.contains(word),
        Some(_) | None => false,
    };
    match is_listed {
        true => Ok(()),
        false => Err(format!("the notification is not for {word:?}")),
    }
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    let parent = event.payload.get("execution").cloned().unwrap_or_default();
    let parameters = parent.pointer("/trigger/parameters");
    let parameters = parameters.filter(|it| it.is_object()).cloned();
    fired.shift_remove("when");
    fired.insert("dryRun".to_owned(), json!(true));
    fired.insert(
        "parameters".to_owned(),
        parameters.unwrap_or_else(|| json!({})),
    );
    fired.insert("lastSuccessfulExecution".to_owned(), parent);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_notification_counts_as_a_trigger_behind_the_others() {
        let entry = json!({"type": "dryrun", "when": ["pipeline.complete"]});
        let plain =
            config(json!({"triggers": [{"type": "git"}], "notifications": [{"type": "slack"}]}));
        assert!(!is_wanted(&plain));
        assert_eq!(with_triggers(plain.clone()), plain);
        let own = config(
            json!({"triggers": [{"type": "git"}], "notifications": [{"type": "slack"}, entry]}),
        );
        assert!(is_wanted(&own));
        assert_eq!(
            with_triggers(own)["triggers"],
            json!([{"type": "git"}, {"type": "dryrun", "enabled": true, "when": ["pipeline.complete"]}])
        );
        let none = config(json!({"notifications": [entry]}));
        assert_eq!(with_triggers(none)["triggers"][0]["type"], "dryrun");
    }

    #[test]
    fn what_is_started_is_known_by_no_id_and_tells_nobody() {
        let own = json!({"id": "p", "name": "ship", "application": "a", "notifications": [{"type": "dryrun"}]});
        assert_eq!(
            Value::Object(of_pipeline(config(own))),
            json!({"name": "ship (dry run)", "application": "a", "notifications": []})
        );
    }
}
