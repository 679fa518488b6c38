//! Whether the system can do its work: the broker answers, documents are loaded, every partition has an owner.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use gennaker_bus::Bucket;
use serde_json::json;

use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// How long the broker may take to answer.
const WAIT: Duration = Duration::from_secs(2);

/// `GET /health`.
pub(crate) async fn health(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let leases = gate.bus().kv(Bucket::Lease);
    let looks = (0..gate.config().partitions).map(|partition| {
        let leases = leases.clone();
        async move {
            let key = format!("part.{partition}");
            match tokio::time::timeout(WAIT, leases.get(&key)).await {
                Ok(Ok(held)) => Ok((partition, held.is_some())),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the broker does not answer".to_owned()),
            }
        }
    });
    let looks: Result<Vec<_>, _> = join_all(looks).await.into_iter().collect();
    let (broker, orphans) = match looks {
        Err(problem) => (Some(problem), Vec::new()),
        Ok(looks) => {
            let without_owner = looks.into_iter().filter(|(_, held)| !held);
            (
                None,
                without_owner.map(|(partition, _)| partition).collect(),
            )
        }
    };
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
