//! Large values, on their way in and out. What comes with references is read before anybody looks at it; what is decided with
//! large values is stored before the entry that names them is appended. Both beside the loop.
//!
//! **A decision that waits.** Its input is put aside, with everything else for that execution, while the values of the facts are
//! stored. Then the same input is decided again, at the same time as before; almost always that gives the same facts, which are
//! appended without their values. If not (another execution took the place meanwhile), it goes round once more. So a decision
//! that is not in the log yet is nowhere: neither in memory nor in what other decisions count on.
//!
//! Facts of up to 64 KiB, which nearly all are, see nothing of this.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use gennaker_bus::{Class, Command, Responder};
use gennaker_engine::State;
use gennaker_model::{
    ExecutionId,
    command::{Refusal, RefusalCode},
    routing::fnv1a64,
};
use gennaker_runtime::Backoff;
use gennaker_store::{Blobs, Object, ObjectError, Sealed, Unopened, cut};

use super::{
    Arrival, Owner, Slot,
    caller::{Again, Caller},
    group::Group,
    work::{What, Work},
};
use crate::{
    chain, metrics,
    record::{Encoded, encode_sealed},
};

/// What is known of the large values of a piece of work.
#[derive(Default)]
pub(crate) struct Values {
    /// When it was decided first, epoch milliseconds.
    pub(super) at: Option<i64>,
    /// Values that came with it, and are stored.
    known: BTreeSet<Object>,
    ready: Option<Ready>,
}

/// Facts whose large values are stored.
struct Ready {
    /// The whole facts.
    facts: Bytes,
    /// The entry without those values; `None` when there turned out to be none.
    sealed: Option<Encoded>,
    objects: BTreeSet<Object>,
}

/// What became of the values of a decision.
pub(crate) struct Stored {
    work: Work,
    at: i64,
    outcome: Result<Ready, String>,
}

/// A command with its large values.
pub(crate) struct Whole {
    command: Command,
    known: BTreeSet<Object>,
    again: Again,
}

/// Commands with large values that are under way, by their text.
#[derive(Default)]
pub(super) struct Opening(BTreeMap<(usize, u64), Weak<Mutex<Vec<Responder>>>>);

impl Opening {
    /// Takes a command, unless the same is under way: then its sender gets the same answer.
    fn take(&mut self, command: Command) -> Option<(Command, Again)> {
        self.0.retain(|_, under_way| under_way.strong_count() > 0);
        let key = (command.payload.len(), fnv1a64(&command.payload));
        if let Some(under_way) = self.0.get(&key).and_then(Weak::upgrade) {
            let mut again = under_way.lock().unwrap_or_else(PoisonError::into_inner);
            again.push(command.responder);
            return None;
        }
        let again = Again::default();
        self.0.insert(key, Arc::downgrade(&again));
        Some((command, again))
    }
}

/// Why a command with references is not told whole.
pub(crate) struct NotOpened {
    class: Class,
    error: Unopened,
}

/// How often a value that cannot be stored now is tried again: first and longest pause.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long commands wait for a place that does not answer, before whoever sent them is told to ask again.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

impl Values {
    /// Values that are stored already.
    fn knowing(known: BTreeSet<Object>) -> Option<Box<Self>> {
        let values = Self {
            known,
            ..Self::default()
        };
        Some(Box::new(values))
    }

    /// The entry for these facts, if their values are stored, and those values.
    pub(super) fn take_ready(
        &mut self,
        facts: &[u8],
    ) -> Option<(Option<Encoded>, BTreeSet<Object>)> {
        let ready = self.ready.take()?;
        (ready.facts == facts).then_some((ready.sealed, ready.objects))
    }
}

impl Owner {
    /// Puts work aside until the large values of its facts are stored.
    pub(super) fn hold(&mut self, work: Work, at: i64, facts: Bytes) {
        let id = work.execution.clone();
        let known = match self.slots.get_mut(&id) {
            Some(Slot::Live(live)) => {
                live.held.get_or_insert_default();
                let came = work.values.iter().flat_map(|values| &values.known);
                came.chain(live.saved.values.iter()).cloned().collect()
            }
            // It may never be: nothing keeps the values that came with it from being collected.
            _ => {
                let waiting = Vec::new();
                let sequence = 0;
                self.slots
                    .insert(id.clone(), Slot::Loading { waiting, sequence });
                BTreeSet::new()
            }
        };
        let blobs = self.around.records.blobs.clone();
        let sender = self.sender.clone();
        let seed = self.around.config.seed ^ self.last;
        self.beside("values", async move {
            let mut backoff = Backoff::new(AGAIN.0, AGAIN.1, seed);
            let outcome = loop {
                match seal(&blobs, &id, &facts, &known).await {
                    Ok(ready) => break Ok(ready),
                    Err(error) if error.is_transient() => {
                        if backoff.attempts() == 0 {
                            tracing::warn!(execution.id = %id, "a large value of execution {id} cannot be stored now: {}; it waits", chain(&error));
                        }
                        tokio::time::sleep(backoff.next_delay()).await;
                    }
                    Err(error) => break Err(chain(&error)),
                }
            };
            let stored = Box::new(Stored { work, at, outcome });
            let _ = sender.send(Arrival::Stored(stored)).await;
        });
    }

