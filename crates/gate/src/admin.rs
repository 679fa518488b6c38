//! What administrators do to executions. Source: gate `AdminController`, orca `AdminController`, `QueueAdminController`.

use gennaker_model::{
    ExecutionId,
    command::{RefusalCode, Reply, Request},
};
use serde_json::json;

use crate::{
    Gate,
    answer::{Answer, value_of},
    call::Call,
    executions,
    owners::{Said, unexpected},
    problem::Problem,
};

/// `GET /admin`.
pub(crate) async fn whoami(_gate: Gate, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(
        json!({"username": call.user(), "isAdmin": false}),
    ))
}

/// `PUT /admin/executions/forceCancel`. Orca writes the status and nothing else, because its cancel may wait for a message that is
/// lost; here a cancel cannot be lost, and what it waits for can be asked (`hydrate`, or `/v2/executions/{id}/why`).
pub(crate) async fn force_cancel(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let what = match call.query("executionType") {
        None => "Pipeline",
        Some(kind) if kind.eq_ignore_ascii_case("PIPELINE") => "Pipeline",
        Some(kind) if kind.eq_ignore_ascii_case("ORCHESTRATION") => "Task",
        Some(other) => {
            return Err(Problem::bad_request(format!(
                "executionType must be PIPELINE or ORCHESTRATION, not '{other}'"
            )));
        }
    };
    let id = wanted(&call)?;
    executions::stop(&gate, &call, &id, what).await
}

/// `POST /admin/executions/hydrate`. Orca puts lost messages of an execution into its queue again and says what they were. Here the
/// audit does that by itself every few seconds, so there is nothing to put; the answer says what the execution waits for.
pub(crate) async fn hydrate(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let dry_run = call.query_bool("dryRun", true)?;
    let id = wanted(&call)?;
    let request = Request::Explain {
        execution: id.clone(),
    };
    let said = gate.owners().ask_whole(&id, call.ask("hydrate", request));
    match said.await? {
        Said::Reply(Reply::Explanation { waits, status }) => Ok(Answer::json(json!({
            "dryRun": dry_run,
            "executions": { id.as_str(): {"status": status, "actions": [], "waits": value_of(&waits)?} },
        }))),
        Said::Reply(other) => Err(unexpected(&other)),
        Said::Refusal(refusal) if refusal.code == RefusalCode::NotFound => Err(Problem::not_found(
            format!("Execution not found (id: {id})"),
        )),
        Said::Refusal(refusal) => Err(refusal.into()),
    }
}

fn wanted(call: &Call) -> Result<ExecutionId, Problem> {
    let id = call
        .query("executionId")
        .ok_or_else(|| Problem::bad_request("Query parameter executionId is required"))?;
    ExecutionId::new(id).map_err(|_| Problem::not_found(format!("Execution not found (id: {id})")))
}
