//! Subjects of our own broker: `gk.pubsub.<subscription>`.
//!
//! Whoever publishes there is answered by JetStream when the message is stored; headers are its attributes. A message's name is its
//! place in the stream; senders that name theirs (`Nats-Msg-Id`) have repeats dropped by the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use gennaker_bus::{Bus, Delivery, subject};
use gennaker_runtime::{CancellationToken, Clock};

use crate::{
    Named, health,
    message::{Intake, Received},
};

/// The system, as triggers name it.
pub(crate) const SYSTEM: &str = "nats";

/// Pause before a message comes again that could not be stored.
const AGAIN: Duration = Duration::from_secs(5);

/// Pause before the stream is opened again.
const PAUSE: Duration = Duration::from_secs(5);

/// Headers that are the broker's, not the sender's.
const RESERVED: [&str; 2] = ["nats-", "gk-"];

pub(crate) async fn run(
    named: Vec<Named>,
    bus: Bus,
    intake: Intake,
    clock: Clock,
    cancel: CancellationToken,
) {
    loop {
        match bus.messages().consume().await {
            Ok(mut messages) => {
                loop {
                    let delivery = tokio::select! {
                        biased;
                        () = cancel.cancelled() => break,
                        delivery = messages.next() => match delivery {
                            Some(delivery) => delivery,
                            None => break,
                        },
                    };
                    take(&named, &intake, delivery).await;
                }
                messages.close().await;
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "messages of subscriptions cannot be read"
            ),
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = clock.sleep(PAUSE) => {}
        }
    }
}

async fn take(named: &[Named], intake: &Intake, delivery: Delivery) {
    let name = subject::subscription_of(&delivery.address).unwrap_or_default();
    let Some(subscription) = named.iter().find(|it| it.name == name) else {
        health::unknown(&name);
        settle(delivery.term("nobody has such a subscription").await);
        return;
    };
    let received = received(&delivery);
    match intake.store(SYSTEM, subscription, received).await {
        Ok(()) => settle(delivery.ack().await),
        Err(error) => {
            health::not_stored(SYSTEM, &subscription.name, &error);
            settle(delivery.nak(AGAIN).await);
        }
    }
}

fn received(delivery: &Delivery) -> Received {
    Received {
        // A stream that was made anew counts from the beginning.
        id: format!("{}-{}", delivery.sequence, delivery.time_ms),
        text: delivery.payload.to_vec(),
        attributes: attributes(&delivery.headers),
        sent_at_ms: i64::try_from(delivery.time_ms).unwrap_or(i64::MAX),
        remembered: None,
    }
}

fn attributes(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            !RESERVED.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A word that got lost is no harm: the message comes again and is the same event.
fn settle(said: Result<(), gennaker_bus::Error>) {
    if let Err(error) = said {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the broker was not told; the message will come again"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Subscriptions,
        testing::{Installation, until},
    };

    #[tokio::test]
    async fn messages_become_events_and_those_for_nobody_are_dropped() {
        let installation = Installation::start().await;
        let messages = installation.bus().messages();
        for (name, text) in [
            ("builds", "{\"n\": 1}"),
            ("nobody", "{}"),
            ("builds", "[1]"),
            ("my builds.x", ""),
        ] {
            messages.publish(name, text.into()).await.unwrap();
        }
        let named = |name: &str| Named {
            name: name.to_owned(),
            message_format: "CUSTOM".to_owned(),
        };
        // Two processes: each message is one event.
        let subscriptions = || Subscriptions {
            nats: vec![named("builds"), named("my builds.x")],
            ..Subscriptions::default()
        };
        let (one, two) = (
            installation.follow(subscriptions()),
            installation.follow(subscriptions()),
        );
        let events = installation.events(3).await;
        let mut told: Vec<(String, Value, Value)> = events
            .iter()
            .map(|event| {
                let field = |name: &str| event.payload.get(name).cloned().unwrap_or_default();
                (
                    event.header.source.clone(),
                    field("payload"),
                    field("unreadable"),
                )
            })
            .collect();
        told.sort_by_key(|(source, payload, _)| (source.clone(), payload.to_string()));
        let row = |source: &str, payload: Value, unreadable: Value| {
            (source.to_owned(), payload, unreadable)
        };
        let no_object =
            "it is no JSON object: invalid type: sequence, expected a map at line 1 column 0";
        assert_eq!(
            told,
            [
                row("builds", json!({"n": 1}), Value::Null),
                row("builds", json!({}), no_object.into()),
                row("my builds.x", json!({}), "it is empty".into()),
            ]
        );
        until("nothing is left", || installation.waiting() == 0).await;
        assert_eq!(installation.stored().await, 3);
        one.stop().await;
        two.stop().await;
    }

    #[tokio::test]
    async fn a_message_waits_until_its_event_can_be_stored() {
        let installation = Installation::start().await;
        let messages = installation.bus().messages();
        messages.publish("builds", "{}".into()).await.unwrap();
        installation.refuse_events(true);
        let running = installation.follow(Subscriptions {
            nats: vec![Named {
                name: "builds".to_owned(),
                message_format: "NONE".to_owned(),
            }],
            ..Subscriptions::default()
        });
        tokio::time::timeout(Duration::from_millis(300), installation.events(1))
            .await
            .unwrap_err();
        assert_eq!(installation.waiting(), 1);
        installation.refuse_events(false);
        installation.events(1).await;
        until("it is acknowledged", || installation.waiting() == 0).await;
        assert_eq!(installation.stored().await, 1);
        running.stop().await;
    }

    #[test]
    fn headers_of_the_sender_are_attributes() {
        let headers = ["Kind", "Nats-Msg-Id", "nats-x", "Gk-Append"];
        let headers = headers.map(|name| (name.to_owned(), "v".to_owned()));
        let found = attributes(&BTreeMap::from(headers));
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["Kind"]);
    }
}
