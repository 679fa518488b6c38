//! Switching triggers off and on, our addition: those of a type, or all. What runs goes on, and what people start starts.
//!
//! Processes with the role `triggers` look every second; events that come in meanwhile have verdicts that say so.

use bytes::Bytes;
use gennaker_bus::{Bucket, Error, Kv, Put, token};
use gennaker_intake::matching;
use gennaker_model::switch::{ALL, KEYS, Switch};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Tries to write a record that others write at the same time.
const TRIES: usize = 5;

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// `GET /v2/switches`: what is off.
pub(crate) async fn list(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let records = bucket(&gate).walk(KEYS).await.map_err(unavailable)?;
    let read = |value: &Bytes| {
        serde_json::from_slice::<Switch>(value)
            .map_err(|error| Problem::internal(format!("A switch cannot be read: {error}")))
    };
    let shown: Vec<Value> = records
        .iter()
        .map(|record| Ok(shown(&read(&record.value)?)))
        .collect::<Result<_, Problem>>()?;
    Ok(Answer::json(shown))
}

/// `PUT /v2/switches/{name}` with a `reason`: off.
pub(crate) async fn off(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let name = named(&call)?;
    let body = call.object()?;
    let reason = body.get("reason").and_then(Value::as_str).map(str::trim);
    let reason = reason
        .filter(|reason| !reason.is_empty() && reason.len() <= REASON_BYTES_MAX)
        .ok_or_else(|| {
            Problem::bad_request(format!(
                "reason must be a text of at most {REASON_BYTES_MAX} bytes"
            ))
        })?;
    let switch = Switch {
        name,
        by: call.user().to_owned(),
        at_ms: call.at_ms,
        reason: reason.to_owned(),
    };
    let value =
        serde_json::to_vec(&switch).map_err(|error| Problem::internal(error.to_string()))?;
    let (kv, key, value) = (bucket(&gate), key(&switch.name), Bytes::from(value));
    for _ in 0..TRIES {
        let held = kv.get(&key).await.map_err(unavailable)?;
        let revision = held.map_or(0, |record| record.revision);
        let put = kv.put_if(&key, revision, value.clone(), None).await;
        if put.map_err(unavailable)? != Put::Conflict {
            return Ok(Answer::json(shown(&switch)));
        }
    }
    Err(busy())
}

/// `DELETE /v2/switches/{name}`: on again.
pub(crate) async fn on(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (kv, key) = (bucket(&gate), key(&named(&call)?));
    for _ in 0..TRIES {
        let Some(record) = kv.get(&key).await.map_err(unavailable)? else {
            return Ok(Answer::empty());
        };
        let deleted = kv.delete_if(&key, record.revision).await;
        if deleted.map_err(unavailable)? != Put::Conflict {
            return Ok(Answer::empty());
        }
    }
    Err(busy())
}

/// A type of triggers, or all of them.
fn named(call: &Call) -> Result<String, Problem> {
    let name = call.param("name").to_ascii_lowercase();
    if name == ALL || matching::is_known(&name) {
        return Ok(name);
    }
    Err(Problem::bad_request(format!(
        "A switch is called {ALL:?}, or as a type of triggers that fire"
    )))
}

fn bucket(gate: &Gate) -> Kv {
    gate.bus().kv(Bucket::Cfg)
}

fn key(name: &str) -> String {
    format!("{KEYS}.{}", token(name))
}

fn shown(switch: &Switch) -> Value {
    json!({"name": switch.name, "by": switch.by, "at": switch.at_ms, "reason": switch.reason})
}

fn busy() -> Problem {
    Problem::unavailable("Others turn the same switch at the same time")
}

fn unavailable(error: Error) -> Problem {
    Problem::unavailable(format!("The switches cannot be reached: {error}"))
}
