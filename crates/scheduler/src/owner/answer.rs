//! Answers, and the proof that an answer without an append needs.
//!
//! A former owner that was paused would otherwise deny what its successor promised. So an answer that needed no append leaves
//! only after a leader read of the last log message, begun after the question came, showed an append of ours. One read serves
//! all that wait.

use gennaker_model::{
    Execution, ExecutionId,
    command::{Answer, ListPlace, ListQuery, Refusal, RefusalCode, Reply},
};

use super::{Arrival, Ended, Owner, Slot, caller::Caller};
use crate::{
    checkpoint::{self, Records},
    history,
    ownership::Ownership,
};

/// An answer that waits for a proof.
pub(super) struct Unproven {
    responder: Caller,
    result: Result<Reply, Refusal>,
    /// Number of the first proof that is begun after the question came.
    needs: u64,
}

/// An answer for which records had to be read.
pub(crate) struct Gathered {
    responder: Caller,
    reply: Result<Reply, String>,
}

/// Documents that are read at the same time for one list.
const READS: usize = 16;

/// Most documents of one list.
const LIST_MAX: usize = 5_000;

impl Owner {
    /// Answers without an append: once it is proven that we are still the owner.
    pub(super) fn answer(&mut self, responder: Option<Caller>, result: Result<Reply, Refusal>) {
        if let Some(responder) = responder.filter(Caller::is_awaited) {
            self.unproven.push(Unproven {
                responder,
                result,
                needs: self.proofs + 1,
            });
        }
    }

    pub(super) fn refuse(&mut self, responder: Caller, code: RefusalCode, message: String) {
        self.answer(
            Some(responder),
            Err(Refusal {
                code,
                message,
                execution: None,
            }),
        );
    }

    /// Begins the leader read if answers wait for one.
    pub(super) fn prove(&mut self) {
        if self.unproven.is_empty() || self.proving {
            return;
        }
        self.proofs += 1;
        self.proving = true;
        let covers = self.proofs;
        let ownership = self.ownership();
        let sender = self.sender.clone();
        let spawned = self.around.scope.spawn("proof", async move {
            let ours = ownership.is_proven().await;
            let ours = ours.map_err(|error| error.to_string());
            // A closed channel means that the owner has ended.
            let _ = sender.send(Arrival::Proof { covers, ours }).await;
        });
        if spawned.is_none() {
            self.ended = Some(Ended::Asked);
        }
    }

    pub(super) fn ownership(&self) -> Ownership {
        Ownership {
            log: self.around.log.clone(),
            nonce: self.nonce.clone(),
            epoch: self.epoch,
        }
    }

    pub(super) fn proved(&mut self, covers: u64, ours: Result<bool, String>) {
        self.proving = false;
        match ours {
            Ok(true) => {
                let (proven, rest) = std::mem::take(&mut self.unproven)
                    .into_iter()
                    .partition(|answer| answer.needs <= covers);
                self.unproven = rest;
                for answer in proven {
                    let Unproven {
                        responder, result, ..
                    } = answer;
                    self.send(responder, result);
                }
            }
            Ok(false) => {
                tracing::warn!(
                    partition = self.around.partition,
                    "another scheduler has taken over partition {}",
                    self.around.partition
                );
                self.ended = Some(Ended::Superseded);
            }
            Err(error) => {
                tracing::debug!(
                    partition = self.around.partition,
                    "the log's leader does not answer: {error}; asking again"
                );
            }
        }
    }

    /// Sends an answer that is proven.
    pub(super) fn send(&mut self, responder: Caller, result: Result<Reply, Refusal>) {
        let answer = Answer {
            partition: self.around.partition,
            sequence: self.last,
            result,
        };
        self.outgoing.answers.push((responder, answer));
    }

