//! The fold: one event into one state. Decides nothing.

use std::sync::Arc;

use gennaker_model::{Stage, StageId, Status, Task, command::REMEMBERED_MS};
use serde_json::json;

use crate::{
    event::Event,
    state::{Book, Child, Lookup, Outbox, State},
    transitions::{Illegal, check},
};

/// Why an event does not fit a state: the log and the code that reads it disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It would move a status against the table.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// It names a stage that does not exist.
    #[error("there is no stage {0}")]
    NoStage(StageId),
    /// It names a task that does not exist.
    #[error("stage {0} has no task {1}")]
    NoTask(StageId, String),
    /// The execution exists already.
    #[error("the execution exists already")]
    Exists,
}

/// The state of an execution that has just come to be; `None` when the event is not [`Event::Created`].
#[must_use]
pub fn created(event: &Event) -> Option<State> {
    match event {
        Event::Created { execution, parent } => Some(State {
            doc: (**execution).clone(),
            book: Book {
                parent: parent.clone(),
                ..Book::default()
            },
            revision: 1,
        }),
        _ => None,
    }
}

/// Folds one event into a state.
///
/// # Errors
/// [`Misfit`] when the event cannot have come from a decision about this state. The state is unchanged then.
pub fn apply(state: &mut State, event: &Event) -> Result<(), Misfit> {
    fold(state, event)?;
    state.revision += 1;
    Ok(())
}

