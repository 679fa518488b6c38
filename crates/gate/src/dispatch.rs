//! From a request to the handler of its route and back.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tracing::Instrument as _;

use crate::{
    Gate,
    access::{self, Caller},
    answer::Answer,
    call::{Call, parse_query},
    matching::{self, Found},
    observe,
    problem::{self, Problem},
    routes::{Does, Route},
};

/// Before the addresses of Kayenta's own API.
const KAYENTA: &str = "/kayenta";

/// How long a client may take to send a body.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// A request to a port of Kayenta's own: its addresses stand below a prefix in the table of routes, and `/health` is everybody's.
pub(crate) async fn dispatch_kayenta(gate: Gate, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
    if request.uri().path() != "/health" {
        match format!("{KAYENTA}{path}").parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return problem::no_route(path, gate.now_ms()),
        }
    }
    dispatch(gate, request).await
}

pub(crate) async fn dispatch(gate: Gate, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let (route, params) = match matching::find(&method, &path) {
        Ok(Found::Route(route, params)) => (route, params),
        Ok(Found::OtherMethods(methods)) => {
            let problem = Problem::method_not_allowed(method.as_str(), methods.join(", "));
            return problem.into_response(gate.now_ms());
        }
        Ok(Found::Nothing) => return problem::no_route(&path, gate.now_ms()),
        Err(problem) => return problem.into_response(gate.now_ms()),
    };
    let span = observe::span(&method, route.path, request.headers());
    let mut response = respond(&gate, &method, route, params, request)
        .instrument(span.clone())
        .await;
    observe::answered(&span, route.path, &mut response);
    response
}

async fn respond(
    gate: &Gate,
    method: &Method,
    route: &'static Route,
    params: Vec<(&'static str, String)>,
    request: Request,
) -> Response {
    let answered = AssertUnwindSafe(handle(gate, route, params, request))
        .catch_unwind()
        .await;
    match answered {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(problem)) => {
            // What is not built is no trouble, and some clients ask for it every few seconds.
            let is_trouble = problem.status != StatusCode::NOT_IMPLEMENTED;
            if problem.status.is_server_error() && is_trouble {
                tracing::warn!(
                    method = %method,
                    route = route.path,
                    status = problem.status.as_u16(),
                    "{method} {} was answered with {}: {}",
                    route.path,
                    problem.status,
                    problem.message
                );
            }
            problem.into_response(gate.now_ms())
        }
        Err(_) => {
            tracing::error!(method = %method, route = route.path, "the handler of {method} {} panicked", route.path);
            Problem::internal("The server failed to handle this request")
                .into_response(gate.now_ms())
        }
    }
}

async fn handle(
    gate: &Gate,
    route: &'static Route,
    params: Vec<(&'static str, String)>,
    request: Request,
) -> Result<Answer, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&parts.headers);
    access::admit(&caller, route.needs)?;
    let handler = match route.does {
        Does::Run(handler) => handler,
        Does::Say(json, _) => {
            let value: serde_json::Value = serde_json::from_str(json)
                .map_err(|error| Problem::internal(format!("Bad canned answer: {error}")))?;
            return Ok(Answer::json(value));
        }
        Does::Lack(message) => return Err(Problem::not_found(message)),
        Does::Miss(feature) => return Err(Problem::not_built(feature)),
    };
    let query = parse_query(parts.uri.query().unwrap_or_default())?;
    let limit = gate.config().body_limit_bytes;
    let body = tokio::time::timeout(BODY_WAIT, read(body, limit))
        .await
        .map_err(|_| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "The body took too long to arrive",
            )
        })??;
    let call = Call {
        route,
        caller,
        params,
        query,
        headers: parts.headers,
        body,
        at_ms: gate.now_ms(),
        random: rand::random(),
    };
    handler(gate.clone(), call).await
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::bad_request(format!("The body could not be read: {error}"))
        })?;
        if read.len() + chunk.len() > limit {
            return Err(Problem::too_large(format!(
                "The request body is larger than the limit of {limit} bytes"
            )));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}