    /// Lists executions: those in memory as they are, the others from the state bucket.
    pub(super) fn list(&mut self, query: &ListQuery, responder: Caller) {
        if !self.index.complete {
            let message = "the list of executions is still being read after a take-over; try again in a moment".to_owned();
            return self.refuse(responder, RefusalCode::Busy, message);
        }
        let mut found = self.index.find(query);
        found.truncate(LIST_MAX);
        if query.places_only {
            let places = self.places(found);
            return self.answer(Some(responder), Ok(Reply::Places { places }));
        }
        let mut documents: Vec<Result<Execution, ExecutionId>> = Vec::with_capacity(found.len());
        for id in found {
            match self.slots.get(&id) {
                Some(Slot::Live(live)) if live.deleted => {}
                Some(Slot::Live(live)) => {
                    documents.push(Ok(shown(live.state.doc.clone(), query.expand)))
                }
                Some(Slot::Parked { .. } | Slot::Loading { .. } | Slot::Retiring { .. }) | None => {
                    documents.push(Err(id));
                }
            }
        }
        let records = self.around.records.clone();
        let sender = self.sender.clone();
        let expand = query.expand;
        let spawned = self.around.scope.spawn("list", async move {
            let documents = read_all(&records, documents, expand).await;
            let reply = documents.map(|documents| Reply::Executions { documents });
            let _ = sender
                .send(Arrival::Gathered(Gathered { responder, reply }))
                .await;
        });
        if spawned.is_none() {
            self.ended = Some(Ended::Asked);
        }
    }

    /// Where these executions stand, of those that are not deleted.
    fn places(&self, found: Vec<ExecutionId>) -> Vec<ListPlace> {
        let is_there = |id: &ExecutionId| match self.slots.get(id) {
            Some(Slot::Live(live)) => !live.deleted,
            Some(Slot::Parked { .. } | Slot::Loading { .. } | Slot::Retiring { .. }) | None => true,
        };
        let place = |id: ExecutionId| {
            let time_ms = self.index.build_time(&id)?;
            Some(ListPlace {
                time_ms,
                execution: id,
            })
        };
        let there = found.into_iter().filter(is_there);
        there.filter_map(place).collect()
    }

    /// Answers with the history of an execution in memory: its chunks are read, its tail is there.
    pub(super) fn tell_history(&mut self, execution: &ExecutionId, responder: Option<Caller>) {
        let (Some(Slot::Live(live)), Some(responder)) = (self.slots.get(execution), responder)
        else {
            return;
        };
        let (kept, tail) = (live.saved.history.clone(), live.tail.clone());
        let Records { kv, blobs, .. } = self.around.records.clone();
        let sender = self.sender.clone();
        self.beside("history", async move {
            let reply = match history::lines(&kv, &kept, &tail).await {
                Ok(Some(lines)) => match history::steps(&lines, &blobs).await {
                    Ok(steps) => Ok(Reply::History {
                        dropped: kept.dropped,
                        steps,
                    }),
                    Err(error) => Err(crate::chain(&error)),
                },
                Ok(None) => Err("the history changed while it was read; try again".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            let _ = sender
                .send(Arrival::Gathered(Gathered { responder, reply }))
                .await;
        });
    }

    pub(super) fn gathered(&mut self, gathered: Gathered) {
        let result = gathered.reply.map_err(|message| Refusal {
            code: RefusalCode::Busy,
            message,
            execution: None,
        });
        self.answer(Some(gathered.responder), result);
    }
}

async fn read_all(
    records: &Records,
    documents: Vec<Result<Execution, ExecutionId>>,
    expand: bool,
) -> Result<Vec<Execution>, String> {
    use futures_util::{StreamExt as _, stream};
    let reads = documents.into_iter().map(|document| async move {
        match document {
            Ok(document) => Ok(Some(document)),
            Err(id) => checkpoint::shown(records, &id, expand)
                .await
                .map_err(|error| error.to_string()),
        }
    });
    let read: Vec<Result<Option<Execution>, String>> =
        stream::iter(reads).buffered(READS).collect().await;
    read.into_iter().filter_map(Result::transpose).collect()
}

fn shown(document: Execution, expand: bool) -> Execution {
    if expand {
        document
    } else {
        document.unexpanded()
    }
}
