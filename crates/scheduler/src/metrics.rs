//! Figures of the scheduler, for `/metrics`.

use std::time::Duration;

use gennaker_telemetry::metrics::{Counter, Gauge, Histogram, InvalidMetric, SECONDS, registry};

static APPENDS: Counter = Counter::new(
    "gennaker_log_appends_total",
    "Groups appended to partition logs.",
);
static APPENDED: Counter = Counter::new(
    "gennaker_log_appended_bytes_total",
    "Bytes appended to partition logs.",
);
static INPUTS: Counter = Counter::new("gennaker_inputs_total", "Inputs decided.");
static REFUSED: Counter = Counter::new(
    "gennaker_requests_refused_busy_total",
    "Requests refused because too many waited.",
);
static APPEND_SECONDS: Histogram = Histogram::new(
    "gennaker_log_append_seconds",
    "Time until an append was acknowledged.",
    SECONDS,
);
static LATE_SECONDS: Histogram = Histogram::new(
    "gennaker_timer_late_seconds",
    "How late timers fired.",
    SECONDS,
);
static EXECUTIONS: Gauge<1> = Gauge::labelled(
    "gennaker_executions",
    "Executions that are kept, finished ones included.",
    ["partition"],
);
static LOADED: Gauge<1> = Gauge::labelled(
    "gennaker_executions_loaded",
    "Executions in memory.",
    ["partition"],
);
static ARCHIVED: Gauge<1> = Gauge::labelled(
    "gennaker_executions_archived",
    "Executions that are kept, and whose documents are in the archive.",
    ["partition"],
);
static MOVED: Counter = Counter::new(
    "gennaker_archive_moved_total",
    "Executions whose documents were moved to the archive.",
);
static MOVED_BYTES: Counter = Counter::new(
    "gennaker_archive_moved_bytes_total",
    "Bytes that were written to the archive, after compression.",
);
static ERASED: Counter = Counter::new(
    "gennaker_executions_expired_total",
    "Executions that were deleted because of their age.",
);
static ARCHIVE_FAILURES: Counter = Counter::new(
    "gennaker_archive_failures_total",
    "Moves, deletions and reads that the archive or the state bucket did not do.",
);
static VALUES: Counter = Counter::new(
    "gennaker_values_total",
    "Large values that decisions referred to, those that were stored before included.",
);
static ANNOUNCED: Counter<1> = Counter::labelled(
    "gennaker_announcements_total",
    "Events in the lives of executions that somebody listens to, by what became of telling them: stored, delayed (told again).",
    ["outcome"],
);
static TIMERS: Gauge<1> = Gauge::labelled("gennaker_timers", "Armed timers.", ["partition"]);

/// Registers them; once per process is enough, again does no harm.
///
/// # Errors
/// When another metric has one of the names.
pub(crate) fn register() -> Result<(), InvalidMetric> {
    registry().register(&[
        &APPENDS,
        &APPENDED,
        &INPUTS,
        &REFUSED,
        &APPEND_SECONDS,
        &LATE_SECONDS,
        &EXECUTIONS,
        &LOADED,
        &ARCHIVED,
        &MOVED,
        &MOVED_BYTES,
        &ERASED,
        &ARCHIVE_FAILURES,
        &VALUES,
        &ANNOUNCED,
        &TIMERS,
    ])
}

pub(crate) fn appended(bytes: usize, inputs: usize, took: Duration) {
    APPENDS.inc();
    APPENDED.add(bytes as u64);
    INPUTS.add(inputs as u64);
    APPEND_SECONDS.observe_duration(took);
}

pub(crate) fn timer_late(ms: i64) {
    LATE_SECONDS.observe_duration(Duration::from_millis(ms.unsigned_abs()));
}

pub(crate) fn refused_busy() {
    REFUSED.inc();
}

pub(crate) fn archived(bytes: u64) {
    MOVED.inc();
    MOVED_BYTES.add(bytes);
}

pub(crate) fn erased() {
    ERASED.inc();
}

/// How many large values a decision referred to.
pub(crate) fn values_stored(count: usize) {
    VALUES.add(count as u64);
}

pub(crate) fn announced(stored: usize, delayed: usize) {
    ANNOUNCED.add_for(["stored"], stored as u64);
    ANNOUNCED.add_for(["delayed"], delayed as u64);
}

pub(crate) fn archive_failed() {
    ARCHIVE_FAILURES.inc();
}

/// `executions`: how many there are, and how many of them are in the archive.
pub(crate) fn sizes(partition: u32, executions: (usize, usize), loaded: usize, timers: usize) {
    let partition = partition.to_string();
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    for (gauge, count) in [
        (&EXECUTIONS, executions.0),
        (&ARCHIVED, executions.1),
        (&LOADED, loaded),
        (&TIMERS, timers),
    ] {
        gauge.set_for([&partition], count as f64);
    }
}
