//! A decision being made: the working copy, the facts and requests so far, the internal messages still to be handled.

use std::{collections::VecDeque, sync::Arc};

use gennaker_model::{
    Map, Stage, StageId, Status, SyntheticOwner,
    command::{Refusal, RefusalCode, Reply},
};

use super::{Context, Decision, task::next_task};
use crate::{
    apply::apply,
    effect::Effect,
    event::Event,
    rollup::{flag, skipped_by_hand},
    state::{Purpose, State, Timer},
};

/// Spinnaker's queue messages, as far as they are steps of one decision (orchestration reference 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    StartExecution,
    CompleteExecution,
    StartStage(StageId),
    ContinueParent(StageId, SyntheticOwner),
    CompleteStage(StageId),
    CancelStage(StageId),
    StartTask(StageId, usize),
    RunTask(StageId),
    SkipByHand(StageId),
    Restart,
}

pub(crate) struct Draft<'a> {
    pub state: State,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    pub context: &'a Context<'a>,
    queue: VecDeque<Message>,
}

impl<'a> Draft<'a> {
    pub fn new(state: State, context: &'a Context<'a>) -> Self {
        Self {
            state,
            events: Vec::new(),
            effects: Vec::new(),
            context,
            queue: VecDeque::new(),
        }
    }

    /// Records a fact.
    ///
    /// # Panics
    /// When the fact does not fit the state: a broken rule of this crate. The scheduler refuses that input alone.
    pub fn emit(&mut self, event: Event) {
        apply(&mut self.state, &event).expect("a decision makes only facts that fit");
        let told = self.told_of(&event);
        self.events.push(event);
        if let Some(told) = told {
            self.tell(told);
        }
    }

    pub fn push(&mut self, message: Message) {
        if !self.queue.contains(&message) {
            self.queue.push_back(message);
        }
    }

    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub fn reply(&mut self, answer: Result<Reply, Refusal>) {
        self.effect(Effect::Reply(Box::new(answer)));
    }

    pub fn refuse(&mut self, code: RefusalCode, message: impl Into<String>) {
        self.reply(Err(Refusal {
            code,
            message: message.into(),
            execution: None,
        }));
    }

    pub fn now(&self) -> i64 {
        self.context.now
    }

    /// The stage, shared, so that the draft stays free to change.
    pub fn stage(&self, id: &StageId) -> Option<Arc<Stage>> {
        self.state.doc.stage(id).cloned()
    }

    pub fn set_context(&mut self, stage: &StageId, context: Map) {
        if !context.is_empty() {
            self.emit(Event::StageChanged {
                stage: stage.clone(),
                context,
                outputs: Map::new(),
                removed: Vec::new(),
                outputs_removed: Vec::new(),
            });
        }
    }

    pub fn arm(&mut self, stage: &StageId, purpose: Purpose, due: i64) {
        let timer = Timer {
            stage: stage.clone(),
            purpose,
        };
        if self.state.book.timers.get(&timer) == Some(&due) {
            return;
        }
        self.emit(Event::TimerArmed {
            timer: timer.clone(),
            due,
        });
        self.effect(Effect::Arm { timer, due });
    }

    pub fn disarm(&mut self, stage: &StageId, purpose: Purpose) {
        let timer = Timer {
            stage: stage.clone(),
            purpose,
        };
        if self.state.book.timers.contains_key(&timer) {
            self.emit(Event::TimerCleared {
                timer: timer.clone(),
            });
            self.effect(Effect::Disarm { timer });
        }
    }

