//! The tasks that the simulated workers know: two without effect, and two that call [`Outside`].

use std::time::Duration;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{
    BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Probed, Stopped, Task, exception,
};
use serde_json::{Value, json};

use crate::{
    life::Life,
    outside::{Answer, Outside},
};

/// Longest call of the outside, in milliseconds.
const CALL_MS_MAX: u64 = 6_000;

/// `noop`: takes its time, or fails.
pub(crate) struct Noop {
    pub life: Life,
}

/// `createWebhook`: calls the outside.
pub(crate) struct Webhook {
    pub node: String,
    pub life: Life,
    pub outside: Outside,
    /// Pretend that it has no effect, so that the worker keeps no entry in the ledger: what `--break ledger` does.
    pub skips_ledger: bool,
}

/// `readAddress`: the text of an address is made of the address.
pub(crate) struct ReadAddress {
    pub life: Life,
}

/// `sendNotification`: calls the outside as its entry says.
pub(crate) struct SendNotification {
    pub node: String,
    pub life: Life,
    pub outside: Outside,
}

/// `cancelWebhook`: tells the outside that it is not wanted any more.
pub(crate) struct CancelWebhook {
    pub life: Life,
    pub outside: Outside,
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
            self.life.running().await;
            let url = ctx.input().get("url").and_then(Value::as_str);
            let url = url.unwrap_or_default();
            let (place, what) = url.split_once('&').unwrap_or((url, ""));
            let slow_ms = place
                .split_once("slow=")
                .and_then(|(_, ms)| ms.parse().ok());
            tokio::select! {
                biased;
                () = ctx.cancelled() => return Err(Failure::cancelled()),
                () = ctx.clock().sleep(Duration::from_millis(slow_ms.unwrap_or(0))) => {}
            }
            self.life.running().await;
            let (key, text) = match what {
                "next" => ("body", place.to_owned()),
                "missing" => ("reason", "there is nothing".to_owned()),
                _ => ("body", format!("text of {place}")),
            };
            let told: Map = [(key.to_owned(), json!(text))].into_iter().collect();
            if key == "body" {
                return Ok(Done {
                    outputs: told,
                    ..Done::default()
                });
            }
            Err(Failure::GiveUp(Box::new(GiveUp {
                context: told,
                ..GiveUp::default()
            })))
        })
    }
}

impl SendNotification {
    /// The message with the entry in place of the input, which the outside reads.
    fn message(ctx: &Ctx) -> TaskMessage {
        let message = ctx.message();
        TaskMessage {
            input: entry_of(message),
            ..message.clone()
        }
    }
}

fn entry_of(message: &TaskMessage) -> Map {
    let entry = message.input.get("notification").and_then(Value::as_object);
    entry.cloned().unwrap_or_default()
}

impl Task for SendNotification {
    fn kind(&self) -> &'static str {
        "sendNotification"
    }

    fn effect(&self, message: &TaskMessage) -> Effect {
        let call_ms_max = CALL_MS_MAX;
        match entry_of(message).get("simKind").and_then(Value::as_str) {
            Some("repeatable") => Effect::Repeatable { call_ms_max },
            Some("blind") => Effect::Blind { call_ms_max },
            Some(_) | None => Effect::Probe { call_ms_max },
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let _busy = self.life.begin();
            self.life.running().await;
            let limit = Duration::from_millis(CALL_MS_MAX);
            let message = Self::message(ctx);
            let answer = ctx
                .call(limit, |limit| {
                    self.outside.call(&self.node, &message, limit)
                })
                .await?;
            self.life.running().await;
            match answer {
                Answer::Done(reference) => Ok(receipt(reference)),
                Answer::Busy => Err(Failure::retry_later(Duration::from_secs(1))),
                Answer::Rejected => Err(rejected(ctx)),
            }
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            self.life.running().await;
            let key = ctx.effect_id().unwrap_or_default();
            match self.outside.probe(key).await {
                Ok(Some(reference)) => Probed::There(receipt(reference)),
                Ok(None) => Probed::NotThere,
                Err(()) => Probed::Unknown("the target did not answer".to_owned()),
            }
        })
    }
}

fn receipt(reference: String) -> Done {
    let receipt = json!({"id": reference});
    Done {
        outputs: [("receipt".to_owned(), receipt)].into_iter().collect(),
        reference: Some(reference),
        ..Done::default()
    }
}

