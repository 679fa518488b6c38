//! The one binary: every role of the server, `dev` with a broker of its own, and the client verbs.
//!
//! Here the parts are wired together and nothing else happens: no rule about executions, documents or requests may live in
//! this crate. The client verbs are `gennaker-cli`'s; they start without settings, logging or more than one thread, because
//! scripts call them often. Linked as `spin`, the program is `spin`.
//!
//! | module | what it does |
//! |---|---|
//! | [`command`] | the command line |
//! | [`roles`] | from settings and a connected bus to running roles, and their orderly end |
//! | [`serve`] | production: some roles, a broker that somebody else runs |
//! | [`dev`] | all roles and a broker of its own, in a data folder; `keeper` is the process between the two |
//! | [`import`] | documents of other systems |
//! | [`demo`] | an application, a pipeline and a run of it, through the public API |

mod command;
mod config;
mod demo;
mod dev;
mod import;
mod output;
mod probes;
mod roles;
mod serve;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use gennaker_cli::{Exit, Failure, Io, Tools, Verb, is_spin, parse_spin, run_blocking, usage};

use command::{Cli, Command};

/// What finished and parked executions leave is given back to the system; the system's own allocator keeps most of it, because
/// what stays (the index) lies between it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut io = Io::of_process();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.first().is_some_and(|program| is_spin(program)) {
        return match parse_spin(arguments) {
            Ok(verb) => client(verb, &mut io),
            Err(error) => ExitCode::from(usage(&error, true, &mut io)),
        };
    }
    let done = match Cli::try_parse_from(arguments) {
        Ok(Cli { command }) => match command {
            Command::Client(verb) => return client(verb, &mut io),
            Command::Dev(arguments) => dev::run(&arguments),
            Command::Serve(arguments) => serve::run(&arguments).map(Exit::code),
            Command::Import(arguments) => import::run(&arguments.source).map(Exit::code),
            Command::Config(arguments) => config::run(&arguments.command, &mut io).map(Exit::code),
            Command::Completions { shell } => return completions(shell, &mut io),
            Command::Keeper { words } => gennaker_broker::keeper::run(&words)
                .map(|()| Exit::Succeeded.code())
                .map_err(Failure::command),
        },
        Err(error) => return ExitCode::from(usage(&error, false, &mut io)),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            for line in failure.lines() {
                io.note(&line);
            }
            ExitCode::from(failure.exit.code())
        }
    }
}

fn client(verb: Verb, io: &mut Io) -> ExitCode {
    match run_blocking(verb, &Tools::default(), io) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            io.note(&format!(
                "error: the operating system gives no event queue: {error}"
            ));
            ExitCode::from(Exit::CommandError.code())
        }
    }
}

/// Prints the script that completes our command line.
fn completions(shell: clap_complete::Shell, io: &mut Io) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gennaker", &mut script);
    io.put(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// A runtime for the server's roles.
fn server_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gennaker")
        .build()
        .map_err(|error| {
            Failure::command(format!("the operating system gives no threads: {error}"))
        })
}
