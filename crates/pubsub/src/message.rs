//! From a message to a stored event.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus, Put, token};
use gennaker_intake::matching::{self, Message, PUBSUB};
use gennaker_model::{Map, routing::fnv1a64};
use serde::{Deserialize, Serialize};

use crate::{Named, health};

/// Largest text of a message that becomes the payload of an event, in bytes: with the pipeline that it starts it must fit into one
/// command, as a webhook's body must.
const TEXT_BYTES_MAX: usize = 512 * 1024;

/// Most attributes of a message, and most bytes of one; Google allows so many.
const ATTRIBUTES_MAX: usize = 100;
const ATTRIBUTE_BYTES_MAX: usize = 1_024;

/// Longest id that stands in an event's id as it is.
const ID_BYTES_MAX: usize = 100;

/// Tries to claim an id whose record comes and goes.
const TRIES: usize = 5;

/// A message as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Its name in its system; the same whenever it is delivered.
    pub(crate) id: String,
    /// Its text.
    pub(crate) text: Vec<u8>,
    /// What came beside it.
    pub(crate) attributes: BTreeMap<String, String>,
    /// When it was sent, epoch milliseconds; the same whenever it is delivered.
    pub(crate) sent_at_ms: i64,
    /// For how long another message of this id and text counts as the same, if the id is not the system's.
    pub(crate) remembered: Option<Duration>,
}

/// Makes events of messages.
#[derive(Clone)]
pub(crate) struct Intake {
    bus: Bus,
}

/// What the first message of an id had.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Claim {
    at_ms: i64,
}

impl Intake {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Stores the event of a message; once it is `Ok`, the message may be acknowledged.
    ///
    /// # Errors
    /// The event is not stored, or perhaps it is: try again.
    pub(crate) async fn store(
        &self,
        system: &str,
        subscription: &Named,
        received: Received,
    ) -> Result<(), gennaker_bus::Error> {
        let digest = format!("{:016x}", fnv1a64(&received.text));
        let id = short(&received.id);
        let mut at_ms = received.sent_at_ms;
        if let Some(remembered) = received.remembered {
            let key = format!(
                "once.{:016x}.{}",
                fnv1a64(format!("pubsub/{system}/{}", subscription.name).as_bytes()),
                token(&format!("{id}-{digest}"))
            );
            at_ms = self.claim(&key, at_ms, remembered).await?;
        }
        let (payload, unreadable) = read(&received.text);
        let is_readable = unreadable.is_none();
        let message = Message {
            pubsub_system: system.to_owned(),
            subscription_name: subscription.name.clone(),
            message_id: id,
            attributes: bounded(received.attributes),
            payload,
            message_format: Some(subscription.message_format.clone()),
            unreadable,
        };
        let (header, body) = matching::message(&message, &digest, at_ms.max(0));
        let stored = matching::encode(&header, body.to_string().as_bytes());
        let events = self.bus.events();
        events
            .publish_once(PUBSUB, &header.source, &header.id, stored.into())
            .await?;
        health::stored(system, &subscription.name, is_readable);
        tracing::info!(
            event.id = header.id,
            "message {} of subscription {} ({system}) is stored as event {}",
            message.message_id,
            subscription.name,
            header.id
        );
        Ok(())
    }

    /// The time of the first message that claimed the key.
    async fn claim(
        &self,
        key: &str,
        at_ms: i64,
        remembered: Duration,
    ) -> Result<i64, gennaker_bus::Error> {
        let kv = self.bus.kv(Bucket::Cfg);
        let claim = serde_json::to_vec(&Claim { at_ms }).expect("a number serialises");
        let claim = Bytes::from(claim);
        for _ in 0..TRIES {
            if kv.put_if(key, 0, claim.clone(), Some(remembered)).await? != Put::Conflict {
                return Ok(at_ms);
            }
            if let Some(record) = kv.get(key).await? {
                let first: Option<Claim> = serde_json::from_slice(&record.value).ok();
                return Ok(first.map_or(at_ms, |first| first.at_ms));
            }
        }
        Ok(at_ms)
    }
}

/// The JSON of a text, or why there is none.
fn read(text: &[u8]) -> (Map, Option<String>) {
    let problem = |text: String| (Map::new(), Some(text));
    if text.len() > TEXT_BYTES_MAX {
        return problem(format!(
            "it has {} bytes, more than the limit of {TEXT_BYTES_MAX}",
            text.len()
        ));
    }
    match serde_json::from_slice(text) {
        Ok(payload) => (payload, None),
        Err(_) if text.is_empty() => problem("it is empty".to_owned()),
        Err(error) => problem(format!("it is no JSON object: {error}")),
    }
}

fn bounded(attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .filter(|(name, value)| name.len().max(value.len()) <= ATTRIBUTE_BYTES_MAX)
        .take(ATTRIBUTES_MAX)
        .collect()
}

fn short(id: &str) -> String {
    match id.len() {
        0..=ID_BYTES_MAX => id.to_owned(),
        _ => format!("{:016x}", fnv1a64(id.as_bytes())),
    }
}
