//! A series as a source gives it (Kayenta `MetricSet`).

use std::collections::BTreeMap;

use crate::request::Scope;

/// Most points of a series, and most series of one query.
pub(crate) const POINTS_MAX: usize = 50_000;
pub(crate) const SERIES_MAX: usize = 1_000;

/// One series of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MetricSet {
    /// What tells it apart from others of the same metric.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) values: Vec<f64>,
    /// The query that it came from.
    pub(crate) query: String,
}

impl MetricSet {
    /// What most sources give when there is no data: a series without values and with the scope's times.
    pub(crate) fn placeholder(scope: &Scope, query: &str) -> Self {
        Self {
            tags: BTreeMap::new(),
            start_ms: scope.start_ms,
            end_ms: scope.end_ms,
            step_ms: scope.step * 1000,
            values: Vec::new(),
            query: query.to_owned(),
        }
    }

    /// How many values belong into its time.
    pub(crate) fn expected(&self) -> usize {
        let points = (self.end_ms - self.start_ms)
            .checked_div(self.step_ms)
            .unwrap_or(0);
        usize::try_from(points).unwrap_or(0).min(POINTS_MAX)
    }
}
