//! CDEvents as they come over HTTP: CloudEvents in binary or structured mode.
//!
//! Both become the same: the data, and the attributes as headers `ce-…`. That is how gate hands them to echo, and how triggers of
//! the type `cdevents` name them. A batch of CloudEvents is refused: what would be answered if one of them is none?
//!
//! Source: gate `WebhookController.cdevents`, echo `WebhooksController`; CloudEvents 1.0, HTTP protocol binding.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_intake::matching;
use gennaker_model::{Map, routing::fnv1a64};
use serde_json::Value;

use crate::{call::Call, problem::Problem};

/// Attributes that every CloudEvent has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// Members of a structured CloudEvent that are no attributes.
const DATA: [&str; 2] = ["data", "data_base64"];

/// Most attributes, and most bytes of one.
const ATTRIBUTES_MAX: usize = 64;
const ATTRIBUTE_BYTES_MAX: usize = 1_024;

/// A CloudEvent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CloudEvent {
    /// Its attributes as headers: `ce-type`, in lower case.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Its data: a JSON object.
    pub(crate) data: Vec<u8>,
}

impl CloudEvent {
    /// What names it, in a bounded number of bytes.
    pub(crate) fn identity(&self) -> String {
        let part = |name: &str| {
            let text = self.attributes.get(name).map_or("", String::as_str);
            (text, fnv1a64(text.as_bytes()))
        };
        let ((_, source), (id, digest)) = (part("ce-source"), part("ce-id"));
        match id.len() {
            0..=100 => format!("{source:016x}-{id}"),
            _ => format!("{source:016x}-{digest:016x}"),
        }
    }
}

/// Reads what was sent.
pub(crate) fn read(call: &Call) -> Result<CloudEvent, Problem> {
    let content_type = call.header("content-type").unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let media = media.to_ascii_lowercase();
    let (attributes, data) = if media.starts_with("application/cloudevents-batch") {
        return Err(refused("batches of CloudEvents are not taken"));
    } else if media == "application/cloudevents+json" {
        structured(call)?
    } else if media.starts_with("application/cloudevents") {
        return Err(refused("of the structured formats only JSON is taken"));
    } else {
        (binary(call), call.body.to_vec())
    };
    for name in REQUIRED {
        if !attributes.contains_key(&format!("ce-{name}")) {
            return Err(refused(&format!("the attribute {name} is missing")));
        }
    }
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(refused(&format!(
            "it has more than {ATTRIBUTES_MAX} attributes"
        )));
    }
    if let Some((name, _)) = attributes
        .iter()
        .find(|(_, value)| value.len() > ATTRIBUTE_BYTES_MAX || value.chars().any(char::is_control))
    {
        return Err(refused(&format!(
            "the attribute {name} is not a text of at most {ATTRIBUTE_BYTES_MAX} printable bytes"
        )));
    }
    let read: Map = serde_json::from_slice(&data)
        .map_err(|error| invalid(&format!("its data are no JSON object: {error}")))?;
    matching::is_cdevent(&read).map_err(|parts| invalid(&format!("{parts} is missing")))?;
    Ok(CloudEvent { attributes, data })
}

fn binary(call: &Call) -> BTreeMap<String, String> {
    call.headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("ce-"))
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?.trim();
            (!value.is_empty()).then(|| (name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}

type Parts = (BTreeMap<String, String>, Vec<u8>);

fn structured(call: &Call) -> Result<Parts, Problem> {
    let Some(Value::Object(envelope)) = call.json()? else {
        return Err(refused("a structured CloudEvent is a JSON object"));
    };
    let mut attributes = BTreeMap::new();
    for (name, value) in &envelope {
        let text = match value {
            _ if DATA.contains(&name.as_str()) => continue,
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(refused(&format!("the attribute {name} is no plain value")));
            }
        };
        attributes.insert(format!("ce-{}", name.to_ascii_lowercase()), text);
    }
    let data = match (envelope.get("data"), envelope.get("data_base64")) {
        (Some(data), None) => data.to_string().into_bytes(),
        (None, Some(Value::String(text))) => STANDARD
            .decode(text)
            .map_err(|_| refused("its data_base64 is not base64"))?,
        (None, _) => Vec::new(),
        (Some(_), Some(_)) => return Err(refused("it has both data and data_base64")),
    };
    Ok((attributes, data))
}

fn refused(reason: &str) -> Problem {
    Problem::bad_request(format!("The body is no CloudEvent: {reason}"))
}

/// Echo's words.
fn invalid(reason: &str) -> Problem {
    Problem::bad_request(format!(
        "Invalid CDEvent data posted with the CloudEvent RequestBody - {reason}"
    ))
}
