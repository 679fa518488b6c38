//! One value per combination of label values.

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use super::SERIES_MAX;

/// Values by their labels'.
type Known<V, const N: usize> = Vec<([Box<str>; N], Arc<V>)>;

/// A value per combination of `N` label values. With `N` = 0 there is one, which is always there.
#[derive(Debug)]
pub(super) struct Series<V, const N: usize> {
    labels: [&'static str; N],
    /// Searched from the front: label values are few, and what is counted most tends to come first.
    values: RwLock<Known<V, N>>,
    /// The value of `N` = 0, reached without lock.
    only: V,
}

impl<V, const N: usize> Series<V, N> {
    pub(super) const fn new(labels: [&'static str; N], only: V) -> Series<V, N> {
        Series {
            labels,
            values: RwLock::new(Vec::new()),
            only,
        }
    }

    pub(super) fn labels(&self) -> &[&'static str] {
        &self.labels
    }

    /// Uses the value for these label values, made by `make` if it is new.
    pub(super) fn with<T>(
        &self,
        values: [&str; N],
        make: impl FnOnce() -> V,
        then: impl FnOnce(&V) -> T,
    ) -> T {
        if N == 0 {
            return then(&self.only);
        }
        let find = |known: &[([Box<str>; N], Arc<V>)], values: &[&str; N]| {
            known
                .iter()
                .find(|(key, _)| key.iter().map(|value| &**value).eq(values.iter().copied()))
                .map(|(_, v)| Arc::clone(v))
        };
        let known = find(
            &self.values.read().unwrap_or_else(PoisonError::into_inner),
            &values,
        );
        if let Some(value) = known {
            return then(&value);
        }
        let mut all = self.values.write().unwrap_or_else(PoisonError::into_inner);
        // The last place is kept for what is counted together.
        let values = if all.len() + 1 < SERIES_MAX {
            values
        } else {
            ["other"; N]
        };
        let value = find(&all, &values).unwrap_or_else(|| {
            let value = Arc::new(make());
            all.push((values.map(Box::from), Arc::clone(&value)));
            value
        });
        drop(all);
        then(&value)
    }

    /// Calls `each` with the labels of each value as `a="x",b="y"`, in the labels' order.
    pub(super) fn each(&self, mut each: impl FnMut(&str, &V)) {
        if N == 0 {
            return each("", &self.only);
        }
        let mut all: Vec<(String, Arc<V>)> = {
            let known = self.values.read().unwrap_or_else(PoisonError::into_inner);
            known
                .iter()
                .map(|(values, value)| (self.label_text(values), Arc::clone(value)))
                .collect()
        };
        all.sort_by(|a, b| a.0.cmp(&b.0));
        for (labels, value) in &all {
            each(labels, value);
        }
    }

    fn label_text(&self, values: &[Box<str>; N]) -> String {
        let mut text = String::new();
        for (name, value) in self.labels.iter().zip(values) {
            let value = value
                .replace('\\', r"\\")
                .replace('"', r#"\""#)
                .replace('\n', r"\n");
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{name}=\"{value}\"");
        }
        text
    }
}

/// A sample line: `name{labels} value`.
pub(super) fn write_sample(out: &mut String, name: &str, labels: &str, value: f64) {
    let _ = if labels.is_empty() {
        write!(out, "{name} ")
    } else {
        write!(out, "{name}{{{labels}}} ")
    };
    let _ = if value == f64::INFINITY {
        writeln!(out, "+Inf")
    } else if value == f64::NEG_INFINITY {
        writeln!(out, "-Inf")
    } else {
        writeln!(out, "{value}")
    };
}
