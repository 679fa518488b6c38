//! How it goes with subscriptions: figures, and a sentence when it changes.

use gennaker_telemetry::metrics::{Counter, Gauge, InvalidMetric, registry};

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

/// How it goes with asking one subscription.
pub(crate) struct Health {
    system: &'static str,
    subscription: String,
    failures: u32,
}

impl Health {
    pub(crate) fn new(system: &'static str, subscription: &str) -> Self {
        FAILURES.set_for([system, subscription], 0.0);
        Self {
            system,
            subscription: subscription.to_owned(),
            failures: 0,
        }
    }

    pub(crate) fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(
                "subscription {} ({}) answers again",
                self.subscription,
                self.system
            );
            self.set(0);
        }
    }

    pub(crate) fn failed(&mut self, reason: &str) {
        if self.failures == 0 {
            tracing::warn!(
                "subscription {} ({}) cannot be asked for messages: {reason}",
                self.subscription,
                self.system
            );
        }
        self.set(self.failures.saturating_add(1));
    }

    fn set(&mut self, failures: u32) {
        self.failures = failures;
        FAILURES.set_for(
            [self.system, self.subscription.as_str()],
            f64::from(failures),
        );
    }
}
