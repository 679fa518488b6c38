//! Triggers of the type `pubsub` (events reference 4.9): messages of subscriptions.
//!
//! Source: echo `PubsubEventHandler`, `PubsubEventTransformer`.

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Check, Event, Header, Origin, VERSION, constraints::plain_fits, excerpt, text, webhook,
};

/// The kind of such events.
pub const PUBSUB: &str = "pubsub";

/// A message of a subscription: the body of its event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What kind of system it comes from, as triggers name it: `google`, `amazon`, `nats`.
    pub pubsub_system: String,
    /// Name of the subscription in the settings.
    pub subscription_name: String,
    /// The system's name of the message.
    pub message_id: String,
    /// What came beside the text.
    pub attributes: BTreeMap<String, String>,
    /// The text as JSON; empty when it is none.
    pub payload: Map,
    /// How artifacts are found in it: a format that is known, or else the name of the subscription whose template does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_format: Option<String>,
    /// Why there is no payload, although the message has a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// The event of a message, sent or published at an instant (epoch milliseconds): the same from every process that receives it.
/// `digest` tells messages with one id and different texts from each other.
#[must_use]
pub fn message(message: &Message, digest: &str, at_ms: i64) -> (Header, Value) {
    let Message {
        pubsub_system,
        subscription_name,
        message_id,
        ..
    } = message;
    let header = Header {
        v: VERSION,
        id: format!("pubsub-{pubsub_system}-{subscription_name}-{message_id}-{digest}"),
        kind: PUBSUB.to_owned(),
        source: subscription_name.clone(),
        at_ms,
        headers: BTreeMap::new(),
        origin: Origin::Inside,
    };
    let body = serde_json::to_value(message).expect("texts and JSON always serialise");
    (header, body)
}

pub(super) fn concerns(event: &Event) -> bool {
    event.header.kind == PUBSUB && event.header.origin == Origin::Inside
}

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let none = Map::new();
    let object = |field: &str| match event.payload.get(field) {
        Some(Value::Object(map)) => map,
        Some(_) | None => &none,
    };
    equal("pubsubSystem", event, trigger)?;
    equal("subscriptionName", event, trigger)?;
    let payload = plain_fits("payload", object("payload"), trigger, "payloadConstraints");
    if let (Err(_), Some(problem)) = (&payload, text(&event.payload, "unreadable")) {
        return Err(format!("the message cannot be read: {problem}"));
    }
    payload?;
    let attributes = object("attributes");
    plain_fits("attribute", attributes, trigger, "attributeConstraints")
}

pub(super) fn complete(event: &Event, fired: &mut Map) {
    let payload = event.payload.get("payload").cloned().unwrap_or_default();
    webhook::add_parameters(payload.get("parameters"), fired);
    // As the subscription is called, not as the trigger spells it.
    for field in ["pubsubSystem", "subscriptionName"] {
        if let Some(name) = event.payload.get(field) {
            fired.insert(field.to_owned(), name.clone());
        }
    }
    for field in ["link", "linkText"] {
        if let Some(value) = payload.get(field).filter(|value| value.is_string()) {
            fired.insert(field.to_owned(), value.clone());
        }
    }
    fired.insert("payload".to_owned(), payload);
}

fn equal(field: &str, event: &Event, trigger: &Map) -> Check {
    let found = text(&event.payload, field).unwrap_or_default();
    match text(trigger, field).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) if wanted.eq_ignore_ascii_case(found) => Ok(()),
        Some(wanted) => Err(format!(
            "the {field} is {:?}, the trigger wants {:?}",
            excerpt(found),
            excerpt(wanted)
        )),
        None => Err(format!("the trigger names no {field}")),
    }
}
