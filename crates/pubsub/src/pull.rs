//! The loop around a queue that is asked for messages.

use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_model::routing::fnv1a64;
use gennaker_runtime::{Backoff, CancellationToken, Clock};

use crate::{
    Named, amazon, google,
    health::{self, Health},
    message::{Intake, Received},
};

/// Messages that are asked for at once; both systems know this number.
pub(crate) const BATCH: u64 = 10;

/// First and longest pause after a queue could not be asked.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Pause after an answer without messages that came at once, so that a queue which does not wait is not asked in a circle.
const IDLE: Duration = Duration::from_secs(1);

/// A message and what its queue calls this delivery of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) handle: String,
    pub(crate) message: Received,
}

/// A queue that is asked.
pub(crate) enum Queue {
    Amazon(Box<amazon::Subscription>),
    Google(Box<google::Subscription>),
}

impl Queue {
    fn system(&self) -> &'static str {
        match self {
            Self::Amazon(_) => amazon::SYSTEM,
            Self::Google(_) => google::SYSTEM,
        }
    }

    fn named(&self) -> &Named {
        match self {
            Self::Amazon(queue) => &queue.named,
            Self::Google(queue) => &queue.named,
        }
    }

    async fn receive(&self) -> Result<Vec<Delivered>, String> {
        match self {
            Self::Amazon(queue) => queue.receive().await,
            Self::Google(queue) => queue.receive().await,
        }
    }

    /// These are events now and must not come again.
    async fn done(&self, handles: &[String]) -> Result<(), String> {
        match self {
            Self::Amazon(queue) => queue.delete(handles).await,
            Self::Google(queue) => queue.acknowledge(handles).await,
        }
    }

    /// These shall come again soon.
    async fn again(&self, handles: &[String]) -> Result<(), String> {
        match self {
            Self::Amazon(queue) => queue.hand_back(handles).await,
            Self::Google(queue) => queue.hand_back(handles).await,
        }
    }
}

pub(crate) async fn run(
    queue: Queue,
    bus: Bus,
    intake: Intake,
    clock: Clock,
    cancel: CancellationToken,
) {
    let name = queue.named().name.clone();
    let mut health = Health::new(&bus, queue.system(), &name);
    let mut pauses = Backoff::new(PAUSE.0, PAUSE.1, fnv1a64(name.as_bytes()));
    loop {
        let asked_at_ms = clock.now_ms();
        let received = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            received = queue.receive() => received,
        };
        let pause = match received {
            Ok(batch) => {
                pauses.reset();
                health.succeeded(batch.len(), clock.now_ms());
                let is_idle = batch.is_empty() && clock.now_ms() - asked_at_ms < 500;
                take(&queue, &intake, batch).await;
                is_idle.then_some(IDLE)
            }
            Err(reason) => {
                health.failed(&reason, clock.now_ms());
                Some(pauses.next_delay())
            }
        };
        health.write(clock.now_ms()).await;
        if let Some(pause) = pause {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = clock.sleep(pause) => {}
            }
        }
    }
}

/// Stores the events of a batch, and tells the queue.
async fn take(queue: &Queue, intake: &Intake, batch: Vec<Delivered>) {
    let (mut done, mut again) = (Vec::new(), Vec::new());
    let stored = batch.into_iter().map(async |delivered| {
        let Delivered { handle, message } = delivered;
        let stored = intake.store(queue.system(), queue.named(), message).await;
        (handle, stored)
    });
    for (handle, stored) in futures_util::future::join_all(stored).await {
        match stored {
            Ok(()) => done.push(handle),
            Err(error) => {
                health::not_stored(queue.system(), &queue.named().name, &error);
                again.push(handle);
            }
        }
    }
    for (handles, is_done) in [(done, true), (again, false)] {
        if handles.is_empty() {
            continue;
        }
        let told = match is_done {
            true => queue.done(&handles).await,
            false => queue.again(&handles).await,
        };
        // They come again when their time is over, and are the same events.
        if let Err(reason) = told {
            tracing::warn!(
                "subscription {} ({}) was not told of {} messages, which come again: {reason}",
                queue.named().name,
                queue.system(),
                handles.len()
            );
        }
    }
}
