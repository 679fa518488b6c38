//! What comes in beside timers, and from where.

use bytes::Bytes;
use gennaker_bus::{Class, Command, subject};
use gennaker_engine::{Lookup, LookupAnswer};
use gennaker_model::{
    AttemptId, ExecutionId,
    command::{Answer, Envelope, Refusal, RefusalCode, Request, VERSION},
    work::{Abort, Heartbeat, TaskReport},
};
use gennaker_store::Sealed;
use tokio::sync::mpsc::error::TrySendError;

use super::{
    Owner, Slot,
    caller::{Again, Caller},
    group::Group,
    keep::NotLoaded,
    retire::Retired,
    values::{NotOpened, Stored, Values, Whole},
    work::Work,
};
use crate::{
    checkpoint::{Loaded, SaveError, Saved},
    index, metrics,
};

/// One thing that came in.
pub(crate) enum Arrival {
    /// A command or a report.
    Command(Command),
    /// A worker tells what it holds.
    Heartbeat(Bytes),
    /// A load ended.
    Loaded {
        execution: ExecutionId,
        outcome: Result<Option<Box<Loaded>>, NotLoaded>,
    },
    /// A lookup was answered.
    LookedUp {
        execution: ExecutionId,
        lookup: Lookup,
        answer: LookupAnswer,
    },
    /// A start of a pipeline that is made from a template, with the plain pipeline in its place.
    Expanded(Box<Work>),
    /// The large values of a decision were stored.
    Stored(Box<Stored>),
    /// The large values of a command were read, or cannot be.
    Opened(Result<Whole, (Caller, NotOpened)>),
    /// Executions whose large values are old enough to be deleted, should they not exist.
    OldValues(Vec<ExecutionId>),
    /// Another execution took what this one said.
    PeerAnswered {
        from: ExecutionId,
        to: ExecutionId,
        number: u64,
        refused: Option<String>,
    },
    /// What became of announcements.
    Told {
        execution: ExecutionId,
        stored: Vec<u64>,
        failed: Vec<u64>,
    },
    /// The leader read that proves answers up to a number.
    Proof {
        covers: u64,
        ours: Result<bool, String>,
    },
    /// What an answer needs was read from the state bucket.
    Gathered(super::answer::Gathered),
    /// The freezes were read again.
    Freezes {
        read: Result<super::freezes::Freezes, String>,
        responder: Caller,
    },
    /// A finished execution was moved to the archive, or erased, or was not.
    Retired {
        execution: ExecutionId,
        outcome: Result<Retired, SaveError>,
    },
    /// Some finished executions for the index, and whether they are in the archive; the last lot says so.
    Indexed {
        documents: Vec<(gennaker_model::Execution, bool)>,
        unfinished: Vec<ExecutionId>,
        deleted: Vec<(ExecutionId, i64)>,
        last: bool,
    },
}

/// A checkpoint ended.
pub(crate) struct Saving {
    pub execution: ExecutionId,
    pub outcome: Result<Saved, SaveError>,
}

