//! What happens to every request before and after its route: an id, the checks of host and origin, preflights, CORS headers.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

use tokio::time::Instant;

use crate::{Gate, call::uuid, observe, origins, problem::Problem};

/// Longest request id that is taken over from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-spinnaker-request-id");
const EXECUTION_ID: HeaderName = HeaderName::from_static("x-spinnaker-execution-id");

/// Source: gate `CorsFilter`; `Idempotency-Key` and `Last-Event-ID` are ours.
const ALLOWED_HEADERS: &str = "x-requested-with, content-type, authorization, X-RateLimit-App, X-Spinnaker-Priority, \
                               Idempotency-Key, Last-Event-ID";

/// Source: gate `CorsFilter`; the second is ours.
const EXPOSED_HEADERS: &str = "X-AUTH-REDIRECT-URL, Gennaker-Warnings";

#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) gate: Gate,
    /// The listener's address is a loopback one.
    pub(crate) loopback: bool,
}

/// Source: gate `CorsFilter`, `RequestIdFilter`.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let id = request_id(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let cors = origin
        .as_ref()
        .and_then(|origin| origin.to_str().ok())
        .filter(|origin| guard.gate.origins().is_allowed(origin))
        .and(origin.clone());
    let refusal = if guard.loopback {
        refusal(&guard.gate, &request)
    } else {
        None
    };
    let mut response = match refusal {
        Some(problem) => problem.into_response(guard.gate.now_ms()),
        None if *request.method() == Method::OPTIONS => Response::new(Body::empty()),
        None => next.run(request).await,
    };
    observe::count(&method, &response, began.elapsed());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = cors {
        allow(headers, origin);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "POST, GET, OPTIONS, DELETE, PUT, PATCH",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn refusal(gate: &Gate, request: &Request) -> Option<Problem> {
    let text = |value: &'_ HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    // With two of them, who checks one and who uses the other may differ (RFC 9112, section 3.2).
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Some(Problem::bad_request(
            "The request has more than one Host header",
        ));
    }
    let host = request
        .headers()
        .get(header::HOST)
        .map(text)
        .or_else(|| request.uri().authority().map(ToString::to_string));
    if let Some(host) = &host
        && !gate.origins().host_may_be_named(host)
    {
        return Some(Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "Access is denied: the host '{host}' is not one of this server's; allow it in the settings"
            ),
        ));
    }
    let origin = request.headers().get(header::ORIGIN).map(text)?;
    if origins::is_own(&origin, host.as_deref()) || gate.origins().is_allowed(&origin) {
        return None;
    }
    Some(Problem::new(
        StatusCode::FORBIDDEN,
        format!(
            "Access is denied: pages of '{origin}' may not call this server; allow the origin in the settings"
        ),
    ))
}

/// The client's request id, else its execution id, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    [REQUEST_ID, EXECUTION_ID]
        .into_iter()
        .filter_map(|name| headers.get(name))
        .find(|value| {
            !value.is_empty() && value.len() <= REQUEST_ID_BYTES_MAX && value.to_str().is_ok()
        })
        .cloned()
        .unwrap_or_else(|| {
            HeaderValue::from_str(&uuid(rand::random()))
                .expect("hexadecimal digits and dashes are a header value")
        })
}
