//! The fold: one event into one state. Decides nothing.

use std::{collections::BTreeSet, sync::Arc};

use gennaker_model::{
    Execution, Stage, StageId, Status, Task,
    command::REMEMBERED_MS,
    execution::{Delivery, Receipt},
};
use serde_json::json;

use crate::{
    event::Event,
    notice::RECEIPTS_MAX,
    rollup,
    state::{Aside, Asked, Book, Child, Lookup, Outbox, Purpose, State, Turn},
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
    /// The execution has started already.
    #[error("the execution has started already")]
    Started,
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
    let State {
        doc,
        book,
        revision,
    } = state;
    match event {
        Event::Created { .. } => return Err(Misfit::Exists),
        Event::TextsEvaluated { execution } => {
            if doc.status != Status::NotStarted {
                return Err(Misfit::Started);
            }
            *doc = (**execution).clone();
            book.forget(&crate::lookup::submission());
        }
        Event::Queued { at } => book.waits_since = Some(*at),
        Event::SlotGranted => book.waits_since = None,
        Event::ExecutionStarted { at } => {
            check("execution", doc.status, Status::Running)?;
            doc.status = Status::Running;
            doc.start_time.get_or_insert(*at);
            doc.canceled = false;
        }
        Event::ExecutionEnded { status, at } => {
            check("execution", doc.status, *status)?;
            doc.status = *status;
            book.waits_since = None;
            if doc.start_time.is_some() {
                doc.end_time = Some(*at);
            }
            // What never started asks no more; what runs forgets when it ends.
            let runs = |id: &StageId| {
                let stage = doc.stages.iter().find(|stage| stage.id == *id);
                stage.is_some_and(|stage| stage.status != Status::NotStarted)
            };
            let unasked: Vec<StageId> = book
                .asked
                .keys()
                .filter(|stage| !runs(stage))
                .cloned()
                .collect();
            for stage in unasked {
                book.forget(&stage);
            }
        }
        Event::NotificationsEvaluated { notifications } => {
            doc.notifications = Arc::new(notifications.clone());
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
            // Time stood still, also for what workers have.
            let from = paused.pause_time.unwrap_or(*at);
            for attempt in book.attempts.values_mut() {
                let stood_ms = at.saturating_sub(from.max(attempt.since)).max(0);
                let deadline = attempt.deadline_ms;
                attempt.deadline_ms = deadline.map(|it| it.saturating_add(stood_ms));
            }
            let stages = doc.stages.iter_mut();
            for stage in stages.filter(|stage| stage.status == Status::Paused) {
                let stage = Arc::make_mut(stage);
                stage.status = Status::Running;
                let tasks = stage.tasks.iter_mut();
                for task in tasks.filter(|task| task.status == Status::Paused) {
                    task.status = Status::Running;
                }
            }
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
        Event::StagePaused { stage, task } => {
            if let Some(task) = task {
                let task = task_mut(&mut doc.stages, stage, task)?;
                check(&task.name, task.status, Status::Paused)?;
                task.status = Status::Paused;
            }
            let stage = stage_mut(&mut doc.stages, stage)?;
            check(&stage.name, stage.status, Status::Paused)?;
            stage.status = Status::Paused;
        }
        Event::StageEnded { stage, status, at } => {
            let stage = stage_mut(&mut doc.stages, stage)?;
            check(&stage.name, stage.status, *status)?;
            stage.status = *status;
            stage.end_time = Some(*at);
            book.forget(&stage.id);
        }
        Event::StageRemoved { stage } => {
            doc.stages.retain(|held| held.id != *stage);
            book.forget(stage);
        }
        Event::StageChanged {
            stage,
            context,
            outputs,
            removed,
            outputs_removed,
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
            if !outputs.is_empty() || !outputs_removed.is_empty() {
                let held = Arc::make_mut(&mut stage.outputs);
                for key in outputs_removed {
                    held.shift_remove(key);
                }
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
            book.forget(stage);
        }
        Event::RestartRequested { restart } => book.restart = Some((**restart).clone()),
        Event::StagesReset { stages, rejoins } => {
            reset(doc, book, stages)?;
            book.children
                .retain(|stage, _| rejoins.as_ref() == Some(stage) || !stages.contains(stage));
            let rejoined = rejoins.as_ref().and_then(|it| book.children.get_mut(it));
            if let Some(child) = rejoined.and_then(|it| it.get_mut(None)) {
                child.result = None;
            }
            book.restart = None;
            book.restarts += 1;
        }
        Event::ExecutionReopened => {
            doc.status = Status::NotStarted;
            doc.start_time = None;
            doc.end_time = None;
            doc.canceled = false;
        }
        Event::LoopRestarted { stage } => {
            restart_loop(stage_mut(&mut doc.stages, stage)?);
            book.turns.entry(stage.clone()).or_default().round += 1;
            book.forget(stage);
        }
        Event::TasksRepeated { stage } => {
            repeat_tasks(stage_mut(&mut doc.stages, stage)?);
            book.turns.entry(stage.clone()).or_default().round += 1;
            book.children.remove(stage);
            book.forget(stage);
        }
        Event::StageScheduled { stage, at } => {
            stage_mut(&mut doc.stages, stage)?.scheduled_time = Some(*at);
        }
        Event::AttemptOpened { attempt, open } => {
            if matches!(open.aside, Some(Aside::Lookup(_))) {
                book.ask(&open.stage, open.since, *revision);
            }
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
            if timer.purpose == Purpose::Again {
                book.look_again(&timer.stage);
            }
        }
        Event::QuestionOpened { stage } => {
            book.questions.insert(stage.clone());
        }
        Event::QuestionClosed { stage } => {
            book.questions.remove(stage);
        }
        Event::LookupOpened { lookup, stage, at } => {
            book.ask(stage, *at, *revision);
            book.lookups
                .entry(lookup.clone())
                .or_default()
                .insert(stage.clone());
        }
        Event::LookupAnswered {
            lookup,
            answer,
            stage,
            at,
        } => {
            let waiting = match stage {
                Some(stage) => [stage.clone()].into(),
                None => book.lookups.remove(lookup).unwrap_or_default(),
            };
            for stage in waiting {
                let asked = book.ask(&stage, *at, *revision);
                asked.answers.insert(lookup.clone(), answer.clone());
            }
        }
        Event::ChildLinked { stage, child, name } => {
            let children = book.children.entry(stage.clone()).or_default();
            children.link(Child {
                execution: child.clone(),
                name: name.clone(),
                result: None,
            });
            // A child's config is large and was needed only to start it.
            if let Some(asked) = book.asked.get_mut(stage) {
                Arc::make_mut(asked)
                    .answers
                    .retain(|lookup, _| !matches!(lookup, Lookup::Pipeline(_)));
            }
        }
        Event::ChildEnded { result, child } => {
            let children = book.children.get_mut(&result.stage);
            if let Some(held) = children.and_then(|it| it.get_mut(child.as_ref())) {
                held.result = Some((**result).clone());
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
        Event::Announced {
            number,
            announcement,
        } => {
            let held = &mut book.announcements;
            held.used = held.used.max(*number);
            held.open.insert(*number, (**announcement).clone());
        }
        Event::AnnouncementsStored { numbers } => {
            for number in numbers {
                book.announcements.open.remove(number);
            }
        }
        Event::NoticeOpened {
            number,
            notice,
            receipt,
        } => {
            let held = &mut book.notices;
            held.used = held.used.max(*number);
            held.open.insert(*number, (**notice).clone());
            keep_receipt(Arc::make_mut(&mut doc.notification_receipts), receipt);
        }
        Event::NoticeDelayed { number, reason } => {
            if let Some(notice) = book.notices.open.get_mut(number) {
                notice.failed += 1;
            }
            if let Some(receipt) = receipt_mut(doc, *number) {
                receipt.tries += 1;
                receipt.reason.clone_from(reason);
            }
        }
        Event::NoticeSettled {
            number,
            at,
            status,
            receipt,
            reason,
        } => {
            book.notices.open.remove(number);
            if let Some(held) = receipt_mut(doc, *number) {
                held.tries += 1;
                held.status = *status;
                held.settled_at = Some(*at);
                held.receipt.clone_from(receipt);
                held.reason.clone_from(reason);
            }
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

/// Adds a receipt; of those that are settled the oldest goes when there are many.
fn keep_receipt(held: &mut Vec<Receipt>, receipt: &Receipt) {
    if held.len() >= RECEIPTS_MAX
        && let Some(oldest) = held.iter().position(|it| it.status != Delivery::Pending)
    {
        held.remove(oldest);
    }
    held.push(receipt.clone());
}

fn receipt_mut(doc: &mut Execution, number: u64) -> Option<&mut Receipt> {
    let held = Arc::make_mut(&mut doc.notification_receipts);
    held.iter_mut().rev().find(|it| it.number == number)
}

impl Book {
    /// The stage asks for something: from its first question on, its expressions stand still in time.
    fn ask(&mut self, stage: &StageId, at: i64, revision: u64) -> &mut Asked {
        let asked = self.asked.entry(stage.clone()).or_insert_with(|| {
            Arc::new(Asked {
                at,
                revision,
                ..Asked::default()
            })
        });
        Arc::make_mut(asked)
    }

    /// The stage looks again: what it has seen of other executions is out of date.
    fn look_again(&mut self, stage: &StageId) {
        let is_old = |lookup: &Lookup| matches!(lookup, Lookup::Execution(_));
        if let Some(asked) = self.asked.get_mut(stage)
            && asked.answers.keys().any(is_old)
        {
            let answers = &mut Arc::make_mut(asked).answers;
            answers.retain(|lookup, _| !is_old(lookup));
            if answers.is_empty() {
                // Nor need its expressions stand still any longer.
                self.asked.remove(stage);
            }
        }
    }

    /// What was asked for is of no use any more: whatever comes next asks anew, and finds what is there then.
    fn forget(&mut self, stage: &StageId) {
        self.asked.remove(stage);
        self.lookups.retain(|_, stages| {
            stages.remove(stage);
            !stages.is_empty()
        });
    }
}

/// Takes stages back to where they were before they started, and away what they had added.
fn reset(doc: &mut Execution, book: &mut Book, stages: &[StageId]) -> Result<(), Misfit> {
    for id in stages {
        let stage = stage_mut(&mut doc.stages, id)?;
        stage.status = Status::NotStarted;
        stage.start_time = None;
        stage.end_time = None;
        stage.scheduled_time = None;
        stage.tasks = Vec::new();
        let turn = book.turns.entry(id.clone()).or_default();
        *turn = Turn {
            incarnation: turn.incarnation + 1,
            round: 0,
        };
        book.forget(id);
    }
    let mut above: BTreeSet<StageId> = stages.iter().cloned().collect();
    loop {
        let below: BTreeSet<StageId> = doc
            .stages
            .iter()
            .filter(|stage| {
                let parent = stage.parent_stage_id.as_ref();
                parent.is_some_and(|parent| above.contains(parent))
            })
            .map(|stage| stage.id.clone())
            .collect();
        if below.is_empty() {
            return Ok(());
        }
        doc.stages.retain(|stage| !below.contains(&stage.id));
        for id in &below {
            book.forget(id);
            book.turns.remove(id);
            book.children.remove(id);
        }
        above = below;
    }
}

fn restart_loop(stage: &mut Stage) {
    let tasks = current_tasks_mut(stage);
    let first = tasks.iter().position(|task| task.loop_start);
    let last = tasks.iter().rposition(|task| task.loop_end);
    if let (Some(first), Some(last)) = (first, last) {
        for task in tasks.iter_mut().take(last + 1).skip(first) {
            task.status = Status::NotStarted;
            task.end_time = None;
        }
    }
}

fn repeat_tasks(stage: &mut Stage) {
    let again: Vec<Task> = current_tasks_mut(stage).to_vec();
    stage.tasks.retain(|task| task.status != Status::NotStarted);
    for task in &mut stage.tasks {
        task.stage_end = false;
    }
    for task in again {
        let id = (stage.tasks.len() + 1).to_string();
        stage.tasks.push(Task {
            id,
            start_time: None,
            end_time: None,
            status: Status::NotStarted,
            stage_start: false,
            task_exception_details: None,
            retry: task.retry + 1,
            ..task
        });
    }
}

fn current_tasks_mut(stage: &mut Stage) -> &mut [Task] {
    let first = rollup::first_current_task(stage);
    &mut stage.tasks[first..]
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