impl Owner {
    /// Subscribes to commands and heartbeats. What does not fit the queue is refused as busy; reports wait.
    pub(super) async fn listen(&self) -> Result<(), gennaker_bus::Error> {
        let mut commands = self
            .around
            .bus
            .serve_commands(self.around.partition)
            .await?;
        let sender = self.sender.clone();
        let partition = self.around.partition;
        let token = self.around.scope.token().clone();
        let spawned = self.around.scope.spawn("commands", async move {
            while let Some(Some(command)) = token.run_until_cancelled(commands.next()).await {
                match (command.class, sender.try_send(Arrival::Command(command))) {
                    (_, Ok(())) => {}
                    (_, Err(TrySendError::Closed(_))) => return,
                    (Class::Report, Err(TrySendError::Full(arrival))) => {
                        if sender.send(arrival).await.is_err() {
                            return;
                        }
                    }
                    (Class::Request, Err(TrySendError::Full(Arrival::Command(command)))) => {
                        metrics::refused_busy();
                        let message =
                            "the scheduler has too much to do; try again in a moment".to_owned();
                        let refusal = Refusal {
                            code: RefusalCode::Busy,
                            message,
                            execution: None,
                        };
                        let answer = Answer {
                            partition,
                            sequence: 0,
                            result: Err(refusal),
                        };
                        if let Ok(bytes) = serde_json::to_vec(&answer) {
                            // Who gets no answer asks again.
                            let _ = command.responder.send(Bytes::from(bytes)).await;
                        }
                    }
                    (Class::Request, Err(TrySendError::Full(_))) => {}
                }
            }
        });
        let mut heartbeats = self
            .around
            .bus
            .subscribe(subject::heartbeat(partition))
            .await?;
        let sender = self.sender.clone();
        let token = self.around.scope.token().clone();
        let listening = self.around.scope.spawn("heartbeats", async move {
            while let Some(Some((_, payload))) = token.run_until_cancelled(heartbeats.next()).await
            {
                if sender.send(Arrival::Heartbeat(payload)).await.is_err() {
                    return;
                }
            }
        });
        if spawned.is_none() || listening.is_none() {
            tracing::debug!(partition, "the owner is stopping before it has begun");
        }
        Ok(())
    }

    /// Handles one arrival; what it decides goes into `group`.
    pub(super) fn take(&mut self, arrival: Arrival, group: &mut Group) {
        match arrival {
            Arrival::Command(command) => self.command(command, group),
            Arrival::Heartbeat(payload) => self.heartbeat(&payload, group.at),
            Arrival::Loaded { execution, outcome } => self.loaded(execution, outcome),
            Arrival::LookedUp {
                execution,
                lookup,
                answer,
            } => {
                self.perform(Work::looked_up(execution, lookup, answer), group);
            }
            Arrival::Expanded(work) => {
                self.expanding.remove(&work.execution);
                self.perform(*work, group);
            }
            Arrival::Stored(stored) => self.stored(*stored),
            Arrival::Opened(opened) => self.opened(opened, group),
            Arrival::OldValues(found) => self.forget_values(found),
            Arrival::PeerAnswered {
                from,
                to,
                number,
                refused,
            } => {
                self.sending.remove(&(from.clone(), to.clone(), number));
                self.perform(Work::peer_answered(from, to, number, refused), group);
            }
            Arrival::Told {
                execution,
                stored,
                failed,
            } => {
                if let Some(work) = self.told(&execution, stored, &failed) {
                    self.perform(work, group);
                }
            }
            Arrival::Proof { covers, ours } => self.proved(covers, ours),
            Arrival::Gathered(gathered) => self.gathered(gathered),
            Arrival::Freezes { read, responder } => self.freezes_read(read, responder),
            Arrival::Retired { execution, outcome } => self.retired(execution, outcome),
            Arrival::Indexed {
                documents,
                unfinished,
                deleted,
                last,
            } => {
                self.deleted.extend(deleted);
                self.indexed(&documents, unfinished, last);
            }
        }
    }

    fn command(&mut self, command: Command, group: &mut Group) {
        if Sealed::is_message(&command.payload) {
            self.open_command(command);
        } else {
            self.whole_command(command, None, None, group);
        }
    }

