//! Lookups: what expressions need from outside (design: "needs lookup" is an effect, its answer a recorded input).
//!
//! Documents are asked of the scheduler by [`Effect::Lookup`]. Addresses are read by a worker: an attempt beside the tasks of the
//! stage, so that publishing it again, telling it from a stale one and aborting it are those of every attempt.

use gennaker_model::{
    AttemptId, StageId, Status,
    work::{Abort, TaskReport},
};

use super::{
    attempt::Work,
    draft::{Draft, Message},
};
use crate::{
    effect::Effect,
    event::Event,
    lookup::{self, KIND, POOL, TASK, address_of, failed, submission},
    state::{Aside, Attempt, Lookup, LookupAnswer},
    submit,
};

/// Longest address that is read, in bytes.
const URL_BYTES_MAX: usize = 8 * 1024;

impl Draft<'_> {
    /// Asks for what a stage needs, unless it has asked already.
    pub(super) fn look_up(&mut self, stage: &StageId, needs: &[Lookup]) {
        for need in needs {
            match address_of(need) {
                Some(url) => self.read_address(stage, need, url),
                None => self.look_up_document(stage, need),
            }
        }
    }

    /// Addresses that nobody waits for any more, of one stage: their workers are told, and what they report is stale.
    pub(super) fn end_reads(&mut self, stage: &StageId) {
        self.end_reads_where(|attempt| attempt.stage == *stage);
    }

    /// The same of all stages, because the execution is over.
    pub(super) fn end_all_reads(&mut self) {
        self.end_reads_where(|_| true);
    }

    fn end_reads_where(&mut self, is_one: impl Fn(&Attempt) -> bool) {
        let attempts = self.state.book.attempts.iter();
        let open: Vec<(AttemptId, Attempt)> = attempts
            .filter(|(_, attempt)| {
                matches!(attempt.aside, Some(Aside::Lookup(_))) && is_one(attempt)
            })
            .map(|(number, attempt)| (*number, attempt.clone()))
            .collect();
        for (number, attempt) in open {
            self.emit(Event::AttemptEnded { attempt: number });
            self.effect(Effect::Abort {
                pool: attempt.pool,
                zone: attempt.zone,
                abort: Abort {
                    execution: self.state.doc.id.clone(),
                    attempt: number,
                },
            });
        }
    }

    /// A document was looked up, for every stage that waits for it.
    pub(super) fn lookup_answered(&mut self, lookup: &Lookup, answer: &LookupAnswer) {
        let Some(waiting) = self.state.book.lookups.get(lookup).cloned() else {
            return;
        };
        self.emit(Event::LookupAnswered {
            lookup: lookup.clone(),
            answer: answer.clone(),
            stage: None,
            at: self.now(),
        });
        for stage in waiting {
            self.go_on(&stage);
        }
    }

    /// A worker has read an address, or says why it could not.
    pub(super) fn read_reported(&mut self, report: &TaskReport, lookup: &Lookup) {
        self.emit(Event::AttemptEnded {
            attempt: report.attempt,
        });
        let mut answer = lookup::answer_of(&report.outcome);
        let (_, held) = self.asked(&report.stage);
        let limit = self.context.rules.lookup_bytes_max;
        if held + lookup::bytes_of(&answer) > limit {
            let reason = format!(
                "the answers to the expressions of this stage would take more than {} KiB",
                limit / 1024
            );
            answer = failed(None, &reason);
        }
        self.answer_read(&report.stage, lookup, answer);
        // The document of a submission is written whole: that is another decision's, which nobody reports and nobody refuses.
        let alone = report.stage == submission();
        if alone && !self.state.book.interrupted {
            self.emit(Event::Interrupted);
            self.effect(Effect::Continue);
        } else {
            self.go_on(&report.stage);
        }
    }

    /// Evaluates the texts of the submission once everything they need is there; false while it is awaited.
    pub(super) fn texts_are_evaluated(&mut self) -> bool {
        let submission = submission();
        let Some(asked) = self.state.book.asked.get(&submission).cloned() else {
            return true;
        };
        if self.state.is_looked_up(&submission) {
            return false;
        }
        let mut document = self.state.doc.clone();
        let needs = submit::evaluate(&mut document, self.context.rules, &|lookup| {
            asked
                .answers
                .get(&Lookup::Expression(lookup.clone()))
                .cloned()
        });
        if !needs.is_empty() {
            self.look_up(&submission, &needs);
            return false;
        }
        self.emit(Event::TextsEvaluated {
            execution: Box::new(document),
        });
        true
    }

    fn look_up_document(&mut self, stage: &StageId, lookup: &Lookup) {
        let open = self.state.book.lookups.get(lookup);
        let asked = open.is_some();
        if open.is_none_or(|stages| !stages.contains(stage)) {
            self.emit(Event::LookupOpened {
                lookup: lookup.clone(),
                stage: stage.clone(),
                at: self.now(),
            });
        }
        if !asked {
            self.effect(Effect::Lookup(lookup.clone()));
        }
    }

    fn read_address(&mut self, stage: &StageId, lookup: &Lookup, url: &str) {
        let is_this =
            |attempt: &Attempt| attempt.aside.as_ref() == Some(&Aside::Lookup(lookup.clone()));
        let open = self.state.reads_of(stage);
        if open.into_iter().any(|(_, attempt)| is_this(attempt)) {
            return;
        }
        let (questions, _) = self.asked(stage);
        let limit = self.context.rules.lookups_max;
        let refusal = if questions >= limit {
            Some(format!(
                "the expressions of this stage need more than {limit} addresses"
            ))
        } else if url.len() > URL_BYTES_MAX {
            Some(format!("the address is longer than {URL_BYTES_MAX} bytes"))
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.answer_read(stage, lookup, failed(None, &reason));
            self.go_on(stage);
            return;
        }
        let work = Work {
            task: TASK,
            pool: POOL,
            kind: KIND,
            effect: false,
            deadline_ms: None,
        };
        self.open(stage, work, Some(Aside::Lookup(lookup.clone())));
    }

    fn answer_read(&mut self, stage: &StageId, lookup: &Lookup, answer: LookupAnswer) {
        self.emit(Event::LookupAnswered {
            lookup: lookup.clone(),
            answer,
            stage: Some(stage.clone()),
            at: self.now(),
        });
    }

    /// Looks at a stage again that has got its last answer.
    fn go_on(&mut self, id: &StageId) {
        if self.state.is_looked_up(id) {
            return;
        }
        match self.stage(id).map(|stage| stage.status) {
            Some(Status::NotStarted) => self.push(Message::StartStage(id.clone())),
            Some(Status::Running) => self.push(Message::RunTask(id.clone())),
            Some(_) => {}
            None if *id == submission() => self.push(Message::StartExecution),
            None => {}
        }
    }

    /// How many addresses the stage has asked for, and how many bytes the answers take.
    fn asked(&self, stage: &StageId) -> (usize, usize) {
        let answers = self.state.book.asked.get(stage);
        let (count, bytes) = answers.map_or((0, 0), |asked| {
            let bytes = asked.answers.values().map(lookup::bytes_of).sum();
            (asked.answers.len(), bytes)
        });
        (count + self.state.reads_of(stage).count(), bytes)
    }
}
