//! Deciding an input on what is in memory, and taking the decision into memory and into the group.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gennaker_engine::{Context, Decision, Effect, Event, Input, Rules, decide};
use gennaker_model::{
    Execution, ExecutionId,
    command::{Refusal, RefusalCode},
};
use gennaker_stages::Catalogue;

use super::{Owner, Slot, caller::Caller, group::Group, spans};
use crate::record;

impl Owner {
    pub(super) fn decide(
        &mut self,
        execution: &ExecutionId,
        input: &Input,
        responder: Option<Caller>,
        group: &mut Group,
    ) {
        let rules = self.around.config.rules.clone();
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        let catalogue = self.around.config.catalogue.clone();
        let context = self.context(group.at, &rules, &catalogue, &live.state.doc);
        let taken = match catch_unwind(AssertUnwindSafe(|| decide(&live.state, input, &context))) {
            Ok(decision) => self.commit(execution, decision, responder, group),
            Err(panic) => {
                self.panicked(execution, &panic, responder);
                false
            }
        };
        // Whoever sent an input learns that it was refused. One of our own would come again for ever, or never.
        let sent = matches!(
            input,
            Input::Command { .. } | Input::Report(_) | Input::Peer(_)
        );
        if !taken && !sent {
            self.end_broken(execution, group);
        }
    }

    /// Takes a decision into memory and into the group; false when it is too large and was refused.
    pub(super) fn commit(
        &mut self,
        execution: &ExecutionId,
        decision: Decision,
        responder: Option<Caller>,
        group: &mut Group,
    ) -> bool {
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
            return true;
        }
        let encoded = match record::encode(execution, &events) {
            Ok(encoded) if encoded.entry().len() <= self.around.config.decision_bytes_max => {
                encoded
            }
            Ok(encoded) => {
                let limit = self.around.config.decision_bytes_max / 1024;
                let message = format!(
                    "the change takes {} KiB; the limit is {limit} KiB",
                    encoded.entry().len() / 1024
                );
                tracing::warn!(execution.id = %execution, "a change of execution {execution} is refused: {message}");
                self.answer(
                    responder,
                    Err(Refusal {
                        code: RefusalCode::TooLarge,
                        message,
                        execution: None,
                    }),
                );
                return false;
            }
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
                return false;
            }
        };
        self.note(&after);
        if let Some(Slot::Live(live)) = self.slots.get_mut(execution) {
            let waited = live.state.book.waits_since.is_some();
            live.tail.add(after.revision, group.at, encoded.facts());
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
        true
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
        doc: &Execution,
    ) -> Context<'a> {
        Context {
            now,
            catalogue,
            rules,
            partition: self.around.partition,
            must_wait: self.must_wait(doc),
        }
    }
}
