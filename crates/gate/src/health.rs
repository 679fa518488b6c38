//! Whether the system can do its work: the broker answers, documents are loaded, every partition has an owner.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use futures_util::future::join_all;
use gennaker_bus::Bucket;
use gennaker_model::{ExecutionId, command::Request};
use serde_json::json;

use crate::{Gate, answer::Answer, auth, call::Call, problem::Problem};

/// How long the broker and the owners may take to answer.
const WAIT: Duration = Duration::from_secs(2);

/// `GET /health`.
pub(crate) async fn health(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (broker, orphans) = tokio::join!(broker_problem(&gate), orphans(&gate, &call));
    let documents = gate.store().is_ready();
    if broker.is_none() && orphans.is_empty() && documents {
        return Ok(Answer::json(json!({"status": "UP"})));
    }
    let word = |up: bool| if up { "UP" } else { "DOWN" };
    let partitions_up = broker.is_none() && orphans.is_empty();
    let body = json!({
        "status": "DOWN",
        "components": {
            "broker": {"status": word(broker.is_none()), "details": {"error": broker}},
            "documents": {"status": word(documents)},
            "partitions": {"status": word(partitions_up), "details": {"withoutOwner": orphans}},
        },
    });
    Ok(Answer::Json(StatusCode::SERVICE_UNAVAILABLE, body))
}

/// What keeps the broker from answering, if anything does.
async fn broker_problem(gate: &Gate) -> Option<String> {
    let leases = gate.bus().kv(Bucket::Lease);
    match tokio::time::timeout(WAIT, leases.get("part.0")).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the broker does not answer".to_owned()),
    }
}

/// The partitions without an owner that answers. Each is asked for an execution that nobody has, which costs it one look.
async fn orphans(gate: &Gate, call: &Call) -> Vec<u32> {
    let nobody = ExecutionId::new("health").expect("a word is an id");
    let asks = (0..gate.config().partitions).map(|partition| {
        let request = Request::Read {
            execution: nobody.clone(),
        };
        let ask = call.ask(&format!("health{partition}"), request);
        async move {
            let is_served = gate.owners().is_served(partition, &ask, WAIT).await;
            (partition, is_served)
        }
    });
    let answers = join_all(asks).await.into_iter();
    let silent = answers.filter(|(_, is_served)| !is_served);
    silent.map(|(partition, _)| partition).collect()
}

/// `GET /`: to the web interface that may call this API, as Gate does; without one, where to read on.
///
/// Source: gate `RootController`.
pub(crate) async fn root(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let interface = gate.origins().interface();
    if let Some(address) = interface.and_then(|it| HeaderValue::from_str(it).ok()) {
        return Ok(auth::found(address));
    }
    Ok(Answer::json(json!({
        "name": "Gennaker", "version": gate.config().version, "api": "/v3/api-docs",
    })))
}

/// `GET /version`.
pub(crate) async fn version(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(json!({"version": gate.config().version})))
}

/// `GET /v3/api-docs`.
pub(crate) async fn api_docs(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(crate::openapi::document(
        &gate.config().version,
    )))
}
