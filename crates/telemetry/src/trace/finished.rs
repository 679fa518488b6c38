//! Spans that are told when they are over.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::TraceContext;

/// A span as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Where it stands, usually by [`TraceContext::of_execution`] and [`TraceContext::within`].
    pub place: TraceContext,
    /// What it hangs below; none for the root.
    pub parent: Option<TraceContext>,
    /// What it is called; few different ones (`stage wait`), ids are attributes.
    pub name: Cow<'static, str>,
    /// Begin, epoch milliseconds.
    pub start_ms: i64,
    /// End, epoch milliseconds.
    pub end_ms: i64,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Attributes by dotted name (`execution.id`, `stage.ref_id`).
    pub attributes: Vec<(&'static str, String)>,
}

/// Takes spans to the collector.
pub(crate) type Sink = Arc<dyn Fn(SpanData) + Send + Sync>;

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Exports a span that is over. Does nothing if traces are off; never blocks: spans that come faster than they can be
/// sent are dropped.
pub fn record(span: Finished) {
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        sink(span.into_data());
    }
}

/// Sets where [`record`] sends spans, or that it drops them.
pub(crate) fn set_sink(sink: Option<Sink>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink;
}

impl Finished {
    pub(crate) fn into_data(self) -> SpanData {
        let place = self.place.to_span_context();
        SpanData {
            span_context: SpanContext::new(
                place.trace_id(),
                place.span_id(),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: self.parent.map_or(SpanId::INVALID, TraceContext::span_id),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: self.name,
            start_time: time(self.start_ms),
            end_time: time(self.end_ms.max(self.start_ms)),
            attributes: self
                .attributes
                .into_iter()
                .map(|(key, value)| KeyValue::new(key, value))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: self.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("gennaker").build(),
        }
    }
}

fn time(epoch_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(epoch_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_ids_and_times() {
        let root = TraceContext::of_execution("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let data = Finished {
            place: root.within("stage/1"),
            parent: Some(root),
            name: "stage wait".into(),
            start_ms: 1_000,
            end_ms: 900,
            error: Some("no account".to_owned()),
            attributes: vec![("stage.ref_id", "1".to_owned())],
        }
        .into_data();
        assert_eq!(data.span_context.trace_id().to_string(), root.trace_id());
        assert_eq!(data.parent_span_id, root.span_id());
        assert_eq!(
            data.span_context.span_id(),
            root.within("stage/1").span_id()
        );
        assert_eq!(
            data.end_time, data.start_time,
            "a clock that stepped back gives no negative length"
        );
        assert_eq!(data.status, Status::error("no account"));
        assert!(data.span_context.is_sampled());
    }
}
