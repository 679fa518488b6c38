//! What can happen to an execution.

use std::collections::BTreeMap;

use gennaker_model::{CommandId, ExecutionId, Map, StageId, command::Peer, work::TaskReport};
use serde_json::Value;

use crate::state::{Lookup, LookupAnswer, Timer};

/// One thing that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A person or a client asks for a change.
    Command {
        /// Identity of the command; a repeat gets the same answer.
        id: CommandId,
        /// When it was drawn, epoch milliseconds.
        at_ms: i64,
        /// What is asked.
        change: Change,
    },
    /// Another execution says something.
    Peer(Peer),
    /// Another execution took what this one said, or refused it for good.
    PeerAnswered {
        /// The receiver.
        to: ExecutionId,
        /// The number.
        number: u64,
        /// Why it was refused for good.
        refused: Option<String>,
    },
    /// A worker reports.
    Report(TaskReport),
    /// A timer is due.
    TimerFired {
        /// Which.
        timer: Timer,
        /// The due time it was armed with, epoch milliseconds; another one means that it was armed again.
        due: i64,
    },
    /// A lookup was answered.
    LookupAnswered {
        /// Which.
        lookup: Lookup,
        /// The answer.
        answer: LookupAnswer,
    },
    /// The broker has announcements of it.
    AnnouncementsStored {
        /// Their numbers.
        numbers: Vec<u64>,
    },
    /// It waited for other executions of its pipeline, and may run now.
    SlotGranted,
    /// It waited for other executions of its pipeline, and a newer one runs instead.
    Superseded,
    /// It waits for other executions of its pipeline, and too many waited already.
    LineIsFull {
        /// How many.
        waiting: usize,
    },
    /// A decision was cut short ([`crate::Effect::Continue`]), or the audit found something that nothing keeps moving
    /// ([`crate::audit`]): look at everything again.
    Audited,
}

/// What a client can ask of an existing execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// End it.
    Cancel {
        /// Who asks.
        user: String,
        /// Why.
        reason: Option<String>,
    },
    /// Stop starting tasks.
    Pause {
        /// Who asks.
        user: String,
    },
    /// Go on.
    Resume {
        /// Who asks.
        user: String,
    },
    /// Merge a map into a stage's context.
    PatchStage {
        /// The stage.
        stage: StageId,
        /// Keys to set.
        patch: Map,
        /// Who asks.
        user: String,
        /// Roles of who asks; `None` for one who may do everything.
        roles: Option<Vec<String>>,
    },
    /// Begin a stage that has ended anew, with everything below it.
    RestartStage {
        /// The stage.
        stage: StageId,
        /// New `preconditions` of the `checkPreconditions` stages, by refId.
        preconditions: Option<BTreeMap<String, Value>>,
        /// Who asks.
        user: String,
    },
}
