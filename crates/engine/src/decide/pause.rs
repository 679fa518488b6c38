//! Pause and resume (orchestration reference 3.4, 3.5 and 4.6: PauseTask, PauseStage, ResumeExecution).
//!
//! What a worker has in its hands goes on, and shows as RUNNING until its report comes. Everything else that runs is PAUSED at once,
//! where Orca's tasks notice at their next poll, and nothing new starts: neither a stage nor the next task of one.

use gennaker_model::{
    StageId, Status,
    command::{Refusal, Reply},
};

use super::{
    draft::Draft,
    task::{next_task, running_task},
};
use crate::{event::Event, state::Purpose};

impl Draft<'_> {
    pub(super) fn pause(&mut self, user: &str) -> Result<Reply, Refusal> {
        if self.state.doc.status != Status::Running {
            return Err(self.conflict(format!(
                "only a running execution can be paused; this one is {}",
                self.state.doc.status
            )));
        }
        self.emit(Event::ExecutionPaused {
            by: user.to_owned(),
            at: self.now(),
        });
        for stage in self.stages_that_run() {
            self.pause_stage(&stage);
            // Its time stands still, too, if a worker has it.
            self.disarm(&stage, Purpose::Timeout);
        }
        Ok(Reply::Done)
    }

    pub(super) fn resume(&mut self, user: &str) -> Result<Reply, Refusal> {
        if self.state.doc.status != Status::Paused {
            return Err(self.conflict(format!(
                "only a paused execution can be resumed; this one is {}",
                self.state.doc.status
            )));
        }
        self.emit(Event::ExecutionResumed {
            by: user.to_owned(),
            at: self.now(),
        });
        // Time stood still for those, as far as their limits are concerned.
        for stage in self.stages_that_run() {
            self.arm_timeout(&stage);
        }
        self.look_at_everything();
        Ok(Reply::Done)
    }

    /// PauseTask and PauseStage, in a paused execution: the stage with its task, and those that it is part of. Nothing happens to
    /// one of which a worker still has something.
    pub(super) fn pause_stage(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        let is_at_a_worker =
            self.state.attempt_of(id).is_some() || self.state.closing_of(id).is_some();
        let task = running_task(&stage).map(|task| task.id.clone());
        // Between two tasks, or two tries; one that only waits for its parts is paused by them.
        let goes_on = next_task(&stage).is_some() && !self.has_open_parts(id);
        if stage.status != Status::Running || is_at_a_worker || (task.is_none() && !goes_on) {
            return;
        }
        self.disarm(id, Purpose::Timeout);
        self.emit(Event::StagePaused {
            stage: id.clone(),
            task,
        });
        let mut above = stage.parent_stage_id.clone();
        for _ in 0..self.state.doc.stages.len() {
            let Some(parent) = above.and_then(|id| self.stage(&id)) else {
                return;
            };
            if parent.status == Status::Running {
                self.emit(Event::StagePaused {
                    stage: parent.id.clone(),
                    task: None,
                });
            }
            above = parent.parent_stage_id.clone();
        }
    }

    fn stages_that_run(&self) -> Vec<StageId> {
        let stages = self.state.doc.stages.iter();
        stages
            .filter(|stage| stage.status == Status::Running)
            .map(|stage| stage.id.clone())
            .collect()
    }

    fn has_open_parts(&self, id: &StageId) -> bool {
        self.state
            .doc
            .stages
            .iter()
            .any(|part| part.parent_stage_id.as_ref() == Some(id) && !part.status.is_complete())
    }
}
