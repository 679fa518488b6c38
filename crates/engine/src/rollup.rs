//! Status of the whole from its parts: orchestration reference 2.2 to 2.4. The first row that matches wins.

use gennaker_model::{Execution, Map, Stage, Status, SyntheticOwner};
use serde_json::Value;

use crate::graph;

/// What a failure of this stage means, by its failure options (`failPipeline`, `continuePipeline`).
///
/// `default` is TERMINAL, or CANCELED for a task that ended CANCELED. Text (`"true"`) is read as a boolean, where Orca hangs.
/// Source: `orca-kotlin … ext/Stage.kt`.
#[must_use]
pub fn failure_status(context: &Map, default: Status) -> Status {
    if flag(context, "continuePipeline") == Some(true) {
        Status::FailedContinue
    } else if flag(context, "failPipeline").unwrap_or(true) {
        default
    } else {
        Status::Stopped
    }
}

/// Status of a stage from its synthetic stages and tasks; NOT_STARTED when there is nothing to look at.
#[must_use]
pub fn stage_status(execution: &Execution, stage: &Stage) -> Status {
    let mut parts: Vec<Status> = Vec::new();
    let mut after_waits = false;
    for child in &execution.stages {
        if child.parent_stage_id.as_ref() == Some(&stage.id) {
            parts.push(child.status);
            after_waits |= child.synthetic_stage_owner == Some(SyntheticOwner::StageAfter)
                && child.status == Status::NotStarted;
        }
    }
    let tasks = &stage.tasks[first_current_task(stage)..];
    parts.extend(tasks.iter().map(|task| task.status));
    if flag(&stage.context, "beforeStagePlanningFailed") == Some(true) {
        parts.push(failure_status(&stage.context, Status::Terminal));
    }
    let any = |status| parts.contains(&status);
    if parts.is_empty() {
        Status::NotStarted
    } else if any(Status::Terminal) {
        failure_status(&stage.context, Status::Terminal)
    } else if any(Status::Stopped) {
        Status::Stopped
    } else if any(Status::Canceled) {
        Status::Canceled
    } else if any(Status::FailedContinue) {
        Status::FailedContinue
    } else if parts
        .iter()
        .all(|status| matches!(status, Status::Succeeded | Status::Skipped))
    {
        Status::Succeeded
    } else if after_waits {
        Status::Running
    } else {
        Status::Terminal
    }
}

/// Whether a part of the stage has failed, or its parts could not be planned.
#[must_use]
pub fn any_failed(execution: &Execution, stage: &Stage) -> bool {
    let tasks = &stage.tasks[first_current_task(stage)..];
    let children = execution
        .stages
        .iter()
        .filter(|child| child.parent_stage_id.as_ref() == Some(&stage.id));
    flag(&stage.context, "beforeStagePlanningFailed") == Some(true)
        || tasks.iter().any(|task| task.status.is_failure())
        || children.into_iter().any(|child| child.status.is_failure())
}

/// Place of the first task that counts: those before it failed and were done again.
#[must_use]
pub fn first_current_task(stage: &Stage) -> usize {
    let retry = stage.tasks.last().map_or(0, |task| task.retry);
    stage.tasks.partition_point(|task| task.retry < retry)
}

/// Status of an execution from its top-level stages; `None` while other branches go on.
///
/// Differs from `CompleteExecutionHandler` in one row: when nothing runs and nothing can start, although stages are left, the
/// execution is TERMINAL. Orca looks again every 30 s, for ever.
#[must_use]
pub fn execution_status(execution: &Execution) -> Option<Status> {
    let stages: Vec<&Stage> = execution.top_level_stages().map(AsRef::as_ref).collect();
    let any = |status| stages.iter().any(|stage| stage.status == status);
    if stages
        .iter()
        .all(|stage| stage.status.lets_downstream_start())
    {
        return Some(Status::Succeeded);
    }
    // After a restart there may be branches that had halted before. They do not halt what was restarted, but count in the end:
    // in Orca nobody looks at them before.
    let halts_now = |status| {
        stages.iter().any(|stage| {
            stage.status == status
                && stage.end_time.unwrap_or(i64::MAX) >= execution.start_time.unwrap_or(0)
        })
    };
    if halts_now(Status::Terminal) {
        return Some(Status::Terminal);
    }
    if halts_now(Status::Canceled) {
        return Some(Status::Canceled);
    }
    // The cheap question first: this runs after every stage, and whether one could start takes a look at all others.
    let goes_on = any(Status::Running)
        || any(Status::Paused)
        || stages.iter().any(|stage| {
            stage.status == Status::NotStarted && graph::all_upstream_complete(execution, stage)
        });
    if goes_on {
        return None;
    }
    if !any(Status::Terminal) && any(Status::Canceled) {
        return Some(Status::Canceled);
    }
    if any(Status::Terminal) || !any(Status::Stopped) {
        return Some(Status::Terminal);
    }
    let fails = stages.iter().any(|stage| {
        stage.status == Status::Stopped
            && flag(&stage.context, "completeOtherBranchesThenFail") == Some(true)
    });
    Some(if fails {
        Status::Terminal
    } else {
        Status::Succeeded
    })
}

/// Whether a person skips the stage, or one that it is part of.
#[must_use]
pub fn skipped_by_hand(execution: &Execution, stage: &Stage) -> bool {
    let mut current = Some(stage);
    for _ in 0..=execution.stages.len() {
        let Some(here) = current else { return false };
        if flag(&here.context, "manualSkip") == Some(true) {
            return true;
        }
        let parent = here.parent_stage_id.as_ref();
        current = parent.and_then(|id| execution.stage(id)).map(AsRef::as_ref);
    }
    false
}

/// A boolean option of a stage; text is read as one, anything else counts as absent.
#[must_use]
pub fn flag(context: &Map, key: &str) -> Option<bool> {
    match context.get(key) {
        Some(Value::Bool(value)) => Some(*value),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
