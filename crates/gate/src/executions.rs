//! Executions: read, listed, judged, cancelled, paused, deleted. Source: gate `PipelineController`, `ExecutionsController`.

use axum::http::StatusCode;
use gennaker_model::{
    Execution, ExecutionId, ExecutionType, StageId,
    command::{ListQuery, Refusal, RefusalCode, Reply, Request},
    routing,
};
use gennaker_store::Document;

use crate::{
    Gate,
    answer::Answer,
    call::{Ask, Call},
    owners::{Said, unexpected},
    problem::Problem,
    view,
};

/// Most executions of one pipeline in a list.
const LIMIT_MAX: u32 = 1_000;

/// Most ids in one question.
const IDS_MAX: usize = 1_000;

/// `GET /pipelines/{id}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    Ok(Answer::json(view::execution(
        &read(&gate, &call, &id).await?,
    )?))
}

/// `GET /executions?pipelineConfigIds=` or `?executionIds=`.
pub(crate) async fn by_ids(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let configs = call.query_list("pipelineConfigIds");
    let ids = call.query_list("executionIds");
    if !configs.is_empty() && !ids.is_empty() {
        return Err(Problem::bad_request(
            "Only pipelineConfigIds OR executionIds can be specified",
        ));
    }
    if configs.len() > IDS_MAX || ids.len() > IDS_MAX {
        return Err(Problem::bad_request(format!(
            "At most {IDS_MAX} ids can be asked for at once"
        )));
    }
    let mut query = ListQuery {
        kind: Some(ExecutionType::Pipeline),
        expand: call.query_bool("expand", true)?,
        ..ListQuery::default()
    };
    if !ids.is_empty() {
        query.executions = ids
            .into_iter()
            .filter_map(|id| ExecutionId::new(id).ok())
            .collect();
    } else if !configs.is_empty() {
        query.config_ids = configs;
        query.statuses = call.statuses()?;
        query.limit_per_config = Some(call.query_number("limit", 1, (1, LIMIT_MAX))?);
    }
    if query.executions.is_empty() && query.config_ids.is_empty() {
        return Ok(Answer::json(serde_json::json!([])));
    }
    list(&gate, &call, &query).await
}

/// `GET /applications/{application}/pipelines`: `limit` counts for each pipeline.
pub(crate) async fn of_application(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let application = call.param("application");
    let mut query = ListQuery {
        kind: Some(ExecutionType::Pipeline),
        application: Some(application.to_owned()),
        statuses: call.statuses()?,
        name_contains: call.query("pipelineNameFilter").map(str::to_owned),
        limit_per_config: Some(call.query_number("limit", 10, (1, LIMIT_MAX))?),
        expand: call.query_bool("expand", true)?,
        ..ListQuery::default()
    };
    if call.query("pipelineLimit").is_some() {
        let most = call.query_number("pipelineLimit", 1, (1, LIMIT_MAX))?;
        let wanted = query
            .name_contains
            .as_deref()
            .unwrap_or_default()
            .to_lowercase();
        let listed = gate.store().pipelines().of(application).await?;
        let named = |it: &&Document| {
            it.text("name")
                .unwrap_or_default()
                .to_lowercase()
                .contains(&wanted)
        };
        query.config_ids = listed
            .iter()
            .filter(named)
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .map(|pipeline| pipeline.id().to_owned())
            .collect();
        if query.config_ids.is_empty() {
            return Ok(Answer::json(serde_json::json!([])));
        }
    }
    list(&gate, &call, &query).await
}

/// `PUT /pipelines/{id}/cancel`, and the same below any `/applications/{…}`.
pub(crate) async fn cancel(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    stop(&gate, &call, &id, "Pipeline").await
}

/// `PUT /pipelines/{id}/pause`.
pub(crate) async fn pause(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    let request = Request::Pause {
        execution: id.clone(),
        user: call.user().to_owned(),
    };
    done(&gate, &id, call.ask("pause", request), "Pipeline").await
}

/// `PUT /pipelines/{id}/resume`.
pub(crate) async fn resume(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    let request = Request::Resume {
        execution: id.clone(),
        user: call.user().to_owned(),
    };
    done(&gate, &id, call.ask("resume", request), "Pipeline").await
}

/// `PATCH /pipelines/{id}/stages/{stageId}`: a judgement, the skipping of a wait, anything; answers the execution.
pub(crate) async fn patch_stage(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    let stage = call.param("stageId");
    let request = Request::PatchStage {
        execution: id.clone(),
        stage: StageId::new(stage)
            .map_err(|_| Problem::not_found(format!("Stage not found (id: {stage})")))?,
        patch: call.object()?,
        user: call.user().to_owned(),
        roles: None,
    };
    done(&gate, &id, call.ask("patch", request), "Pipeline").await?;
    Ok(Answer::json(view::execution(
        &read(&gate, &call, &id).await?,
    )?))
}

