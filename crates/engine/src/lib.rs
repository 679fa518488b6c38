//! The execution state machine: Orca's behaviour as a plain synchronous value.
//!
//! [`decide()`] looks at a [`State`] and an [`Input`] and returns facts ([`Event`]) and requests ([`Effect`]); [`apply()`] folds
//! one fact into a state and decides nothing. Replaying the facts rebuilds the state; same inputs, same facts, byte for byte.
//!
//! Spinnaker's queue messages (start stage, run task, complete stage, …) are the internal steps of *one* decision, run to a
//! fixed point: a pipeline of stages that need nothing from outside ends in a single decision.
//!
//! This crate never does IO, awaits nothing, reads no clock, draws no randomness, and knows no stage type: those come in as a
//! [`Catalogue`]. The scheduler drives it and performs the effects; the simulation and `gennaker replay` drive it too.
//!
//! | module | subject |
//! |---|---|
//! | [`state`], [`event`], [`mod@apply`] | what is known, how it changes, the fold |
//! | [`input`], [`effect`] | what comes in, what is asked for |
//! | [`definition`] | what a stage type and a task must say about themselves |
//! | [`mod@decide`] | the dispatcher; one file per handler below it |
//! | [`graph`], [`rollup`], [`transitions`] | Spinnaker's tables: ancestors, status from parts, legal moves |
//! | [`scope`], [`submit`], [`lookup`] | reading values and evaluating expressions; before the run; what they read from outside |
//! | [`announcement`], [`notice`] | what the world is told: events of its life, notifications that are due |
//! | [`limit`] | how many executions of a pipeline may run at once |
//! | [`audit`], [`explain`] | no zombies; why is it waiting |
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod announcement;
pub mod apply;
pub mod audit;
pub mod decide;
pub mod definition;
pub mod effect;
pub mod event;
pub mod exception;
pub mod explain;
pub mod graph;
pub mod input;
pub mod limit;
pub mod lookup;
pub mod notice;
pub mod rollup;
pub mod scope;
pub mod state;
pub mod submit;
pub mod transitions;

pub use announcement::{Announcement, Forwards, Listening, Nobody, Telling};
pub use apply::apply;
pub use decide::{Context, Decision, Rules, decide, start};
pub use definition::{
    Catalogue, Cleared, NewStage, Plan, PlanContext, PlannedTask, StageDefinition, Step,
    TaskContext, TaskDefinition, TaskResult,
};
pub use effect::Effect;
pub use event::Event;
pub use input::{Change, Input};
pub use state::{ExpressionLookup, Lookup, LookupAnswer, NewestOf, Purpose, State, Timer, Watched};
