//! Subscriptions: messages of other systems become events.
//!
//! A message is acknowledged to its system after its event is stored, never before. Its event's id and time are derived from the
//! message, so that one that comes again, to whichever process, starts nothing twice; a lock is not needed. What cannot be an event
//! (too large, no JSON) becomes one without payload, whose verdicts say why: a message that comes again and again until it is lost
//! helps nobody.
//!
//! | module | what it speaks |
//! |---|---|
//! | `nats` | subjects of our own broker |
//! | [`amazon`] | SQS, with SNS in front of it or not |
//! | [`google`] | Google Pub/Sub, by pulling over HTTP |
//! | `message` | what they have in common: from a message to a stored event |
//! | `pull` | the loop around a queue that is asked |
//! | `health` | how it goes |
//!
//! It must never match triggers or start anything (`triggers` does), and never look into a message further than its form. Run by
//! `gennaker` with the role `triggers`; nobody calls it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod amazon;
pub mod google;
mod health;
mod message;
mod nats;
mod pull;
#[cfg(test)]
mod testing;

use gennaker_bus::Bus;
use gennaker_runtime::{CancellationToken, Clock};
use tokio::task::JoinSet;

use message::Intake;
use pull::Queue;

/// What is subscribed to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Of our own broker: names and formats of messages.
    pub nats: Vec<Named>,
    /// Of Amazon.
    pub amazon: Vec<amazon::Subscription>,
    /// Of Google.
    pub google: Vec<google::Subscription>,
}

/// A subscription as triggers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// How artifacts are found in its messages: `GCS`, `GCR`, `GCB`, `S3`, `NONE` or `CUSTOM`.
    pub message_format: String,
}

impl Subscriptions {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nats.is_empty() && self.amazon.is_empty() && self.google.is_empty()
    }

    /// Receives messages until `cancel`. What is under way then comes again.
    pub async fn run(self, bus: Bus, clock: Clock, cancel: CancellationToken) {
        if let Err(error) = health::register() {
            tracing::error!("the figures of subscriptions are not shown: {error}");
        }
        let intake = Intake::new(bus.clone());
        let mut running = JoinSet::new();
        let queues = self
            .amazon
            .into_iter()
            .map(|queue| Queue::Amazon(Box::new(queue)))
            .chain(
                self.google
                    .into_iter()
                    .map(|queue| Queue::Google(Box::new(queue))),
            );
        for queue in queues {
            let (bus, intake) = (bus.clone(), intake.clone());
            let (clock, cancel) = (clock.clone(), cancel.clone());
            running.spawn(async move { pull::run(queue, bus, intake, clock, cancel).await });
        }
        // Also without subscriptions: what was sent to one that is gone must not stay for ever.
        let named = self.nats;
        running.spawn(async move { nats::run(named, bus, intake, clock, cancel).await });
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a subscription panicked and is not followed any more"
                );
            }
        }
    }
}
