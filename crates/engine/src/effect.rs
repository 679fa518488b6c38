//! What a decision asks for. Plain data, performed by the scheduler after the facts are durable, in this order.

use gennaker_model::{
    command::{Peer, Refusal, Reply},
    work::{Abort, TaskMessage},
};

use crate::{
    announcement::Telling,
    state::{Lookup, Timer},
};

/// One request to the outside. Doing it twice is harmless.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Publish an attempt.
    Dispatch(Box<TaskMessage>),
    /// Tell the workers that an attempt is not wanted any more.
    Abort {
        /// The pool.
        pool: String,
        /// The zone it was pinned to.
        zone: Option<String>,
        /// Which.
        abort: Abort,
    },
    /// Fire a timer at an instant, instead of when it was armed for before.
    Arm {
        /// Which.
        timer: Timer,
        /// Epoch milliseconds.
        due: i64,
    },
    /// Do not fire it.
    Disarm {
        /// Which.
        timer: Timer,
    },
    /// Say something to another execution until it is answered.
    Send(Box<Peer>),
    /// Find something out.
    Lookup(Lookup),
    /// Tell the world until the broker has it ([`crate::Input::AnnouncementsStored`]).
    Announce(Box<Telling>),
    /// Decide about [`crate::Input::Audited`] next: this decision was cut short.
    Continue,
    /// Answer the input.
    Reply(Box<Result<Reply, Refusal>>),
}
