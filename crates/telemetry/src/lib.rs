//! What Gennaker says about itself: logs, traces, metrics.
//!
//! * [`init`] sets up logging for the process, and the export of traces if a collector is configured.
//! * [`trace`] ties the spans of one execution together across processes: its trace id *is* the execution's id, so
//!   nobody has to pass it on for it to be the same, and spans that last longer than a process are recorded when they
//!   end.
//! * [`metrics`] holds counters, gauges and histograms as statics and renders them for Prometheus.
//! * [`chain`] puts an error and its causes into one sentence.
//!
//! It must never open a connection itself (the collector is called through a [`Post`] that the program hands in, so that
//! there is one HTTP client with one set of rules), and never decide what is worth saying: callers do, and keep secrets
//! and ids out of logs and labels. Every service and adapter uses it; `gennaker` calls [`init`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod chain;
mod export;
mod format;
mod init;
pub mod metrics;
pub mod trace;

pub use chain::chain;
pub use export::{Otlp, Post, Posted};
pub use format::Format;
pub use init::{Config, Error, Guard, LAST_SPANS_WITHIN, init};
pub use trace::{SpanExt, TraceContext, current_traceparent};
