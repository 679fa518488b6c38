//! Retries of a stage, our addition: `retry: {max, backoffMs, on}`.
//!
//! When a task of the stage fails, all its tasks are done again after a pause, at most `max` times. The failed ones stay in the task
//! list as FAILED_CONTINUE, with what went wrong; the new ones follow and name their try. Only the last try counts for the status of
//! the stage, and only its failure meets the failure options (reference 2.2). `on` lists what is worth another try: an exception's
//! type, or a part of its message; without it everything is. Effects of another try have another identity.

use gennaker_model::{Map, Stage, Status, Task};
use serde_json::Value;

use super::draft::Draft;
use crate::{definition::TaskResult, event::Event, state::Purpose};

/// Most retries that a stage gets, whatever it asks for.
const RETRIES_MAX: u64 = 100;

/// The pause before a retry, if the stage names none.
const BACKOFF_MS: i64 = 15_000;

impl Draft<'_> {
    /// When the tasks of the stage are to be done again after this result; `None` when they are not.
    pub(super) fn retry_of(&self, stage: &Stage, result: &TaskResult) -> Option<i64> {
        if result.status != Status::Terminal
            || self.must_cancel()
            || self.state.closing_of(&stage.id).is_some()
        {
            return None;
        }
        let asked = stage.context.get("retry")?.as_object()?;
        let max = asked.get("max").and_then(whole)?.min(RETRIES_MAX);
        let tried = u64::from(stage.tasks.last()?.retry);
        let definition = self.context.catalogue.stage(super::effective_kind(stage))?;
        if tried >= max || !definition.may_retry() || !is_worth_it(asked, result) {
            return None;
        }
        let backoff = asked.get("backoffMs").and_then(whole);
        let backoff = backoff.map_or(BACKOFF_MS, |ms| i64::try_from(ms).unwrap_or(i64::MAX / 4));
        let due = self.now().saturating_add(backoff);
        // Another try that the stage's own time limit would end at once is none.
        let limit = self.stage_deadline(stage);
        limit.is_none_or(|limit| due < limit.due).then_some(due)
    }

    /// Ends the failed task and has all of them done again.
    pub(super) fn retry(&mut self, stage: &Stage, task: &Task, exception: Option<Value>, due: i64) {
        self.emit(Event::TaskEnded {
            stage: stage.id.clone(),
            task: task.id.clone(),
            status: Status::FailedContinue,
            at: self.now(),
            exception,
        });
        if let Some(definition) = self.context.catalogue.stage(super::effective_kind(stage))
            && let Some(stage) = self.stage(&stage.id)
        {
            let cleared = definition.restarted(&stage, false);
            self.change_cleared(&stage, cleared);
        }
        self.emit(Event::TasksRepeated {
            stage: stage.id.clone(),
        });
        self.arm(&stage.id, Purpose::Again, due);
        if self.state.doc.status == Status::Paused {
            self.pause_stage(&stage.id);
        }
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    }
}

/// Whether `on` names the failure, or nothing at all.
fn is_worth_it(asked: &Map, result: &TaskResult) -> bool {
    let Some(on) = asked.get("on").and_then(Value::as_array) else {
        return true;
    };
    let exception = result.exception.as_ref();
    let kind = exception
        .and_then(|exception| exception.get("exceptionType")?.as_str())
        .unwrap_or_default();
    let errors = exception
        .and_then(|exception| exception.pointer("/details/errors")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let message = errors.collect::<Vec<_>>().join("\n").to_lowercase();
    on.iter()
        .filter_map(Value::as_str)
        .any(|word| word == kind || (!word.is_empty() && message.contains(&word.to_lowercase())))
}
