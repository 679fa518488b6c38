//! `GET /executions/failedStages`: which stages made a pipeline fail, through the pipelines that it started.
//!
//! Source: orca `TaskController.getFailedStagesForPipelineExecution`, `FailedStageExecution`.

use std::collections::{BTreeSet, VecDeque};

use axum::http::StatusCode;
use gennaker_model::{Execution, ExecutionId, Stage};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, executions, problem::Problem};

/// Most stages in one answer.
const LIMIT_MAX: u32 = 1_000;

/// Most executions that one answer looks at.
const EXECUTIONS_MAX: usize = 100;

/// What Orca says where the reason is not in the stage.
const UNKNOWN: &str = "NOT_FOUND_CHECK_UI";

/// Answers the failed stages that started no pipeline, nearest to the execution first; nothing for an unknown execution.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call
        .query("executionId")
        .ok_or_else(|| Problem::bad_request("Query parameter executionId is required"))?;
    let limit = call.query_number("limit", 1, (1, LIMIT_MAX))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let origin = call.query("deckOrigin").unwrap_or_default().trim();
    let mut open: VecDeque<String> = VecDeque::from([id.to_owned()]);
    let mut seen = BTreeSet::new();
    let mut failed = Vec::new();
    while let Some(id) = open.pop_front() {
        if failed.len() >= limit || seen.len() >= EXECUTIONS_MAX || !seen.insert(id.clone()) {
            continue;
        }
        let Some(document) = pipeline(&gate, &call, &id).await? else {
            continue;
        };
        for (place, stage) in in_order(&document).into_iter().enumerate() {
            if !stage.status.is_failure() {
                continue;
            }
            match text(stage, "executionId").filter(|_| is_pipeline(stage)) {
                Some(child) => open.push_back(child.to_owned()),
                None => failed.push(summary(&document, stage, place, origin)),
            }
        }
    }
    failed.truncate(limit);
    Ok(Answer::json(failed))
}

async fn pipeline(gate: &Gate, call: &Call, id: &str) -> Result<Option<Execution>, Problem> {
    let Ok(id) = ExecutionId::new(id) else {
        return Ok(None);
    };
    match executions::read(gate, call, &id).await {
        Ok(document) => Ok(Some(document)),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The stages of the pipeline's own graph, each after those that it waits for; Deck counts them like this.
fn in_order(document: &Execution) -> Vec<&Stage> {
    let mut left: Vec<&Stage> = document.top_level_stages().map(AsRef::as_ref).collect();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(left.len());
    loop {
        let (ready, rest): (Vec<&Stage>, Vec<&Stage>) = left.into_iter().partition(|stage| {
            let mut before = stage.requisite_stage_ref_ids.iter();
            before.all(|ref_id| known.contains(ref_id.as_str()))
        });
        left = rest;
        if ready.is_empty() {
            // Whatever waits for itself, or for nothing that exists.
            sorted.extend(left);
            return sorted;
        }
        known.extend(ready.iter().map(|stage| stage.ref_id.as_str()));
        sorted.extend(ready);
    }
}

fn summary(document: &Execution, stage: &Stage, place: usize, origin: &str) -> Value {
    let parent = document.trigger.get("parentExecution");
    let of_parent = |field: &str| parent.and_then(|parent| parent.get(field));
    let of_child = |field: &str| text(stage, field).filter(|_| is_pipeline(stage));
    let details = match is_pipeline(stage) {
        true => "pipelineConfig",
        false => "runJobConfig",
    };
    let (application, id) = (&document.application, &document.id);
    json!({
        "parentPipelineExecutionId": of_parent("id"),
        "parentPipelineExecutionName": of_parent("name"),
        "parentPipelineApplication": of_parent("application"),
        "parentPipelineExecutionUrl": null,
        "pipelineExecutionId": id,
        "pipelineExecutionName": document.name,
        "pipelineApplication": application,
        "pipelineExecutionUrl":
            format!("{origin}/#/applications/{application}/executions/details/{id}?stage={place}&step=0&details={details}"),
        "stageId": stage.id,
        "stageName": stage.name,
        "stageType": stage.kind,
        "stageStatus": stage.status,
        "stageException": reason(stage).unwrap_or(UNKNOWN),
        "childPipelineExecutionId": of_child("executionId"),
        "childPipelineExecutionName": of_child("executionName"),
        "childPipelineApplication": of_child("application"),
        "childPipelineExecutionUrl": null,
    })
}

/// Why it failed. Orca looks at stages of two types only; the exception stands in the same place for all.
fn reason(stage: &Stage) -> Option<&str> {
    let of_job = || {
        let first = stage.context.get("kato.tasks")?.get(0)?;
        first.get("exception")?.get("cause")?.as_str()
    };
    let thrown = || {
        let details = stage.context.get("exception")?.get("details")?;
        details.get("errors")?.get(0)?.as_str()
    };
    of_job().or_else(thrown).filter(|text| !text.is_empty())
}

fn is_pipeline(stage: &Stage) -> bool {
    stage.kind.eq_ignore_ascii_case("pipeline")
}

fn text<'s>(stage: &'s Stage, field: &str) -> Option<&'s str> {
    let text = stage.context.get(field).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}
