//! Performing effects, after the facts that ask for them are durable.
//!
//! Nothing here is waited for by the loop: what is to be sent is gathered (module `outgoing`) and sent beside it. What fails is done again by the audit; doing it twice is harmless.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{Class, CommandError, subject};
use gennaker_engine::{Effect, Lookup};
use gennaker_model::{
    CommandId, ExecutionId, Status,
    command::{Answer, Envelope, Peer, RefusalCode, Request, VERSION},
    routing::partition_of,
    work::{Abort, TaskMessage},
};
use gennaker_runtime::Backoff;

use super::{Arrival, Owner, Slot, group::Group, spans, work::Work};
use crate::{chain, lookup};

/// What a hint says.
pub(super) struct Hint {
    application: String,
    revision: u64,
    /// `None` once the execution was deleted.
    status: Option<Status>,
}

/// How long changes are gathered into one hint.
const HINT_EVERY: Duration = Duration::from_millis(100);

/// How long another owner has for one answer.
const PEER_TIMEOUT: Duration = Duration::from_secs(5);

impl Owner {
    /// Marks what changed, then performs the group's effects and sends its answers.
    pub(super) fn release(&mut self, group: Group) {
        for execution in &group.changed {
            let Some(Slot::Live(live)) = self.slots.get_mut(execution) else {
                continue;
            };
            live.changed = self.last;
            self.unsaved.entry(execution.clone()).or_insert(self.last);
            if live.deleted {
                self.index.remove(execution);
                self.deleted.insert(execution.clone(), group.at);
            } else {
                self.index.put(&live.state.doc);
            }
        }
        for (execution, event) in &group.ended {
            if let Some(Slot::Live(live)) = self.slots.get(execution) {
                spans::tell(&live.state, event);
            }
        }
        for (responder, result) in group.answers {
            self.send(responder, result);
        }
        for (execution, effect) in group.effects {
            self.effect(&execution, effect, group.at);
        }
        for execution in group.changed {
            self.hint_soon(&execution);
            self.save_at_once(&execution);
        }
    }

    pub(super) fn effect(&mut self, execution: &ExecutionId, effect: Effect, now: i64) {
        match effect {
            Effect::Dispatch(message) => self.publish(*message, now),
            Effect::Abort { pool, zone, abort } => self.abort(&pool, zone.as_deref(), &abort),
            Effect::Arm { timer, due } => self.wheel.arm(execution, &timer, due),
            Effect::Disarm { timer } => self.wheel.disarm(execution, &timer),
            Effect::Send(peer) => self.send_peer(*peer),
            Effect::Lookup(lookup) => self.look_up(execution.clone(), lookup),
            Effect::Announce(telling) => self.tell(*telling),
            Effect::Continue => self.ready.push_back(Work::audited(execution.clone())),
            Effect::Reply(_) => {}
        }
    }

    /// Publishes an attempt, for the first time or again.
    pub(super) fn publish(&mut self, message: TaskMessage, now: i64) {
        self.heard
            .insert((message.execution.clone(), message.attempt), now);
        let known = match self.slots.get(&message.execution) {
            Some(Slot::Live(live)) if !live.saved.values.is_empty() => {
                Some(Arc::clone(&live.saved.values))
            }
            _ => None,
        };
        self.outgoing.tasks.push((message, known));
    }

    pub(super) fn abort(&mut self, pool: &str, zone: Option<&str>, abort: &Abort) {
        self.heard.remove(&(abort.execution.clone(), abort.attempt));
        match serde_json::to_vec(abort) {
            Ok(payload) => {
                let message = (subject::abort(pool, zone), Bytes::from(payload));
                self.outgoing.messages.push(message);
            }
            Err(error) => {
                tracing::error!(execution.id = %abort.execution, "an abort cannot be encoded: {error}");
            }
        }
    }

