//! What leaves after an append: tasks, answers, messages. Gathered in the loop, encoded and sent beside it, together: a group of
//! twenty decisions makes one future, and its messages reach the broker in one write.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{ANSWER_BYTES_MAX, Bus, Subject, TaskAddress};
use gennaker_engine::Telling;
use gennaker_model::{
    command::{Answer, Refusal, RefusalCode},
    work::TaskMessage,
};
use gennaker_runtime::Clock;
use gennaker_store::{Blobs, Object};
use tokio::sync::mpsc;

use super::{Arrival, Owner, caller::Caller, spans, tell};
use crate::chain;

/// Large values of an execution that are known to be stored; nothing for nearly all.
pub(super) type Known = Option<Arc<BTreeSet<Object>>>;

/// What is to be sent, each kind in its order.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Attempts to publish.
    pub tasks: Vec<(TaskMessage, Known)>,
    /// Answers to whoever waits for one.
    pub answers: Vec<(Caller, Answer)>,
    /// Core messages: subject and payload.
    pub messages: Vec<(Subject, Bytes)>,
    /// What the world is told.
    pub tellings: Vec<Telling>,
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
            && self.answers.is_empty()
            && self.messages.is_empty()
            && self.tellings.is_empty()
    }

    /// Sends everything. What fails is done again by the audit, or asked for again.
    async fn send(self, bus: Bus, blobs: Blobs, clock: Clock, sender: mpsc::Sender<Arrival>) {
        let Self {
            tasks,
            answers,
            messages,
            tellings,
        } = self;
        let publications = join_all(
            tasks
                .into_iter()
                .map(|(task, known)| publish(&bus, &blobs, task, known)),
        );
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
        let told = tell::send(tellings, &bus, &sender);
        futures_util::future::join3(publications, words, told).await;
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
        let blobs = self.around.records.blobs.clone();
        let sender = self.sender.clone();
        self.beside("outgoing", outgoing.send(bus, blobs, clock, sender));
    }
}

/// Publishes an attempt. That a message for it is still there is the usual answer to a repetition.
async fn publish(bus: &Bus, blobs: &Blobs, mut task: TaskMessage, known: Known) {
    task.trace = Some(spans::place_of_stage(&task.execution, &task.stage).to_string());
    let text = match serde_json::to_vec(&task) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(execution.id = %task.execution, "a task cannot be encoded: {error}");
            return;
        }
    };
    let known = known.unwrap_or_default();
    let encoded = blobs
        .encode_knowing(task.execution.as_str(), text, &known)
        .await;
    let payload = match encoded {
        Ok(payload) => payload,
        Err(error) => {
            tracing::warn!(execution.id = %task.execution, "a large value of a task cannot be stored: {}; the audit repeats it", chain(&error));
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
    let refusal;
    let bytes = match serde_json::to_vec(answer) {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!("an answer cannot be encoded: {error}");
            return;
        }
    };
    let size = bytes.len();
    let (bytes, answer) = if size <= ANSWER_BYTES_MAX {
        (bytes, answer)
    } else {
        // Whoever gets no answer would ask for ever.
        refusal = Answer {
            result: Err(too_large(size)),
            ..answer.clone()
        };
        (serde_json::to_vec(&refusal).unwrap_or_default(), &refusal)
    };
    let bytes = Bytes::from(bytes);
    if let Err(error) = caller.send(answer, bytes, now_ms).await {
        tracing::debug!("an answer was not sent: {error}; whoever asked will ask again");
    }
}

fn too_large(size: usize) -> Refusal {
    let (size, limit) = (size >> 20, ANSWER_BYTES_MAX >> 20);
    Refusal {
        code: RefusalCode::TooLarge,
        message: format!(
            "the answer would have {size} MiB, more than the limit of {limit} MiB; ask for fewer executions, or without their stages"
        ),
        execution: None,
    }
}
