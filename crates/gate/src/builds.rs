//! `/v2/builds`, `/v3/builds`: what Gate hands on to Igor (`events.md` 10, API reference 2.11). Source: gate `BuildController`,
//! `V3BuildController`.
//!
//! The servers are those of the settings, without their secrets; what they have, workers tell.

use std::time::Duration;

use gennaker_model::{
    Map,
    build_reads::{Master, POOL, Question, Read, VERSION, place},
};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, pool::Asked, problem::Problem};

/// Longest wait for a worker: what a build server may take, and a little.
pub(crate) const WAIT: Duration = Duration::from_secs(55);

/// What an answer without a sentence means.
pub(crate) const UNREADABLE: &str = "The build server cannot be read";

/// Longest wait for the build that a trigger names: somebody waits for the start.
const TRIGGER_WAIT: Duration = Duration::from_secs(10);

/// `GET /v2/builds?type=`: names of build servers, sorted.
pub(crate) async fn masters(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let kind = call.query("type").filter(|kind| !kind.is_empty());
    let wanted = |master: &&Master| kind.is_none_or(|kind| master.kind.eq_ignore_ascii_case(kind));
    let names = gate.build_masters().iter().filter(wanted);
    let names: Vec<&str> = names.map(|master| master.name.as_str()).collect();
    Ok(Answer::json(json!(names)))
}

/// `GET /v2/builds/{master}/jobs`.
pub(crate) async fn jobs(gate: Gate, call: Call) -> Result<Answer, Problem> {
    gate.told(&call, Read::Jobs).await
}

/// `GET /v2/builds/{master}/jobs/{job…}`.
pub(crate) async fn job(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let job = call.param("rest").to_owned();
    gate.told(&call, Read::Job { job }).await
}

/// `GET /v3/builds/{master}/job?job=`.
pub(crate) async fn job_asked(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let job = asked(&call)?;
    gate.told(&call, Read::Job { job }).await
}

/// `GET /v2/builds/{master}/builds/{job…}`.
pub(crate) async fn builds(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let job = call.param("rest").to_owned();
    gate.told(&call, Read::Builds { job }).await
}

/// `GET /v3/builds/{master}/builds?job=`.
pub(crate) async fn builds_asked(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let job = asked(&call)?;
    gate.told(&call, Read::Builds { job }).await
}

/// `GET /v2/builds/{master}/build/{number}/{job…}`.
pub(crate) async fn build(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let job = call.param("rest").to_owned();
    let number = number(&call)?;
    gate.told(&call, Read::Build { job, number }).await
}

/// `GET /v3/builds/{master}/build/{number}?job=`.
pub(crate) async fn build_asked(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (job, number) = (asked(&call)?, number(&call)?);
    gate.told(&call, Read::Build { job, number }).await
}

/// Adds what is known of the build that a trigger names. A start does not fail for it: the trigger then has no `buildInfo`.
///
/// Source: echo `ManualEventHandler.buildTrigger`, `BuildInfoService`.
pub(crate) async fn complete(gate: &Gate, trigger: &mut Map) {
    let text = |key: &str| {
        trigger
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let number = match trigger.get("buildNumber") {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let (Some(master), Some(job), Some(number)) = (text("master"), text("job"), number) else {
        return;
    };
    let is_known = trigger.get("buildInfo").is_some_and(Value::is_object);
    let Some(master) = gate.master(master).filter(|_| !is_known) else {
        return;
    };
    let read = Read::Trigger {
        job: job.to_owned(),
        number,
        property_file: text("propertyFile").map(str::to_owned),
    };
    let told = match gate.ask_builds(master, read, TRIGGER_WAIT).await {
        Ok(Value::Object(told)) => told,
        Ok(_) => return,
        Err(problem) => {
            tracing::warn!(
                "a start goes without the build that its trigger names: {}",
                problem.message
            );
            return;
        }
    };
    for (key, value) in told {
        match (key.as_str(), trigger.get_mut(&key), value) {
            // What somebody has chosen stands beside what the build has.
            ("artifacts", Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
            (_, Some(known), value) if known.is_null() => *known = value,
            (_, Some(_), _) => {}
            (_, None, value) => drop(trigger.insert(key, value)),
        }
    }
}

impl Gate {
    pub(crate) fn build_masters(&self) -> &[Master] {
        &self.config().build_masters
    }

    pub(crate) fn master(&self, name: &str) -> Option<&Master> {
        self.build_masters()
            .iter()
            .find(|master| master.name == name)
    }

    async fn told(&self, call: &Call, read: Read) -> Result<Answer, Problem> {
        let name = call.param("master");
        let unknown = || Problem::not_found(format!("Build master '{name}' not found"));
        let master = self.master(name).ok_or_else(unknown)?;
        Ok(Answer::json(self.ask_builds(master, read, WAIT).await?))
    }

    async fn ask_builds(
        &self,
        master: &Master,
        read: Read,
        wait: Duration,
    ) -> Result<Value, Problem> {
        let name = &master.name;
        let question = Question {
            v: VERSION,
            master: name.clone(),
            read,
        };
        let asked = Asked {
            pool: POOL,
            place: &place(name),
            zone: master.zone.as_deref(),
            does: &format!("serves build master {name}"),
            otherwise: UNREADABLE,
        };
        self.ask_pool(&asked, &question, wait).await
    }
}

fn asked(call: &Call) -> Result<String, Problem> {
    let job = call.query("job").filter(|job| !job.is_empty());
    let missing = || Problem::bad_request("Required parameter 'job' is not present.");
    job.map(str::to_owned).ok_or_else(missing)
}

fn number(call: &Call) -> Result<u64, Problem> {
    let number = call.param("number");
    let wrong = || Problem::bad_request(format!("{number:?} is not the number of a build"));
    number.parse().map_err(|_| wrong())
}
