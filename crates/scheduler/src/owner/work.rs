//! One input for one execution, and who waits for the answer.

use gennaker_engine::{Change, Input, Lookup, LookupAnswer, Timer};
use gennaker_model::{
    CommandId, ExecutionId,
    command::{Peer, Request, Start},
    work::TaskReport,
};

use super::{caller::Caller, values::Values};

/// What is to be done about one execution, and who waits for the answer.
pub(crate) struct Work {
    pub(super) execution: ExecutionId,
    pub(super) what: What,
    pub(super) responder: Option<Caller>,
    /// What is known of its large values; nothing for nearly all.
    pub(super) values: Option<Box<Values>>,
}

/// What is to be done.
pub(super) enum What {
    Input(Box<Input>),
    Start { start: Box<Start>, at_ms: i64 },
    Peer(Peer),
    Read,
    Explain,
    History,
    Delete { at_ms: i64 },
}

impl Work {
    pub fn timer(execution: ExecutionId, timer: Timer, due: i64) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::TimerFired { timer, due })),
            responder: None,
            values: None,
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
            values: None,
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
            values: None,
        }
    }

    pub fn audited(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::Audited)),
            responder: None,
            values: None,
        }
    }

    pub fn announcements_stored(execution: ExecutionId, numbers: Vec<u64>) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::AnnouncementsStored { numbers })),
            responder: None,
            values: None,
        }
    }

    pub fn slot_granted(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::SlotGranted)),
            responder: None,
            values: None,
        }
    }

    pub fn line_is_full(execution: ExecutionId, waiting: usize) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::LineIsFull { waiting })),
            responder: None,
            values: None,
        }
    }

    pub fn superseded(execution: ExecutionId) -> Self {
        Self {
            execution,
            what: What::Input(Box::new(Input::Superseded)),
            responder: None,
            values: None,
        }
    }

    pub fn report(report: TaskReport, responder: Caller) -> Self {
        Self {
            execution: report.execution.clone(),
            what: What::Input(Box::new(Input::Report(report))),
            responder: Some(responder),
            values: None,
        }
    }

    /// A request about one execution. Lists are not: they are answered elsewhere.
    pub fn request(id: CommandId, at_ms: i64, request: Request, responder: Caller) -> Self {
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
            values: None,
        }
    }
}
