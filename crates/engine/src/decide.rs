//! The dispatcher: one input in, facts and requests out.
//!
//! A decision works on a copy of the state (cheap: stages are shared until they change), folds each fact into it as soon as
//! it is made, and runs Spinnaker's internal messages to a fixed point.

mod announce;
mod attempt;
mod cancel;
mod child;
mod command;
mod draft;
mod execution;
mod lookup;
mod notice;
mod optional;
mod pause;
mod report;
mod restart;
mod retry;
mod stage;
mod synthetic;
mod task;

use std::collections::BTreeSet;

use gennaker_expressions::{Limits, TimeZone};
use gennaker_model::{Execution, command::Parent};

use crate::{
    announcement::Listening,
    definition::Catalogue,
    effect::Effect,
    event::Event,
    input::Input,
    lookup::submission,
    state::{Lookup, State},
};
pub use child::shown_parent;
pub(crate) use draft::Draft;
use draft::Message;
pub use execution::first_failure;
pub(crate) use restart::restart_waits;
pub(crate) use stage::effective_kind;

/// What a decision may look at beside the state.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Epoch milliseconds; never earlier than at the decision before.
    pub now: i64,
    /// The stage types.
    pub catalogue: &'a dyn Catalogue,
    /// Numbers that operators may set.
    pub rules: &'a Rules,
    /// The partition that decides; tasks carry it so that workers know where to report.
    pub partition: u32,
    /// So many other executions of its pipeline run that it must wait, if it is about to start ([`crate::limit`]).
    pub must_wait: bool,
    /// Who wants to know what happens.
    pub listeners: &'a dyn Listening,
}

/// Numbers that operators may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A stage whose effect nobody could close ends after this time, saying so; milliseconds.
    pub closing_ms_max: i64,
    /// Stages of one execution, synthetic ones included.
    pub stages_max: usize,
    /// Facts after which a decision is cut short and goes on in another: bounds the time and the size of one.
    pub events_max: usize,
    /// How many executions may stand above one: pipelines that start each other end here.
    pub depth_max: u32,
    /// Internal steps of one decision; more means that the pipeline goes round in circles.
    pub steps_max: usize,
    /// Addresses that the expressions of one stage may read.
    pub lookups_max: usize,
    /// Bytes that the answers to the expressions of one stage may take.
    pub lookup_bytes_max: usize,
    /// Bytes that the context of a stage may take once its expressions are evaluated.
    pub context_bytes_max: usize,
    /// Tasks that are SKIPPED when they would start: the last part of their `implementingClass`, its first letter in lower case.
    pub tasks_disabled: BTreeSet<String>,
    /// The address under which people reach the user interface, for links in notifications; empty for no links.
    pub address: String,
    /// Time zone of expressions.
    pub zone: TimeZone,
    /// Ceilings of expressions.
    pub limits: Limits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            closing_ms_max: 120_000,
            stages_max: 5_000,
            events_max: 500,
            depth_max: 32,
            steps_max: 200_000,
            lookups_max: 50,
            lookup_bytes_max: 8 << 20,
            context_bytes_max: 8 << 20,
            tasks_disabled: BTreeSet::new(),
            address: String::new(),
            zone: TimeZone::UTC,
            limits: Limits::default(),
        }
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Facts, in order. Empty when nothing changed.
    pub events: Vec<Event>,
    /// Requests, in order; performed once the facts are durable.
    pub effects: Vec<Effect>,
    /// The state with the facts folded in: what [`crate::apply()`] would give.
    pub after: State,
}

/// Makes an execution and runs it as far as it goes.
///
/// A document that is complete already (a start that failed) is recorded as it is. `needs` is what [`crate::submit::evaluate`]
/// wanted to know: it is looked up first, and the texts are evaluated then.
#[must_use]
pub fn start(
    execution: Execution,
    parent: Option<Parent>,
    needs: &[Lookup],
    context: &Context<'_>,
) -> Decision {
    let created = Event::Created {
        execution: Box::new(execution),
        parent,
    };
    let state = crate::apply::created(&created).expect("the event is a creation");
    let mut draft = Draft::new(state, context);
    draft.events.push(created);
    if draft.state.doc.status.is_complete() {
        draft.tell_parent();
    } else {
        draft.look_up(&submission(), needs);
        draft.push(Message::StartExecution);
    }
    draft.settle()
}

/// Decides about one input.
#[must_use]
pub fn decide(state: &State, input: &Input, context: &Context<'_>) -> Decision {
    let mut draft = Draft::new(state.clone(), context);
    match input {
        Input::Command { id, at_ms, change } => draft.command(id, *at_ms, change),
        Input::Peer(peer) => draft.peer(peer),
        Input::PeerAnswered {
            to,
            number,
            refused,
        } => draft.peer_answered(to, *number, refused.as_deref()),
        Input::Report(report) => draft.report(report),
        Input::TimerFired { timer, due } => draft.timer_fired(timer, *due),
        Input::LookupAnswered { lookup, answer } => draft.lookup_answered(lookup, answer),
        Input::AnnouncementsStored { numbers } => draft.announcements_stored(numbers),
        Input::SlotGranted => draft.slot_granted(),
        Input::Superseded => draft.superseded(),
        Input::LineIsFull { waiting } => draft.line_is_full(*waiting),
        Input::Audited => draft.audited(),
    }
    draft.settle()
}
