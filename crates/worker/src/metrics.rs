//! The span of a task, and what is counted.

use gennaker_model::work::{Order, Outcome, TaskMessage};
use gennaker_telemetry::{
    SpanExt,
    metrics::{Counter, Gauge, Histogram, InvalidMetric, SECONDS, registry},
};
use tracing::Span;

use crate::{effect::End, report::Told};

static TASKS: Counter<3> = Counter::labelled(
    "gennaker_worker_tasks_total",
    "Deliveries of tasks that were worked on, by what became of them.",
    ["pool", "kind", "end"],
);

static SECONDS_PER_TASK: Histogram<2> = Histogram::labelled(
    "gennaker_worker_task_seconds",
    "Time from a delivery to the end of its work, without reporting.",
    SECONDS,
    ["pool", "kind"],
);

static REPORTS: Counter<2> = Counter::labelled(
    "gennaker_worker_reports_total",
    "Reports by what the owner said.",
    ["pool", "answer"],
);

static TAKE_OVERS: Counter<2> = Counter::labelled(
    "gennaker_worker_takeovers_total",
    "Effects that were taken over from a worker that was gone.",
    ["pool", "kind"],
);

static HELD: Gauge = Gauge::new(
    "gennaker_worker_held",
    "Attempts that are held, at work or waiting to be reported.",
);

/// Makes the numbers known to the process. Doing it again is harmless.
pub(crate) fn register() {
    let metrics: Result<(), InvalidMetric> =
        registry().register(&[&TASKS, &SECONDS_PER_TASK, &REPORTS, &TAKE_OVERS, &HELD]);
    metrics.expect("the names above are allowed and used once");
}

/// The span in which everything about one delivery of a task is logged; part of its execution's trace.
pub(crate) fn span(worker: &str, message: &TaskMessage, delivered: u64) -> Span {
    let span = tracing::info_span!(
        "task",
        otel.name = %message.kind,
        execution.id = %message.execution,
        application = %message.application,
        stage.ref_id = %message.ref_id,
        task.id = %message.task,
        task.kind = %message.kind,
        task.attempt = message.attempt.0,
        task.order = match message.order {
            Order::Run => "run",
            Order::Close => "close",
        },
        task.delivered = delivered,
        worker.name = worker,
    );
    if let Some(parent) = &message.trace {
        span.set_parent_from(parent);
    }
    span
}

/// Work on a delivery ended. `kind` is one that the worker knows, so that it may be a label.
pub(crate) fn ended(pool: &str, kind: &str, end: &End, elapsed_ms: i64) {
    let word = match end {
        End::Report(Outcome::Running { .. }) => "running",
        End::Report(Outcome::Succeeded { .. }) => "succeeded",
        End::Report(Outcome::Failed { .. }) => "failed",
        End::Report(Outcome::Canceled { .. }) => "canceled",
        End::Report(Outcome::Closed { .. }) => "closed",
        End::Drop(_) => "dropped",
        End::HandBack(_) => "handed_back",
    };
    TASKS.inc_for([pool, kind, word]);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time in milliseconds is exact in a double"
    )]
    SECONDS_PER_TASK.observe_for([pool, kind], elapsed_ms.max(0) as f64 / 1000.0);
}

/// An owner answered a report.
pub(crate) fn told(pool: &str, told: Told) {
    let word = match told {
        Told::Taken => "taken",
        Told::Stale => "stale",
        Told::Refused => "refused",
    };
    REPORTS.inc_for([pool, word]);
}

/// An effect was taken over.
pub(crate) fn taken_over(pool: &str, kind: &str) {
    TAKE_OVERS.inc_for([pool, kind]);
}

/// So many attempts are held.
pub(crate) fn held(count: usize) {
    HELD.set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}
