//! Idempotency keys: the first request with a key draws an id and claims the key with it; a repeat uses that id.
//!
//! The claim lasts a day. It stands in the bucket of settings, which has lifetimes; documents and their history stay clean.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Bucket, Put, token};
use gennaker_model::routing::fnv1a64;
use serde::{Deserialize, Serialize};

use crate::{Gate, call::Call, problem::Problem};

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// Tries to claim a key whose record comes and goes.
const TRIES: usize = 5;

/// What the first request with a key drew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drawn {
    /// Id of the execution or event.
    pub(crate) id: String,
    /// Id of the event, where both are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    /// When it was drawn, epoch milliseconds.
    pub(crate) at_ms: i64,
}

/// What the first request with the header `Idempotency-Key` of this one drew; `drawn` itself without the header.
pub(crate) async fn drawn_once(
    gate: &Gate,
    call: &Call,
    scope: &str,
    drawn: Drawn,
) -> Result<Drawn, Problem> {
    match call.header_strictly("idempotency-key")? {
        None => Ok(drawn),
        Some(key) => claim(gate, scope, key, drawn).await,
    }
}

/// Claims `key` within `scope` (what is started, so that one key can be used for several things).
pub(crate) async fn claim(
    gate: &Gate,
    scope: &str,
    key: &str,
    drawn: Drawn,
) -> Result<Drawn, Problem> {
    if key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "An idempotency key may have at most {KEY_BYTES_MAX} printable bytes"
        )));
    }
    let kv = gate.bus().kv(Bucket::Cfg);
    let key = format!("once.{:016x}.{}", fnv1a64(scope.as_bytes()), token(key));
    let value: Bytes = serde_json::to_vec(&drawn)
        .map_err(|error| Problem::internal(error.to_string()))?
        .into();
    let unavailable = |error: gennaker_bus::Error| {
        Problem::unavailable(format!("The idempotency key cannot be claimed: {error}"))
    };
    for _ in 0..TRIES {
        let put = kv.put_if(&key, 0, value.clone(), Some(REMEMBERED)).await;
        if put.map_err(unavailable)? != Put::Conflict {
            return Ok(drawn);
        }
        if let Some(record) = kv.get(&key).await.map_err(unavailable)? {
            return serde_json::from_slice(&record.value).map_err(|error| {
                Problem::internal(format!(
                    "The claim of the idempotency key cannot be read: {error}"
                ))
            });
        }
    }
    Err(Problem::unavailable(
        "The idempotency key cannot be claimed just now",
    ))
}
