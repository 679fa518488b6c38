//! From a configuration and what triggered it to an execution.
//!
//! A pipeline that is made from a template becomes a plain one first ([`templated`]). The same pure function then serves a start, a
//! plan and the linter: defaults of parameters, checks, expressions that can be
//! evaluated before the run, and the execution document with its stages. A start that cannot be is still an execution, TERMINAL
//! and with the reason in it, so that nobody has to guess why nothing ran.
//!
//! Called by the owner of a partition (starts), by `gate` (required parameters) and by `triggers` ([`matching`]). No IO, no
//! clock, no randomness.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod ad_hoc;
pub mod artifacts;
pub mod assess;
pub mod lint;
pub mod matching;
pub mod notifications;
pub mod parameters;
pub mod parent;
pub mod start;
pub mod templated;

pub use ad_hoc::AdHocTasks;
pub use start::{Prepared, StartContext, needs_prior, prepare};
