//! The client verbs of `gennaker`: everything that the command line does with a server, and `lint` and `eval`, which need
//! none.
//!
//! Two families. `application`, `pipeline`, `pipeline-template`, `project`, `account` and `canary` are Spinnaker's `spin`: same
//! flags, same requests, same texts, same exit codes, so that scripts go on working when the binary is linked as `spin`. The
//! others (`run`, `watch`, `judge`, `why`, `replay`, …) are ours: they follow what they start and end with a code that says how
//! it went ([`Exit`]).
//!
//! This crate knows the server only by its HTTP interface, so all of it works against any Gate. It must never decide anything
//! that the server decides, keep more state than the id of the last started execution, or print a secret. It reads no clock and
//! no environment but through [`Io`].
//!
//! The binary is the only caller: it merges [`Verb`] with its own verbs by `#[command(flatten)]`, or calls [`parse_spin`] when
//! [`is_spin`] says so, and hands the result to [`run_blocking`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod cause;
mod config;
mod difference;
mod document;
mod exit;
mod follow;
mod gate;
mod global;
mod http;
mod io;
mod lint;
mod output;
mod refs;
mod snapshot;
mod spin;
#[cfg(test)]
mod testing;
mod text;
mod verb;
mod verbs;

use std::sync::Arc;

pub use exit::{EXIT_CODES, Exit, Failure};
pub use global::Global;
pub use http::{BoxFuture, Chunks, Http, Request, Response, Streaming, Tls, Trouble};
pub use io::{Interrupt, Io};
pub use lint::{Finding, Linter, Severity, graph::check as check_graph};
pub use spin::args::{
    AccountArgs, AccountCommand, ApplicationArgs, ApplicationCommand, ApplicationPipelinesCommand,
    ExecutionCommand, Extra, PipelineArgs, PipelineCommand, SpinArgs, SpinCommand,
    canary::{
        CalibrateArgs, CanaryArgs, CanaryCommand, CanaryConfigCommand, CanaryJudgeArgs,
        CanaryReportArgs, RetroArgs,
    },
    project::{ProjectArgs, ProjectCommand},
    template::{TemplateArgs, TemplateCommand, UseArgs},
};
pub use verb::{Verb, is_spin, parse_spin, run, run_blocking, usage};
pub use verbs::{
    absent::{Absent, Rest},
    api::ApiArgs,
    cancel::CancelArgs,
    diff::DiffArgs,
    eval::EvalArgs,
    freeze::{FreezeArgs, ThawArgs},
    judge::JudgeArgs,
    lint::LintArgs,
    ls::LsArgs,
    notify::NotifyArgs,
    pause::PauseArgs,
    plan::{ApplyArgs, PlanArgs},
    replay::ReplayArgs,
    retry::{RetryArgs, SkipArgs},
    run::RunArgs,
    show::ShowArgs,
    watch::WatchArgs,
    why::WhyArgs,
};

use gate::Caller;

/// Makes what sends requests.
pub type Connect = Box<dyn Fn(&Tls) -> Result<Arc<dyn Http>, Trouble> + Send + Sync>;

/// What the verbs use that is not theirs.
pub struct Tools {
    /// What `lint` finds.
    pub linter: Linter,
    /// How the server is reached.
    pub connect: Connect,
}

impl Default for Tools {
    /// The checks of this crate alone, and real connections.
    fn default() -> Self {
        Self {
            linter: check_graph,
            connect: Box::new(http::outbound::connect),
        }
    }
}