/// `DELETE /pipelines/{id}`.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    remove(&gate, &call, &id, "pipeline").await
}

/// Cancels an execution of either kind.
pub(crate) async fn stop(
    gate: &Gate,
    call: &Call,
    id: &ExecutionId,
    what: &str,
) -> Result<Answer, Problem> {
    let request = Request::Cancel {
        execution: id.clone(),
        user: call.user().to_owned(),
        reason: call.query("reason").map(str::to_owned),
    };
    done(
        gate,
        id,
        call.ask(
            &format!("cancel{:016x}", routing::fnv1a64(id.as_str().as_bytes())),
            request,
        ),
        what,
    )
    .await
}

/// Deletes an execution of either kind, if it is complete.
pub(crate) async fn remove(
    gate: &Gate,
    call: &Call,
    id: &ExecutionId,
    what: &str,
) -> Result<Answer, Problem> {
    let ask = call.ask(
        "delete",
        Request::Delete {
            execution: id.clone(),
        },
    );
    match gate.owners().ask_whole(id, ask).await? {
        Said::Refusal(Refusal {
            code: RefusalCode::Conflict,
            ..
        }) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!("Cannot delete a running {what}, please cancel it first."),
        )),
        said => settled(said, id, what),
    }
}

/// Adds to the answer which partitions are missing in it.
pub(crate) fn told(answer: Answer, silent: &[u32]) -> Answer {
    if silent.is_empty() {
        return answer;
    }
    let named: Vec<String> = silent.iter().map(ToString::to_string).collect();
    answer.with_header("x-gennaker-missing-partitions", &named.join(","))
}

/// The executions of a question, by start time.
pub(crate) async fn list(gate: &Gate, call: &Call, query: &ListQuery) -> Result<Answer, Problem> {
    let partial = call.query_bool("partial", false)?;
    let mut listed = gate.owners().list(call, query, partial).await?;
    // Source: orca `TaskController`, by start time, those without one first, ties by id, the newer first.
    listed.found.sort_by(|one, two| {
        let started = |execution: &Execution| execution.start_time.unwrap_or(0);
        started(one)
            .cmp(&started(two))
            .then_with(|| two.id.cmp(&one.id))
    });
    Ok(told(
        Answer::json(view::executions(&listed.found)?),
        &listed.silent,
    ))
}

/// A pipeline's execution.
pub(crate) async fn read(gate: &Gate, call: &Call, id: &ExecutionId) -> Result<Execution, Problem> {
    read_of(gate, call, id, ExecutionType::Pipeline).await
}

/// An execution of this type; one of the other is not found.
pub(crate) async fn read_of(
    gate: &Gate,
    call: &Call,
    id: &ExecutionId,
    kind: ExecutionType,
) -> Result<Execution, Problem> {
    let ask = call.ask(
        "read",
        Request::Read {
            execution: id.clone(),
        },
    );
    gate.owners()
        .read(id, ask)
        .await?
        .filter(|document| document.kind == kind)
        .ok_or_else(|| {
            let what = match kind {
                ExecutionType::Pipeline => "Pipeline",
                ExecutionType::Orchestration => "Task",
            };
            Problem::not_found(format!("{what} not found (id: {id})"))
        })
}

/// Asks for a change that is answered with nothing.
pub(crate) async fn done(
    gate: &Gate,
    id: &ExecutionId,
    ask: Ask,
    what: &str,
) -> Result<Answer, Problem> {
    settled(gate.owners().ask_whole(id, ask).await?, id, what)
}

/// Whether a refusal says only that there is no such execution.
fn is_about(message: &str, id: &ExecutionId) -> bool {
    message.is_empty() || message == format!("there is no execution {id}")
}

fn settled(said: Said, id: &ExecutionId, what: &str) -> Result<Answer, Problem> {
    match said {
        Said::Reply(Reply::Done) => Ok(Answer::empty()),
        Said::Reply(other) => Err(unexpected(&other)),
        // Gate's words, whatever the owner's are; that a stage of it is missing says more.
        Said::Refusal(refusal)
            if refusal.code == RefusalCode::NotFound && is_about(&refusal.message, id) =>
        {
            Err(Problem::not_found(format!("{what} not found (id: {id})")))
        }
        Said::Refusal(refusal) => Err(refusal.into()),
    }
}
