//! `createWebhook`: the call.

use gennaker_model::work::TaskMessage;
use gennaker_outbound::Client;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Stopped, Task};

use super::{
    call::{self, AGAIN_MS},
    fields::Fields,
    illegal, result_of,
    secrets::{SecretHeaders, lay_over},
    send::{Outgoing, origin_of, send},
};
use crate::limits::CALL_MS_MAX;

/// Sends the request of a webhook stage and judges the answer.
///
/// Source: orca `CreateWebhookTask`.
pub(crate) struct CreateWebhook {
    client: Client,
    secrets: SecretHeaders,
}

impl CreateWebhook {
    pub(crate) fn new(client: Client, secrets: SecretHeaders) -> Self {
        Self { client, secrets }
    }
}

impl Task for CreateWebhook {
    fn kind(&self) -> &'static str {
        "createWebhook"
    }

    fn effect(&self, message: &TaskMessage) -> Effect {
        match Fields::read(&message.input) {
            Ok(fields) if fields.safe_to_send_again() => Effect::Repeatable {
                call_ms_max: CALL_MS_MAX,
            },
            Ok(_) => Effect::Blind {
                call_ms_max: CALL_MS_MAX,
            },
            // It fails before anything is sent.
            Err(_) => Effect::None,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let mut fields = Fields::read(ctx.input())
                .map_err(|problem| illegal(self.kind(), &problem.to_string(), ctx.now_ms()))?;
            let execution = ctx.message().execution.as_str();
            if let Err(problem) = call::check_request(&fields) {
                return result_of(call::refused(&fields, execution, &problem), |_| AGAIN_MS);
            }
            match self.secrets.of(ctx.input(), &fields.url).await {
                Ok(secret) => lay_over(&mut fields.headers, secret),
                Err(problem) => {
                    let refused = call::refused(&fields, execution, &problem.to_string());
                    return result_of(refused, |_| AGAIN_MS);
                }
            }
            let outgoing = Outgoing {
                method: &fields.method,
                url: &fields.url,
                headers: &fields.headers,
                payload: fields.payload.as_ref(),
            };
            let received = send(&self.client, ctx, &outgoing).await?;
            result_of(call::judge(&fields, &received, execution), |_| AGAIN_MS)
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            let Ok(fields) = Fields::read(ctx.input()) else {
                return Ok(Stopped::Gone);
            };
            if matches!(fields.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
                return Ok(Stopped::Gone);
            }
            let (method, origin) = (&fields.method, origin_of(&fields.url));
            Ok(Stopped::Remains(format!(
                "the {method} request to {origin} was sent, or may have been, and cannot be taken back"
            )))
        })
    }

    fn unknown(&self, message: &TaskMessage) -> String {
        let (method, origin) = match Fields::read(&message.input) {
            Ok(fields) => (fields.method, origin_of(&fields.url)),
            Err(_) => ("HTTP".to_owned(), "its target".to_owned()),
        };
        format!(
            "the {method} request to {origin} may have arrived: the worker that sent it was lost before it could tell the \
             answer. It is not sent again, because that may not be safe; if the target recognises a repeated Idempotency-Key \
             header, set 'idempotent' on the stage"
        )
    }
}
