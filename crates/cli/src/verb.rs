//! The verbs, and how a command line becomes one.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use crate::{
    Caller, Exit, Failure, Io, Tools,
    spin::{
        self,
        args::{
            AccountArgs, ApplicationArgs, PipelineArgs, SpinArgs, SpinCommand, canary::CanaryArgs,
            project::ProjectArgs, template::TemplateArgs,
        },
    },
    verbs::{
        absent::{self, Absent},
        api::{self, ApiArgs},
        cancel::{self, CancelArgs},
        diff::{self, DiffArgs},
        eval::{self, EvalArgs},
        events::{self, EventsArgs},
        freeze::{self, FreezeArgs, ThawArgs},
        judge::{self, JudgeArgs},
        lint::{self, LintArgs},
        ls::{self, LsArgs},
        pause::{self, PauseArgs, Way},
        plan::{self, ApplyArgs, PlanArgs},
        pollers::{self, PollersArgs},
        replay::{self, ReplayArgs},
        retry::{self, RetryArgs, SkipArgs},
        run::{self as start, RunArgs},
        show::{self, ShowArgs},
        watch::{self, WatchArgs},
        why::{self, WhyArgs},
    },
};

/// Everything that the command line does with a server.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Start a pipeline and follow it to its end
    Run(RunArgs),
    /// Follow an execution to its end
    Watch(WatchArgs),
    /// List what waits for a person, or decide
    Judge(JudgeArgs),
    /// Cancel an execution
    Cancel(CancelArgs),
    /// Let an execution start nothing new
    Pause(PauseArgs),
    /// Let a paused execution go on
    Resume(PauseArgs),
    /// Begin a stage of an execution anew
    Retry(RetryArgs),
    /// End a stage that runs, and go on with the next
    Skip(SkipArgs),
    /// Start nothing new of an application or a pipeline, or list what is frozen
    Freeze(FreezeArgs),
    /// Start executions of an application or a pipeline again
    Thaw(ThawArgs),
    /// List executions, newest first
    Ls(LsArgs),
    /// Show an execution
    Show(ShowArgs),
    /// Say why an execution failed, or what it waits for
    Why(WhyArgs),
    /// List what may start pipelines, and why it did or did not
    Events(EventsArgs),
    /// Show how it goes with registries, build servers and what else is polled
    Pollers(PollersArgs),
    /// Say what is different between two executions
    Diff(DiffArgs),
    /// Show every decision about an execution
    Replay(ReplayArgs),
    /// Send one request to the server
    Api(ApiArgs),
    /// Check pipeline files without a server
    Lint(LintArgs),
    /// Say what saving pipeline files would change
    Plan(PlanArgs),
    /// Save pipeline files
    Apply(ApplyArgs),
    /// Try expressions against an execution
    Eval(EvalArgs),
    /// Applications, as spin has them
    #[command(alias = "applications", alias = "app")]
    Application(ApplicationArgs),
    /// Pipelines and their executions, as spin has them
    #[command(alias = "pipelines", alias = "pi")]
    Pipeline(PipelineArgs),
    /// Accounts, as spin has them
    #[command(alias = "acc")]
    Account(AccountArgs),
    /// Pipeline templates, as spin has them
    #[command(alias = "pipeline-templates", alias = "pt")]
    PipelineTemplate(TemplateArgs),
    /// Projects, as spin has them
    #[command(alias = "prj")]
    Project(ProjectArgs),
    /// Canary analysis, as spin has it
    Canary(CanaryArgs),
    /// Spinnaker's command line: same commands, same flags, same exit codes
    Spin(SpinArgs),
    /// What is not in this release.
    #[command(flatten)]
    Absent(Absent),
}

/// The command line of `spin`.
#[derive(Debug, Parser)]
#[command(name = "spin", version, about = "Spinnaker's command line")]
struct SpinCli {
    #[command(flatten)]
    args: SpinArgs,
}

/// Whether the program was called as `spin`: the last part of the path, without `.exe`.
#[must_use]
pub fn is_spin(program: &std::ffi::OsStr) -> bool {
    std::path::Path::new(program)
        .file_stem()
        .is_some_and(|name| name == "spin")
}

/// Reads the command line of `spin`; the first argument is the program's name.
///
/// # Errors
/// What clap says; [`usage`] prints it.
pub fn parse_spin<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
) -> Result<Verb, clap::Error> {
    SpinCli::try_parse_from(arguments).map(|cli| Verb::Spin(cli.args))
}

