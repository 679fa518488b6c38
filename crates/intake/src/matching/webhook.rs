//! Triggers of the type `webhook` (events reference 4.2).

use gennaker_model::Map;
use serde_json::Value;

use super::{Check, Event, constraints::payload_fits, text};

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    source_equal(event, trigger)?;
    payload_fits(&event.payload, trigger)
}

pub(super) fn source_equal(event: &Event, trigger: &Map) -> Check {
    let source = &event.header.source;
    match text(trigger, "source") {
        Some(wanted) if wanted == source => Ok(()),
        Some(wanted) => Err(format!(
            "the source is {source:?}, the trigger wants {wanted:?}"
        )),
        None => Err("the trigger names no source".to_owned()),
    }
}

/// The body, and its parameters.
///
/// Source: echo `WebhookEventHandler.buildTrigger`.
pub(super) fn complete(event: &Event, fired: &mut Map) {
    add_parameters(event.payload.get("parameters"), fired);
    fired.insert("payload".to_owned(), event.payload.clone().into());
}

/// Echo replaces the trigger's fixed `parameters` by those that were sent; here the sent ones win key by key, so that fixed ones
/// are not lost.
pub(super) fn add_parameters(sent: Option<&Value>, fired: &mut Map) {
    if let (Some(Value::Object(sent)), Some(Value::Object(parameters))) =
        (sent, fired.get_mut("parameters"))
    {
        parameters.extend(sent.clone());
    }
}
