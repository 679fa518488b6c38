//! One trace per execution, whoever works on it.
//!
//! An execution's id is a ULID, which is 128 bits, as is a trace id: the one is the other. The span that everything of
//! an execution hangs under has an id derived from it, and so has every span whose parts happen in different processes
//! (a stage, a task): [`TraceContext::within`] gives the same id wherever it is asked. Such a span cannot be held open
//! by anybody, so its end is recorded as a whole by [`record`].

mod context;
mod finished;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub use context::TraceContext;
pub(crate) use finished::set_sink;
pub use finished::{Finished, record};

/// The header that carries a [`TraceContext`], on HTTP requests and on messages alike.
pub const HEADER: &str = "traceparent";

/// Where the current span stands in its trace, to be sent along as [`HEADER`]. None if traces are off or no span is
/// entered.
pub fn current_traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid()
        .then(|| TraceContext::of_span(&span).to_string())
}

/// What [`tracing::Span`] lacks.
pub trait SpanExt {
    /// Puts this span below the one that `traceparent` names. To be called before the span is first entered. Returns
    /// false, changing nothing, if the text is not a W3C trace context; that traces are off is not an error.
    fn set_parent_from(&self, traceparent: &str) -> bool;

    /// Links this span to the trace of an execution that it started, which is a trace of its own: it goes on when this
    /// span is long over.
    fn link_to_execution(&self, execution_id: &str);
}

impl SpanExt for Span {
    fn set_parent_from(&self, traceparent: &str) -> bool {
        let Some(parent) = TraceContext::parse(traceparent) else {
            return false;
        };
        // Fails when traces are off or the span has begun, and neither concerns the caller.
        let _ = self.set_parent(Context::new().with_remote_span_context(parent.to_span_context()));
        true
    }

    fn link_to_execution(&self, execution_id: &str) {
        self.add_link(TraceContext::of_execution(execution_id).to_span_context());
    }
}
