//! Asking the target what is there, and stopping what should not be.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use gennaker_model::work::Outcome;
use gennaker_runtime::Backoff;

use super::{Driver, Lost, keeping::Halt, millis};
use crate::{
    Ctx, Done, Effect, Failure, Probed, Stopped,
    holds::Hold,
    intent::Intent,
    ledger::{self, State},
};

/// How often a target that does not answer is asked what happened, or told to stop.
const ASKS_MAX: u32 = 6;

/// What the target says.
pub(super) enum Asked {
    There(Done),
    NotThere,
    Silent(String),
    /// The process stops before it is known.
    Stopping,
}

/// What a settled entry says is there.
#[derive(Clone, Copy)]
pub(super) enum Settled<'e> {
    /// This one.
    There(&'e str),
    /// Nothing shall be there.
    Nothing,
    /// Something, and nobody wrote down what it is called.
    Nameless,
}

impl Driver {
    /// Stops whatever is there beside what the settled entry names: a call of ours, or of a worker that was suspended, may
    /// have arrived after the entry changed hands.
    pub(super) async fn reconcile(&self, ours: Option<&Lost>, settled: Settled<'_>) {
        if let Some(reference) = ours.and_then(|lost| lost.reference.as_deref())
            && settled.is_stray(reference)
        {
            self.stop_stray(reference).await;
        }
        if !matches!(self.effect, Effect::Probe { .. }) || (ours.is_none() && self.delivered < 2) {
            return;
        }
        if let Asked::There(Done {
            reference: Some(reference),
            ..
        }) = self.ask(None).await
            && settled.is_stray(&reference)
        {
            self.stop_stray(&reference).await;
        }
    }

    async fn stop_stray(&self, reference: &str) {
        tracing::warn!(
            effect.reference = reference,
            "the effect happened twice; the one that is not adopted is stopped"
        );
        if let Ok(Some(remains)) = self.stop(None, Some(reference)).await {
            tracing::error!(effect.reference = reference, "{remains}");
        }
    }

    /// Looks once more, minutes after the entry changed hands.
    pub(super) fn probe_late(&self) {
        if !matches!(self.effect, Effect::Probe { .. }) {
            return;
        }
        let stop = self.shared.scope.token().clone();
        let this = Self {
            hold: Arc::new(Hold::of_nothing(&stop)),
            ..self.clone()
        };
        self.shared.scope.spawn("late probe", async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = this.shared.clock.sleep(millis(ledger::LATE_PROBE_MS)) => {}
            }
            let Ok(Some(found)) = this.book.read().await else {
                return;
            };
            let settled = match &found.entry.state {
                State::Done {
                    outcome, reference, ..
                } => Settled::of(outcome, reference.as_deref()),
                State::Closed { .. } => Settled::Nothing,
                // Somebody is at it; it is theirs to look.
                State::Intent { .. } | State::Idle { .. } => return,
            };
            this.reconcile(Some(&Lost { reference: None }), settled)
                .await;
        });
    }

    /// Stops what was started, looking for it first if nobody knows what it is called; gives back what could not be stopped.
    pub(super) async fn undo(
        &self,
        intent: Option<&Intent>,
        reference: Option<&str>,
    ) -> Result<Option<String>, Halt> {
        if reference.is_some() || !matches!(self.effect, Effect::Probe { .. }) {
            return self.stop(intent, reference).await;
        }
        match self.ask(intent).await {
            Asked::There(done) => self.stop(intent, done.reference.as_deref()).await,
            Asked::NotThere => Ok(None),
            Asked::Silent(why) => Ok(Some(format!(
                "{} ({why})",
                self.task.unknown(&self.message)
            ))),
            Asked::Stopping => Err(Halt::Stopping),
        }
    }

    /// Asks the target what happened, again while it does not answer.
    pub(super) async fn ask(&self, intent: Option<&Intent>) -> Asked {
        let ctx = self.ctx_of_look(intent);
        let mut backoff =
            Backoff::new(Duration::from_secs(1), Duration::from_secs(15), self.seed());
        loop {
            let probe = AssertUnwindSafe(self.task.probe(&ctx)).catch_unwind();
            let why = match self.kept(intent, probe).await {
                Ok(Probed::There(done)) => return Asked::There(done),
                Ok(Probed::NotThere) => return Asked::NotThere,
                Ok(Probed::Unknown(why)) => why,
                Err(_) => "the probe panicked".to_owned(),
            };
            if self.is_stopping() {
                return Asked::Stopping;
            }
            if backoff.attempts() + 1 >= ASKS_MAX {
                return Asked::Silent(why);
            }
            let delay = backoff.next_delay();
            self.kept(intent, self.shared.clock.sleep(delay)).await;
        }
    }

    /// Stops what was started; gives back what could not be.
    async fn stop(
        &self,
        intent: Option<&Intent>,
        reference: Option<&str>,
    ) -> Result<Option<String>, Halt> {
        let ctx = self.ctx_of_look(intent);
        let mut backoff =
            Backoff::new(Duration::from_secs(1), Duration::from_secs(15), self.seed());
        loop {
            let stop = AssertUnwindSafe(self.task.stop(&ctx, reference)).catch_unwind();
            let why = match self.kept(intent, stop).await {
                Ok(Ok(Stopped::Gone)) => return Ok(None),
                Ok(Ok(Stopped::Remains(what))) => return Ok(Some(what)),
                Ok(Err(Failure::GiveUp(why))) => {
                    return Ok(Some(self.not_stopped(first_error(why.exception.as_ref()))));
                }
                Ok(Err(Failure::RetryLater { .. } | Failure::Cancelled { .. })) => {
                    "the target was not ready for it".to_owned()
                }
                Ok(Err(Failure::Unknown { what })) => what,
                Err(_) => "stopping it panicked".to_owned(),
            };
            if self.is_stopping() {
                return Err(Halt::Stopping);
            }
            if backoff.attempts() + 1 >= ASKS_MAX {
                return Ok(Some(self.not_stopped(&why)));
            }
            let delay = backoff.next_delay();
            self.kept(intent, self.shared.clock.sleep(delay)).await;
        }
    }

    /// For looking and stopping, which an abort does not end: it is what an abort asks for.
    fn ctx_of_look(&self, intent: Option<&Intent>) -> Ctx {
        Ctx {
            cancel: self.shared.scope.token().clone(),
            ..self.ctx(intent)
        }
    }

    fn not_stopped(&self, why: &str) -> String {
        format!("{} could not be stopped: {why}", self.message.kind)
    }

    fn seed(&self) -> u64 {
        self.shared.seed_for(&self.message)
    }
}

impl<'e> Settled<'e> {
    pub(super) fn of(outcome: &Outcome, reference: Option<&'e str>) -> Self {
        match (reference, outcome) {
            (Some(reference), _) => Self::There(reference),
            (None, Outcome::Succeeded { .. }) => Self::Nameless,
            (None, _) => Self::Nothing,
        }
    }

    fn is_stray(self, reference: &str) -> bool {
        match self {
            Self::There(there) => there != reference,
            Self::Nothing => true,
            Self::Nameless => false,
        }
    }
}

fn first_error(exception: Option<&serde_json::Value>) -> &str {
    exception
        .and_then(|exception| exception.pointer("/details/errors/0")?.as_str())
        .unwrap_or("the target refused")
}
