//! One input for one execution: decided on what is in memory, or kept until the execution is loaded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gennaker_bus::Responder;
use gennaker_engine::{
    Change, Context, Decision, Effect, Event, Input, Lookup, LookupAnswer, Rules, State, Timer,
    decide, explain,
};
use gennaker_intake::{StartContext, prepare};
use gennaker_model::{
    CommandId, Execution, ExecutionId,
    command::{EXPIRES_AFTER_MS, Peer, PeerBody, Refusal, RefusalCode, Reply, Request, Start},
    work::TaskReport,
};
use gennaker_stages::CATALOGUE;

use super::{Live, Owner, Slot, group::Group, prior::Prior, spans};
use crate::{checkpoint::Saved, history::Tail, record};

/// What is to be done about one execution, and who waits for the answer.
pub(crate) struct Work {
    execution: ExecutionId,
    what: What,
    responder: Option<Responder>,
}

enum What {
    Input(Box<Input>),
    Start { start: Box<Start>, at_ms: i64 },
    Peer(Peer),
    Read,
    Explain,
    History,
    Delete { at_ms: i64 },
}

/// Longest start of the message of a start that failed; by it a repeat is told the same.
const FAILED_ON_STARTUP: &str = "Failed on startup: ";

impl Work {
    pub fn timer(execution: ExecutionId, timer: Timer, due: i64) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::TimerFired { timer, due })),
            responder: None,
        }
    }

    /// Whether it is about this execution.
    pub fn is_about(&self, execution: &ExecutionId) -> bool {
        self.execution == *execution
    }

    pub fn looked_up(execution: ExecutionId, lookup: Lookup, answer: LookupAnswer) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::LookupAnswered { lookup, answer })),
            responder: None,
        }
    }

    pub fn peer_answered(
        from: ExecutionId,
        to: ExecutionId,
        number: u64,
        refused: Option<String>,
    ) -> Self {
        Self {
            execution: from,
            what: What::Input(Box::new(Input::PeerAnswered {
                to,
                number,
                refused,
            })),
            responder: None,
        }
    }

    pub fn audited(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::Audited)),
            responder: None,
        }
    }

    pub fn slot_granted(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::SlotGranted)),
            responder: None,
        }
    }

    pub fn superseded(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::Superseded)),
            responder: None,
        }
    }

    pub fn report(report: TaskReport, responder: Responder) -> Self {
        Self {
            execution: report.execution.clone(),
            what: What::Input(Box::new(Input::Report(report))),
            responder: Some(responder),
        }
    }

    /// A request about one execution. Lists are not: they are answered elsewhere.
    pub fn request(id: CommandId, at_ms: i64, request: Request, responder: Responder) -> Self {
        let change = |change| What::Input(Box::new(Input::Command { id, at_ms, change }));
        let (execution, what) = match request {
            Request::Start(start) => (start.execution.clone(), What::Start { start, at_ms }),
            Request::Cancel {
                execution,
                user,
                reason,
            } => (execution, change(Change::Cancel { user, reason })),
            Request::Pause { execution, user } => (execution, change(Change::Pause { user })),
            Request::Resume { execution, user } => (execution, change(Change::Resume { user })),
            Request::PatchStage {
                execution,
                stage,
                patch,
                user,
                roles,
            } => (
                execution,
                change(Change::PatchStage {
                    stage,
                    patch,
                    user,
                    roles,
                }),
            ),
            Request::RestartStage {
                execution,
                stage,
                preconditions,
                user,
            } => (
                execution,
                change(Change::RestartStage {
                    stage,
                    preconditions,
                    user,
                }),
            ),
            Request::Delete { execution } => (execution, What::Delete { at_ms }),
            Request::Read { execution } => (execution, What::Read),
            Request::Explain { execution } => (execution, What::Explain),
            Request::History { execution } => (execution, What::History),
            Request::Peer(peer) => (peer.to.clone(), What::Peer(peer)),
            other @ (Request::List(_) | Request::Freezes) => {
                unreachable!("it is about no single execution: {other:?}")
            }
        };
        Self {
            execution,
            what,
            responder: Some(responder),
        }
    }
}

impl Owner {
    /// Does the work now, or once the execution is loaded.
    pub(super) fn perform(&mut self, work: Work, group: &mut Group) {
        group.inputs += 1;
        let known = self.index.contains(&work.execution);
        match self.slots.get_mut(&work.execution) {
            Some(Slot::Live(live)) if live.deleted => self.without(work, true, group),
            Some(Slot::Live(_)) => self.on_live(work, group),
            Some(Slot::Loading { waiting, .. }) => waiting.push(work),
            Some(Slot::Parked { sequence }) => {
                let sequence = *sequence;
                let id = work.execution.clone();
                self.load(&id, sequence, vec![work]);
            }
            None if known || !self.index.complete => {
                let id = work.execution.clone();
                self.load(&id, 0, vec![work]);
            }
            None => {
                let deleted = self.deleted.contains_key(&work.execution);
                self.without(work, deleted, group);
            }
        }
    }

    /// Work for an execution that a load did not find; an earlier piece of such work may have made it meanwhile.
    pub(super) fn perform_absent(&mut self, work: Work, deleted: bool, group: &mut Group) {
        if self.slots.contains_key(&work.execution) {
            self.perform(work, group);
        } else {
            group.inputs += 1;
            self.without(work, deleted, group);
        }
    }

