//! Configurations of canary analysis. Source: gate `V2CanaryConfigController`, Kayenta `CanaryConfigController` and
//! `CanaryJudgesController`.
//!
//! They lie where all documents lie, so an account of a configuration store is taken and makes no difference.

use axum::http::StatusCode;
use gennaker_model::Map;
use gennaker_store::{Document, Kind, check_canary_config};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    jobs,
    problem::Problem,
};

/// Where the tasks are listed of a configuration that names no application.
const APPLICATION: &str = "spinnaker";

/// `GET /v2/canaryConfig?application=`: what lists need of each.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let _ = call.query("configurationAccountName");
    let configs = gate
        .store()
        .canary_configs(&call.query_list("application"))
        .await?;
    let summaries: Vec<Value> = configs.iter().map(summary).collect();
    Ok(Answer::json(summaries))
}

/// `GET /v2/canaryConfig/{id}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let _ = call.query("configurationAccountName");
    let id = call.param("id");
    let found = gate.store().canary_config(id).await?;
    let found =
        found.ok_or_else(|| Problem::not_found(format!("Canary config '{id}' does not exist.")))?;
    Ok(Answer::json(found.body))
}

/// `POST /v2/canaryConfig`: the id of the configuration is kept, and drawn when there is none.
pub(crate) async fn create(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut config = call.object()?;
    let id = match config.get("id").and_then(Value::as_str) {
        Some(id) if !id.is_empty() => id.to_owned(),
        _ => uuid(call.random),
    };
    config.insert("id".to_owned(), id.clone().into());
    check_canary_config(&config).map_err(Problem::bad_request)?;
    if gate.store().canary_config(&id).await?.is_some() {
        return Err(Problem::bad_request(format!(
            "Canary config '{id}' already exists."
        )));
    }
    save(&gate, &call, &config, &id, true).await
}

/// `PUT /v2/canaryConfig/{id}`.
pub(crate) async fn update(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut config = call.object()?;
    let id = call.param("id").to_owned();
    config.insert("id".to_owned(), id.clone().into());
    check_canary_config(&config).map_err(Problem::bad_request)?;
    if gate.store().canary_config(&id).await?.is_none() {
        return Err(Problem::bad_request(format!(
            "Canary config '{id}' does not exist."
        )));
    }
    save(&gate, &call, &config, &id, false).await
}

/// `DELETE /v2/canaryConfig/{id}`: 200, also when there was none.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let _ = call.query("configurationAccountName");
    let id = call.param("id").to_owned();
    if gate.store().canary_config(&id).await?.is_some() {
        let job = json!({"type": "deleteCanaryConfig", "canaryConfigId": id, "user": call.user()});
        let description = format!("Delete canary config '{id}'");
        let document = jobs::run(&gate, &call, APPLICATION, &description, job).await?;
        jobs::check(&document, "Canary config")?;
        gate.store().catch_up().await?;
    }
    Ok(Answer::empty())
}

/// `DELETE /canaryConfig/{id}` of Kayenta's own API: 204.
pub(crate) async fn remove(gate: Gate, call: Call) -> Result<Answer, Problem> {
    delete(gate, call).await?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

/// `GET /v2/canaries/judges`.
pub(crate) async fn judges(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(json!([
        {"name": "NetflixACAJudge-v1.0", "visible": true},
        {"name": "GennakerSequential-v1", "visible": true},
    ])))
}

async fn save(
    gate: &Gate,
    call: &Call,
    config: &Map,
    id: &str,
    is_new: bool,
) -> Result<Answer, Problem> {
    let _ = call.query("configurationAccountName");
    let application = config["applications"][0].as_str().unwrap_or(APPLICATION);
    let name = config["name"].as_str().unwrap_or_default();
    let job = json!({
        "type": "saveCanaryConfig",
        "canaryConfig": jobs::encoded(Kind::CanaryConfig, config)?,
        "isNew": is_new,
        "user": call.user(),
    });
    let description = format!("Save canary config '{name}'");
    let document = jobs::run(gate, call, application, &description, job).await?;
    jobs::check(&document, "Canary config")?;
    gate.store().refresh(Kind::CanaryConfig, id).await?;
    Ok(Answer::json(json!({"canaryConfigId": id})))
}

fn summary(config: &Document) -> Value {
    let mut summary = Map::new();
    for field in [
        "id",
        "name",
        "updatedTimestamp",
        "updatedTimestampIso",
        "applications",
    ] {
        if let Some(value) = config.body.get(field) {
            summary.insert(field.to_owned(), value.clone());
        }
    }
    summary.into()
}
