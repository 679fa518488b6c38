//! Jobs that a request runs as a task and waits for, as Gate does: so that they show in the list of tasks.

use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_model::{Execution, Map, Status};
use gennaker_store::Kind;
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, problem::Problem, tasks, view, wait};

/// Runs one job and waits for its end, whatever that is; gives back the task when time is up otherwise.
pub(crate) async fn run(
    gate: &Gate,
    call: &Call,
    application: &str,
    description: &str,
    job: Value,
) -> Result<Execution, Problem> {
    let id = tasks::run(gate, call, application, description, vec![job], Map::new()).await?;
    wait::for_task(gate, &id, wait::SAVE).await
}

/// A task that did not succeed is the client's 400, with its first error as message.
pub(crate) fn check(document: &Execution, operation: &str) -> Result<(), Problem> {
    if document.status == Status::Succeeded {
        return Ok(());
    }
    Err(Problem::pipeline(
        view::first_error(document).unwrap_or_else(|| {
            format!(
                "{operation} operation did not succeed: {} (status: {})",
                document.id, document.status
            )
        }),
    ))
}

/// 202 with the address of the task, for clients that are used to asking there.
pub(crate) fn accepted(document: &Execution) -> Answer {
    let body = json!({"ref": format!("/tasks/{}", document.id)});
    Answer::Json(StatusCode::ACCEPTED, body)
}

/// Base64 of a document keeps the expressions inside from being evaluated with the task's context.
pub(crate) fn encoded(kind: Kind, document: &Map) -> Result<String, Problem> {
    let json =
        serde_json::to_vec(document).map_err(|error| Problem::internal(error.to_string()))?;
    let limit = kind.bytes_max();
    if json.len() > limit {
        return Err(Problem::too_large(format!(
            "the {} has {} bytes, more than the limit of {limit}",
            kind.word(),
            json.len()
        )));
    }
    Ok(BASE64_STANDARD.encode(json))
}
