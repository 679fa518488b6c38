//! Reports of workers. One for an attempt that is not open is stale: it is answered so and changes nothing.

use gennaker_model::{
    Map, Status,
    command::Reply,
    work::{Outcome, TaskReport},
};

use super::{
    draft::{Draft, Message},
    task::remains_notice,
};
use crate::{
    definition::TaskResult,
    event::Event,
    state::{Attempt, Purpose},
};

impl Draft<'_> {
    pub(super) fn report(&mut self, report: &TaskReport) {
        let open = self
            .state
            .book
            .attempts
            .get(&report.attempt)
            .filter(|attempt| {
                attempt.message.stage == report.stage && attempt.message.task == report.task
            });
        let Some(attempt) = open.cloned() else {
            self.reply(Ok(Reply::Report { stale: true }));
            return;
        };
        if attempt.ending.is_some() {
            self.closing_reported(report, attempt);
        } else {
            self.run_reported(report);
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
                let stage = self.stage(&report.stage);
                let floor = stage
                    .as_ref()
                    .and_then(|stage| stage.context.get("backoffPeriodMs"))
                    .and_then(serde_json::Value::as_i64)
                    .unwrap_or(0);
                let wait = i64::try_from(*again_ms)
                    .unwrap_or(i64::MAX / 4)
                    .max(floor)
                    .clamp(0, i64::MAX / 4);
                if self.must_cancel() {
                    self.push(Message::RunTask(report.stage.clone()));
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
                    status: Status::Terminal,
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
