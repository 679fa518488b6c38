//! Doing something while an intent is kept fresh, and waiting in a way that an abort ends.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use gennaker_runtime::CancellationToken;
use tokio::time::Instant;

use super::{Driver, End, millis};
use crate::{
    Ctx, Done, Failure, Task,
    book::Found,
    intent::Intent,
    ledger::{self, Look},
};

/// Longest run of a task; longer work is split into start and look.
const RUN_MAX: Duration = Duration::from_secs(600);

/// Waiting ended because the task shall.
pub(super) enum Halt {
    Aborted,
    Stopping,
}

/// Runs a task, within [`RUN_MAX`], and survives its panic.
pub(crate) async fn run_guarded(task: &Arc<dyn Task>, ctx: &Ctx) -> Result<Done, Failure> {
    let run = AssertUnwindSafe(task.run(ctx)).catch_unwind();
    match tokio::time::timeout(RUN_MAX, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => {
            tracing::error!(
                "task {} panicked: this is a fault of Gennaker",
                ctx.message.kind
            );
            Err(Failure::Unknown {
                what: "the task panicked".to_owned(),
            })
        }
        Err(_) => {
            tracing::error!(
                "task {} did not end within {} s",
                ctx.message.kind,
                RUN_MAX.as_secs()
            );
            Err(Failure::Unknown {
                what: format!("the task did not end within {} s", RUN_MAX.as_secs()),
            })
        }
    }
}

/// For how long an entry has not changed before our eyes.
#[derive(Default)]
pub(super) struct Watch {
    seen: Option<(u64, Instant)>,
}

impl Watch {
    pub(super) fn look(&mut self, found: Option<&Found>, now_ms: i64) -> Look {
        let Some(found) = found else {
            self.seen = None;
            return Look {
                now_ms,
                stored_ms: 0,
                watched_ms: 0,
            };
        };
        let since = match self.seen {
            Some((revision, since)) if revision == found.revision => since,
            Some(_) | None => Instant::now(),
        };
        self.seen = Some((found.revision, since));
        let watched_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        Look {
            now_ms,
            stored_ms: found.stored_ms,
            watched_ms,
        }
    }
}

impl Driver {
    /// Waits until a call that ended for us can no longer arrive.
    pub(super) async fn settling(&self, intent: &Intent) {
        self.keeping(intent, self.shared.clock.sleep(millis(ledger::SETTLE_MS)))
            .await;
    }

    /// Runs `work` and keeps the intent fresh meanwhile.
    pub(super) async fn keeping<T>(&self, intent: &Intent, work: impl Future<Output = T>) -> T {
        let over = CancellationToken::new();
        let work = async {
            let result = work.await;
            over.cancel();
            result
        };
        // A renewal that has begun is finished: whether it was stored must be known.
        let (result, ()) = futures_util::future::join(work, intent.renew_until(&over)).await;
        result
    }

    pub(super) async fn kept<T>(
        &self,
        intent: Option<&Intent>,
        work: impl Future<Output = T>,
    ) -> T {
        match intent {
            Some(intent) => self.keeping(intent, work).await,
            None => work.await,
        }
    }

    /// Waits, unless the task shall end.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.hold.cancel.cancelled() => {}
            () = self.shared.clock.sleep(time) => {}
        }
        self.going_on()
    }

    pub(super) fn going_on(&self) -> Result<(), Halt> {
        if self.hold.is_aborted() {
            Err(Halt::Aborted)
        } else if self.hold.cancel.is_cancelled() {
            Err(Halt::Stopping)
        } else {
            Ok(())
        }
    }

    /// Whether the process ends.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.scope.is_cancelled()
    }
}

impl From<Halt> for End {
    fn from(halt: Halt) -> Self {
        match halt {
            // Somebody may be at it: the closing that follows an abort settles it and reports.
            Halt::Aborted => Self::Drop("it was aborted while another worker had its effect"),
            Halt::Stopping => Self::HandBack(Duration::ZERO),
        }
    }
}
