//! The trace of an execution: a span for itself, one for each stage, told when they end.
//!
//! Their places derive from the ids, so spans of workers and of a later owner hang in the same tree.

use gennaker_engine::{Event, State};
use gennaker_model::{ExecutionId, StageId, Status};
use gennaker_telemetry::{
    TraceContext,
    trace::{Finished, record},
};

/// Where the spans of a stage's tasks hang.
pub(super) fn place_of_stage(execution: &ExecutionId, stage: &StageId) -> TraceContext {
    TraceContext::of_execution(execution.as_str()).within(stage.as_str())
}

/// Whether a fact is the end of something that has a span.
pub(super) fn is_end(event: &Event) -> bool {
    matches!(
        event,
        Event::StageEnded { .. } | Event::ExecutionEnded { .. }
    )
}

/// Tells what ended by a fact; `state` is what it led to.
pub(super) fn tell(state: &State, event: &Event) {
    match event {
        Event::StageEnded { stage, status, at } => tell_stage(state, stage, *status, *at),
        Event::ExecutionEnded { status, at } => tell_execution(state, *status, *at),
        _ => {}
    }
}

fn tell_stage(state: &State, id: &StageId, status: Status, at: i64) {
    let Some(stage) = state.doc.stage(id) else {
        return;
    };
    let root = TraceContext::of_execution(state.doc.id.as_str());
    let parent = match &stage.parent_stage_id {
        Some(parent) => root.within(parent.as_str()),
        None => root,
    };
    record(Finished {
        place: root.within(id.as_str()),
        parent: Some(parent),
        name: format!("stage {}", stage.kind).into(),
        start_ms: stage.start_time.unwrap_or(at),
        end_ms: at,
        error: status
            .is_failure()
            .then(|| format!("the stage ended {status}")),
        attributes: vec![
            ("execution.id", state.doc.id.to_string()),
            ("stage.id", id.to_string()),
            ("stage.ref_id", stage.ref_id.clone()),
            ("stage.name", stage.name.clone()),
            ("stage.status", status.to_string()),
        ],
    });
}

fn tell_execution(state: &State, status: Status, at: i64) {
    let doc = &state.doc;
    tracing::info!(execution.id = %doc.id, "execution {} of {} ended {status}", doc.id, doc.application);
    record(Finished {
        place: TraceContext::of_execution(doc.id.as_str()),
        parent: None,
        name: "execution".into(),
        start_ms: doc.build_time,
        end_ms: at,
        error: status
            .is_failure()
            .then(|| format!("the execution ended {status}")),
        attributes: vec![
            ("execution.id", doc.id.to_string()),
            ("execution.status", status.to_string()),
            ("application", doc.application.clone()),
            ("pipeline.name", doc.name.clone().unwrap_or_default()),
        ],
    });
}
