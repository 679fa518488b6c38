//! The worker's tasks: each waits at the desk until the script says how it goes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gennaker_model::{ExecutionId, Map, work::TaskMessage};
use gennaker_worker::{
    BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Probed, Stopped, Task, exception,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Longest call, in milliseconds.
const CALL_MS_MAX: u64 = 5_000;

/// Where tasks wait. Clones are the same desk.
#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<Vec<Waiting>>>);

struct Waiting {
    execution: ExecutionId,
    ref_id: String,
    answer: oneshot::Sender<Said>,
}

/// How a task goes.
pub enum Said {
    Succeeded { context: Map, outputs: Map },
    Failed { error: String, context: Map },
    Again { after: Duration, context: Map },
}

impl Desk {
    /// Tells the task of a stage how it went; false when none waits.
    pub fn say(&self, execution: &ExecutionId, ref_id: &str, said: Said) -> bool {
        let mut waiting = self.0.lock().unwrap();
        waiting.retain(|held| !held.answer.is_closed());
        let place = waiting
            .iter()
            .position(|held| held.execution == *execution && held.ref_id == ref_id);
        let Some(place) = place else { return false };
        waiting.remove(place).answer.send(said).is_ok()
    }

    fn queue(&self, message: &TaskMessage) -> oneshot::Receiver<Said> {
        let (answer, said) = oneshot::channel();
        self.0.lock().unwrap().push(Waiting {
            execution: message.execution.clone(),
            ref_id: message.ref_id.clone(),
            answer,
        });
        said
    }
}

/// A task of any kind.
pub struct Scripted {
    pub kind: &'static str,
    pub has_effect: bool,
    pub desk: Desk,
}

impl Task for Scripted {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        if self.has_effect {
            Effect::Probe {
                call_ms_max: CALL_MS_MAX,
            }
        } else {
            Effect::None
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let said = self.desk.queue(ctx.message());
            let said = tokio::select! {
                biased;
                () = ctx.cancelled() => return Err(Failure::cancelled()),
                said = said => said.map_err(|_| Failure::cancelled())?,
            };
            if self.has_effect {
                // The ledger is told, as by every task that does something outside.
                let limit = Duration::from_millis(CALL_MS_MAX);
                ctx.call(limit, |_| async {}).await?;
            }
            match said {
                Said::Succeeded { context, outputs } => Ok(Done {
                    context,
                    outputs,
                    reference: None,
                }),
                Said::Failed { error, context } => Err(Failure::GiveUp(Box::new(GiveUp {
                    exception: Some(exception::unexpected(
                        &ctx.message().kind,
                        "SomeException",
                        &error,
                        ctx.now_ms(),
                    )),
                    context,
                    outputs: Map::new(),
                }))),
                Said::Again { after, context } => Err(Failure::RetryLater { after, context }),
            }
        })
    }

    fn probe<'a>(&'a self, _ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async { Probed::NotThere })
    }

    fn stop<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async { Ok(Stopped::Gone) })
    }
}

/// Tells what was asked to be taken back, at once.
pub struct Cancelling;

impl Task for Cancelling {
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
            let limit = Duration::from_millis(CALL_MS_MAX);
            ctx.call(limit, |_| async {}).await?;
            let endpoint = ctx.input().get("cancelEndpoint").cloned();
            let context = [("cancelled".to_owned(), endpoint.unwrap_or(Value::Null))];
            Ok(Done {
                context: context.into_iter().collect(),
                ..Done::default()
            })
        })
    }
}

/// The text of an address is made of the address.
pub struct Reading;

impl Task for Reading {
    fn kind(&self) -> &'static str {
        "readAddress"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let url = ctx.input().get("url").and_then(Value::as_str);
            let text = format!("text of {}", url.unwrap_or_default());
            let outputs = [("body".to_owned(), json!(text))];
            Ok(Done {
                outputs: outputs.into_iter().collect(),
                ..Done::default()
            })
        })
    }
}
