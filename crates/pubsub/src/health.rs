//! How it goes with subscriptions: figures, and a sentence when it changes.

use std::time::Duration;

use gennaker_bus::{Bucket, Bus, Kv, token};
use gennaker_model::polling::{Health as State, Status, VERSION};
use gennaker_telemetry::metrics::{Counter, Gauge, InvalidMetric, registry};

/// How long a status stays when nobody follows the subscription any more.
const KEPT: Duration = Duration::from_secs(600);

/// How old it may become without being written again, in milliseconds.
const AGE_MAX_MS: i64 = 60_000;

/// Longest reason that is kept, in characters.
const TEXT_CHARS_MAX: usize = 2_000;

static MESSAGES: Counter<3> = Counter::labelled(
    "gennaker_pubsub_messages_total",
    "Messages of subscriptions: stored (as an event), unreadable (stored without payload), failed (not stored, they come again), \
     unknown (nobody has such a subscription).",
    ["system", "subscription", "outcome"],
);

static FAILURES: Gauge<2> = Gauge::labelled(
    "gennaker_pubsub_failures",
    "How often in a row a subscription could not be asked for messages; 0 is well.",
    ["system", "subscription"],
);

/// Registers the figures; once per process is enough, again does no harm.
///
/// # Errors
/// When another metric has one of the names.
pub(crate) fn register() -> Result<(), InvalidMetric> {
    registry().register(&[&MESSAGES, &FAILURES])
}

/// A message is an event now.
pub(crate) fn stored(system: &str, subscription: &str, is_readable: bool) {
    let outcome = if is_readable { "stored" } else { "unreadable" };
    MESSAGES.inc_for([system, subscription, outcome]);
}

/// A message could not be stored.
pub(crate) fn not_stored(system: &str, subscription: &str, error: &gennaker_bus::Error) {
    MESSAGES.inc_for([system, subscription, "failed"]);
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "a message of subscription {subscription} ({system}) is not stored yet and will come again"
    );
}

/// A message for nobody.
pub(crate) fn unknown(subscription: &str) {
    // Whoever sends chooses the name, so it is no label.
    MESSAGES.inc_for(["nats", "", "unknown"]);
    tracing::warn!(
        "a message was sent to the subscription {subscription:?}, which is not in pubsub.nats; it is dropped"
    );
}

/// How it goes with asking one subscription, for the figures and for people (`GET /v2/pollers`).
pub(crate) struct Health {
    kv: Kv,
    key: String,
    status: Status,
    system: &'static str,
    /// What others can read, and since when.
    written: Option<(State, u32)>,
    written_at_ms: i64,
}

impl Health {
    pub(crate) fn new(bus: &Bus, system: &'static str, subscription: &str) -> Self {
        FAILURES.set_for([system, subscription], 0.0);
        let kind = format!("pubsub/{system}");
        Self {
            kv: bus.kv(Bucket::Poll),
            key: format!("s.{}.{}", token(&kind), token(subscription)),
            status: Status {
                v: VERSION,
                kind,
                source: subscription.to_owned(),
                ..Status::default()
            },
            system,
            written: None,
            written_at_ms: 0,
        }
    }

    /// It answered, with so many messages.
    pub(crate) fn succeeded(&mut self, messages: usize, now_ms: i64) {
        let status = &mut self.status;
        if status.failures > 0 {
            tracing::info!(
                "subscription {} ({}) answers again",
                status.source,
                self.system
            );
        }
        status.state = State::Ok;
        status.failures = 0;
        status.error = None;
        status.polled_at_ms = Some(now_ms);
        status.succeeded_at_ms = Some(now_ms);
        status.found = messages as u64;
        if messages > 0 {
            status.event_at_ms = Some(now_ms);
        }
        FAILURES.set_for([self.system, status.source.as_str()], 0.0);
    }

    pub(crate) fn failed(&mut self, reason: &str, now_ms: i64) {
        let status = &mut self.status;
        if status.failures == 0 {
            tracing::warn!(
                "subscription {} ({}) cannot be asked for messages: {reason}",
                status.source,
                self.system
            );
        }
        status.state = State::Failing;
        status.failures = status.failures.saturating_add(1);
        status.error = Some(reason.chars().take(TEXT_CHARS_MAX).collect());
        status.polled_at_ms = Some(now_ms);
        FAILURES.set_for(
            [self.system, status.source.as_str()],
            f64::from(status.failures),
        );
    }

    /// Writes it, if others would read something else, or it is old. Several processes write the same record: the last one
    /// counts.
    pub(crate) async fn write(&mut self, now_ms: i64) {
        let gist = (self.status.state, self.status.failures.min(1));
        if self.written == Some(gist) && now_ms - self.written_at_ms < AGE_MAX_MS {
            return;
        }
        let Ok(text) = serde_json::to_vec(&self.status) else {
            return;
        };
        let written = async {
            let held = self.kv.get(&self.key).await?;
            let revision = held.map_or(0, |record| record.revision);
            let put = self.kv.put_if(&self.key, revision, text.into(), Some(KEPT));
            put.await
        };
        match written.await {
            Ok(_) => {
                self.written = Some(gist);
                self.written_at_ms = now_ms;
            }
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the status of subscription {} is not kept",
                self.status.source
            ),
        }
    }
}
