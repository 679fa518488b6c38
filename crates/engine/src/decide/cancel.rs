//! Ending work early: cancel, timeout, skip, the failure of another branch.
//!
//! What a worker may be doing ends by its own report or by a *closing*, in no other way; until then the task stays RUNNING.
//! Otherwise a queued or slow worker would deploy after the cancel.

use gennaker_model::{ExecutionId, ExecutionType, StageId, Status, command::PeerBody, work::Abort};
use serde_json::json;

use super::{
    attempt::Work,
    draft::{Draft, Message},
    stage::PLANNING_FAILED,
};
use crate::{
    definition::{Remote, TaskResult},
    effect::Effect,
    event::Event,
    graph,
    rollup::flag,
    state::{Aside, Attempt, Ending, Purpose},
};

/// What stands in place of a task's id in what cancels a stage that has ended.
const CANCEL: &str = "cancel";

/// On whose behalf a child is cancelled with the stage that started it.
const PARENT: &str = "parent pipeline";

impl Draft<'_> {
    /// Marks the execution as cancelled and ends what runs.
    pub(crate) fn cancel(&mut self, by: &str, reason: Option<String>) {
        self.emit(Event::CancelRequested {
            by: by.to_owned(),
            reason,
        });
        match self.state.doc.status {
            Status::NotStarted => self.end_execution(Status::Canceled),
            status if status.is_complete() => {}
            _ => {
                let running: Vec<_> = self
                    .state
                    .doc
                    .stages
                    .iter()
                    .filter(|stage| matches!(stage.status, Status::Running | Status::Paused))
                    .map(|stage| stage.id.clone())
                    .collect();
                if running.is_empty() {
                    self.end_execution(Status::Canceled);
                }
                for stage in running {
                    self.cancel_running_task(&stage);
                }
                self.push(Message::CompleteExecution);
            }
        }
    }

    /// CancelStage: the running tasks of the stage, and of its synthetic stages, end CANCELED.
    pub(super) fn cancel_stage(&mut self, id: &StageId) {
        let family: Vec<StageId> = self
            .state
            .doc
            .stages
            .iter()
            .filter(|stage| {
                matches!(stage.status, Status::Running | Status::Paused)
                    && (stage.id == *id || graph::top_level(&self.state.doc, stage).id == *id)
            })
            .map(|stage| stage.id.clone())
            .collect();
        for stage in family {
            self.cancel_running_task(&stage);
        }
    }

    fn cancel_running_task(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        if stage
            .tasks
            .iter()
            .any(|task| matches!(task.status, Status::Running | Status::Paused))
        {
            self.end_task(
                id,
                Ending {
                    status: Status::Canceled,
                    exception: None,
                },
            );
        } else if !stage_has_open_children(self, id) {
            // Between two of its parts: nothing is under way, so its status comes from what there is.
            self.push(Message::CompleteStage(id.clone()));
        }
    }

    /// Ends the running task of a stage before its time, closing first what a worker may be doing.
    pub(super) fn end_task(&mut self, id: &StageId, ending: Ending) {
        if self.state.closing_of(id).is_some() {
            return;
        }
        // A stage that is skipped, or out of time and content with that, leaves its children alone.
        if ending.status.is_halt() {
            self.cancel_children(id);
        }
        let Some((number, attempt)) = self
            .state
            .attempt_of(id)
            .map(|(number, attempt)| (*number, attempt.clone()))
        else {
            self.finish_task(id, ending);
            return;
        };
        self.effect(Effect::Abort {
            pool: attempt.pool.clone(),
            zone: attempt.zone.clone(),
            abort: Abort {
                execution: self.state.doc.id.clone(),
                attempt: number,
            },
        });
        if attempt.effect.is_none() {
            self.emit(Event::AttemptEnded { attempt: number });
            self.finish_task(id, ending);
            return;
        }
        self.publish(Attempt {
            deadline_ms: None,
            since: self.now(),
            ending: Some(ending),
            ..attempt
        });
        self.disarm(id, Purpose::Again);
        self.disarm(id, Purpose::Timeout);
        self.arm(
            id,
            Purpose::Closing,
            self.now() + self.context.rules.closing_ms_max,
        );
    }

    /// Asks every child of the stage that runs to end.
    pub(super) fn cancel_children(&mut self, id: &StageId) {
        let open: Vec<ExecutionId> = self
            .state
            .children_of(id)
            .iter()
            .filter(|child| child.is_open())
            .map(|child| child.execution.clone())
            .collect();
        for child in open {
            let user = PARENT.to_owned();
            let reason = self.state.doc.cancellation_reason.clone();
            self.say(child, PeerBody::CancelChild { user, reason });
        }
    }

    /// Nobody closed the effect within the limit: the stage ends and says what may still happen. The closing stays open.
    pub(super) fn closing_overdue(&mut self, id: &StageId) {
        let Some(attempt) = self
            .state
            .closing_of(id)
            .map(|(_, attempt)| attempt.clone())
        else {
            return;
        };
        let Some(ending) = attempt.ending else { return };
        let sentence = format!(
            "No worker of pool {} could confirm within {} s that {} was stopped; it may still take effect",
            attempt.pool,
            self.context.rules.closing_ms_max / 1000,
            attempt.kind,
        );
        self.set_context(
            id,
            [("closing".to_owned(), json!(sentence))]
                .into_iter()
                .collect(),
        );
        if let Some((number, _)) = self.state.attempt_of(id) {
            let attempt = *number;
            self.emit(Event::AttemptEnded { attempt });
        }
        self.finish_task(id, ending);
    }

    /// What is to take back what a stage began outside, with the context evaluated once more: an address to cancel at is often
    /// found in what the call had answered (Orca evaluates when a task completes). What would have to be looked up stays text.
    pub(super) fn evaluated_cancel(&mut self, id: &StageId) -> Option<Remote> {
        let stage = self.stage(id)?;
        stage.start_time?;
        if flag(&stage.context, PLANNING_FAILED) == Some(true) {
            return None;
        }
        let catalogue = self.context.catalogue;
        if catalogue.stand_in(&self.state.doc, &stage).is_some() {
            // It began nothing.
            return None;
        }
        let definition = catalogue.stage(super::effective_kind(&stage))?;
        definition.cancel(&stage.context)?;
        let evaluated = self.evaluate(&stage, &stage.context);
        if let Ok(context) = self.within_bounds(evaluated, &stage) {
            self.replace_context(&stage, &context);
        }
        let stage = self.stage(id)?;
        definition.cancel(&stage.context)
    }

    /// Asks a worker to take back what the stage began outside. The stage has ended; the execution stays live until a worker
    /// has answered.
    pub(super) fn dispatch_cancel(&mut self, id: &StageId, remote: &Remote) {
        let work = Work {
            task: CANCEL,
            pool: remote.pool,
            kind: remote.kind,
            effect: remote.effect,
            deadline_ms: None,
        };
        self.open(id, work, Some(Aside::Cancel));
    }

    /// A stage has halted after its child had ended badly: the child shows as cancelled by its parent (reference 2.5). Orca cancels
    /// every child of a stage that halts, and thereby replaces who had cancelled it before; here that stays.
    /// Those of a stage that starts several are not shown so.
    pub(super) fn flag_child(&mut self, id: &StageId) {
        let children = self.state.children_of(id).iter();
        let failed = children.filter(|child| child.name.is_none()).find(|child| {
            let ended = child.result.as_ref().map(|result| result.status);
            ended.is_some_and(|it| !matches!(it, Status::Succeeded | Status::Canceled))
        });
        if let Some(child) = failed.map(|child| child.execution.clone()) {
            let user = PARENT.to_owned();
            self.say(child, PeerBody::FlagChild { user });
        }
    }

    pub(super) fn finish_task(&mut self, id: &StageId, ending: Ending) {
        let result = TaskResult {
            exception: ending.exception,
            ..TaskResult::of(ending.status)
        };
        self.complete_task(id, result);
    }

    /// Whether `cancel` was asked for, or the execution is over: then running tasks end CANCELED.
    pub(super) fn must_cancel(&self) -> bool {
        self.state.doc.canceled || self.state.doc.status.is_complete()
    }

    /// Ad-hoc tasks have no optional stages and no triggers in scope.
    pub(super) fn is_pipeline(&self) -> bool {
        self.state.doc.kind == ExecutionType::Pipeline
    }
}

fn stage_has_open_children(draft: &Draft<'_>, id: &StageId) -> bool {
    draft.state.doc.stages.iter().any(|stage| {
        stage.parent_stage_id.as_ref() == Some(id)
            && matches!(stage.status, Status::Running | Status::Paused)
    })
}
