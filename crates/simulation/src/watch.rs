//! Promises about what executions do, each checked at the fact that would break it: limits, pauses and cancels, execution windows,
//! freezes, and what parents and children know of each other.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_engine::{Event, State, limit, state::Aside};
use gennaker_model::{Execution, ExecutionId, Stage, StageId, Status};
use serde_json::Value;

use crate::promise::Promise;

/// Type of the stages that wait for an execution window.
const WINDOW: &str = "restrictExecutionDuringTimeWindow";

/// Once nothing goes wrong, nobody waits longer than this although there is room.
const ROOM_MS: u64 = 60_000;

/// What is known of executions beside their states.
#[derive(Default)]
pub(crate) struct Watch {
    /// How each execution has ended so far.
    ends: BTreeMap<ExecutionId, BTreeSet<Status>>,
    /// Pipelines of which nothing may start.
    frozen: BTreeSet<String>,
    /// Parents that were over when a child of theirs was restarted, and have not taken note.
    forgotten: BTreeSet<ExecutionId>,
    /// Since when there is room for one that waits, in milliseconds of the run.
    room: BTreeMap<ExecutionId, u64>,
    counts: Counts,
}

/// How often things happened that the promises here are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Executions that had to wait for others of their pipeline.
    pub queued: u64,
    pub pauses: u64,
    /// Stages that waited for a window.
    pub windows: u64,
    /// Starts that were refused because of a freeze.
    pub frozen: u64,
    pub restarts: u64,
    /// Restarts of parents because a child of theirs was restarted.
    pub rejoined: u64,
}

/// The executions that exist.
pub(crate) trait States {
    /// The state of one; `None` when there is none, or it was deleted.
    fn state(&self, id: &ExecutionId) -> Option<&State>;

    /// Documents of all.
    fn documents(&self) -> Box<dyn Iterator<Item = &Execution> + '_>;
}

impl Watch {
    /// From now on nothing of the pipeline may start.
    pub fn freeze(&mut self, pipeline: &str) {
        self.frozen.insert(pipeline.to_owned());
    }

