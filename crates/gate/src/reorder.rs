//! `POST /actions/pipelines/reorder`, and the same for strategies. Source: gate `ReorderPipelinesCommand`, orca `ReorderPipelinesTask`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, jobs, problem::Problem, view};

/// Most pipelines that are put in order at once.
const PIPELINES_MAX: usize = 2_000;

/// `POST /actions/pipelines/reorder`.
pub(crate) async fn pipelines(gate: Gate, call: Call) -> Result<Answer, Problem> {
    reorder(&gate, &call, false).await
}

/// `POST /actions/strategies/reorder`.
pub(crate) async fn strategies(gate: Gate, call: Call) -> Result<Answer, Problem> {
    reorder(&gate, &call, true).await
}

/// Runs the job, waits for it and answers the task.
async fn reorder(gate: &Gate, call: &Call, are_strategies: bool) -> Result<Answer, Problem> {
    let body = call.object()?;
    let application = body
        .get("application")
        .and_then(Value::as_str)
        .filter(|application| !application.trim().is_empty())
        .ok_or_else(|| Problem::bad_request("application must be a string that is not empty"))?;
    let indices = indices_of(&body)?;
    let encoded = |value: &Value| BASE64_STANDARD.encode(value.to_string());
    // Everything in base64, as Gate sends it: ids are keys here, and must not be evaluated.
    let job = json!({
        "type": "reorderPipelines",
        "idsToIndices": encoded(indices),
        "isStrategy": encoded(&Value::Bool(are_strategies)),
        "application": encoded(&application.into()),
        "user": call.user(),
    });
    let (description, operation) = match are_strategies {
        true => ("Reorder strategies", "Strategy reorder"),
        false => ("Reorder pipelines", "Pipeline reorder"),
    };
    let document = jobs::run(gate, call, application, description, job).await?;
    jobs::check(&document, operation)?;
    // The lists of this process must show it when the client, who has the answer, asks for them.
    gate.store().catch_up().await?;
    Ok(Answer::json(view::task(&document)?))
}

fn indices_of(body: &Map) -> Result<&Value, Problem> {
    let wanted = || Problem::bad_request("idsToIndices must be an object of whole numbers from 0");
    let value = body.get("idsToIndices").ok_or_else(wanted)?;
    let indices = value.as_object().ok_or_else(wanted)?;
    if indices.len() > PIPELINES_MAX {
        return Err(Problem::bad_request(format!(
            "At most {PIPELINES_MAX} pipelines can be put in order at once"
        )));
    }
    let fits = |index: &Value| index.as_u64().is_some_and(|it| u32::try_from(it).is_ok());
    if !indices.values().all(fits) {
        return Err(wanted());
    }
    Ok(value)
}
