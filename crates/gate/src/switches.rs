//! Switching triggers off and on, our addition: those of a type, or all. What runs goes on, and what people start starts.
//!
//! Processes with the role `triggers` look every second; events that come in meanwhile have verdicts that say so.

use gennaker_bus::token;
use gennaker_intake::matching;
use gennaker_model::switch::{ALL, KEYS, Switch};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::Call,
    fleet_records::{self, FleetRecords, Words},
    problem::Problem,
};

const WORDS: Words = Words {
    one: "A switch",
    all: "The switches",
    busy: "Others turn the same switch at the same time",
};

/// `GET /v2/switches`: what is off.
pub(crate) async fn list(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let switches: Vec<Switch> = records(&gate).list(KEYS).await?;
    Ok(Answer::json(switches.iter().map(shown).collect::<Value>()))
}

/// `PUT /v2/switches/{name}` with a `reason`: off.
pub(crate) async fn off(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let switch = Switch {
        name: named(&call)?,
        by: call.user().to_owned(),
        at_ms: call.at_ms,
        reason: fleet_records::reason(&call)?,
    };
    records(&gate).put(&key(&switch.name), &switch).await?;
    Ok(Answer::json(shown(&switch)))
}

/// `DELETE /v2/switches/{name}`: on again.
pub(crate) async fn on(gate: Gate, call: Call) -> Result<Answer, Problem> {
    records(&gate).remove(&key(&named(&call)?)).await?;
    Ok(Answer::empty())
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

fn records(gate: &Gate) -> FleetRecords {
    FleetRecords::new(gate, &WORDS)
}

fn key(name: &str) -> String {
    format!("{KEYS}.{}", token(name))
}

fn shown(switch: &Switch) -> Value {
    json!({"name": switch.name, "by": switch.by, "at": switch.at_ms, "reason": switch.reason})
}
