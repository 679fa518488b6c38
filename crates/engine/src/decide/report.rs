//! Reports of workers. One for an attempt that is not open is stale: it is answered so and changes nothing.

use gennaker_model::{
    Map, StageId, Status,
    command::Reply,
    work::{Outcome, TaskReport},
};

use super::{
    draft::{Draft, Message},
    task::{remains_notice, running_task},
};
use crate::{
    definition::TaskResult,
    event::Event,
    state::{Aside, Attempt, Purpose},
};

/// How long it is tried to take back what an ended stage had begun, milliseconds.
const CANCEL_LIFE_MS: i64 = 60 * 60 * 1000;

/// Shortest and longest pause between two tries of that, milliseconds.
const CANCEL_PAUSE_MS: (i64, i64) = (1_000, 5 * 60 * 1000);

impl Draft<'_> {
    pub(super) fn report(&mut self, report: &TaskReport) {
        let open = self
            .state
            .book
            .attempts
            .get(&report.attempt)
            .filter(|attempt| attempt.stage == report.stage && attempt.task == report.task);
        let Some(attempt) = open.cloned() else {
            self.reply(Ok(Reply::Report { stale: true }));
            return;
        };
        match &attempt.aside {
            Some(Aside::Lookup(lookup)) => self.read_reported(report, lookup),
            Some(Aside::Cancel) => self.cancel_reported(report),
            Some(Aside::Notice(number)) => self.notice_reported(report, *number),
            None if attempt.ending.is_some() => self.closing_reported(report, attempt),
            None => self.run_reported(report),
        }
        self.reply(Ok(Reply::Report { stale: false }));
    }

    fn run_reported(&mut self, report: &TaskReport) {
        self.emit(Event::AttemptEnded {
            attempt: report.attempt,
        });
        // A closing that was under way is settled by the report itself; its ending still says how the task ends.
        if let Some((closing, attempt)) = self
            .state
            .closing_of(&report.stage)
            .map(|(id, attempt)| (*id, attempt.clone()))
        {
            self.emit(Event::AttemptEnded { attempt: closing });
            let (context, outputs) = learned(&report.outcome);
            if !context.is_empty() || !outputs.is_empty() {
                self.emit(Event::StageChanged {
                    stage: report.stage.clone(),
                    context,
                    outputs,
                    removed: Vec::new(),
                    outputs_removed: Vec::new(),
                });
            }
            if let Some(ending) = attempt.ending {
                self.finish_task(&report.stage, ending);
            }
            return;
        }
        match &report.outcome {
            Outcome::Running { again_ms, context } => {
                self.set_context(&report.stage, context.clone());
                let wait = i64::try_from(*again_ms)
                    .unwrap_or(i64::MAX / 4)
                    .max(self.backoff_of(&report.stage))
                    .clamp(0, i64::MAX / 4);
                if self.must_cancel() {
                    self.push(Message::RunTask(report.stage.clone()));
                } else if self.state.doc.status == Status::Paused {
                    self.pause_stage(&report.stage);
                } else {
                    self.arm(&report.stage, Purpose::Again, self.now() + wait);
                }
            }
            Outcome::Succeeded { context, outputs } => {
                let status = if self.must_cancel() {
                    Status::Canceled
                } else {
                    Status::Succeeded
                };
                let result = TaskResult {
                    status,
                    context: context.clone(),
                    outputs: outputs.clone(),
                    exception: None,
                };
                self.complete_task(&report.stage, result);
            }
            Outcome::Failed {
                exception,
                context,
                outputs,
            } => {
                let result = TaskResult {
                    status: self.given_up(&report.stage),
                    context: context.clone(),
                    outputs: outputs.clone(),
                    exception: exception.clone(),
                };
                self.complete_task(&report.stage, result);
            }
            Outcome::Canceled { context } | Outcome::Closed { context, .. } => {
                let result = TaskResult {
                    context: context.clone(),
                    ..TaskResult::of(Status::Canceled)
                };
                self.complete_task(&report.stage, result);
            }
        }
    }

    /// How the running task of the stage ends when its worker has given it up.
    fn given_up(&self, id: &StageId) -> Status {
        let Some(stage) = self.stage(id) else {
            return Status::Terminal;
        };
        let catalogue = self.context.catalogue;
        let definition = catalogue.stage(super::effective_kind(&stage));
        match (definition, running_task(&stage)) {
            (Some(definition), Some(task)) => definition.given_up(task, &stage.context),
            (Some(_) | None, _) => Status::Terminal,
        }
    }

    /// `backoffPeriodMs` of the stage or of the nearest of its parents that has one: pauses are never shorter (reference 3.6).
    fn backoff_of(&self, id: &StageId) -> i64 {
        let mut current = self.stage(id);
        for _ in 0..=self.state.doc.stages.len() {
            let Some(stage) = current else { break };
            let own = stage.context.get("backoffPeriodMs");
            if let Some(period) = own.and_then(serde_json::Value::as_i64) {
                return period;
            }
            current = stage
                .parent_stage_id
                .as_ref()
                .and_then(|parent| self.stage(parent));
        }
        0
    }

    /// What became of the wish to take back what an ended stage had begun; its status stays.
    fn cancel_reported(&mut self, report: &TaskReport) {
        self.emit(Event::AttemptEnded {
            attempt: report.attempt,
        });
        let (mut context, _) = learned(&report.outcome);
        if let Outcome::Running { again_ms, .. } = &report.outcome {
            // Who was asked is down, or what was begun cannot be stopped yet.
            context.extend(self.delay_cancel(&report.stage, *again_ms));
        }
        if let Outcome::Failed {
            exception: Some(exception),
            ..
        } = &report.outcome
        {
            let reason = exception.pointer("/details/errors/0");
            let reason = reason.and_then(serde_json::Value::as_str);
            let sentence = format!(
                "What the stage had begun could not be cancelled: {}",
                reason.unwrap_or("the worker gave no reason")
            );
            context.extend(remains_notice(Some(&sentence)));
        }
        self.set_context(&report.stage, context);
    }

    /// Lets what an ended stage had begun be taken back a little later. After [`CANCEL_LIFE_MS`] it is given up, which the stage then
    /// says.
    fn delay_cancel(&mut self, id: &StageId, again_ms: u64) -> Map {
        let ended = self.stage(id).and_then(|stage| stage.end_time);
        let pause = i64::try_from(again_ms).unwrap_or(i64::MAX);
        let due = self.now() + pause.clamp(CANCEL_PAUSE_MS.0, CANCEL_PAUSE_MS.1);
        if due - ended.unwrap_or(self.now()) > CANCEL_LIFE_MS {
            let minutes = CANCEL_LIFE_MS / 60_000;
            let sentence = format!(
                "What the stage had begun could not be cancelled: it was tried for {minutes} minutes"
            );
            return remains_notice(Some(&sentence));
        }
        self.arm(id, Purpose::Again, due);
        Map::new()
    }

    fn closing_reported(&mut self, report: &TaskReport, closing: Attempt) {
        self.emit(Event::AttemptEnded {
            attempt: report.attempt,
        });
        if let Some((original, _)) = self.state.attempt_of(&report.stage) {
            let attempt = *original;
            self.emit(Event::AttemptEnded { attempt });
        }
        let (mut context, _) = learned(&report.outcome);
        if let Outcome::Closed { remains, .. } = &report.outcome {
            context.extend(remains_notice(remains.as_ref()));
        }
        self.set_context(&report.stage, context);
        if let Some(ending) = closing.ending {
            self.finish_task(&report.stage, ending);
        }
    }
}

fn learned(outcome: &Outcome) -> (Map, Map) {
    match outcome {
        Outcome::Succeeded { context, outputs }
        | Outcome::Failed {
            context, outputs, ..
        } => (context.clone(), outputs.clone()),
        Outcome::Running { context, .. }
        | Outcome::Canceled { context }
        | Outcome::Closed { context, .. } => (context.clone(), Map::new()),
    }
}
