//! Verbs that this release does not have: each says what it waits for and what does the work meanwhile.

use clap::Subcommand;

use crate::Failure;

/// A verb that is not there yet. Hidden from the help, so that nobody plans with it.
#[derive(Clone, Debug, Subcommand)]
pub enum Absent {
    /// Output of stages
    #[command(hide = true)]
    Logs(Rest),
    /// Back to an earlier version
    #[command(hide = true)]
    Rollback(Rest),
    /// Everything as files
    #[command(hide = true)]
    Export(Rest),
    /// Zones and their queues
    #[command(hide = true)]
    Zones(Rest),
    /// Workers
    #[command(hide = true)]
    Workers(Rest),
    /// A check of the installation
    #[command(hide = true)]
    Doctor(Rest),
    /// The trace of an execution
    #[command(hide = true)]
    Trace(Rest),
    /// A full-screen view
    #[command(hide = true)]
    Top(Rest),
    /// An execution in the browser
    #[command(hide = true)]
    Open(Rest),
    /// Sign-in
    #[command(hide = true)]
    Login(Rest),
    /// Several servers
    #[command(hide = true)]
    Ctx(Rest),
}

/// The arguments of a verb that is not there.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Rest {
    /// Whatever was given.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<String>,
}

/// The sentence about a verb that is not there.
pub(crate) fn refusal(verb: &Absent) -> Failure {
    let (name, awaits, meanwhile) = match verb {
        Absent::Logs(_) => (
            "logs",
            "stages that keep logs",
            "`gennaker why REF` shows what failed, `gennaker show REF -o json` what stages learned",
        ),
        Absent::Rollback(_) => (
            "rollback",
            "clusters and their versions",
            "`gennaker run` starts the pipeline with the earlier version",
        ),
        Absent::Export(_) => (
            "export",
            "an export of all documents",
            "`gennaker api GET /pipelineConfigs` and `gennaker api GET /applications` print them",
        ),
        Absent::Zones(_) => (
            "zones",
            "figures of zones in the server's API",
            "/metrics has the queue of every pool and zone",
        ),
        Absent::Workers(_) => (
            "workers",
            "a list of workers in the server's API",
            "/metrics of each worker says what it does",
        ),
        Absent::Doctor(_) => (
            "doctor",
            "checks of the broker that a client may ask for",
            "`gennaker api GET /health` says whether everything is up, `gennaker config check FILE` whether settings are right",
        ),
        Absent::Trace(_) => (
            "trace",
            "the address of a trace viewer in the settings",
            "the trace of an execution has its id as attribute execution.id (docs/telemetry.md)",
        ),
        Absent::Top(_) => (
            "top",
            "the full-screen view",
            "`gennaker ls` and `gennaker watch REF` show what runs",
        ),
        Absent::Open(_) => (
            "open",
            "the web interface",
            "`gennaker show REF` shows an execution here",
        ),
        Absent::Login(_) => (
            "login",
            "sign-in at the server",
            "~/.spin/config holds a sign-in for servers that ask for one",
        ),
        Absent::Ctx(_) => (
            "ctx",
            "names for several servers",
            "--server, GENNAKER_URL and --config FILE choose one",
        ),
    };
    Failure::command(format!(
        "`gennaker {name}` is not in this release: it awaits {awaits}"
    ))
    .fix(meanwhile)
}
