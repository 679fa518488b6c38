//! Figures.

use std::time::Duration;

use gennaker_telemetry::metrics::{Counter, Gauge, Histogram, InvalidMetric, SECONDS, registry};

static LOOKS: Counter<2> = Counter::labelled(
    "gennaker_pollers_looks_total",
    "Looks at sources by kind and outcome: ok, partial (a part of it failed), failed, superseded (another process was faster).",
    ["kind", "outcome"],
);

static EVENTS: Counter<1> = Counter::labelled(
    "gennaker_pollers_events_total",
    "Events that were stored because a source had something new, by kind.",
    ["kind"],
);

static LOOK_SECONDS: Histogram = Histogram::new(
    "gennaker_pollers_look_seconds",
    "How long a look at a source takes.",
    SECONDS,
);

static FAILURES: Gauge<2> = Gauge::labelled(
    "gennaker_pollers_failures",
    "Looks at a source that failed since the last one that succeeded, at the process that polls it.",
    ["kind", "source"],
);

/// Registers the figures; once per process is enough, again does no harm.
pub(crate) fn register() -> Result<(), InvalidMetric> {
    registry().register(&[&LOOKS, &EVENTS, &LOOK_SECONDS, &FAILURES])
}

pub(crate) fn looked(kind: &str, outcome: &str, took: Duration) {
    LOOKS.inc_for([kind, outcome]);
    LOOK_SECONDS.observe_duration(took);
}

pub(crate) fn stored(kind: &str, count: usize) {
    for _ in 0..count {
        EVENTS.inc_for([kind]);
    }
}

pub(crate) fn failures(kind: &str, source: &str, count: u32) {
    FAILURES.set_for([kind, source], f64::from(count));
}
