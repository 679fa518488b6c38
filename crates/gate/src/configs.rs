//! Stored pipelines, read.

use gennaker_model::Map;
use gennaker_store::{Document, Kind};
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Front50's words for a pipeline without name or application.
pub(crate) const REQUIRED_FIELDS: &str = "A pipeline requires name and application fields";

/// Most versions in a history; the bucket keeps no more.
const HISTORY_MAX: u32 = 64;

/// `GET /applications/{application}/pipelineConfigs`.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let wanted = call.query("pipelineNameFilter").map(str::to_lowercase);
    let limit = call.query_number("pipelineLimit", u32::MAX, (1, u32::MAX))?;
    let listed = gate
        .store()
        .pipelines()
        .of(call.param("application"))
        .await?;
    let named = listed.into_iter().filter(|pipeline| {
        let name = pipeline.text("name").unwrap_or_default().to_lowercase();
        wanted.as_ref().is_none_or(|wanted| name.contains(wanted))
    });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Answer::json(bodies(named.take(limit))))
}

/// `GET /applications/{application}/pipelineConfigs/{nameOrId}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (application, name) = (call.param("application"), call.param("name"));
    if let Some(stored) = gate.store().pipelines().by_name(application, name).await?
        && stored.text("name") == Some(name)
    {
        return Ok(Answer::json(stored.body));
    }
    let stored = by_id(&gate, application, name).await?;
    Ok(Answer::json(
        stored.ok_or_else(|| missing(application, name))?,
    ))
}

/// `GET /pipelineConfigs`.
pub(crate) async fn all(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(bodies(
        gate.store().list(Kind::Pipeline).await?,
    )))
}

/// `GET /pipelineConfigs/{id}/history`: newest first.
pub(crate) async fn history(gate: Gate, call: Call) -> Result<Answer, Problem> {
    history_of(&gate, &call, Kind::Pipeline, "id").await
}

/// Versions of any document whose id is a path parameter.
pub(crate) async fn history_of(
    gate: &Gate,
    call: &Call,
    kind: Kind,
    param: &str,
) -> Result<Answer, Problem> {
    history_of_id(gate, call, kind, call.param(param)).await
}

/// Versions of any document.
pub(crate) async fn history_of_id(
    gate: &Gate,
    call: &Call,
    kind: Kind,
    id: &str,
) -> Result<Answer, Problem> {
    let limit = call.query_number("limit", 20, (1, HISTORY_MAX))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let versions = gate.store().history(kind, id, limit).await?;
    Ok(Answer::json(bodies(versions)))
}

/// The pipeline to start: by name ignoring case, else by id.
pub(crate) async fn find(gate: &Gate, application: &str, name_or_id: &str) -> Result<Map, Problem> {
    if let Some(stored) = gate
        .store()
        .pipelines()
        .by_name(application, name_or_id)
        .await?
    {
        return Ok(stored.body);
    }
    by_id(gate, application, name_or_id)
        .await?
        .ok_or_else(|| missing(application, name_or_id))
}

async fn by_id(gate: &Gate, application: &str, id: &str) -> Result<Option<Map>, Problem> {
    let stored = gate.store().pipeline(id).await?;
    let ours = stored.filter(|stored| {
        stored
            .text("application")
            .is_some_and(|name| name.to_lowercase() == application.to_lowercase())
    });
    Ok(ours.map(|stored| stored.body))
}

fn missing(application: &str, name: &str) -> Problem {
    Problem::not_found(format!(
        "Pipeline configuration not found (nameOrId: {name} in application {application})"
    ))
}

pub(crate) fn bodies(documents: impl IntoIterator<Item = Document>) -> Vec<Value> {
    documents
        .into_iter()
        .map(|document| Value::Object(document.body))
        .collect()
}
