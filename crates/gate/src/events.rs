//! What became of events: our addition, so that "why did it not fire" has an answer.

use gennaker_bus::{Bucket, Error, token};
use gennaker_intake::matching::{Outcome, Record};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Events in one answer, unless fewer are asked for.
const LIMIT: usize = 50;

/// Most events in one answer.
const LIMIT_MAX: usize = 500;

/// Records that are read at once.
const CHUNK: u64 = 200;

/// Records that one request looks through; it says where to go on.
const LOOKED_MAX: u64 = 2_000;

/// Longest id of an event, in bytes.
const ID_BYTES_MAX: usize = 500;

/// What a list is asked for.
struct Wanted<'a> {
    kind: Option<&'a str>,
    source: Option<&'a str>,
    application: Option<&'a str>,
    pipeline: Option<&'a str>,
    outcome: Option<Outcome>,
}

/// `GET /v2/events`: `{"events": […], "before": …}`, newest first, each with the verdicts that were asked for. `before` is where the
/// next page begins; without it there is none.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = Wanted::of(&call)?;
    let limit = number(&call, "limit")?.map_or(LIMIT, |limit| {
        usize::try_from(limit)
            .unwrap_or(LIMIT_MAX)
            .clamp(1, LIMIT_MAX)
    });
    let kv = gate.bus().kv(Bucket::Verdicts);
    let mut before = number(&call, "before")?;
    let mut looked = 0;
    let mut events: Vec<Value> = Vec::new();
    loop {
        let (records, next) = kv.newest(before, CHUNK).await.map_err(unavailable)?;
        looked += CHUNK;
        for record in records {
            let revision = record.revision;
            if let Some(found) = readable(&record.value).and_then(|record| wanted.of_record(record))
            {
                events.push(shown(&found)?);
            }
            if events.len() == limit {
                return Ok(page(events, Some(revision)));
            }
        }
        before = next;
        if before.is_none() || looked >= LOOKED_MAX {
            return Ok(page(events, before));
        }
    }
}

/// `GET /v2/events/{id}`.
pub(crate) async fn one(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(not_found(id));
    }
    let kv = gate.bus().kv(Bucket::Verdicts);
    let record = kv.get(&token(id)).await.map_err(unavailable)?;
    let record = record.and_then(|record| readable(&record.value));
    match record {
        Some(record) => Ok(Answer::json(shown(&record)?)),
        None => Err(not_found(id)),
    }
}

impl<'a> Wanted<'a> {
    fn of(call: &'a Call) -> Result<Self, Problem> {
        let given = |name| call.query(name).filter(|value| !value.is_empty());
        let outcome = given("outcome").map(|text| {
            serde_json::from_value(text.into()).map_err(|_| {
                Problem::bad_request("outcome is one of started, refused, repeated and passed")
            })
        });
        Ok(Self {
            kind: given("type"),
            source: given("source"),
            application: given("application"),
            pipeline: given("pipeline"),
            outcome: outcome.transpose()?,
        })
    }

    /// The record with the verdicts that are asked for; `None` if it is not.
    fn of_record(&self, mut record: Record) -> Option<Record> {
        let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        if !is(self.kind, &record.kind) || !is(self.source, &record.source) {
            return None;
        }
        if self.application.is_none() && self.pipeline.is_none() && self.outcome.is_none() {
            return Some(record);
        }
        record.verdicts.retain(|verdict| {
            is(self.application, &verdict.application)
                && (is(self.pipeline, &verdict.pipeline)
                    || is(self.pipeline, &verdict.pipeline_config_id))
                && self
                    .outcome
                    .is_none_or(|outcome| outcome == verdict.outcome)
        });
        (!record.verdicts.is_empty()).then_some(record)
    }
}

fn page(events: Vec<Value>, before: Option<u64>) -> Answer {
    let mut page = json!({"events": events});
    if let Some(before) = before {
        page["before"] = before.into();
    }
    Answer::json(page)
}

fn shown(record: &Record) -> Result<Value, Problem> {
    serde_json::to_value(record)
        .map_err(|error| Problem::internal(format!("The event cannot be shown: {error}")))
}

/// One that a later version of the program wrote is passed over.
fn readable(stored: &[u8]) -> Option<Record> {
    let record: Record = serde_json::from_slice(stored).ok()?;
    record.is_readable().then_some(record)
}

fn number(call: &Call, name: &str) -> Result<Option<u64>, Problem> {
    let given = call.query(name).filter(|value| !value.is_empty());
    given
        .map(|text| {
            text.parse()
                .map_err(|_| Problem::bad_request(format!("{name} must be a whole number")))
        })
        .transpose()
}

fn not_found(id: &str) -> Problem {
    Problem::not_found(format!(
        "Event not found (id: {id}); events are matched within a moment and kept for three days"
    ))
}

fn unavailable(error: Error) -> Problem {
    Problem::unavailable(format!("The events cannot be read: {error}"))
}
