//! The metric sources, one file each: how a question is asked there, and what the answer says.

mod atlas;
mod cloudwatch;
mod datadog;
mod generic;
mod graphite;
mod influxdb;
mod newrelic;
mod prometheus;
mod signalfx;
mod stackdriver;
mod wavefront;

use crate::{
    accounts::SourceKind,
    metric_set::MetricSet,
    question::{Question, Trouble},
};

/// The series of one metric of one side.
pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    match question.account.kind {
        SourceKind::Prometheus => prometheus::fetch(question).await,
        SourceKind::Graphite => graphite::fetch(question).await,
        SourceKind::Influxdb => influxdb::fetch(question).await,
        SourceKind::Datadog => datadog::fetch(question).await,
        SourceKind::Newrelic => newrelic::fetch(question).await,
        SourceKind::Stackdriver => stackdriver::fetch(question).await,
        SourceKind::Signalfx => signalfx::fetch(question).await,
        SourceKind::Cloudwatch => cloudwatch::fetch(question).await,
        SourceKind::Wavefront => wavefront::fetch(question).await,
        SourceKind::Atlas => atlas::fetch(question).await,
        SourceKind::Generic => generic::fetch(question).await,
    }
}

/// The query that would be sent. An error for a source whose request is more than a query, or if the question is no good.
pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    match question.account.kind {
        SourceKind::Prometheus => prometheus::query(question),
        SourceKind::Datadog => datadog::query(question),
        SourceKind::Influxdb => influxdb::query(question),
        SourceKind::Newrelic => newrelic::query(question),
        SourceKind::Wavefront => wavefront::query(question),
        SourceKind::Atlas => atlas::query(question),
        _ => Err(format!(
            "a dry run of {} is not built",
            question.account.kind.name()
        )),
    }
}
