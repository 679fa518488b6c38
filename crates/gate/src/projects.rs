//! Projects, read; they are written by tasks. Source: gate `ProjectController`, `ProjectService`, orca `ProjectController`.

use gennaker_model::{ExecutionType, command::ListQuery};
use gennaker_store::Document;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, clouds, configs, executions, problem::Problem};

/// Most executions of one pipeline.
const LIMIT_MAX: u32 = 1_000;

/// `GET /projects`.
pub(crate) async fn list(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(configs::bodies(
        gate.store().projects().await?,
    )))
}

/// `GET /projects/{id}`: by name or id.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(find(&gate, &call).await?.body))
}

/// `GET /projects/{id}/clusters`: what runs of it.
pub(crate) async fn clusters(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let project = find(&gate, &call).await?;
    clouds::projects::clusters(&gate, &project.body).await
}

/// `GET /projects/{id}/pipelines`: the latest executions of the pipelines that the project shows.
pub(crate) async fn pipelines(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let project = find(&gate, &call).await?;
    let shown = project
        .body
        .get("config")
        .and_then(|config| config.get("pipelineConfigs")?.as_array());
    let query = ListQuery {
        kind: Some(ExecutionType::Pipeline),
        config_ids: shown
            .into_iter()
            .flatten()
            .filter_map(|it| it.get("pipelineConfigId").and_then(Value::as_str))
            .map(str::to_owned)
            .collect(),
        statuses: call.statuses()?,
        limit_per_config: Some(call.query_number("limit", 5, (1, LIMIT_MAX))?),
        expand: call.query_bool("expand", true)?,
        ..ListQuery::default()
    };
    if query.config_ids.is_empty() {
        return Ok(Answer::json(json!([])));
    }
    executions::list(&gate, &call, &query).await
}

async fn find(gate: &Gate, call: &Call) -> Result<Document, Problem> {
    let id = call.param("id");
    let found = gate.store().project(id).await?;
    found.ok_or_else(|| Problem::not_found(format!("Project not found (id: {id})")))
}
