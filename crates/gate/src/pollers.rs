//! How it goes with sources that are polled: our addition. And Igor's way to skip what is new, which is never needed here.

use gennaker_bus::{Bucket, Error, token};
use gennaker_model::polling::{Status, VERSION};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// `GET /v2/pollers?type=&source=&state=`: sources by kind and name, each with its status. One that nobody polls any more stays for
/// ten minutes.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = |name: &str, found: &str| {
        let wanted = call.query(name).filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| wanted == found)
    };
    let kv = gate.bus().kv(Bucket::Poll);
    let records = kv.walk("s").await.map_err(unavailable)?;
    let mut all: Vec<Status> = records
        .iter()
        .filter_map(|record| readable(&record.value))
        .filter(|it| wanted("type", &it.kind) && wanted("source", &it.source))
        .filter(|it| wanted("state", it.state.word()))
        .collect();
    all.sort_by(|one, other| (&one.kind, &one.source).cmp(&(&other.kind, &other.source)));
    let shown: Result<Vec<Value>, Problem> = all.iter().map(shown).collect();
    Ok(Answer::json(json!({"pollers": shown?})))
}

/// `GET /v2/pollers/{type}/{source}`.
pub(crate) async fn one(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (kind, source) = (call.param("type"), call.param("source"));
    let kv = gate.bus().kv(Bucket::Poll);
    let key = format!("s.{}.{}", token(kind), token(source));
    let record = kv.get(&key).await.map_err(unavailable)?;
    match record.and_then(|record| readable(&record.value)) {
        Some(status) => Ok(Answer::json(shown(&status)?)),
        None => Err(Problem::not_found(format!(
            "Poller not found (type: {kind}, source: {source}); a source is known from its first look on"
        ))),
    }
}

fn shown(status: &Status) -> Result<Value, Problem> {
    serde_json::to_value(status)
        .map_err(|error| Problem::internal(format!("The poller cannot be shown: {error}")))
}

/// One that a later version of the program wrote is passed over.
fn readable(stored: &[u8]) -> Option<Status> {
    let status: Status = serde_json::from_slice(stored).ok()?;
    (status.v <= VERSION).then_some(status)
}

fn unavailable(error: Error) -> Problem {
    match error {
        Error::BadName { .. } => Problem::not_found("Poller not found"),
        error => Problem::unavailable(format!("The pollers cannot be read: {error}")),
    }
}

/// `GET /artifactory/names`. Source: gate `ArtifactoryController`.
pub(crate) async fn artifactory(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(json!(gate.config().artifactory)))
}