fn fold(state: &mut State, event: &Event) -> Result<(), Misfit> {
    let State { doc, book, .. } = state;
    match event {
        Event::Created { .. } => return Err(Misfit::Exists),
        Event::ExecutionStarted { at } => {
            check("execution", doc.status, Status::Running)?;
            doc.status = Status::Running;
            doc.start_time.get_or_insert(*at);
            doc.canceled = false;
        }
        Event::ExecutionEnded { status, at } => {
            check("execution", doc.status, *status)?;
            doc.status = *status;
            if doc.start_time.is_some() {
                doc.end_time = Some(*at);
            }
        }
        Event::CancelRequested { by, reason } => {
            doc.canceled = true;
            doc.canceled_by = Some(by.clone());
            doc.cancellation_reason.clone_from(reason);
        }
        Event::ExecutionPaused { by, at } => {
            check("execution", doc.status, Status::Paused)?;
            doc.status = Status::Paused;
            doc.paused = Some(gennaker_model::execution::Paused {
                paused_by: Some(by.clone()),
                pause_time: Some(*at),
                ..Default::default()
            });
        }
        Event::ExecutionResumed { by, at } => {
            check("execution", doc.status, Status::Running)?;
            doc.status = Status::Running;
            let paused = doc.paused.get_or_insert_default();
            paused.resumed_by = Some(by.clone());
            paused.resume_time = Some(*at);
        }
        Event::StageAdded { stage, index } => {
            let index = (*index).min(doc.stages.len());
            doc.stages.insert(index, Arc::new((**stage).clone()));
            book.stages_made += 1;
        }
        Event::StageStarted { stage, at, tasks } => {
            let stage = stage_mut(&mut doc.stages, stage)?;
            check(&stage.name, stage.status, Status::Running)?;
            stage.status = Status::Running;
            stage.start_time = Some(*at);
            stage.tasks.clone_from(tasks);
        }
        Event::StageEnded { stage, status, at } => {
            let stage = stage_mut(&mut doc.stages, stage)?;
            check(&stage.name, stage.status, *status)?;
            stage.status = *status;
            stage.end_time = Some(*at);
        }
        Event::StageRemoved { stage } => doc.stages.retain(|held| held.id != *stage),
        Event::StageChanged {
            stage,
            context,
            outputs,
            removed,
        } => {
            let stage = stage_mut(&mut doc.stages, stage)?;
            if !context.is_empty() || !removed.is_empty() {
                let held = Arc::make_mut(&mut stage.context);
                for key in removed {
                    held.shift_remove(key);
                }
                held.extend(
                    context
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            if !outputs.is_empty() {
                let held = Arc::make_mut(&mut stage.outputs);
                held.extend(
                    outputs
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
        }
        Event::StageModified { stage, by } => {
            stage_mut(&mut doc.stages, stage)?.last_modified = Some(by.clone());
        }
        Event::TaskStarted { stage, task, at } => {
            let task = task_mut(&mut doc.stages, stage, task)?;
            check(&task.name, task.status, Status::Running)?;
            task.status = Status::Running;
            task.start_time = Some(*at);
        }
        Event::TaskEnded {
            stage,
            task,
            status,
            at,
            exception,
        } => {
            let task = task_mut(&mut doc.stages, stage, task)?;
            check(&task.name, task.status, *status)?;
            task.status = *status;
            task.end_time = Some(*at);
            if let Some(exception) = exception {
                task.task_exception_details = Some(json!({ "exception": exception }));
            }
        }
        Event::LoopRestarted { stage } => restart_loop(stage_mut(&mut doc.stages, stage)?),
        Event::AttemptOpened { attempt, open } => {
            book.attempts_used = book.attempts_used.max(attempt.0);
            book.attempts.insert(*attempt, (**open).clone());
        }
        Event::AttemptEnded { attempt } => {
            book.attempts.remove(attempt);
        }
        Event::TimerArmed { timer, due } => {
            book.timers.insert(timer.clone(), *due);
        }
        Event::TimerCleared { timer } => {
            book.timers.remove(timer);
        }
        Event::QuestionOpened { stage } => {
            book.questions.insert(stage.clone());
        }
        Event::QuestionClosed { stage } => {
            book.questions.remove(stage);
        }
        Event::LookupOpened { lookup, stage } => {
            book.lookups
                .entry(lookup.clone())
                .or_default()
                .insert(stage.clone());
        }
        Event::LookupAnswered { lookup, answer } => {
            book.lookups.remove(lookup);
            book.answers.insert(lookup.clone(), answer.clone());
        }
        Event::ChildLinked { stage, child } => {
            book.children.insert(
                stage.clone(),
                Child {
                    execution: child.clone(),
                    result: None,
                },
            );
            // A child's config is large and was needed only to start it.
            book.answers
                .retain(|lookup, _| !matches!(lookup, Lookup::Pipeline(_)));
        }
        Event::ChildEnded { result } => {
            if let Some(child) = book.children.get_mut(&result.stage) {
                child.result = Some((**result).clone());
            }
        }
        Event::PeerQueued { peer } => {
            let outbox = book
                .outbox
                .entry(peer.to.clone())
                .or_insert_with(Outbox::default);
            outbox.used = outbox.used.max(peer.number);
            outbox.open.push_back((**peer).clone());
        }
        Event::PeerAnswered { to, number } => {
            if let Some(outbox) = book.outbox.get_mut(to) {
                outbox.open.retain(|peer| peer.number > *number);
            }
        }
        Event::PeerTaken { from, number } => {
            let highest = book.inbox.entry(from.clone()).or_default();
            *highest = (*highest).max(*number);
        }
        Event::Interrupted => book.interrupted = true,
        Event::Continued => book.interrupted = false,
        Event::CommandAnswered { seen } => {
            let oldest = seen.at - REMEMBERED_MS;
            while book.seen.front().is_some_and(|held| held.at < oldest) {
                book.seen.pop_front();
            }
            book.seen.push_back((**seen).clone());
        }
    }
    Ok(())
}

fn restart_loop(stage: &mut Stage) {
    let first = stage.tasks.iter().position(|task| task.loop_start);
    let last = stage.tasks.iter().rposition(|task| task.loop_end);
    if let (Some(first), Some(last)) = (first, last) {
        for task in stage.tasks.iter_mut().take(last + 1).skip(first) {
            task.status = Status::NotStarted;
            task.end_time = None;
        }
    }
}

fn stage_mut<'a>(stages: &'a mut [Arc<Stage>], id: &StageId) -> Result<&'a mut Stage, Misfit> {
    stages
        .iter_mut()
        .find(|stage| stage.id == *id)
        .map(Arc::make_mut)
        .ok_or_else(|| Misfit::NoStage(id.clone()))
}

fn task_mut<'a>(
    stages: &'a mut [Arc<Stage>],
    id: &StageId,
    task: &str,
) -> Result<&'a mut Task, Misfit> {
    stage_mut(stages, id)?
        .tasks
        .iter_mut()
        .find(|held| held.id == task)
        .ok_or_else(|| Misfit::NoTask(id.clone(), task.to_owned()))
}
