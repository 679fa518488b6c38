//! `monitorWebhook`: looks at the status until it is final.

use gennaker_model::work::TaskMessage;
use gennaker_outbound::Client;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};

use super::{
    fields::Fields,
    illegal, monitor, result_of,
    secrets::{SecretHeaders, lay_over},
    send::{Outgoing, send},
};

/// Asks the status endpoint once and judges the answer.
///
/// Source: orca `MonitorWebhookTask`.
pub(crate) struct MonitorWebhook {
    client: Client,
    secrets: SecretHeaders,
}

impl MonitorWebhook {
    pub(crate) fn new(client: Client, secrets: SecretHeaders) -> Self {
        Self { client, secrets }
    }
}

impl Task for MonitorWebhook {
    fn kind(&self) -> &'static str {
        "monitorWebhook"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let fields = Fields::read(ctx.input())
                .map_err(|problem| illegal(self.kind(), &problem.to_string(), ctx.now_ms()))?;
            let endpoint = monitor::endpoint(&fields).map_err(|problem| {
                Failure::give_up(exception::unexpected(
                    self.kind(),
                    "IllegalStateException",
                    &problem,
                    ctx.now_ms(),
                ))
            })?;
            let secret = self.secrets.of_if_home(ctx.input(), endpoint).await;
            let mut headers = fields.headers.clone();
            lay_over(
                &mut headers,
                secret
                    .map_err(|problem| illegal(self.kind(), &problem.to_string(), ctx.now_ms()))?,
            );
            let outgoing = Outgoing {
                method: "GET",
                url: endpoint,
                headers: &headers,
                payload: None,
            };
            let received = send(&self.client, ctx, &outgoing).await?;
            let now_ms = ctx.now_ms();
            result_of(
                monitor::judge(&fields, &received, endpoint, now_ms),
                |context| monitor::again_ms(context, now_ms),
            )
        })
    }
}
