//! What a running task may ask of its worker.

use std::{sync::Arc, time::Duration};

use gennaker_model::{Map, work::TaskMessage};
use gennaker_runtime::{CancellationToken, Clock};

use crate::{Failure, intent::Intent};

/// One run, probe or stop of a task.
pub struct Ctx {
    pub(crate) message: Arc<TaskMessage>,
    pub(crate) clock: Clock,
    pub(crate) cancel: CancellationToken,
    pub(crate) intent: Option<Intent>,
    /// The longest call that the kind declared.
    pub(crate) call_max: Option<Duration>,
}

impl Ctx {
    /// The task.
    #[must_use]
    pub fn message(&self) -> &TaskMessage {
        &self.message
    }

    /// What the task needs to know: the stage's evaluated context.
    #[must_use]
    pub fn input(&self) -> &Map {
        &self.message.input
    }

    /// The identity of the effect, the same for every attempt: the idempotency key for the target.
    #[must_use]
    pub fn effect_id(&self) -> Option<&str> {
        self.message.effect.as_ref().map(AsRef::as_ref)
    }

    /// The time, epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The clock, for waiting.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the task was asked to end, or must not go on.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Returns when the task is asked to end. Cancel-safe.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Makes one call to the outside within `limit` or less; `make` gets the time it has.
    ///
    /// Before it starts, the effect's intent is proven to be ours and fresh enough that the call ends before anybody may take
    /// it over. A call that has started is not broken off by a wish to cancel: its answer is worth more.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when the task shall end and nothing was sent; [`Failure::Unknown`] when the time ran out.
    pub async fn call<T, F: Future<Output = T>>(
        &self,
        limit: Duration,
        make: impl FnOnce(Duration) -> F,
    ) -> Result<T, Failure> {
        if self.is_cancelled() {
            return Err(Failure::cancelled());
        }
        let mut limit = self.call_max.map_or(limit, |max| limit.min(max));
        if let Some(intent) = &self.intent {
            limit = intent
                .call_limit(limit)
                .await
                .map_err(|_| Failure::cancelled())?;
            // Renewing takes time in which the wish may have come.
            if self.is_cancelled() {
                return Err(Failure::cancelled());
            }
        }
        tokio::time::timeout(limit, make(limit))
            .await
            .map_err(|_| Failure::Unknown {
                what: format!("there was no answer within {} ms", limit.as_millis()),
            })
    }

    /// Writes down what the target calls the effect as soon as that is known, for whoever has to find it again.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when the effect is not ours any more.
    pub async fn note(&self, reference: &str) -> Result<(), Failure> {
        match &self.intent {
            Some(intent) => intent
                .note(reference)
                .await
                .map_err(|_| Failure::cancelled()),
            None => Ok(()),
        }
    }

    /// What was noted under this intent, or under the one that it took over; nothing once the effect is settled.
    pub async fn noted(&self) -> Option<String> {
        match &self.intent {
            Some(intent) => intent.reference().await,
            None => None,
        }
    }
}
