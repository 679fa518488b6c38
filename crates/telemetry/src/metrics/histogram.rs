//! How values spread.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Metric;
use super::gauge::add;
use super::series::{Series, write_sample};

/// Upper bounds in seconds, from half a millisecond to five minutes, for anything that takes time.
pub const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Counts values by size; times are in seconds and its name ends in the unit. `N` is the number of its labels.
#[derive(Debug)]
pub struct Histogram<const N: usize = 0> {
    name: &'static str,
    help: &'static str,
    bounds: &'static [f64],
    series: Series<Spread, N>,
}

impl Histogram {
    /// A histogram without labels; `bounds` are the buckets' upper bounds, rising, without infinity.
    pub const fn new(name: &'static str, help: &'static str, bounds: &'static [f64]) -> Histogram {
        Histogram::labelled(name, help, bounds, [])
    }

    /// Counts a value.
    pub fn observe(&self, value: f64) {
        self.observe_for([], value);
    }

    /// Counts a time.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }
}

impl<const N: usize> Histogram<N> {
    /// A histogram per combination of label values; `bounds` as for [`Histogram::new`].
    pub const fn labelled(
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
        labels: [&'static str; N],
    ) -> Histogram<N> {
        Histogram {
            name,
            help,
            bounds,
            series: Series::new(labels, Spread::new()),
        }
    }

    /// Counts a value for these label values.
    pub fn observe_for(&self, values: [&str; N], value: f64) {
        self.series.with(values, Spread::new, |spread| {
            // NaN is above every bound, as in Prometheus's own libraries.
            let bucket = self
                .bounds
                .partition_point(|bound| value.is_nan() || *bound < value);
            spread.buckets(self.bounds)[bucket].fetch_add(1, Ordering::Relaxed);
            add(&spread.sum, value);
        });
    }

    /// How many values were counted for these label values.
    pub fn count(&self, values: [&str; N]) -> u64 {
        self.series.with(values, Spread::new, |spread| {
            spread
                .buckets(self.bounds)
                .iter()
                .map(|bucket| bucket.load(Ordering::Relaxed))
                .sum()
        })
    }
}

/// Counts per bucket, not yet added up, and the sum of all values as bits of an `f64`.
#[derive(Debug)]
struct Spread {
    /// Made at first use, because a static cannot allocate.
    buckets: OnceLock<Box<[AtomicU64]>>,
    sum: AtomicU64,
}

impl Spread {
    const fn new() -> Spread {
        Spread {
            buckets: OnceLock::new(),
            sum: AtomicU64::new(0),
        }
    }

    /// One bucket per bound and one for what is above all.
    fn buckets(&self, bounds: &[f64]) -> &[AtomicU64] {
        self.buckets
            .get_or_init(|| (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect())
    }
}

impl<const N: usize> Metric for Histogram<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> &'static str {
        "histogram"
    }

    fn labels(&self) -> &[&'static str] {
        self.series.labels()
    }

    fn write_samples(&self, out: &mut String) {
        self.series.each(|labels, spread| {
            let name = self.name;
            let comma = if labels.is_empty() { "" } else { "," };
            let mut total = 0;
            for (index, bucket) in spread.buckets(self.bounds).iter().enumerate() {
                total += bucket.load(Ordering::Relaxed);
                let _ = match self.bounds.get(index) {
                    Some(bound) => writeln!(
                        out,
                        "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}"
                    ),
                    None => writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}"),
                };
            }
            let sum = f64::from_bits(spread.sum.load(Ordering::Relaxed));
            write_sample(out, &format!("{name}_sum"), labels, sum);
            // The same total as the last bucket's, whatever was counted meanwhile.
            let _ = if labels.is_empty() {
                writeln!(out, "{name}_count {total}")
            } else {
                writeln!(out, "{name}_count{{{labels}}} {total}")
            };
        });
    }
}
