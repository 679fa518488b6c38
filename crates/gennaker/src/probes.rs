//! `/metrics` and `/health` of one process, at an address of their own (`telemetry.listen`): for processes without the role
//! `gate`, whose API shows both, and for probes that do not speak https with that API.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use gennaker_bus::{Bucket, Bus};
use gennaker_cli::Failure;
use gennaker_runtime::CancellationToken;
use gennaker_settings::Settings;
use gennaker_store::Store;
use gennaker_telemetry::metrics;
use serde_json::json;
use tokio::net::TcpListener;

use crate::command::Role;
use crate::wiring;

/// How long the broker may take to answer.
const WAIT: Duration = Duration::from_secs(2);

/// Takes the address, if the settings name one.
///
/// # Errors
/// It is taken.
pub(crate) async fn listen(settings: &Settings) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = settings.telemetry.listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::command(format!(
            "telemetry.listen: cannot listen on {address}: {error}"
        ))
    })?;
    Ok(Some(listener))
}

/// What `/health` looks at.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) bus: Bus,
    /// What the process may read at the broker.
    pub(crate) bucket: Bucket,
    /// Documents that must be loaded before the process can answer its clients.
    pub(crate) documents: Option<Store>,
}

/// Serves until it is cancelled; answers that are under way then are not waited for.
///
/// # Errors
/// The listener does not work any more.
pub(crate) async fn run(
    listener: TcpListener,
    watched: Watched,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    let health = get(async move || watched.health().await);
    let server = axum::serve(listener, metrics_route().route("/health", health));
    tokio::select! {
        ended = server => ended,
        () = cancel.cancelled() => Ok(()),
    }
}

/// `GET /metrics`.
pub(crate) fn metrics_route() -> Router {
    let registry = metrics::registry();
    Router::new().route(
        "/metrics",
        get(async move || ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], registry.render())),
    )
}

/// What a process with these roles may read at the broker, whatever other rights it has.
pub(crate) fn readable(settings: &Settings, roles: &[Role]) -> Bucket {
    if roles.contains(&Role::Scheduler) || roles.contains(&Role::Gate) {
        Bucket::Lease
    } else if roles.iter().any(|role| *role != Role::Worker) {
        Bucket::Docs
    } else {
        let mut pools = settings.worker.pools.iter();
        let pool = pools.find(|pool| wiring::has_tasks(pool)).cloned();
        Bucket::Effect(pool.unwrap_or_default())
    }
}

impl Watched {
    /// 200 if the broker answers and the documents are loaded; that the parts of the process run is certain, because it ends with
    /// them. Whether every partition has an owner says the API's own `/health`: a gate that is taken out of service for it helps
    /// nobody.
    async fn health(&self) -> Response {
        let read = self.bus.kv(self.bucket.clone());
        let broker = match tokio::time::timeout(WAIT, read.get("health")).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the broker does not answer".to_owned()),
        };
        let loading = self.documents.as_ref().is_some_and(|it| !it.is_ready());
        let (status, body) = match (broker, loading) {
            (None, false) => (StatusCode::OK, json!({"status": "UP"})),
            (Some(problem), _) => {
                let broker = json!({"status": "DOWN", "details": {"error": problem}});
                let body = json!({"status": "DOWN", "components": {"broker": broker}});
                (StatusCode::SERVICE_UNAVAILABLE, body)
            }
            (None, true) => {
                let body =
                    json!({"status": "DOWN", "components": {"documents": {"status": "DOWN"}}});
                (StatusCode::SERVICE_UNAVAILABLE, body)
            }
        };
        let headers = [(CONTENT_TYPE, "application/json")];
        (status, headers, body.to_string()).into_response()
    }
}
