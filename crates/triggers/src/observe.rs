//! What can be seen of events: a span and the figures of each.

use std::time::Duration;

use gennaker_intake::matching::{Event, Verdict};
use gennaker_model::ExecutionId;
use gennaker_telemetry::{
    SpanExt as _,
    metrics::{Counter, Histogram, InvalidMetric, SECONDS, registry},
};
use tracing::Span;

static EVENTS: Counter<1> = Counter::labelled(
    "gennaker_triggers_events_total",
    "Events by what became of them: matched (a trigger fired), unmatched, given_up (it cannot be read).",
    ["outcome"],
);

static VERDICTS: Counter<1> = Counter::labelled(
    "gennaker_triggers_verdicts_total",
    "Verdicts on triggers that an event concerned by its type: fires, passes.",
    ["verdict"],
);

static STARTS: Counter<1> = Counter::labelled(
    "gennaker_triggers_starts_total",
    "Starts that events led to: started, existing (an event that came twice), refused.",
    ["outcome"],
);

static LAG_SECONDS: Histogram = Histogram::new(
    "gennaker_triggers_event_lag_seconds",
    "Time from the moment that an event came in to the moment that it was matched.",
    SECONDS,
);

/// How the start of a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The execution is new.
    Started,
    /// It existed.
    Existing,
    /// There will be none.
    Refused,
}

/// Registers the figures; once per process is enough, again does no harm.
///
/// # Errors
/// When another metric has one of the names.
pub(crate) fn register() -> Result<(), InvalidMetric> {
    registry().register(&[&EVENTS, &VERDICTS, &STARTS, &LAG_SECONDS])
}

/// The span in which an event is handled.
pub(crate) fn span(event: &Event) -> Span {
    tracing::info_span!(
        "event",
        otel.kind = "consumer",
        event.id = event.header.id,
        event.r#type = event.header.kind,
        event.source = event.header.source,
    )
}

/// An event was matched against all triggers, at an instant in epoch milliseconds.
pub(crate) fn matched(event: &Event, is_match: bool, now_ms: i64) {
    EVENTS.inc_for([if is_match { "matched" } else { "unmatched" }]);
    // Clocks of processes differ, so it may seem to come from the future.
    let lag_ms = u64::try_from(now_ms.saturating_sub(event.header.at_ms)).unwrap_or(0);
    LAG_SECONDS.observe_duration(Duration::from_millis(lag_ms));
}

/// An event was given up.
pub(crate) fn given_up() {
    EVENTS.inc_for(["given_up"]);
}

/// A trigger got its verdict.
pub(crate) fn judged(verdict: &Verdict) {
    VERDICTS.inc_for([match verdict {
        Verdict::Fires(_) => "fires",
        Verdict::Passes(_) => "passes",
    }]);
}

/// So many triggers were passed over without a look.
pub(crate) fn passed(count: usize) {
    VERDICTS.add_for(["passes"], u64::try_from(count).unwrap_or(u64::MAX));
}

/// A start was answered; the current span is linked with the execution's trace.
pub(crate) fn ended(start: Start, execution: &ExecutionId) {
    STARTS.inc_for([match start {
        Start::Started => "started",
        Start::Existing => "existing",
        Start::Refused => "refused",
    }]);
    if start != Start::Refused {
        Span::current().link_to_execution(execution.as_str());
    }
}
