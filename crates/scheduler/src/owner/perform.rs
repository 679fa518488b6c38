//! What becomes of a piece of work: it is done on what is in memory, or waits until the execution is loaded, or there is no such
//! execution.

use gennaker_engine::{Input, explain};
use gennaker_model::{
    ExecutionId,
    command::{PeerBody, Refusal, RefusalCode, Reply},
};

use super::{
    Owner, Slot,
    group::Group,
    start::failed_start,
    work::{What, Work},
};

impl Owner {
    /// Does the work now, or once the execution is loaded.
    pub(super) fn perform(&mut self, work: Work, group: &mut Group) {
        group.inputs += 1;
        let known = self.index.contains(&work.execution);
        match self.slots.get_mut(&work.execution) {
            Some(Slot::Live(live)) if live.deleted => self.without(work, true, group),
            Some(Slot::Live(live)) if live.held.is_some() && work.may_change() => {
                live.held.get_or_insert_default().push(work);
            }
            Some(Slot::Live(_)) => self.on_live(work, group),
            Some(Slot::Loading { waiting, .. } | Slot::Retiring { waiting }) => waiting.push(work),
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
            values,
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
            What::Start { start, at_ms } => {
                self.start(&start, at_ms, None, responder, values, group);
            }
            What::Peer(peer) => match &peer.body {
                PeerBody::StartChild(start) => {
                    let start = start.clone();
                    self.start(&start, group.at, Some(&peer), responder, values, group);
                }
                PeerBody::CancelChild { .. }
                | PeerBody::FlagChild { .. }
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
            values,
        } = work;
        let Some(Slot::Live(live)) = self.slots.get(&execution) else {
            return;
        };
        match what {
            What::Input(input)
                if *input == Input::SlotGranted && !self.limits.keeps(&live.state.doc) =>
            {
                tracing::debug!(execution.id = %execution, "the place of execution {execution} was taken back by one that was resumed");
            }
            What::Input(input) => self.decide(&execution, input, responder, values, group),
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
            What::Peer(peer) => {
                let input = Box::new(Input::Peer(peer));
                self.decide(&execution, input, responder, values, group);
            }
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
}

fn not_found(execution: &ExecutionId) -> Refusal {
    Refusal {
        code: RefusalCode::NotFound,
        message: format!("there is no execution {execution}"),
        execution: None,
    }
}
