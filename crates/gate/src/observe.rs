//! What can be seen of requests from outside: a server span and the figures of each.
//!
//! Names follow OpenTelemetry's conventions for HTTP servers. A route is its pattern, never the path that was asked for,
//! so that labels stay few.

use std::time::Duration;

use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use gennaker_model::ExecutionId;
use gennaker_telemetry::{
    SpanExt as _,
    metrics::{Counter, Histogram, InvalidMetric, SECONDS, registry},
};
use tracing::{Span, field::Empty};

static REQUESTS: Counter<3> = Counter::labelled(
    "gennaker_gate_requests_total",
    "Requests to the HTTP API by method, route and class of the status.",
    ["method", "route", "status"],
);

static REQUEST_SECONDS: Histogram<2> = Histogram::labelled(
    "gennaker_gate_request_seconds",
    "Time until a request to the HTTP API was answered, of a stream until it was opened.",
    SECONDS,
    ["route", "status"],
);

static BUSY: Counter = Counter::new(
    "gennaker_gate_busy_total",
    "Times that an owner refused a command because too many waited, and it was sent again.",
);

/// The route of requests that the table of routes does not have: wrong paths, preflights, refused hosts, `/metrics`.
const NO_ROUTE: &str = "none";

/// The pattern of the route that gave this response. Kept in its extensions.
#[derive(Clone, Copy)]
struct Matched(&'static str);

/// Registers the figures; once per process is enough, again does no harm.
///
/// # Errors
/// When another metric has one of the names.
pub(crate) fn register() -> Result<(), InvalidMetric> {
    registry().register(&[&REQUESTS, &REQUEST_SECONDS, &BUSY])
}

/// The span of a request; below the caller's, if the caller names one.
pub(crate) fn span(method: &Method, route: &'static str, headers: &HeaderMap) -> Span {
    let method = known(method);
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        execution.id = Empty,
    );
    let caller = headers
        .get(gennaker_telemetry::trace::HEADER)
        .and_then(|value| value.to_str().ok());
    if let Some(caller) = caller {
        span.set_parent_from(caller);
    }
    span
}

/// Says in the current span which execution the request is about.
pub(crate) fn concerns(execution: &ExecutionId) {
    Span::current().record("execution.id", execution.as_str());
}

/// Links the current span with the trace of the execution that the request started.
pub(crate) fn started(execution: &ExecutionId) {
    Span::current().link_to_execution(execution.as_str());
}

/// Says in the span what came of the request, and in the response which route it was.
pub(crate) fn answered(span: &Span, route: &'static str, response: &mut Response) {
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    // A 4xx is the client's error, not the server's.
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response.extensions_mut().insert(Matched(route));
}

/// Counts a request that was answered.
pub(crate) fn count(method: &Method, response: &Response, took: Duration) {
    let route = response
        .extensions()
        .get::<Matched>()
        .map_or(NO_ROUTE, |matched| matched.0);
    let status = class(response.status());
    REQUESTS.inc_for([known(method), route, status]);
    REQUEST_SECONDS.observe_for([route, status], took.as_secs_f64());
}

/// Counts a command that is sent again because its owner had too much to do.
pub(crate) fn busy() {
    BUSY.inc();
}

/// The method, or OpenTelemetry's word for those that HTTP does not define.
fn known(method: &Method) -> &'static str {
    [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
    ]
    .into_iter()
    .find(|known| *known == method.as_str())
    .unwrap_or("_OTHER")
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
