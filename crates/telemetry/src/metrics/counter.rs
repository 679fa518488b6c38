//! Numbers that only grow.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Metric;
use super::series::Series;

/// Counts something; its name ends in `_total`. `N` is the number of its labels.
#[derive(Debug)]
pub struct Counter<const N: usize = 0> {
    name: &'static str,
    help: &'static str,
    series: Series<AtomicU64, N>,
}

impl Counter {
    /// A counter without labels.
    pub const fn new(name: &'static str, help: &'static str) -> Counter {
        Counter::labelled(name, help, [])
    }

    /// Counts one more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.add_for([], n);
    }
}

impl<const N: usize> Counter<N> {
    /// A counter per combination of label values.
    pub const fn labelled(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Counter<N> {
        Counter {
            name,
            help,
            series: Series::new(labels, AtomicU64::new(0)),
        }
    }

    /// Counts one more for these label values, in the labels' order.
    pub fn inc_for(&self, values: [&str; N]) {
        self.add_for(values, 1);
    }

    /// Counts `n` more for these label values.
    pub fn add_for(&self, values: [&str; N], n: u64) {
        self.series.with(values, AtomicU64::default, |count| {
            count.fetch_add(n, Ordering::Relaxed)
        });
    }

    /// The count for these label values.
    pub fn value(&self, values: [&str; N]) -> u64 {
        self.series.with(values, AtomicU64::default, |count| {
            count.load(Ordering::Relaxed)
        })
    }
}

impl<const N: usize> Metric for Counter<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> &'static str {
        "counter"
    }

    fn labels(&self) -> &[&'static str] {
        self.series.labels()
    }

    fn write_samples(&self, out: &mut String) {
        self.series.each(|labels, count| {
            let count = count.load(Ordering::Relaxed);
            // Not as a float, which would lose the low digits of large counts.
            let _ = if labels.is_empty() {
                writeln!(out, "{} {count}", self.name)
            } else {
                writeln!(out, "{}{{{labels}}} {count}", self.name)
            };
        });
    }
}