    /// The execution does not exist, or was deleted: then its id is not free for another.
    fn without(&mut self, work: Work, deleted: bool, group: &mut Group) {
        let Work {
            execution,
            what,
            responder,
        } = work;
        match what {
            What::Start { .. } if deleted => {
                let message = format!("execution {execution} was deleted");
                self.answer(
                    responder,
                    Err(Refusal {
                        code: RefusalCode::Conflict,
                        message,
                        execution: None,
                    }),
                );
            }
            // The answer to the first one was lost.
            What::Delete { .. } if deleted => self.answer(responder, Ok(Reply::Done)),
            What::Peer(_) if deleted => self.answer(responder, Err(not_found(&execution))),
            What::Start { start, at_ms } => self.start(&start, at_ms, None, responder, group),
            What::Peer(peer) => match &peer.body {
                PeerBody::StartChild(start) => {
                    let start = start.clone();
                    self.start(&start, group.at, Some(&peer), responder, group);
                }
                PeerBody::CancelChild { .. }
                | PeerBody::ChildFinished(_)
                | PeerBody::ChildRestarted { .. } => {
                    self.answer(responder, Err(not_found(&execution)));
                }
            },
            What::Input(input) if matches!(*input, Input::Report(_)) => {
                self.answer(responder, Ok(Reply::Report { stale: true }))
            }
            What::Input(_) | What::Read | What::Explain | What::History | What::Delete { .. } => {
                self.answer(responder, Err(not_found(&execution)))
            }
        }
    }

    fn on_live(&mut self, work: Work, group: &mut Group) {
        let Work {
            execution,
            what,
            responder,
        } = work;
        let Some(Slot::Live(live)) = self.slots.get(&execution) else {
            return;
        };
        match what {
            What::Input(input) => self.decide(&execution, &input, responder, group),
            What::Start { .. } => {
                let answer = match failed_start(&live.state) {
                    Some(refusal) => Err(refusal),
                    None => Ok(Reply::Started {
                        execution: execution.clone(),
                        existing: true,
                    }),
                };
                self.answer(responder, answer);
            }
            What::Peer(peer) => self.decide(&execution, &Input::Peer(peer), responder, group),
            What::Read => {
                let document = Box::new(live.state.doc.clone());
                self.answer(responder, Ok(Reply::Execution { document }));
            }
            What::Explain => {
                let reply = Reply::Explanation {
                    waits: explain::waits(&live.state),
                    status: live.state.doc.status,
                };
                self.answer(responder, Ok(reply));
            }
            What::History => self.tell_history(&execution, responder),
            What::Delete { at_ms } => self.delete(&execution, at_ms, responder, group),
        }
    }

    fn start(
        &mut self,
        start: &Start,
        at_ms: i64,
        peer: Option<&Peer>,
        responder: Option<Responder>,
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
        let made = catch_unwind(AssertUnwindSafe(|| {
            let now = group.at;
            let prepared = prepare(
                start,
                &StartContext {
                    now,
                    rules: &rules,
                    frozen: self.freezes.of(&start.config),
                    prior: prior.as_deref(),
                },
            );
            let context = self.context(now, &rules, &prepared.execution);
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
            deleted: false,
        };
        tracing::info!(execution.id = %start.execution, "execution {} of {} starts", start.execution, live.state.doc.application);
        self.slots
            .insert(start.execution.clone(), Slot::Live(Box::new(live)));
        if !self.commit(&start.execution, decision, responder, group) {
            self.slots.remove(&start.execution);
        }
    }

    fn decide(
        &mut self,
        execution: &ExecutionId,
        input: &Input,
        responder: Option<Responder>,
        group: &mut Group,
    ) {
        let rules = self.around.config.rules.clone();
        let Some(Slot::Live(live)) = self.slots.get(execution) else {
            return;
        };
        let context = self.context(group.at, &rules, &live.state.doc);
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
    fn commit(
        &mut self,
        execution: &ExecutionId,
        decision: Decision,
        responder: Option<Responder>,
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

    fn delete(
        &mut self,
        execution: &ExecutionId,
        at_ms: i64,
        responder: Option<Responder>,
        group: &mut Group,
    ) {
        let Some(Slot::Live(live)) = self.slots.get_mut(execution) else {
            return;
        };
        let refusal = |code, message| {
            Err(Refusal {
                code,
                message,
                execution: None,
            })
        };
        if live.state.is_live() {
            let message = "Cannot delete a running pipeline, please cancel it first.".to_owned();
            return self.answer(responder, refusal(RefusalCode::Conflict, message));
        }
        if group.at - at_ms > EXPIRES_AFTER_MS {
            let message =
                "the request is too old and was not carried out; send it again".to_owned();
            return self.answer(responder, refusal(RefusalCode::Expired, message));
        }
        match record::encode_deleted(execution) {
            Ok(entry) => {
                live.deleted = true;
                group.add(execution, &entry);
                if let Some(responder) = responder {
                    group.answers.push((responder, Ok(Reply::Done)));
                }
            }
            Err(error) => self.answer(
                responder,
                refusal(
                    RefusalCode::Internal,
                    format!("it cannot be written: {error}"),
                ),
            ),
        }
    }

    fn panicked(
        &mut self,
        execution: &ExecutionId,
        panic: &(dyn std::any::Any + Send),
        responder: Option<Responder>,
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

    fn is_ours(&self, execution: &ExecutionId) -> bool {
        gennaker_model::routing::partition_of(execution, self.around.config.partitions)
            == self.around.partition
    }

    fn context<'a>(&self, now: i64, rules: &'a Rules, doc: &Execution) -> Context<'a> {
        Context {
            now,
            catalogue: &CATALOGUE,
            rules,
            partition: self.around.partition,
            must_wait: self.must_wait(doc),
        }
    }
}

/// The refusal that a start was answered with, when the execution only records that it failed.
fn failed_start(state: &State) -> Option<Refusal> {
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

fn not_found(execution: &ExecutionId) -> Refusal {
    Refusal {
        code: RefusalCode::NotFound,
        message: format!("there is no execution {execution}"),
        execution: None,
    }
}