/// Prints what clap says about a command line, help and version included, and gives the exit code: 0 for help, 1 for a
/// mistake in spin's, 2 in ours.
pub fn usage(error: &clap::Error, is_spin: bool, io: &mut Io) -> u8 {
    let rendered = error.render().to_string();
    // spin, like every cobra program, prints help and succeeds when only a group of commands is named.
    let is_group = matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    );
    if !error.use_stderr() || (is_spin && is_group) {
        io.put(&rendered);
        return Exit::Succeeded.code();
    }
    io.draw(&rendered);
    if is_spin {
        Exit::CommandError.code()
    } else {
        Exit::Usage.code()
    }
}

/// Runs a verb and gives the exit code; failures are printed.
pub async fn run(verb: Verb, tools: &Tools, io: &mut Io) -> u8 {
    // Boxed, because the futures of some verbs are large.
    let result: Result<Exit, Failure> = match verb {
        Verb::Run(args) => Box::pin(start::run(&args, tools, io)).await,
        Verb::Watch(args) => Box::pin(watch::run(&args, tools, io)).await,
        Verb::Judge(args) => Box::pin(judge::run(&args, tools, io)).await,
        Verb::Cancel(args) => Box::pin(cancel::run(&args, tools, io)).await,
        Verb::Pause(args) => Box::pin(pause::run(Way::Pause, &args, tools, io)).await,
        Verb::Resume(args) => Box::pin(pause::run(Way::Resume, &args, tools, io)).await,
        Verb::Retry(args) => Box::pin(retry::run(&args, tools, io)).await,
        Verb::Skip(args) => Box::pin(retry::skip(&args, tools, io)).await,
        Verb::Freeze(args) => Box::pin(freeze::run(&args, tools, io)).await,
        Verb::Thaw(args) => Box::pin(freeze::thaw(&args, tools, io)).await,
        Verb::Pollers(args) => Box::pin(pollers::run(&args, tools, io)).await,
        Verb::Events(args) => Box::pin(events::run(&args, tools, io)).await,
        Verb::Ls(args) => Box::pin(ls::run(&args, tools, io)).await,
        Verb::Show(args) => Box::pin(show::run(&args, tools, io)).await,
        Verb::Why(args) => Box::pin(why::run(&args, tools, io)).await,
        Verb::Diff(args) => Box::pin(diff::run(&args, tools, io)).await,
        Verb::Plan(args) => Box::pin(plan::run(&args, tools, io)).await,
        Verb::Apply(args) => Box::pin(plan::apply(&args, tools, io)).await,
        Verb::Replay(args) => Box::pin(replay::run(&args, tools, io)).await,
        Verb::Api(args) => Box::pin(api::run(&args, tools, io)).await,
        Verb::Absent(verb) => Err(absent::refusal(&verb)),
        Verb::Lint(args) => lint::run(&args, tools, io),
        Verb::Eval(args) => Box::pin(eval::run(&args, tools, io)).await,
        Verb::Application(args) => {
            return spin(SpinCommand::Application(args), Caller::Verb, tools, io).await;
        }
        Verb::Pipeline(args) => {
            return spin(SpinCommand::Pipeline(args), Caller::Verb, tools, io).await;
        }
        Verb::Account(args) => {
            return spin(SpinCommand::Account(args), Caller::Verb, tools, io).await;
        }
        Verb::PipelineTemplate(args) => {
            return spin(SpinCommand::PipelineTemplate(args), Caller::Verb, tools, io).await;
        }
        Verb::Project(args) => {
            return spin(SpinCommand::Project(args), Caller::Verb, tools, io).await;
        }
        Verb::Canary(args) => {
            return spin(SpinCommand::Canary(args), Caller::Verb, tools, io).await;
        }
        Verb::Spin(args) => match args.command {
            Some(command) => return spin(command, Caller::Spin, tools, io).await,
            None => {
                io.put(&SpinCli::command().render_long_help().to_string());
                return Exit::Succeeded.code();
            }
        },
    };
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            if !io.out_closed {
                for line in failure.lines() {
                    io.note(&line);
                }
            }
            failure.exit
        }
    };
    if exit == Exit::Succeeded && io.out_closed {
        return Exit::CommandError.code();
    }
    exit.code()
}

/// Runs a verb to its end on a runtime of its own, which is made only now: parsing a command line needs none.
///
/// # Errors
/// The operating system gives no event queue.
pub fn run_blocking(verb: Verb, tools: &Tools, io: &mut Io) -> std::io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(run(verb, tools, io)))
}

async fn spin(command: SpinCommand, caller: Caller, tools: &Tools, io: &mut Io) -> u8 {
    Box::pin(spin::run(command, caller, tools, io)).await
}
