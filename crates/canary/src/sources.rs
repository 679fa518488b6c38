//! Every kind of metric source by its account.

use crate::{
    accounts::SourceKind,
    atlas, cloudwatch, datadog, generic, graphite, influxdb,
    metric_set::MetricSet,
    newrelic, prometheus, signalfx,
    source::{Question, Trouble},
    stackdriver, wavefront,
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
