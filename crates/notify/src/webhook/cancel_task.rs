//! `cancelWebhook`: tells the target that its work is not wanted any more.

use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::Client;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Stopped, Task};
use serde_json::{Value, json};

use super::{
    fields::Fields,
    received::Received,
    secrets::{SecretHeaders, lay_over},
    send::{Outgoing, send},
    status_name::status_name,
};
use crate::limits::CALL_MS_MAX;

/// Calls `cancelEndpoint` once, after its stage has ended. It is best effort: it succeeds whatever comes of it, and says what did
/// under `webhook.cancel` of the stage (our addition; Spinnaker only logs it).
///
/// Source: orca `WebhookService.cancelWebhook`.
pub(crate) struct CancelWebhook {
    client: Client,
    secrets: SecretHeaders,
}

impl CancelWebhook {
    pub(crate) fn new(client: Client, secrets: SecretHeaders) -> Self {
        Self { client, secrets }
    }

    async fn call(&self, ctx: &Ctx, fields: &Fields, endpoint: &str) -> Result<Map, Failure> {
        if endpoint.contains("${") {
            return Ok(error(
                "cancelEndpoint holds an expression that could not be evaluated",
            ));
        }
        let mut headers = fields.headers.clone();
        match self.secrets.of_if_home(ctx.input(), endpoint).await {
            Ok(secret) => lay_over(&mut headers, secret),
            Err(problem) => return Ok(error(&problem.to_string())),
        }
        let has_body = !matches!(fields.cancel_method.as_str(), "GET" | "HEAD");
        let outgoing = Outgoing {
            method: &fields.cancel_method,
            url: endpoint,
            headers: &headers,
            payload: fields.cancel_payload.as_ref().filter(|_| has_body),
        };
        Ok(match send(&self.client, ctx, &outgoing).await? {
            Received::Response(response) => {
                let mut told = Map::new();
                told.insert("statusCode".to_owned(), status_name(response.status).into());
                told.insert("statusCodeValue".to_owned(), response.status.into());
                told
            }
            Received::UnknownHost => error("the host of cancelEndpoint is not known"),
            Received::Timeout { .. } => error("cancelEndpoint did not answer in time"),
            Received::Failed { message, .. } => error(&message),
        })
    }
}

impl Task for CancelWebhook {
    fn kind(&self) -> &'static str {
        "cancelWebhook"
    }

    /// Once, as far as can be known. When a worker is lost in the middle it is sent again, with the same `Idempotency-Key`: a
    /// cancellation that comes twice cancels nothing else, and one that does not come at all is worse.
    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let (told, mut webhook) = match Fields::read(ctx.input()) {
                Ok(fields) => match &fields.cancel_endpoint {
                    Some(endpoint) => (
                        self.call(ctx, &fields, endpoint).await?,
                        fields.webhook.clone(),
                    ),
                    None => return Ok(Done::default()),
                },
                Err(problem) => (error(&problem.to_string()), held(ctx.input())),
            };
            if let Some(problem) = told.get("error") {
                tracing::warn!("a webhook could not be cancelled: {problem}");
            }
            webhook.insert("cancel".to_owned(), told.into());
            let mut context = Map::new();
            context.insert("webhook".to_owned(), webhook.into());
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }

    /// Nobody takes a cancellation back.
    fn stop<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async { Ok(Stopped::Gone) })
    }
}

fn error(sentence: &str) -> Map {
    [("error".to_owned(), json!(sentence))]
        .into_iter()
        .collect()
}

/// What the stage has under `webhook`, when its other fields cannot be read.
fn held(input: &Map) -> Map {
    let webhook = input.get("webhook").and_then(Value::as_object);
    webhook.cloned().unwrap_or_default()
}
