//! An intent that this process holds in the ledger: kept fresh, and asked before each call.

use std::{sync::Arc, time::Duration};

use gennaker_model::AttemptId;
use gennaker_runtime::{CancellationToken, Clock};
use tokio::sync::Mutex;

use crate::{
    book::{Book, Written},
    ledger::{self, Entry, State},
};

/// Another worker took the entry over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// An own intent. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Intent(Arc<Inner>);

struct Inner {
    book: Book,
    clock: Clock,
    worker: String,
    attempt: AttemptId,
    /// Cancelled when the intent is lost, so that its work ends.
    lost: CancellationToken,
    held: Mutex<Held>,
}

struct Held {
    revision: u64,
    heartbeat_ms: i64,
    reference: Option<String>,
    /// A call was granted.
    called: bool,
    lost: bool,
}

impl Intent {
    /// Writes an own intent over `revision`, with what was noted under the one that it takes over, or gives `None` when somebody else was faster.
    pub(crate) async fn write(
        book: &Book,
        clock: &Clock,
        worker: &str,
        attempt: AttemptId,
        revision: u64,
        noted: Option<String>,
        cancel: &CancellationToken,
    ) -> Option<Self> {
        // Read before the write: an age that is too high is harmless, one that is too low is not.
        let heartbeat_ms = clock.now_ms();
        let state = State::Intent {
            worker: worker.to_owned(),
            attempt,
            heartbeat_ms,
            reference: noted.clone(),
        };
        match book.write(revision, &Entry::new(state)).await {
            Written::Done(revision) => Some(Self(Arc::new(Inner {
                book: book.clone(),
                clock: clock.clone(),
                worker: worker.to_owned(),
                attempt,
                lost: cancel.child_token(),
                held: Mutex::new(Held {
                    revision,
                    heartbeat_ms,
                    reference: noted,
                    called: false,
                    lost: false,
                }),
            }))),
            Written::Conflict | Written::TooLarge => None,
        }
    }

    /// Cancelled when the work shall end, because it was asked to or because the entry is lost.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.0.lost
    }

    /// How long a call may take that starts now; renews the intent first where its age asks for it.
    pub(crate) async fn call_limit(&self, wanted: Duration) -> Result<Duration, Lost> {
        let wanted_ms = i64::try_from(wanted.as_millis()).unwrap_or(i64::MAX);
        let mut held = self.0.held.lock().await;
        loop {
            if held.lost {
                return Err(Lost);
            }
            let now_ms = self.0.clock.now_ms();
            if let Some(limit) = ledger::call_limit_ms(held.heartbeat_ms, now_ms, wanted_ms) {
                held.called = true;
                return Ok(Duration::from_millis(u64::try_from(limit).unwrap_or(0)));
            }
            self.0.renew(&mut held).await?;
        }
    }

    /// Writes down what the target calls the effect, as soon as that is known.
    pub(crate) async fn note(&self, reference: &str) -> Result<(), Lost> {
        let mut held = self.0.held.lock().await;
        held.reference = Some(reference.to_owned());
        self.0.renew(&mut held).await
    }

    /// Whether a call was made under this intent.
    pub(crate) async fn was_called(&self) -> bool {
        self.0.held.lock().await.called
    }

    /// The reference that was noted.
    pub(crate) async fn reference(&self) -> Option<String> {
        self.0.held.lock().await.reference.clone()
    }

    /// Renews the intent every [`ledger::RENEW_MS`] until `stop`.
    pub(crate) async fn renew_until(&self, stop: &CancellationToken) {
        let every = Duration::from_millis(u64::try_from(ledger::RENEW_MS).unwrap_or(5_000));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.0.clock.sleep(every) => {}
            }
            let mut held = self.0.held.lock().await;
            let young = self.0.clock.now_ms() - held.heartbeat_ms < ledger::RENEW_MS;
            if !young && self.0.renew(&mut held).await.is_err() {
                return;
            }
        }
    }

    /// Replaces the intent by its end. An end that is too large for the ledger is told apart, with the intent kept.
    pub(crate) async fn settle(&self, state: State) -> Result<Result<(), TooLarge>, Lost> {
        let mut held = self.0.held.lock().await;
        if held.lost {
            return Err(Lost);
        }
        match self.0.book.write(held.revision, &Entry::new(state)).await {
            Written::Done(_) => {
                held.lost = true;
                Ok(Ok(()))
            }
            Written::TooLarge => Ok(Err(TooLarge)),
            Written::Conflict => {
                held.lost = true;
                Err(Lost)
            }
        }
    }
}

/// The entry would be larger than the broker takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

impl Inner {
    async fn renew(&self, held: &mut Held) -> Result<(), Lost> {
        if held.lost {
            return Err(Lost);
        }
        let heartbeat_ms = self.clock.now_ms();
        let state = State::Intent {
            worker: self.worker.clone(),
            attempt: self.attempt,
            heartbeat_ms,
            reference: held.reference.clone(),
        };
        match self.book.write(held.revision, &Entry::new(state)).await {
            Written::Done(revision) => {
                held.revision = revision;
                held.heartbeat_ms = heartbeat_ms;
                Ok(())
            }
            Written::Conflict | Written::TooLarge => {
                held.lost = true;
                self.lost.cancel();
                Err(Lost)
            }
        }
    }
}
