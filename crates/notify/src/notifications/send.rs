//! `sendNotification`: one notification by one channel. Ours: Echo sends while it handles an event, and forgets what it could not send.

use std::time::Duration;

use gennaker_channels::{
    Channel, Channels, Delivery,
    line::{CALL_MS_MAX, Repeat},
    notice::Notice,
};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{TaskPermit, failure};

/// Pause before another try, unless the target asks for a longer one; whoever opened the task lengthens it.
const AGAIN: Duration = Duration::from_secs(5);

/// Sends what its input says: `{notification, when, event, execution, stage, link, judgment}`. Outputs: `receipt`.
pub(crate) struct SendNotification {
    channels: Channels,
}

impl SendNotification {
    pub(crate) fn new(channels: Channels) -> Self {
        Self { channels }
    }

    async fn send(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let notice = Notice::due(ctx.input(), self.channels.base_url());
        let notice = notice
            .map_err(|reason| failure(ctx, gennaker_channels::Problem::Refused(reason), AGAIN))?;
        let permit = TaskPermit(ctx);
        let message = ctx.message();
        let fallback = format!("{}.{}", message.execution, message.stage);
        let delivery = Delivery {
            id: ctx.effect_id().unwrap_or(&fallback),
            permit: &permit,
            now_ms: ctx.now_ms(),
        };
        let receipt = self.channels.deliver(&notice, &delivery).await;
        let receipt = receipt.map_err(|problem| failure(ctx, problem, AGAIN))?;
        let mut outputs = Map::new();
        let receipt = receipt.json(&notice.channel, ctx.now_ms());
        let reference = receipt.get("reference").and_then(Value::as_str);
        let reference = reference.map(str::to_owned);
        outputs.insert("receipt".to_owned(), receipt.into());
        Ok(Done {
            reference,
            outputs,
            ..Done::default()
        })
    }
}

impl Task for SendNotification {
    fn kind(&self) -> &'static str {
        "sendNotification"
    }

    fn effect(&self, message: &TaskMessage) -> Effect {
        let call_ms_max = CALL_MS_MAX;
        match channel(message).map(Channel::repeat) {
            Some(Repeat::Never) => Effect::Blind { call_ms_max },
            // No channel, no effect that could happen twice.
            Some(Repeat::Harmless) | None => Effect::Repeatable { call_ms_max },
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.send(ctx))
    }

    fn unknown(&self, message: &TaskMessage) -> String {
        let name = channel(message).map_or("the channel", Channel::name);
        format!(
            "it may have been sent: the worker that sent it was lost or got no answer, and {name} cannot tell a repeated message from \
             a new one, so it is not sent again"
        )
    }
}

fn channel(message: &TaskMessage) -> Option<Channel> {
    let kind = message.input.get("notification")?.get("type")?.as_str()?;
    Channel::parse(kind)
}
