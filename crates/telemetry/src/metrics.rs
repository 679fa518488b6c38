//! Numbers for Prometheus.
//!
//! A metric is a static with a name, a help text and the names of its labels; how many labels it has is part of its
//! type, so a forgotten value does not compile. Each crate lists its metrics in one file and registers them when its
//! service starts:
//!
//! ```
//! use gennaker_telemetry::metrics::{Counter, registry};
//!
//! static STAGES: Counter<1> = Counter::labelled("gennaker_stages_total", "Stages by final status.", ["status"]);
//!
//! registry().register(&[&STAGES])?;
//! STAGES.inc_for(["SUCCEEDED"]);
//! assert!(registry().render().contains("gennaker_stages_total{status=\"SUCCEEDED\"} 1\n"));
//! # Ok::<(), gennaker_telemetry::metrics::InvalidMetric>(())
//! ```
//!
//! Label values are few and fixed: statuses, pools, routes. Ids are never labels; should one slip in, the number of
//! series is bounded and the rest is counted together.

mod counter;
mod gauge;
mod histogram;
mod process;
mod series;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{OnceLock, PoisonError, RwLock};

pub use counter::Counter;
pub use gauge::Gauge;
pub use histogram::{Histogram, SECONDS};

/// The content type of [`Registry::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The most series a metric keeps; further label values are counted as `other`.
pub const SERIES_MAX: usize = 512;

/// A number, or a family of them, that can be rendered.
pub trait Metric: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What it counts, in a sentence.
    fn help(&self) -> &'static str;
    /// Prometheus's word for its kind.
    fn kind(&self) -> &'static str;
    /// The names of its labels.
    fn labels(&self) -> &[&'static str];
    /// Appends its samples, one a line.
    fn write_samples(&self, out: &mut String);
}

/// Metrics by name.
#[derive(Default)]
pub struct Registry {
    metrics: RwLock<BTreeMap<&'static str, &'static dyn Metric>>,
}

/// A metric that Prometheus would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetric {
    /// Two different metrics of one name.
    #[error("two metrics are named {0}")]
    Twice(&'static str),
    /// A name with characters that Prometheus does not allow, of a metric or a label.
    #[error("{0:?} cannot be the name of a metric or label")]
    Name(&'static str),
}

/// The process's metrics.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::default)
}

impl Registry {
    /// Adds metrics. One that is there already is left alone: in one process a crate may start several times.
    ///
    /// # Errors
    /// A name that is not allowed, or that another metric has; those before it are added.
    pub fn register(&self, metrics: &[&'static dyn Metric]) -> Result<(), InvalidMetric> {
        let mut known = self.metrics.write().unwrap_or_else(PoisonError::into_inner);
        for &metric in metrics {
            for name in std::iter::once(&metric.name()).chain(metric.labels()) {
                if !is_name(name) {
                    return Err(InvalidMetric::Name(name));
                }
            }
            let there = *known.entry(metric.name()).or_insert(metric);
            if !std::ptr::addr_eq(there, metric) {
                return Err(InvalidMetric::Twice(metric.name()));
            }
        }
        Ok(())
    }

    /// All metrics in Prometheus's text format 0.0.4, by name, then what the process itself uses.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(8192);
        let known = self.metrics.read().unwrap_or_else(PoisonError::into_inner);
        for metric in known.values() {
            write_head(&mut out, metric.name(), metric.help(), metric.kind());
            metric.write_samples(&mut out);
        }
        drop(known);
        process::write(&mut out);
        out
    }
}

fn write_head(out: &mut String, name: &str, help: &str, kind: &str) {
    let help = help.replace('\\', r"\\").replace('\n', r"\n");
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// What is allowed in names; `le` and `quantile` belong to Prometheus, `__` prefixes too.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with("__")
        && !matches!(name, "le" | "quantile")
}

#[cfg(test)]
mod tests;
