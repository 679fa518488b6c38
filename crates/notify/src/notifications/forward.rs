//! What executions tell, forwarded whole: to addresses and topics of the operator's that want every event.
//!
//! An announcement is done with when each of them took it or was given up; one that fails holds up only its own copy. Who dies in
//! between leaves it to another worker, which sends it again under the same id.
//!
//! Source: echo-rest, echo-pubsub-google.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use gennaker_bus::{Bus, Delivery, Error};
use gennaker_channels::{
    Channels, Problem,
    line::{Freely, Line},
    rest::Endpoint,
};
use gennaker_runtime::{CancellationToken, Scope};
use gennaker_settings::Notifications;
use serde_json::Value;
use tokio::sync::Semaphore;

/// Announcements that are forwarded at the same time.
const AT_ONCE: usize = 16;

/// How often the broker hears that an announcement is still being forwarded.
const PROGRESS: Duration = Duration::from_secs(10);

/// Longest time for one announcement; who has not taken it then is given up.
const LONGEST: Duration = Duration::from_secs(120);

/// Deliveries after which an announcement is given up.
const DELIVERIES_MAX: u64 = 5;

/// Whether anybody wants every event.
#[must_use]
pub fn is_wanted(set: &Notifications) -> bool {
    let wants =
        |it: &gennaker_settings::Publisher| it.content == gennaker_settings::PublisherContent::All;
    !set.endpoints.is_empty() || set.publishers.iter().any(wants)
}

/// Those who want every event.
struct Wanting {
    channels: Channels,
    endpoints: Vec<Endpoint>,
}

/// Forwards until the token is cancelled.
///
/// # Errors
/// The bus is closed.
pub async fn run(
    bus: Bus,
    channels: Channels,
    set: Notifications,
    scope: Scope,
    token: CancellationToken,
) -> Result<(), Error> {
    let wanting = Arc::new(Wanting {
        channels,
        endpoints: set.endpoints.iter().map(Endpoint::of).collect(),
    });
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut announcements = bus.announcements().consume().await?;
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return Ok(());
        };
        let next = tokio::select! {
            biased;
            () = token.cancelled() => break,
            next = announcements.next() => next,
        };
        let Some(delivery) = next else { break };
        let wanting = Arc::clone(&wanting);
        scope.spawn("forward", async move {
            // Boxed, because what the channels do makes it large.
            Box::pin(wanting.take(delivery)).await;
            drop(place);
        });
    }
    announcements.close().await;
    Ok(())
}

impl Wanting {
    async fn take(&self, delivery: Delivery) {
        let event = serde_json::from_slice::<Value>(&delivery.payload).ok();
        let Some(event) = event.filter(|_| delivery.delivered <= DELIVERIES_MAX) else {
            tracing::error!("an announcement that cannot be forwarded is dropped");
            let _ = delivery.term("it cannot be forwarded").await;
            return;
        };
        let forwarding = self.forward(&event);
        tokio::pin!(forwarding);
        let deadline = tokio::time::Instant::now() + LONGEST;
        loop {
            tokio::select! {
                () = &mut forwarding => break,
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!("an event was not taken by everybody within {LONGEST:?}");
                    break;
                }
                () = tokio::time::sleep(PROGRESS) => {
                    let _ = delivery.progress().await;
                }
            }
        }
        if let Err(error) = delivery.ack().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an event that was forwarded may be forwarded again"
            );
        }
    }

    async fn forward(&self, event: &Value) {
        let id = event["eventId"].as_str().unwrap_or_default();
        let kind = event["details"]["type"].as_str().unwrap_or_default();
        let line = Line::new(self.channels.client(), &Freely);
        let said = |to: &str, ended: Result<(), Problem>| {
            if let Err(problem) = ended {
                tracing::warn!("{kind} was not taken by {to}: {problem}");
            }
        };
        let endpoints = self.endpoints.iter().map(|endpoint| async {
            said(&endpoint.shown(), endpoint.forward(event, id, &line).await);
        });
        let topics = async {
            said(
                "a topic",
                self.channels.publishers().forward(event, id, &Freely).await,
            );
        };
        tokio::join!(join_all(endpoints), topics);
    }
}
