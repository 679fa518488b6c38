//! Deciding an input on what is in memory, and taking the decision into memory and into the group.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use gennaker_engine::{Context, Decision, Effect, Event, Input, Rules, decide};
use gennaker_model::{
    Execution, ExecutionId,
    command::{Refusal, RefusalCode},
};
use gennaker_stages::Catalogue;
use gennaker_store::has_large_values;

use super::{
    Owner, Slot,
    caller::Caller,
    group::Group,
    spans,
    values::Values,
    work::{What, Work},
};
use crate::{listeners::Listeners, record};

/// What became of a decision.
pub(super) enum Committed {
    /// It is in memory and in the group.
    Taken,
    /// It is too large, or cannot be written; whoever asked is told.
    Refused,
    /// Its large values must be stored first.
    Held {
        responder: Option<Caller>,
        facts: Bytes,
    },
}

impl Owner {
    pub(super) fn decide(
        &mut self,
        execution: &ExecutionId,
        input: Box<Input>,
        responder: Option<Caller>,
        mut values: Option<Box<Values>>,
        group: &mut Group,
    ) {
        let now = decided_at(values.as_deref(), group);
        let rules = self.around.config.rules.clone();
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        let catalogue = self.around.config.catalogue.clone();
        let listeners = self.around.listeners.clone();
        let context = self.context(now, &rules, &catalogue, &listeners, &live.state.doc);
        let made = catch_unwind(AssertUnwindSafe(|| decide(&live.state, &input, &context)));
        let taken = match made {
            Ok(decision) => {
                match self.commit(execution, decision, responder, values.as_deref_mut(), group) {
                    Committed::Taken => true,
                    Committed::Refused => false,
                    Committed::Held { responder, facts } => {
                        let work = Work {
                            execution: execution.clone(),
                            what: What::Input(input),
                            responder,
                            values,
                        };
                        return self.hold(work, now, facts);
                    }
                }
            }
            Err(panic) => {
                self.panicked(execution, &panic, responder);
                false
            }
        };
        // Whoever sent an input learns that it was refused. One of our own would come again for ever, or never.
        let sent = matches!(
            *input,
            Input::Command { .. } | Input::Report(_) | Input::Peer(_)
        );
        if !taken && !sent {
            self.end_broken(execution, group);
        }
    }