    /// Says something to another execution until its owner has taken it, or refuses it for good.
    pub(super) fn send_peer(&mut self, peer: Peer) {
        let key = (peer.from.clone(), peer.to.clone(), peer.number);
        if !self.sending.insert(key) {
            return;
        }
        let bus = self.around.bus.clone();
        let clock = self.around.clock.clone();
        let sender = self.sender.clone();
        let partition = partition_of(&peer.to, self.around.config.partitions);
        let seed = self.around.config.seed ^ peer.number;
        let blobs = self.around.records.blobs.clone();
        self.beside("peer", async move {
            let (from, to, number) = (peer.from.clone(), peer.to.clone(), peer.number);
            let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5), seed);
            let Ok(id) = CommandId::new(format!("{from}.{to}.{number}")) else {
                return;
            };
            loop {
                let envelope = Envelope {
                    v: VERSION,
                    id: id.clone(),
                    at_ms: clock.now_ms(),
                    request: Request::Peer(peer.clone()),
                    trace: None,
                };
                let Ok(text) = serde_json::to_vec(&envelope) else {
                    return;
                };
                // Every time: values of an execution that does not exist yet are not kept for ever.
                let payload = match blobs.encode(to.as_str(), text).await {
                    Ok(payload) => payload,
                    Err(error) => {
                        tracing::warn!(execution.id = %from, "a large value for execution {to} cannot be stored now: {}", chain(&error));
                        tokio::time::sleep(backoff.next_delay()).await;
                        continue;
                    }
                };
                let answer = bus
                    .command(partition, Class::Request, payload, PEER_TIMEOUT)
                    .await;
                let settled = match answer {
                    Ok(bytes) => settles(&bytes),
                    Err(CommandError::TooLarge { size, limit }) => Some(Some(format!(
                        "the message has {} KiB; the limit is {} KiB",
                        size / 1024,
                        limit / 1024
                    ))),
                    Err(_) => None,
                };
                if let Some(refused) = settled {
                    // A closed channel means that the owner has ended; its successor asks again.
                    let _ = sender
                        .send(Arrival::PeerAnswered {
                            from,
                            to,
                            number,
                            refused,
                        })
                        .await;
                    return;
                }
                tokio::time::sleep(backoff.next_delay()).await;
            }
        });
    }

    pub(super) fn sources(&self) -> lookup::Sources {
        let around = &self.around;
        lookup::Sources {
            store: around.store.clone(),
            bus: around.bus.clone(),
            clock: around.clock.clone(),
            partitions: around.config.partitions,
            seed: around.config.seed,
        }
    }

    pub(super) fn look_up(&self, execution: ExecutionId, lookup: Lookup) {
        let sources = self.sources();
        let sender = self.sender.clone();
        self.beside("lookup", async move {
            let answer = lookup::answer(&sources, &lookup).await;
            let _ = sender
                .send(Arrival::LookedUp {
                    execution,
                    lookup,
                    answer,
                })
                .await;
        });
    }

    /// "Changed, now at revision n": for live views; nobody relies on it. The end is hinted at once, other changes with those
    /// of the next moment.
    fn hint_soon(&mut self, execution: &ExecutionId) {
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        let document = &live.state.doc;
        let hint = Hint {
            application: document.application.clone(),
            revision: live.state.revision,
            status: (!live.deleted).then_some(document.status),
        };
        if hint.status.is_none_or(Status::is_complete) {
            self.hints.remove(execution);
            self.hint(execution, &hint);
        } else {
            self.hints.insert(execution.clone(), hint);
            let soon = tokio::time::Instant::now() + HINT_EVERY;
            self.hints_at.get_or_insert(soon);
        }
    }

    pub(super) fn hint_all(&mut self) {
        self.hints_at = None;
        for (execution, hint) in std::mem::take(&mut self.hints) {
            self.hint(&execution, &hint);
        }
    }

    fn hint(&mut self, execution: &ExecutionId, hint: &Hint) {
        let mut payload = serde_json::json!({
            "execution": execution,
            "application": hint.application,
            "rev": hint.revision,
        });
        if let Some(status) = hint.status {
            payload["status"] = serde_json::json!(status);
        }
        let subject = subject::feed(&hint.application, execution.as_str());
        let message = (subject, Bytes::from(payload.to_string()));
        self.outgoing.messages.push(message);
    }

    /// Runs something beside the loop; it ends with the owner.
    pub(super) fn beside<F>(&self, name: &str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.around.scope.spawn(name, future).is_none() {
            tracing::debug!("{name} was not begun, because the owner is stopping");
        }
    }
}

/// Whether an answer to a message settles it, and why it was refused for good. "Try again" and "not mine" settle nothing.
fn settles(bytes: &[u8]) -> Option<Option<String>> {
    let answer: Answer = serde_json::from_slice(bytes).ok()?;
    let Err(refusal) = answer.result else {
        return Some(None);
    };
    match refusal.code {
        RefusalCode::NotFound
        | RefusalCode::Invalid
        | RefusalCode::Conflict
        | RefusalCode::NotAllowed
        | RefusalCode::Forbidden
        | RefusalCode::TooLarge => Some(Some(refusal.message)),
        RefusalCode::Busy
        | RefusalCode::WrongPartition
        | RefusalCode::Internal
        | RefusalCode::Expired => None,
    }
}