    pub fn thaw(&mut self, pipeline: &str) {
        self.frozen.remove(pipeline);
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Checks a fact about an execution against what is known before it.
    pub fn fact(
        &mut self,
        known: &dyn States,
        id: &ExecutionId,
        event: &Event,
    ) -> Result<(), (Promise, String)> {
        self.count(event);
        match event {
            Event::Created { execution, .. } => {
                if execution.status.is_complete() {
                    self.ends
                        .entry(id.clone())
                        .or_default()
                        .insert(execution.status);
                } else if let Some(pipeline) = &execution.pipeline_config_id
                    && self.frozen.contains(pipeline)
                {
                    let sentence =
                        format!("execution {id} of pipeline {pipeline} begins, which is frozen");
                    return Err((Promise::Frozen, sentence));
                }
                return Ok(());
            }
            Event::ExecutionEnded { status, .. } => {
                self.ends.entry(id.clone()).or_default().insert(*status);
            }
            Event::RestartRequested { .. } | Event::ExecutionReopened => {
                self.forgotten.remove(id);
                if matches!(event, Event::ExecutionReopened) {
                    self.expect_parent(known, id);
                }
            }
            Event::ChildEnded { result, child } => {
                let children = known
                    .state(id)
                    .map(|state| state.children_of(&result.stage));
                let held = children.into_iter().flatten();
                let ends = held
                    .filter(|held| child.as_ref().is_none_or(|child| held.execution == *child))
                    .find_map(|held| self.ends.get(&held.execution));
                // One that was refused, or whose outputs were, is told otherwise.
                let refused = result.exception.as_ref().is_some_and(|exception| {
                    let text = exception.to_string();
                    text.contains("could not be started") || text.contains("cannot be taken over")
                });
                if !refused && !ends.is_some_and(|ends| ends.contains(&result.status)) {
                    let sentence = format!(
                        "execution {id} is told that its child ended {}, which ended {ends:?}",
                        result.status
                    );
                    return Err((Promise::Families, sentence));
                }
            }
            _ => {}
        }
        let Some(state) = known.state(id) else {
            return Ok(());
        };
        self.starts(known, state, event)?;
        in_window(&state.doc, event)
    }

    /// A deleted execution is expected to do nothing more.
    pub fn deleted(&mut self, id: &ExecutionId) {
        self.forgotten.remove(id);
        self.room.remove(id);
    }

    /// Looks for executions that wait although there is room; `now_ms` of a run in which nothing goes wrong any more.
    pub fn look_for_room(
        &mut self,
        known: &dyn States,
        now_ms: u64,
    ) -> Result<(), (Promise, String)> {
        let waiting: Vec<ExecutionId> = known
            .documents()
            .filter(|doc| doc.status == Status::NotStarted)
            .map(|doc| doc.id.clone())
            .filter(|id| known.state(id).is_some_and(|state| has_room(known, state)))
            .collect();
        self.room.retain(|id, _| waiting.contains(id));
        for id in waiting {
            let since = *self.room.entry(id.clone()).or_insert(now_ms);
            if now_ms - since > ROOM_MS {
                let sentence =
                    format!("execution {id} waits, and there is room for it since {since} ms");
                return Err((Promise::Limits, sentence));
            }
        }
        Ok(())
    }

    /// What must have happened by the end.
    pub fn end(&self) -> Result<(), (Promise, String)> {
        match self.forgotten.first() {
            None => Ok(()),
            Some(id) => Err((
                Promise::Families,
                format!(
                    "execution {id} was over, its child was restarted, and it did not take note"
                ),
            )),
        }
    }

    fn count(&mut self, event: &Event) {
        let counts = &mut self.counts;
        match event {
            Event::Created { execution, .. } => {
                let reason = execution.cancellation_reason.as_deref();
                counts.frozen += u64::from(reason.is_some_and(|it| it.contains(" is frozen by ")));
            }
            Event::Queued { .. } => counts.queued += 1,
            Event::ExecutionPaused { .. } => counts.pauses += 1,
            Event::StageScheduled { .. } => counts.windows += 1,
            Event::RestartRequested { restart } if restart.by_child => counts.rejoined += 1,
            Event::RestartRequested { .. } => counts.restarts += 1,
            _ => {}
        }
    }

    /// Nothing starts that must not.
    fn starts(
        &self,
        known: &dyn States,
        state: &State,
        event: &Event,
    ) -> Result<(), (Promise, String)> {
        let doc = &state.doc;
        if matches!(event, Event::ExecutionStarted { .. })
            && let Some(most) = limit::most(doc)
        {
            let others: Vec<&str> = beside(known, doc).map(|other| other.id.as_str()).collect();
            if others.len() >= most {
                let sentence = format!(
                    "execution {} starts beside {}, and {most} may run",
                    doc.id,
                    others.join(", ")
                );
                return Err((Promise::Limits, sentence));
            }
        }
        let begins = match event {
            Event::StageStarted { .. } | Event::ChildLinked { .. } => true,
            // Closing, taking back and telling go on.
            Event::AttemptOpened { open, .. } => {
                open.ending.is_none()
                    && !matches!(open.aside, Some(Aside::Cancel | Aside::Notice(_)))
            }
            Event::TaskStarted { .. } => doc.status == Status::Paused,
            _ => false,
        };
        let stopped = match doc.status {
            Status::Paused => Some("paused"),
            Status::Running if doc.canceled => Some("cancelled"),
            _ => None,
        };
        match stopped.filter(|_| begins) {
            None => Ok(()),
            Some(word) => {
                let sentence = format!(
                    "something begins in execution {}, which is {word}: {event:?}",
                    doc.id
                );
                Err((Promise::Stops, sentence))
            }
        }
    }

    /// An execution that was over goes on: its parent, if it is over too, must take note.
    fn expect_parent(&mut self, known: &dyn States, id: &ExecutionId) {
        let child = known.state(id);
        let Some(parent) = child.and_then(|state| state.book.parent.as_ref()) else {
            return;
        };
        let Some(above) = known.state(&parent.execution) else {
            return;
        };
        // The restart of one of several does not restart the stage.
        let child = above.child_of(&parent.stage, id);
        let is_current = child.is_some_and(|child| child.name.is_none());
        let waits = above
            .doc
            .stage(&parent.stage)
            .is_some_and(|stage| stage.status.is_complete() && stage.parent_stage_id.is_none());
        if above.doc.status.is_complete() && above.book.restart.is_none() && is_current && waits {
            self.forgotten.insert(parent.execution.clone());
        }
    }
}

/// Others of the pipeline that run.
fn beside<'a>(known: &'a dyn States, doc: &'a Execution) -> impl Iterator<Item = &'a Execution> {
    known.documents().filter(|other| {
        other.status == Status::Running
            && other.id != doc.id
            && other.pipeline_config_id == doc.pipeline_config_id
    })
}

fn has_room(known: &dyn States, state: &State) -> bool {
    state.book.waits_since.is_some()
        && limit::most(&state.doc).is_none_or(|most| beside(known, &state.doc).count() < most)
}

/// The window is open when its stage lets the other go on, and what is behind it does not begin before.
fn in_window(doc: &Execution, event: &Event) -> Result<(), (Promise, String)> {
    match event {
        Event::TaskEnded {
            stage,
            task,
            status: Status::Succeeded,
            at,
            ..
        } if task == "1" => {
            let Some(stage) = doc.stage(stage).filter(|stage| stage.kind == WINDOW) else {
                return Ok(());
            };
            if skipped(stage) || open(stage, *at) {
                return Ok(());
            }
            let sentence = format!(
                "the window {} of execution {} is not open at {at}",
                stage.ref_id, doc.id
            );
            Err((Promise::Windows, sentence))
        }
        Event::TaskStarted { stage, .. } => {
            let Some(stage) = doc.stage(stage) else {
                return Ok(());
            };
            if stage.context.get(WINDOW) == Some(&Value::Bool(true)) && !was_let_go(doc, &stage.id)
            {
                let sentence = format!(
                    "stage {} of execution {} begins before its window",
                    stage.ref_id, doc.id
                );
                return Err((Promise::Windows, sentence));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn was_let_go(doc: &Execution, parent: &StageId) -> bool {
    doc.stages.iter().any(|stage| {
        stage.kind == WINDOW
            && stage.parent_stage_id.as_ref() == Some(parent)
            && stage.status.lets_downstream_start()
    })
}

fn skipped(stage: &Stage) -> bool {
    stage.context.get("skipRemainingWait") == Some(&Value::Bool(true))
}

/// Whether a window of the simulation is open: one stretch of minutes of the day, in a zone that is so many hours ahead
/// (see [`crate::pipelines`]).
fn open(stage: &Stage, at_ms: i64) -> bool {
    let number = |pointer: &str| {
        let window = stage.context.get("restrictedExecutionWindow");
        window.and_then(|window| window.pointer(pointer)?.as_i64())
    };
    let ahead = stage
        .context
        .get("simHoursAhead")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let minute = (at_ms / 60_000 + ahead * 60).rem_euclid(24 * 60);
    let bound = |hour: &str, minute: &str| Some(number(hour)? * 60 + number(minute)?);
    let from = bound("/whitelist/0/startHour", "/whitelist/0/startMin");
    let to = bound("/whitelist/0/endHour", "/whitelist/0/endMin");
    from.zip(to)
        .is_some_and(|(from, to)| (from..=to).contains(&minute))
}

#[cfg(test)]
mod tests;
