//! How a run under an intent ends: what the ledger keeps, and what the owner is told.

use std::time::Duration;

use gennaker_model::work::Outcome;

use super::{Driver, End, Lost};
use crate::{
    Done, Failure, exception,
    intent::{Intent, TooLarge},
    ledger::State,
    outcome,
};

impl Driver {
    /// Writes how the run ended, then says what to report.
    pub(super) async fn conclude(
        &self,
        intent: &Intent,
        result: Result<Done, Failure>,
    ) -> Result<End, Lost> {
        let noted = intent.reference().await;
        let (state, end) = match result {
            Ok(done) => {
                let reference = done.reference.clone().or(noted);
                self.done(outcome::succeeded(done), reference, false)
            }
            Err(Failure::GiveUp(why)) => self.done(outcome::failed(*why), noted, false),
            Err(Failure::RetryLater { after, context }) => {
                self.idle(outcome::running(after, context))
            }
            Err(Failure::Cancelled { context }) => {
                let outcome = Outcome::Canceled { context };
                if self.hold.is_aborted() {
                    self.idle(outcome)
                } else if self.is_stopping() {
                    let attempt = self.message.attempt;
                    let state = State::Idle {
                        attempt,
                        outcome: None,
                    };
                    (state, End::HandBack(Duration::ZERO))
                } else {
                    self.done(outcome, noted, false)
                }
            }
            Err(Failure::Unknown { what }) => {
                self.done(self.failed("EffectUnknown", &what), noted, true)
            }
        };
        let reference = match &state {
            State::Done { reference, .. } => reference.clone(),
            State::Intent { .. } | State::Idle { .. } | State::Closed { .. } => None,
        };
        match intent.settle(state).await {
            Ok(Ok(())) => Ok(end),
            Ok(Err(TooLarge)) => {
                let problem = "the task was carried out, but its result is too large to be kept";
                let (state, end) = self.done(
                    self.failed("ResultTooLarge", problem),
                    reference.clone(),
                    true,
                );
                match intent.settle(state).await {
                    Ok(_) => Ok(end),
                    Err(_) => Err(Lost { reference }),
                }
            }
            Err(_) => Err(Lost { reference }),
        }
    }

    /// It is final.
    fn done(&self, outcome: Outcome, reference: Option<String>, uncertain: bool) -> (State, End) {
        let state = State::Done {
            attempt: self.message.attempt,
            outcome: outcome.clone(),
            reference,
            uncertain,
        };
        (state, End::Report(outcome))
    }

    /// Nothing was done.
    fn idle(&self, outcome: Outcome) -> (State, End) {
        let state = State::Idle {
            attempt: self.message.attempt,
            outcome: Some(outcome.clone()),
        };
        (state, End::Report(outcome))
    }

    pub(super) fn unknown(&self, what: &str) -> Failure {
        Failure::Unknown {
            what: format!("{} ({what})", self.task.unknown(&self.message)),
        }
    }

    fn failed(&self, class: &str, message: &str) -> Outcome {
        let now_ms = self.shared.clock.now_ms();
        let exception = exception::unexpected(&self.message.kind, class, message, now_ms);
        outcome::with_exception(exception)
    }
}
