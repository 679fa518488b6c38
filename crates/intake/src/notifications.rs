//! Notifications of a start: those of the configuration, then those of what triggered it.

use gennaker_model::Map;
use serde_json::Value;

/// The configuration with the trigger's notifications after its own.
///
/// Source: gate `PipelineService.trigger`, echo `BaseTriggerEventHandler`.
#[must_use]
pub fn appended(mut config: Map, trigger: &Map) -> Map {
    if let Some(Value::Array(more)) = trigger.get("notifications")
        && !more.is_empty()
    {
        let mut all = match config.get("notifications") {
            Some(Value::Array(own)) => own.clone(),
            Some(_) | None => Vec::new(),
        };
        all.extend(more.iter().cloned());
        config.insert("notifications".to_owned(), all.into());
    }
    config
}
