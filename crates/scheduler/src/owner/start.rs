//! Starting an execution, or telling that it exists.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gennaker_engine::{Effect, Input, State, decide};
use gennaker_intake::{StartContext, parent, prepare, templated::needs_expansion};
use gennaker_model::{
    ExecutionId,
    command::{EXPIRES_AFTER_MS, Peer, Refusal, RefusalCode, Reply, Start},
};

use super::{
    Live, Owner, Slot,
    caller::Caller,
    decide::{Committed, decided_at},
    group::Group,
    prior::Prior,
    templated,
    values::Values,
    work::{What, Work},
};
use crate::{checkpoint::Saved, history::Tail};

/// Longest start of the message of a start that failed; by it a repeat is told the same.
const FAILED_ON_STARTUP: &str = "Failed on startup: ";

impl Owner {
    pub(super) fn start(
        &mut self,
        start: &Start,
        at_ms: i64,
        peer: Option<&Peer>,
        responder: Option<Caller>,
        mut values: Option<Box<Values>>,
        group: &mut Group,
    ) {
        if group.at - at_ms > EXPIRES_AFTER_MS {
            let message = format!(
                "the request is {} s old and was not carried out; send it again",
                (group.at - at_ms) / 1000
            );
            return self.answer(
                responder,
                Err(Refusal {
                    code: RefusalCode::Expired,
                    message,
                    execution: None,
                }),
            );
        }
        if !self.is_ours(&start.execution) {
            let message = format!(
                "execution {} does not belong to partition {}",
                start.execution, self.around.partition
            );
            return self.answer(
                responder,
                Err(Refusal {
                    code: RefusalCode::WrongPartition,
                    message,
                    execution: None,
                }),
            );
        }
        if peer.is_none()
            && let Some(execution) = self.correlations.of(start).cloned()
        {
            let existing = true;
            let reply = Reply::Started {
                execution,
                existing,
            };
            return self.answer(responder, Ok(reply));
        }
        if let Some(message) = self.around.config.ad_hoc.refusal(start) {
            let refusal = Refusal {
                code: RefusalCode::Forbidden,
                message,
                execution: None,
            };
            return self.answer(responder, Err(refusal));
        }
        let named = parent::needed(start);
        if named.is_some() || needs_expansion(start) {
            let execution = start.execution.clone();
            if !self.expanding.insert(execution.clone()) {
                // A repeat of it: once is enough, and what is read may be far away.
                let message = "what the start needs is being read; try again in a moment";
                let refusal = Refusal {
                    code: RefusalCode::Busy,
                    message: message.to_owned(),
                    execution: None,
                };
                return self.answer(responder, Err(refusal));
            }
            let peer = peer.cloned();
            let again = move |changed| Work {
                execution,
                what: match peer {
                    Some(peer) => What::Peer(templated::with_start(&peer, changed)),
                    None => What::Start {
                        start: Box::new(changed),
                        at_ms,
                    },
                },
                responder,
                values,
            };
            return match named {
                Some(parent) => self.with_parent(start.clone(), parent, again),
                None => self.expand(start.clone(), group.at, again),
            };
        }
        let prior = match self.prior_of(start) {
            Prior::Known(prior) => prior,
            Prior::Load(prior) => {
                let what = match peer {
                    Some(peer) => What::Peer(peer.clone()),
                    None => What::Start {
                        start: Box::new(start.clone()),
                        at_ms,
                    },
                };
                let work = Work {
                    execution: start.execution.clone(),
                    what,
                    responder,
                    values,
                };
                return self.load_prior(&prior, work);
            }
            Prior::Unknown => {
                let message = "the executions of the pipeline are still being read after a take-over; try again in a moment".to_owned();
                return self.answer(
                    responder,
                    Err(Refusal {
                        code: RefusalCode::Busy,
                        message,
                        execution: None,
                    }),
                );
            }
        };
        let rules = self.around.config.rules.clone();
        let now = decided_at(values.as_deref(), group);
        let made = catch_unwind(AssertUnwindSafe(|| {
            let prepared = prepare(
                start,
                &StartContext {
                    now,
                    rules: &rules,
                    frozen: self.freezes.of(&start.config),
                    prior: prior.as_deref(),
                },
            );
            let catalogue = self.around.config.catalogue.clone();
            let listeners = self.around.listeners.clone();
            let context = self.context(now, &rules, &catalogue, &listeners, &prepared.execution);
            let mut decision = gennaker_engine::start(
                prepared.execution,
                start.parent.clone(),
                &prepared.needs,
                &context,
            );
            if let Some(peer) = peer {
                // The message that started it is counted, so that a repeat is recognised.
                let heard = decide(&decision.after, &Input::Peer(peer.clone()), &context);
                decision.events.extend(heard.events);
                decision.effects.extend(heard.effects);
                decision.after = heard.after;
            }
            (decision, prepared.error)
        }));
        let (mut decision, error) = match made {
            Ok(made) => made,
            Err(panic) => return self.panicked(&start.execution, &panic, responder),
        };
        if peer.is_none() {
            let answer = match error {
                None => Ok(Reply::Started {
                    execution: start.execution.clone(),
                    existing: false,
                }),
                Some(error) => {
                    let execution = Some(start.execution.clone());
                    Err(Refusal {
                        code: RefusalCode::Invalid,
                        message: error.to_string(),
                        execution,
                    })
                }
            };
            decision.effects.push(Effect::Reply(Box::new(answer)));
        }
        let live = Live {
            state: decision.after.clone(),
            tail: Tail::default(),
            saved: Saved::default(),
            changed: 0,
            saving: false,
            held: None,
            deleted: false,
        };
        let application = live.state.doc.application.clone();
        self.slots
            .insert(start.execution.clone(), Slot::Live(Box::new(live)));
        match self.commit(
            &start.execution,
            decision,
            responder,
            values.as_deref_mut(),
            group,
        ) {
            Committed::Taken => {
                tracing::info!(execution.id = %start.execution, "execution {} of {application} starts", start.execution);
            }
            Committed::Refused => {
                self.slots.remove(&start.execution);
            }
            Committed::Held { responder, facts } => {
                self.slots.remove(&start.execution);
                let work = Work {
                    execution: start.execution.clone(),
                    what: match peer {
                        Some(peer) => What::Peer(peer.clone()),
                        None => What::Start {
                            start: Box::new(start.clone()),
                            at_ms,
                        },
                    },
                    responder,
                    values,
                };
                self.hold(work, now, facts);
            }
        }
    }

    pub(super) fn is_ours(&self, execution: &ExecutionId) -> bool {
        gennaker_model::routing::partition_of(execution, self.around.config.partitions)
            == self.around.partition
    }
}

/// The refusal that a start was answered with, when the execution only records that it failed.
pub(super) fn failed_start(state: &State) -> Option<Refusal> {
    let doc = &state.doc;
    let reason = doc
        .cancellation_reason
        .as_deref()?
        .strip_prefix(FAILED_ON_STARTUP)?;
    (doc.status == gennaker_model::Status::Terminal && doc.start_time.is_none()).then(|| Refusal {
        code: RefusalCode::Invalid,
        message: reason.to_owned(),
        execution: Some(doc.id.clone()),
    })
}
