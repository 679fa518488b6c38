//! Questions to the workers of a pool that are answered with a status of HTTP: build servers, artifacts.

use std::time::Duration;

use axum::http::StatusCode;
use gennaker_bus::{CommandError, subject};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Gate, problem::Problem};

/// Whom a question is for.
pub(crate) struct Asked<'a> {
    /// The pool whose workers answer.
    pub(crate) pool: &'a str,
    /// Under which name they listen.
    pub(crate) place: &'a str,
    /// The zone of those that can; all if absent.
    pub(crate) zone: Option<&'a str>,
    /// What such a worker does, for people: `serves build master ci`.
    pub(crate) does: &'a str,
    /// What an answer without a sentence means.
    pub(crate) otherwise: &'a str,
}

/// What workers answer, whatever they were asked: the answers of `gennaker_model` have this shape.
#[derive(Deserialize)]
struct Told {
    status: u16,
    body: Value,
}

impl Gate {
    /// Asks a worker, and waits for the answer so long.
    ///
    /// # Errors
    /// 503 when no worker answers; otherwise the status and the sentence of the one that does.
    pub(crate) async fn ask_pool(
        &self,
        asked: &Asked<'_>,
        question: &impl Serialize,
        wait: Duration,
    ) -> Result<Value, Problem> {
        let payload =
            serde_json::to_vec(question).map_err(|error| Problem::internal(error.to_string()))?;
        let Asked {
            pool, place, does, ..
        } = asked;
        let zone = asked
            .zone
            .map_or("any zone".to_owned(), |zone| format!("zone {zone}"));
        let nobody = |why: &str| {
            Problem::unavailable(format!("No worker of pool {pool} in {zone} {does}{why}"))
        };
        let answer = self
            .bus()
            .ask(subject::ask(pool, place), payload.into(), wait);
        let answer = answer.await.map_err(|error| match error {
            CommandError::NoOwner => nobody(""),
            CommandError::Timeout => nobody(&format!(" and answered within {wait:?}")),
            error => nobody(&format!(" and can be asked: {error}")),
        })?;
        let told: Told = serde_json::from_slice(&answer).map_err(|error| {
            let what = "The answer of the worker";
            Problem::internal(format!("{what} that {does} cannot be read: {error}"))
        })?;
        if told.status == 200 {
            return Ok(told.body);
        }
        let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = told.body.as_str().unwrap_or(asked.otherwise).to_owned();
        Err(match status {
            StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(message),
            status => Problem::new(status, message),
        })
    }
}
