//! `readAddress`: reads an address for an expression (`#fromUrl` and its kin, orchestration reference 7.6).
//!
//! It changes nothing outside, so it keeps no entry in the ledger and is simply run again. The address is never logged: it may
//! hold a secret. Source: orca `UrlExpressionFunctionProvider`, `HttpClientUtils`, `UserConfiguredUrlRestrictions`; what went
//! wrong has their words, and ours behind them in parentheses.

mod judge;
#[cfg(test)]
mod tests;

use std::time::Duration;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::{Client, Request};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task};
use serde_json::{Value, json};

use crate::{
    limits::{CALL_MS_MAX, RESPONSE_BYTES_MAX},
    pause::pause,
};
use judge::Problem;
pub(crate) use judge::{Verdict, judge};

/// Pause before the one repetition, as Orca's `retryInterval`.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Reads the address in its input `url` and answers with output `body`.
pub(crate) struct ReadAddress {
    client: Client,
    again_after: Duration,
}

impl ReadAddress {
    pub(crate) fn new(client: Client, again_after: Duration) -> Self {
        Self {
            client,
            again_after,
        }
    }

    async fn read(&self, ctx: &Ctx, url: &str) -> Result<Done, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let request = Request::get(url)
                .header("Accept", "*/*")
                .response_bytes_max(RESPONSE_BYTES_MAX);
            let call = ctx
                .call(Duration::from_millis(CALL_MS_MAX), |limit| {
                    self.client.send(request.timeout(limit))
                })
                .await;
            let verdict = match call {
                Ok(answer) => judge(url, &answer, tries),
                Err(Failure::Unknown { .. }) => judge::timed_out(tries),
                Err(other) => return Err(other),
            };
            match verdict {
                Verdict::Text(text) => return Ok(found(text)),
                Verdict::Failed(problem) => return Err(failed(problem)),
                Verdict::Again => pause(ctx, self.again_after).await?,
            }
        }
    }
}

impl Task for ReadAddress {
    fn kind(&self) -> &'static str {
        "readAddress"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            match ctx.input().get("url") {
                Some(Value::String(url)) => self.read(ctx, url).await,
                _ => Err(failed(Problem::argument("the lookup names no address"))),
            }
        })
    }
}

fn found(text: String) -> Done {
    Done {
        outputs: [("body".to_owned(), json!(text))].into_iter().collect(),
        ..Done::default()
    }
}

fn failed(problem: Problem) -> Failure {
    let mut context = Map::new();
    context.insert("reason".to_owned(), json!(problem.reason));
    context.insert("exceptionType".to_owned(), json!(problem.class));
    Failure::GiveUp(Box::new(GiveUp {
        context,
        ..GiveUp::default()
    }))
}
