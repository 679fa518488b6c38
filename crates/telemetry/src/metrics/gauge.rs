//! Numbers that go up and down.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Metric;
use super::series::{Series, write_sample};

/// Shows how much there is of something now. `N` is the number of its labels.
#[derive(Debug)]
pub struct Gauge<const N: usize = 0> {
    name: &'static str,
    help: &'static str,
    /// The bits of an `f64`; zero bits are 0.0.
    series: Series<AtomicU64, N>,
}

impl Gauge {
    /// A gauge without labels.
    pub const fn new(name: &'static str, help: &'static str) -> Gauge {
        Gauge::labelled(name, help, [])
    }

    /// Shows `value` from now on.
    pub fn set(&self, value: f64) {
        self.set_for([], value);
    }

    /// Shows `delta` more, or less if negative.
    pub fn add(&self, delta: f64) {
        self.add_for([], delta);
    }
}

impl<const N: usize> Gauge<N> {
    /// A gauge per combination of label values.
    pub const fn labelled(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Gauge<N> {
        Gauge {
            name,
            help,
            series: Series::new(labels, AtomicU64::new(0)),
        }
    }

    /// Shows `value` for these label values from now on.
    pub fn set_for(&self, values: [&str; N], value: f64) {
        self.series.with(values, AtomicU64::default, |bits| {
            bits.store(value.to_bits(), Ordering::Relaxed)
        });
    }

    /// Shows `delta` more for these label values.
    pub fn add_for(&self, values: [&str; N], delta: f64) {
        self.series
            .with(values, AtomicU64::default, |bits| add(bits, delta));
    }

    /// The value for these label values.
    pub fn value(&self, values: [&str; N]) -> f64 {
        self.series.with(values, AtomicU64::default, |bits| {
            f64::from_bits(bits.load(Ordering::Relaxed))
        })
    }
}

impl<const N: usize> Metric for Gauge<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn kind(&self) -> &'static str {
        "gauge"
    }

    fn labels(&self) -> &[&'static str] {
        self.series.labels()
    }

    fn write_samples(&self, out: &mut String) {
        self.series.each(|labels, bits| {
            write_sample(
                out,
                self.name,
                labels,
                f64::from_bits(bits.load(Ordering::Relaxed)),
            );
        });
    }
}

/// Adds to an `f64` kept as bits.
pub(super) fn add(bits: &AtomicU64, delta: f64) {
    let mut seen = bits.load(Ordering::Relaxed);
    loop {
        let sum = (f64::from_bits(seen) + delta).to_bits();
        match bits.compare_exchange_weak(seen, sum, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
}