    /// The values of a decision are stored: it is made again, and what waited for it goes on.
    pub(super) fn stored(&mut self, stored: Stored) {
        let Stored {
            mut work,
            at,
            outcome,
        } = stored;
        let id = work.execution.clone();
        let (waiting, is_live) = match self.slots.get_mut(&id) {
            Some(Slot::Live(live)) => (live.held.take().unwrap_or_default(), true),
            Some(Slot::Loading { waiting, .. }) => {
                let waiting = std::mem::take(waiting);
                self.slots.remove(&id);
                (waiting, false)
            }
            Some(Slot::Parked { .. } | Slot::Retiring { .. }) | None => (Vec::new(), false),
        };
        let mut next = Vec::with_capacity(waiting.len() + 1);
        match outcome {
            Ok(ready) => {
                metrics::values_stored(ready.objects.len());
                let values = work.values.get_or_insert_default();
                values.at = Some(at);
                values.ready = Some(ready);
                next.push(work);
            }
            Err(reason) => {
                tracing::error!(execution.id = %id, "a change of execution {id} is refused: {reason}");
                self.answer(
                    work.responder.take(),
                    Err(Refusal {
                        code: RefusalCode::TooLarge,
                        message: reason,
                        execution: None,
                    }),
                );
            }
        }
        next.extend(waiting);
        if is_live {
            for work in next.into_iter().rev() {
                self.ready.push_front(work);
            }
        } else {
            self.absent
                .extend(next.into_iter().map(|work| (work, false)));
        }
    }

    /// Reads the values that a command refers to.
    pub(super) fn open_command(&mut self, command: Command) {
        let Some((command, again)) = self.opening.take(command) else {
            return;
        };
        let blobs = self.around.records.blobs.clone();
        let sender = self.sender.clone();
        let limit = self.around.config.execution_bytes_max as u64;
        let slots = Arc::clone(&self.open_slots);
        self.beside("command", async move {
            // Never closed.
            let _slot = slots.acquire().await;
            let Command {
                class,
                payload,
                responder,
            } = command;
            let opened = tokio::time::timeout(OPEN_WITHIN, opened(&blobs, &payload, limit)).await;
            let opened = opened.unwrap_or_else(|_| Err(Unopened::silent()));
            let opened = opened.map_err(|error| NotOpened { class, error });
            let arrival = match opened {
                Ok((payload, known)) => {
                    let payload = Bytes::from(payload);
                    let command = Command {
                        class,
                        payload,
                        responder,
                    };
                    Arrival::Opened(Ok(Whole {
                        command,
                        known,
                        again,
                    }))
                }
                Err(error) => {
                    let caller = Caller::from(responder).with(Some(again));
                    Arrival::Opened(Err((caller, error)))
                }
            };
            let _ = sender.send(arrival).await;
        });
    }

    /// A command is whole.
    pub(super) fn opened(&mut self, opened: Result<Whole, (Caller, NotOpened)>, group: &mut Group) {
        match opened {
            Ok(Whole {
                command,
                known,
                again,
            }) => self.whole_command(command, Values::knowing(known), Some(again), group),
            Err((caller, NotOpened { class, error })) => {
                let code = match (&error, class) {
                    (Unopened::TooLarge { .. }, _) => RefusalCode::TooLarge,
                    // It is sent again with what it refers to.
                    (Unopened::Value(ObjectError::Lost { .. }), Class::Request) => {
                        RefusalCode::Busy
                    }
                    (error, _) if error.is_transient() => RefusalCode::Busy,
                    (_, _) => RefusalCode::Invalid,
                };
                let message = format!(
                    "the values of the command cannot be read: {}",
                    chain(&error)
                );
                self.refuse(caller, code, message);
            }
        }
    }

    /// Whether an execution would be too large after a decision; said as a refusal's message.
    pub(super) fn too_large(&self, facts: &[u8], after: &State) -> Option<String> {
        let limit = self.around.config.execution_bytes_max;
        let told = |bytes: usize, what: &str| {
            (bytes > limit).then(|| {
                format!(
                    "{what} {} KiB; the limit is {} KiB",
                    bytes / 1024,
                    limit / 1024
                )
            })
        };
        told(facts.len(), "the change takes").or_else(|| {
            told(
                crate::checkpoint::weight(&after.doc),
                "with it the execution takes",
            )
        })
    }
}

impl Work {
    /// Whether it must not be done while an earlier decision about its execution waits.
    pub(super) fn may_change(&self) -> bool {
        match self.what {
            What::Input(_) | What::Start { .. } | What::Peer(_) | What::Delete { .. } => true,
            What::Read | What::Explain | What::History => false,
        }
    }
}

async fn seal(
    blobs: &Blobs,
    execution: &ExecutionId,
    facts: &Bytes,
    known: &BTreeSet<Object>,
) -> Result<Ready, ObjectError> {
    let Some(cut) = cut(facts, execution.as_str()) else {
        return Ok(Ready {
            facts: facts.clone(),
            sealed: None,
            objects: BTreeSet::new(),
        });
    };
    blobs.store(&cut, facts, known).await?;
    let sealed = encode_sealed(execution, &cut.sealed).expect("text and numbers always serialise");
    Ok(Ready {
        facts: facts.clone(),
        sealed: Some(sealed),
        objects: cut.sealed.known(),
    })
}

async fn opened(
    blobs: &Blobs,
    payload: &[u8],
    limit: u64,
) -> Result<(Vec<u8>, BTreeSet<Object>), Unopened> {
    let Some(sealed) = Sealed::of_message(payload)? else {
        return Ok((payload.to_vec(), BTreeSet::new()));
    };
    let bytes = sealed.bytes();
    if bytes > limit {
        return Err(Unopened::TooLarge { bytes, limit });
    }
    Ok((blobs.fill(&sealed).await?, sealed.known()))
}