    /// Handles the internal messages until none is left, or so many facts were made that the rest is another decision's:
    /// what is dropped then is found again by [`Self::look_at_everything`].
    pub fn settle(mut self) -> Decision {
        let mut steps = 0;
        while let Some(message) = self.queue.pop_front().or_else(|| self.restart_due()) {
            steps += 1;
            if steps > self.context.rules.steps_max {
                self.queue.clear();
                self.give_up();
                break;
            }
            if self.events.len() >= self.context.rules.events_max {
                self.queue.clear();
                if !self.state.book.interrupted {
                    self.emit(Event::Interrupted);
                }
                self.effect(Effect::Continue);
                break;
            }
            match message {
                Message::StartExecution => self.start_execution(),
                Message::CompleteExecution => self.complete_execution(),
                Message::StartStage(stage) => self.start_stage(&stage),
                Message::ContinueParent(stage, phase) => self.continue_parent(&stage, phase),
                Message::CompleteStage(stage) => self.complete_stage(&stage),
                Message::CancelStage(stage) => self.cancel_stage(&stage),
                Message::StartTask(stage, index) => self.start_task(&stage, index),
                Message::RunTask(stage) => self.run_task(&stage),
                Message::SkipByHand(stage) => self.skip_by_hand(&stage),
                Message::Restart => self.restart(),
            }
        }
        Decision {
            events: self.events,
            effects: self.effects,
            after: self.state,
        }
    }

    /// A pipeline that goes round in circles ends TERMINAL, instead of holding its owner for ever.
    fn give_up(&mut self) {
        if !self.state.doc.status.is_complete() {
            let reason = format!(
                "The execution did not settle within {} steps",
                self.context.rules.steps_max
            );
            self.emit(Event::CancelRequested {
                by: "system".to_owned(),
                reason: Some(reason),
            });
            self.end_execution(Status::Terminal);
        }
    }
}

impl Draft<'_> {
    /// Sends every message that could be due: what a resumed, or a damaged, execution needs to go on.
    pub fn look_at_everything(&mut self) {
        if self.state.doc.status == Status::NotStarted {
            self.push(Message::StartExecution);
            return;
        }
        let stages = self.state.doc.stages.clone();
        for stage in stages {
            match stage.status {
                Status::NotStarted if stage.parent_stage_id.is_none() => {
                    self.push(Message::StartStage(stage.id.clone()))
                }
                Status::NotStarted => {
                    let parent = stage
                        .parent_stage_id
                        .as_ref()
                        .and_then(|parent| self.stage(parent));
                    let waits_for_tasks = stage.synthetic_stage_owner
                        == Some(SyntheticOwner::StageAfter)
                        && parent.as_ref().is_some_and(|parent| {
                            parent.tasks.iter().any(|task| !task.status.is_complete())
                        });
                    if parent.is_some_and(|parent| parent.status == Status::Running)
                        && !waits_for_tasks
                    {
                        self.push(Message::StartStage(stage.id.clone()));
                    }
                }
                Status::Running => self.push_for_running(&stage),
                // It was paused when somebody cancelled the execution.
                Status::Paused if self.must_cancel() => self.push_for_running(&stage),
                _ => {}
            }
        }
        self.push(Message::CompleteExecution);
    }

    fn push_for_running(&mut self, stage: &Stage) {
        if skipped_by_hand(&self.state.doc, stage) {
            self.push(Message::SkipByHand(stage.id.clone()));
        }
        if stage
            .tasks
            .iter()
            .any(|task| matches!(task.status, Status::Running | Status::Paused))
        {
            self.push(Message::RunTask(stage.id.clone()));
            return;
        }
        let stopped = self.state.doc.stages.iter().any(|child| {
            let stops = child.status == Status::FailedContinue
                && flag(&child.context, "allowSiblingStagesToContinueOnFailure") != Some(true);
            child.parent_stage_id.as_ref() == Some(&stage.id) && (child.status.is_halt() || stops)
        });
        // What has not started will not: it ends as soon as nothing of it runs.
        if stopped || self.must_cancel() {
            self.push(Message::CompleteStage(stage.id.clone()));
            return;
        }
        let has_before = self.state.doc.stages.iter().any(|child| {
            child.parent_stage_id.as_ref() == Some(&stage.id) && !child.status.is_complete()
        });
        let waits = self.state.book.timers.contains_key(&Timer {
            stage: stage.id.clone(),
            purpose: Purpose::Again,
        });
        match next_task(stage) {
            // Its tasks are to be done again, later.
            Some(_) if waits => {}
            Some(index) if !has_before => self.push(Message::StartTask(stage.id.clone(), index)),
            Some(_) => {}
            None => self.push(Message::CompleteStage(stage.id.clone())),
        }
    }
}
