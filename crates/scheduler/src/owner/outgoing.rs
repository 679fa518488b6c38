//! What leaves after an append: tasks, answers, messages. Gathered in the loop, encoded and sent beside it, together: a group of
//! twenty decisions makes one future, and its messages reach the broker in one write.

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{Bus, Subject, TaskAddress};
use gennaker_model::{command::Answer, work::TaskMessage};
use gennaker_runtime::Clock;

use super::{Owner, caller::Caller, spans};

/// What is to be sent, each kind in its order.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Attempts to publish.
    pub tasks: Vec<TaskMessage>,
    /// Answers to whoever waits for one.
    pub answers: Vec<(Caller, Answer)>,
    /// Core messages: subject and payload.
    pub messages: Vec<(Subject, Bytes)>,
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.answers.is_empty() && self.messages.is_empty()
    }

    /// Sends everything. What fails is done again by the audit, or asked for again.
    async fn send(self, bus: Bus, clock: Clock) {
        let Self {
            tasks,
            answers,
            messages,
        } = self;
        let publications = join_all(tasks.into_iter().map(|task| publish(&bus, task)));
        let words = async {
            for (caller, answer) in answers {
                reply(caller, &answer, clock.now_ms()).await;
            }
            for (subject, payload) in messages {
                if let Err(error) = bus.publish(subject, payload).await {
                    tracing::debug!("a message was not sent: {error}");
                }
            }
        };
        futures_util::future::join(publications, words).await;
    }
}

impl Owner {
    /// Sends what was gathered.
    pub(super) fn send_out(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        let (bus, clock) = (self.around.bus.clone(), self.around.clock.clone());
        self.beside("outgoing", outgoing.send(bus, clock));
    }
}

/// Publishes an attempt. That a message for it is still there is the usual answer to a repetition.
async fn publish(bus: &Bus, mut task: TaskMessage) {
    task.trace = Some(spans::place_of_stage(&task.execution, &task.stage).to_string());
    let payload = match serde_json::to_vec(&task) {
        Ok(payload) => Bytes::from(payload),
        Err(error) => {
            tracing::error!(execution.id = %task.execution, "a task cannot be encoded: {error}");
            return;
        }
    };
    let TaskMessage {
        pool,
        zone,
        kind,
        execution,
        stage,
        attempt,
        task,
        ..
    } = task;
    let address = TaskAddress {
        zone,
        execution: execution.to_string(),
        stage: stage.to_string(),
        task,
        attempt: attempt.0,
    };
    if let Err(error) = bus.tasks(&pool).publish(&address, payload).await {
        tracing::warn!(
            execution.id = %execution,
            "task {kind} of execution {execution} was not published: {error}; the audit repeats it"
        );
    }
}

async fn reply(caller: Caller, answer: &Answer, now_ms: i64) {
    let bytes = match serde_json::to_vec(answer) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => {
            tracing::error!("an answer cannot be encoded: {error}");
            return;
        }
    };
    if let Err(error) = caller.send(answer, bytes, now_ms).await {
        tracing::debug!("an answer was not sent: {error}; whoever asked will ask again");
    }
}
