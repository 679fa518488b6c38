//! Triggers of the type `cdevents` (events reference 4.10): what continuous-delivery tools tell as CloudEvents.
//!
//! The event is stored with the CloudEvent's data as its body and the attributes as headers `ce-…`, whichever way they came.
//!
//! Source: echo `CDEventsWebhookEventHandler`.

use gennaker_model::Map;
use serde_json::Value;

use super::{Check, Event, Header, constraints::payload_fits, excerpt, webhook};

/// The kind of such events: the `{type}` of their address.
pub const CDEVENTS: &str = "cdevents";

/// What the data of a CDEvent must hold.
const PARTS: [&str; 3] = ["customData", "context", "subject"];

/// Whether the data of a CloudEvent is that of a CDEvent; otherwise the parts that it lacks.
///
/// # Errors
/// The names of the parts.
pub fn is_complete(data: &Map) -> Result<(), String> {
    let missing: Vec<&str> = PARTS
        .into_iter()
        .filter(|part| data.get(*part).is_none_or(Value::is_null))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join(", ")),
    }
}

pub(super) fn is_cdevent(header: &Header) -> bool {
    header.kind.eq_ignore_ascii_case(CDEVENTS)
}

/// What senders put beside the event itself.
pub(super) fn custom<'a>(payload: &'a Map, field: &str) -> Option<&'a Value> {
    payload.get("customData")?.get(field)
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    webhook::source_equal(event, trigger)?;
    attributes_fit(event, trigger)?;
    payload_fits(&event.payload, trigger)
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    webhook::add_parameters(custom(&event.payload, "parameters"), fired);
    fired.insert("payload".to_owned(), event.payload.clone().into());
}

/// The texts of `attributeConstraints` must be those of the headers, exactly.
fn attributes_fit(event: &Event, trigger: &Map) -> Check {
    let Some(Value::Object(constraints)) = trigger.get("attributeConstraints") else {
        return Ok(());
    };
    for (name, wanted) in constraints {
        let found = event.header.headers.get(&name.to_ascii_lowercase());
        let found = found.ok_or_else(|| format!("the attribute {name:?} is missing"))?;
        if wanted.as_str() != Some(found) {
            let wanted = gennaker_stages::java::text_of(wanted);
            return Err(format!(
                "the attribute {name:?} is {:?}, the trigger wants {:?}",
                excerpt(found),
                excerpt(&wanted)
            ));
        }
    }
    Ok(())
}