impl Task for CancelWebhook {
    fn kind(&self) -> &'static str {
        "cancelWebhook"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let _busy = self.life.begin();
            self.life.running().await;
            // Some things cannot be taken back at once. Which: whatever is drawn for the stage anyway.
            let tried = number(ctx.input(), "simCancelTried");
            if tried < number(ctx.input(), "simSlowMs") % 3 {
                let context = [("simCancelTried".to_owned(), json!(tried + 1))];
                return Err(Failure::RetryLater {
                    after: Duration::from_millis(700),
                    context: context.into_iter().collect(),
                });
            }
            let limit = Duration::from_millis(CALL_MS_MAX);
            ctx.call(limit, |_| self.outside.cancel(ctx.message()))
                .await?;
            self.life.running().await;
            Ok(Done::default())
        })
    }
}

impl Task for Noop {
    fn kind(&self) -> &'static str {
        "noop"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            self.life.running().await;
            let slow = Duration::from_millis(number(ctx.input(), "simSlowMs"));
            tokio::select! {
                biased;
                () = ctx.cancelled() => return Err(Failure::cancelled()),
                () = ctx.clock().sleep(slow) => {}
            }
            self.life.running().await;
            if ctx.input().contains_key("simAnswer") {
                return Err(rejected(ctx));
            }
            busy(ctx.input())
        })
    }
}

impl Task for Webhook {
    fn kind(&self) -> &'static str {
        "createWebhook"
    }

    fn effect(&self, message: &TaskMessage) -> Effect {
        let call_ms_max = CALL_MS_MAX;
        match message.input.get("simKind").and_then(Value::as_str) {
            _ if self.skips_ledger => Effect::None,
            Some("repeatable") => Effect::Repeatable { call_ms_max },
            Some("blind") => Effect::Blind { call_ms_max },
            Some(_) | None => Effect::Probe { call_ms_max },
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let _busy = self.life.begin();
            self.life.running().await;
            // What a task prepares before it calls: the time in which it may be overtaken.
            let thinks = Duration::from_millis(number(ctx.input(), "simThinkMs"));
            tokio::select! {
                biased;
                () = ctx.cancelled() => return Err(Failure::cancelled()),
                () = ctx.clock().sleep(thinks) => {}
            }
            self.life.running().await;
            let limit = Duration::from_millis(CALL_MS_MAX);
            let answer = ctx
                .call(limit, |limit| {
                    self.outside.call(&self.node, ctx.message(), limit)
                })
                .await?;
            self.life.running().await;
            match answer {
                Answer::Done(reference) => Ok(done(reference)),
                Answer::Busy => Err(Failure::retry_later(Duration::from_secs(1))),
                Answer::Rejected => Err(rejected(ctx)),
            }
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            self.life.running().await;
            let found = self
                .outside
                .probe(ctx.effect_id().unwrap_or_default())
                .await;
            self.life.running().await;
            match found {
                Ok(Some(reference)) => Probed::There(done(reference)),
                Ok(None) => Probed::NotThere,
                Err(()) => Probed::Unknown("the target did not answer".to_owned()),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            self.life.running().await;
            if self.effect(ctx.message())
                != (Effect::Probe {
                    call_ms_max: CALL_MS_MAX,
                })
            {
                return Ok(Stopped::Remains(
                    "what was called cannot be taken back".to_owned(),
                ));
            }
            self.outside
                .stop(ctx.effect_id().unwrap_or_default(), reference)
                .await;
            Ok(Stopped::Gone)
        })
    }
}

fn done(reference: String) -> Done {
    let context: Map = [("simReference".to_owned(), json!(reference))]
        .into_iter()
        .collect();
    Done {
        outputs: context.clone(),
        context,
        reference: Some(reference),
    }
}

fn rejected(ctx: &Ctx) -> Failure {
    Failure::give_up(exception::unexpected(
        &ctx.message().kind,
        "Rejected",
        "the target does not want it",
        ctx.now_ms(),
    ))
}

/// Asks to be run again so many times, counting in the stage's context.
fn busy(input: &Map) -> Result<Done, Failure> {
    let tried = number(input, "simTried");
    if tried >= number(input, "simBusy") {
        return Ok(Done {
            outputs: large(input),
            ..Done::default()
        });
    }
    let context = [("simTried".to_owned(), json!(tried + 1))]
        .into_iter()
        .collect();
    Err(Failure::RetryLater {
        after: Duration::from_millis(700),
        context,
    })
}

/// A task that gets a large value gives another one.
fn large(input: &Map) -> Map {
    let larger = |text: &str| json!(format!("{text}, and more"));
    let text = input.get("simLarge").and_then(Value::as_str);
    let told = text.map(|text| ("simLarger".to_owned(), larger(text)));
    told.into_iter().collect()
}

fn number(input: &Map, field: &str) -> u64 {
    input.get(field).and_then(Value::as_u64).unwrap_or(0)
}