    /// A command with its large values, and what is known of them.
    pub(super) fn whole_command(
        &mut self,
        command: Command,
        values: Option<Box<Values>>,
        again: Option<Again>,
        group: &mut Group,
    ) {
        let responder = command.responder;
        let now_ms = self.around.clock.now_ms();
        match command.class {
            Class::Report => match serde_json::from_slice::<TaskReport>(&command.payload) {
                Ok(report) => {
                    if let Some(pool) = self.pool_of(&(report.execution.clone(), report.attempt)) {
                        self.pool_heard.insert(pool, group.at);
                    }
                    let work = Work::report(report, Caller::from(responder).with(again));
                    self.perform(Work { values, ..work }, group);
                }
                Err(error) => self.refuse(
                    responder.into(),
                    RefusalCode::Invalid,
                    format!("the report cannot be read: {error}"),
                ),
            },
            Class::Request => match serde_json::from_slice::<Envelope>(&command.payload) {
                Ok(envelope) if envelope.v != VERSION => {
                    let message = format!(
                        "requests of version {} are not understood; this is version {VERSION}",
                        envelope.v
                    );
                    self.refuse(responder.into(), RefusalCode::Invalid, message);
                }
                Ok(envelope) => {
                    let caller = Caller::of(responder, &envelope, now_ms).with(again);
                    match envelope.request {
                        Request::List(query) => self.list(&query, caller),
                        Request::Freezes => self.read_freezes(caller),
                        request => {
                            let (id, at_ms) = (envelope.id, envelope.at_ms);
                            let work = Work::request(id, at_ms, request, caller);
                            self.perform(Work { values, ..work }, group);
                        }
                    }
                }
                Err(error) => self.refuse(
                    responder.into(),
                    RefusalCode::Invalid,
                    format!("the request cannot be read: {error}"),
                ),
            },
        }
    }

    fn heartbeat(&mut self, payload: &Bytes, now: i64) {
        let Ok(heartbeat) = serde_json::from_slice::<Heartbeat>(payload) else {
            return;
        };
        self.pool_heard.insert(heartbeat.pool.clone(), now);
        for held in heartbeat.holds {
            if let Some(heard) = self.heard.get_mut(&held) {
                *heard = now;
            } else if self.is_closed(&held) {
                // The first abort was lost, or never sent by a former owner.
                let (execution, attempt) = held;
                self.abort(&heartbeat.pool, None, &Abort { execution, attempt });
            }
        }
    }

    /// Whether an attempt is known not to be open.
    fn is_closed(&self, (execution, attempt): &(ExecutionId, AttemptId)) -> bool {
        match self.slots.get(execution) {
            Some(Slot::Live(live)) => !live.state.book.attempts.contains_key(attempt),
            Some(Slot::Parked { .. }) => true,
            Some(Slot::Loading { .. } | Slot::Retiring { .. }) => false,
            None => self.index.complete,
        }
    }

    fn pool_of(&self, (execution, attempt): &(ExecutionId, AttemptId)) -> Option<String> {
        match self.slots.get(execution) {
            Some(Slot::Live(live)) => live
                .state
                .book
                .attempts
                .get(attempt)
                .map(|held| held.pool.clone()),
            Some(Slot::Parked { .. } | Slot::Loading { .. } | Slot::Retiring { .. }) | None => None,
        }
    }

    /// Reads the headers that take-over did not need, for lists and for telling old ids from new ones.
    pub(super) fn index_the_rest(&self) {
        let records = self.around.records.clone();
        let sender = self.sender.clone();
        let partition = self.around.partition;
        let spawned = self.around.scope.spawn("index", async move {
            loop {
                match index::scan(&records, &sender).await {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::warn!(
                            partition,
                            "the finished executions cannot be read yet: {error}"
                        );
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                }
            }
        });
        if spawned.is_none() {
            tracing::debug!(
                partition,
                "the owner is stopping before its index is complete"
            );
        }
    }

    fn indexed(
        &mut self,
        documents: &[(gennaker_model::Execution, bool)],
        unfinished: Vec<ExecutionId>,
        last: bool,
    ) {
        for (document, is_archived) in documents {
            if !self.index.contains(&document.id) {
                self.index.put(document);
                self.index.set_archived(&document.id, *is_archived);
            }
        }
        for execution in unfinished {
            // A header without a mark that is not finished: adopted, as if somebody had asked for it.
            if !self.slots.contains_key(&execution) {
                self.load(&execution, 0, Vec::new());
            }
        }
        if last {
            self.index.complete = true;
            self.let_go_on();
        }
    }
}
