//! Freezes of applications and pipelines, our addition: nothing new is started, what runs goes on.
//!
//! A freeze stands in the bucket of settings. It counts once every owner has read it; only then is the request answered.

use gennaker_bus::token;
use gennaker_model::{
    command::Request,
    freeze::{Freeze, KEYS, Target},
};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::Call,
    fleet_records::{self, FleetRecords, Words},
    problem::Problem,
};

/// Longest application or id of a pipeline, in bytes: with room to encode each, it is part of a key.
const NAME_BYTES_MAX: usize = 250;

const WORDS: Words = Words {
    one: "A freeze",
    all: "The freezes",
    busy: "Others freeze and thaw it at the same time",
};

/// `GET /v2/freezes`.
pub(crate) async fn list(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let freezes: Vec<Freeze> = records(&gate).list(KEYS).await?;
    Ok(Answer::json(freezes.iter().map(shown).collect::<Value>()))
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
    let freeze = Freeze {
        by: call.user().to_owned(),
        at_ms: call.at_ms,
        reason: fleet_records::reason(call)?,
        target,
    };
    records(gate).put(&key(&freeze.target), &freeze).await?;
    gate.owners().tell_all(call, &Request::Freezes).await?;
    Ok(Answer::json(shown(&freeze)))
}

async fn thaw(gate: &Gate, call: &Call, target: &Target) -> Result<Answer, Problem> {
    records(gate).remove(&key(target)).await?;
    gate.owners().tell_all(call, &Request::Freezes).await?;
    Ok(Answer::empty())
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

fn records(gate: &Gate) -> FleetRecords {
    FleetRecords::new(gate, &WORDS)
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
