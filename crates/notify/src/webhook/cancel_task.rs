//! `cancelWebhook`: tells the target that its work is not wanted any more.

use gennaker_model::work::TaskMessage;
use gennaker_outbound::Client;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};

use super::{
    fields::Fields,
    received::Received,
    send::{Outgoing, send},
};

/// Calls `cancelEndpoint`, if the stage has one. It is best effort: it succeeds whatever comes of it.
///
/// Source: orca `WebhookService.cancelWebhook`.
pub(crate) struct CancelWebhook {
    client: Client,
}

impl CancelWebhook {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Task for CancelWebhook {
    fn kind(&self) -> &'static str {
        "cancelWebhook"
    }

    /// A cancellation that comes twice cancels nothing else, and one that does not come at all is worse.
    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let Ok(fields) = Fields::read(ctx.input()) else {
                return Ok(Done::default());
            };
            let Some(endpoint) = &fields.cancel_endpoint else {
                return Ok(Done::default());
            };
            let payload = fields
                .cancel_payload
                .as_ref()
                .filter(|_| fields.cancel_method != "GET");
            let outgoing = Outgoing {
                method: &fields.cancel_method,
                url: endpoint,
                headers: &fields.headers,
                payload,
            };
            match send(&self.client, ctx, &outgoing).await? {
                Received::Response(response) if response.is_success() => {}
                Received::Response(response) => {
                    tracing::warn!(
                        "the webhook's cancel endpoint answered with status {}",
                        response.status
                    );
                }
                Received::UnknownHost | Received::Timeout { .. } => {
                    tracing::warn!("the webhook's cancel endpoint was not reached");
                }
                Received::Failed { message, .. } => {
                    tracing::warn!("the webhook's cancel endpoint was not reached: {message}");
                }
            }
            Ok(Done::default())
        })
    }
}
