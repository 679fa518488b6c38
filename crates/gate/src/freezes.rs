//! Freezes of applications and pipelines, our addition: nothing new is started, what runs goes on.
//!
//! A freeze stands in the bucket of settings. It counts once every owner has read it; only then is the request answered.

use bytes::Bytes;
use gennaker_bus::{Bucket, Error, Put, token};
use gennaker_model::{
    command::Request,
    freeze::{Freeze, KEYS, Target},
};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Tries to write a record that others write at the same time.
const TRIES: usize = 5;

/// Longest application or id of a pipeline, in bytes: with room to encode each, it is part of a key.
const NAME_BYTES_MAX: usize = 250;

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// `GET /v2/freezes`.
pub(crate) async fn list(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let records = gate.bus().kv(Bucket::Cfg).walk(KEYS).await;
    let mut freezes = Vec::new();
    for record in records.map_err(unavailable)? {
        let freeze: Freeze = serde_json::from_slice(&record.value)
            .map_err(|error| Problem::internal(format!("A freeze cannot be read: {error}")))?;
        freezes.push(shown(&freeze));
    }
    Ok(Answer::json(Value::Array(freezes)))
}

/// `PUT /v2/applications/{application}/freeze`.
pub(crate) async fn application(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let target = Target::application(named(&call, "application")?);
    freeze(&gate, &call, target).await
}

/// `DELETE /v2/applications/{application}/freeze`.
pub(crate) async fn thaw_application(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let target = Target::application(named(&call, "application")?);
    thaw(&gate, &call, &target).await
}

/// `PUT /v2/pipelineConfigs/{id}/freeze`.
pub(crate) async fn pipeline(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let target = Target::Pipeline(named(&call, "id")?.to_owned());
    freeze(&gate, &call, target).await
}

/// `DELETE /v2/pipelineConfigs/{id}/freeze`.
pub(crate) async fn thaw_pipeline(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let target = Target::Pipeline(named(&call, "id")?.to_owned());
    thaw(&gate, &call, &target).await
}

async fn freeze(gate: &Gate, call: &Call, target: Target) -> Result<Answer, Problem> {
    let body = call.object()?;
    let reason = body.get("reason").and_then(Value::as_str).map(str::trim);
    let reason = reason
        .filter(|reason| !reason.is_empty() && reason.len() <= REASON_BYTES_MAX)
        .ok_or_else(|| {
            Problem::bad_request(format!(
                "reason must be a text of at most {REASON_BYTES_MAX} bytes"
            ))
        })?;
    let freeze = Freeze {
        by: call.user().to_owned(),
        at_ms: call.at_ms,
        reason: reason.to_owned(),
        target,
    };
    let value =
        serde_json::to_vec(&freeze).map_err(|error| Problem::internal(error.to_string()))?;
    let value = Bytes::from(value);
    let (kv, key) = (gate.bus().kv(Bucket::Cfg), key(&freeze.target));
    for _ in 0..TRIES {
        let held = kv.get(&key).await.map_err(unavailable)?;
        let revision = held.map_or(0, |record| record.revision);
        let put = kv.put_if(&key, revision, value.clone(), None).await;
        if put.map_err(unavailable)? != Put::Conflict {
            gate.owners().tell_all(call, &Request::Freezes).await?;
            return Ok(Answer::json(shown(&freeze)));
        }
    }
    Err(Problem::unavailable(
        "Others freeze and thaw it at the same time",
    ))
}

async fn thaw(gate: &Gate, call: &Call, target: &Target) -> Result<Answer, Problem> {
    let (kv, key) = (gate.bus().kv(Bucket::Cfg), key(target));
    for _ in 0..TRIES {
        let deleted = match kv.get(&key).await.map_err(unavailable)? {
            None => true,
            Some(record) => {
                let deleted = kv.delete_if(&key, record.revision).await;
                deleted.map_err(unavailable)? != Put::Conflict
            }
        };
        if deleted {
            gate.owners().tell_all(call, &Request::Freezes).await?;
            return Ok(Answer::empty());
        }
    }
    Err(Problem::unavailable(
        "Others freeze and thaw it at the same time",
    ))
}

/// A name in the path, if something can have it.
fn named<'c>(call: &'c Call, param: &str) -> Result<&'c str, Problem> {
    let name = call.param(param);
    if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "Nothing is called so: a name has at most {NAME_BYTES_MAX} printable bytes"
        )));
    }
    Ok(name)
}

fn key(target: &Target) -> String {
    match target {
        Target::Application(name) => format!("{KEYS}.application.{}", token(name)),
        Target::Pipeline(id) => format!("{KEYS}.pipeline.{}", token(id)),
    }
}

fn shown(freeze: &Freeze) -> Value {
    let (what, name) = match &freeze.target {
        Target::Application(name) => ("application", name),
        Target::Pipeline(id) => ("pipelineConfigId", id),
    };
    json!({ what: name, "by": freeze.by, "at": freeze.at_ms, "reason": freeze.reason })
}

fn unavailable(error: Error) -> Problem {
    Problem::unavailable(format!("The freezes cannot be reached: {error}"))
}
