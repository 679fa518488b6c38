//! The verbs, and how a command line becomes one.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use crate::{
    Caller, Exit, Failure, Io, Tools,
    spin::{
        self,
        args::{AccountArgs, ApplicationArgs, PipelineArgs, Rest, SpinArgs, SpinCommand},
    },
    verbs::{
        cancel::{self, CancelArgs},
        eval::{self, EvalArgs},
        judge::{self, JudgeArgs},
        lint::{self, LintArgs},
        ls::{self, LsArgs},
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
    /// List executions, newest first
    Ls(LsArgs),
    /// Show an execution
    Show(ShowArgs),
    /// Say why an execution failed, or what it waits for
    Why(WhyArgs),
    /// Check pipeline files without a server
    Lint(LintArgs),
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
    /// Pipeline templates (not in this release)
    #[command(alias = "pipeline-templates", alias = "pt")]
    PipelineTemplate(Rest),
    /// Projects (not in this release)
    #[command(alias = "prj")]
    Project(Rest),
    /// Canary configurations (not in this release)
    Canary(Rest),
    /// Spinnaker's command line: same commands, same flags, same exit codes
    Spin(SpinArgs),
}

/// The command line of `spin`.
#[derive(Debug, Parser)]
#[command(
    name = "spin",
    version,
    about = "Spinnaker's command line",
    disable_help_subcommand = true
)]
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
        Verb::Ls(args) => Box::pin(ls::run(&args, tools, io)).await,
        Verb::Show(args) => Box::pin(show::run(&args, tools, io)).await,
        Verb::Why(args) => Box::pin(why::run(&args, tools, io)).await,
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
        Verb::PipelineTemplate(rest) => {
            return spin(SpinCommand::PipelineTemplate(rest), Caller::Verb, tools, io).await;
        }
        Verb::Project(rest) => {
            return spin(SpinCommand::Project(rest), Caller::Verb, tools, io).await;
        }
        Verb::Canary(rest) => {
            return spin(SpinCommand::Canary(rest), Caller::Verb, tools, io).await;
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