    /// Takes a decision into memory and into the group, unless it is too large, or its large values are not stored yet.
    pub(super) fn commit(
        &mut self,
        execution: &ExecutionId,
        decision: Decision,
        responder: Option<Caller>,
        values: Option<&mut Values>,
        group: &mut Group,
    ) -> Committed {
        let Decision {
            events,
            effects,
            after,
        } = decision;
        let mut responder = responder;
        if events.is_empty() {
            for effect in effects {
                match effect {
                    Effect::Reply(answer) => self.answer(responder.take(), *answer),
                    other => group.effects.push((execution.clone(), other)),
                }
            }
            return Committed::Taken;
        }
        let mut stored = BTreeSet::new();
        let encoded = match record::encode(execution, &events) {
            Ok(encoded) if has_large_values(encoded.facts()) => {
                if let Some(message) = self.too_large(encoded.facts(), &after) {
                    Err(message)
                } else if let Some((sealed, objects)) =
                    values.and_then(|values| values.take_ready(encoded.facts()))
                {
                    stored = objects;
                    Ok(sealed.unwrap_or(encoded))
                } else {
                    let facts = Bytes::copy_from_slice(encoded.facts());
                    return Committed::Held { responder, facts };
                }
            }
            Ok(encoded) => Ok(encoded),
            Err(error) => {
                let message = format!("the change cannot be written: {error}");
                self.answer(
                    responder,
                    Err(Refusal {
                        code: RefusalCode::Internal,
                        message,
                        execution: None,
                    }),
                );
                return Committed::Refused;
            }
        };
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(message) => {
                tracing::warn!(execution.id = %execution, "a change of execution {execution} is refused: {message}");
                self.answer(
                    responder,
                    Err(Refusal {
                        code: RefusalCode::TooLarge,
                        message,
                        execution: None,
                    }),
                );
                return Committed::Refused;
            }
        };
        self.note(&after);
        if let Some(Slot::Live(live)) = self.slots.get_mut(execution) {
            let waited = live.state.book.waits_since.is_some();
            live.tail
                .add(after.revision, group.at, encoded.key(), encoded.facts());
            if !stored.is_empty() {
                Arc::make_mut(&mut live.saved.values).extend(stored);
            }
            live.state = after;
            if !waited
                && events
                    .iter()
                    .any(|event| matches!(event, Event::ExecutionEnded { .. }))
            {
                let ended = live.state.doc.clone();
                self.free_place(&ended);
            } else {
                self.look_at_line(execution, &events);
            }
        }
        group.ended.extend(
            events
                .iter()
                .filter(|event| spans::is_end(event))
                .map(|event| (execution.clone(), event.clone())),
        );
        group.add(execution, encoded.entry());
        for effect in effects {
            match effect {
                Effect::Reply(answer) => {
                    if let Some(responder) = responder.take() {
                        group.answers.push((responder, *answer));
                    }
                }
                other => group.effects.push((execution.clone(), other)),
            }
        }
        Committed::Taken
    }

    /// What an execution that was paused, or has begun to wait, means for the others of its pipeline.
    fn look_at_line(&mut self, execution: &ExecutionId, events: &[Event]) {
        let is = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
        let paused = is(|event| matches!(event, Event::ExecutionPaused { .. }));
        let queued = is(|event| matches!(event, Event::Queued { .. }));
        if !paused && !queued {
            return;
        }
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        let doc = live.state.doc.clone();
        if paused {
            self.lend_place(&doc);
        }
        if queued {
            self.limit_line(&doc);
        }
    }

    /// An input of our own cannot be decided: the execution ends, saying so.
    fn end_broken(&mut self, execution: &ExecutionId, group: &mut Group) {
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        if live.state.doc.status.is_complete() {
            return;
        }
        let reason = "The engine could not go on with this execution; the scheduler's log says why"
            .to_owned();
        let events = vec![
            Event::CancelRequested {
                by: "system".to_owned(),
                reason: Some(reason),
            },
            Event::ExecutionEnded {
                status: gennaker_model::Status::Terminal,
                at: group.at,
            },
        ];
        let mut after = live.state.clone();
        if events
            .iter()
            .all(|event| gennaker_engine::apply(&mut after, event).is_ok())
        {
            self.commit(
                execution,
                Decision {
                    events,
                    effects: Vec::new(),
                    after,
                },
                None,
                None,
                group,
            );
        }
    }

    pub(super) fn panicked(
        &mut self,
        execution: &ExecutionId,
        panic: &(dyn std::any::Any + Send),
        responder: Option<Caller>,
    ) {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        tracing::error!(execution.id = %execution, "a decision about execution {execution} failed: {text}");
        let message = "the engine failed on this request; it changed nothing".to_owned();
        self.answer(
            responder,
            Err(Refusal {
                code: RefusalCode::Internal,
                message,
                execution: None,
            }),
        );
    }

    pub(super) fn context<'a>(
        &self,
        now: i64,
        rules: &'a Rules,
        catalogue: &'a Catalogue,
        listeners: &'a Listeners,
        doc: &Execution,
    ) -> Context<'a> {
        Context {
            now,
            catalogue,
            rules,
            partition: self.around.partition,
            must_wait: self.must_wait(doc),
            listeners,
        }
    }
}

/// The time of a decision: now, or when it was made before, while its large values were not stored yet. Nothing else was decided
/// about its execution since then.
pub(super) fn decided_at(values: Option<&Values>, group: &Group) -> i64 {
    values.and_then(|values| values.at).unwrap_or(group.at)
}
