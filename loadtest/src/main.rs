//! Measures Gennaker from outside: starts the real program, saves pipelines through the API, runs them, and prints what that
//! took beside the budgets of the design, as a table and as JSON.
//!
//! It must never be a test: nothing here fails because a figure is bad (a stall in `--soak` is no figure). It knows the product
//! only by its command line, its HTTP API and what the kernel says about its processes. People call it, and `cargo xtask bench`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a console program: what it prints is what it is for"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod api;
mod brokers;
mod completions;
mod http;
mod load;
mod machine;
mod measure;
mod process;
mod report;
mod soak;
mod statistics;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use gennaker_broker::Places;
use tokio::task::LocalSet;

use brokers::Sync;
use measure::Name;
use report::Report;
use target::{Programs, Setup};

/// Measures Gennaker through its public API
#[derive(Debug, Parser)]
#[command(name = "gennaker-loadtest", max_term_width = 100)]
struct Arguments {
    /// The short set, under 45 seconds
    #[arg(long)]
    quick: bool,

    /// Write the figures as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// The program to measure [default: $GENNAKER_BIN, else `gennaker` beside this program]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,

    /// Folder for temporary data; its disk is what is measured [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Measure everything with this many brokers [default: one, and the sequence with three as well]
    #[arg(long, value_name = "N", value_parser = brokers_number)]
    brokers: Option<usize>,

    /// When brokers write to disk; not `always` means that the budgets, which are for `always`, are not compared
    #[arg(long, value_enum, default_value = "always")]
    sync: Sync,

    /// Instead of measuring: 64 clients for so many minutes; fails if for two seconds no execution ends
    #[arg(long, value_name = "MINUTES")]
    soak: Option<f64>,

    /// With --soak: start at most this many executions in a second [default: as many as get done]
    #[arg(long, value_name = "N", requires = "soak")]
    pace: Option<f64>,

    /// Only these
    #[arg(long, value_name = "NAME", value_enum, num_args = 1..)]
    only: Vec<Name>,
}

fn main() -> ExitCode {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the operating system gives no event queue")
        .and_then(|runtime| LocalSet::new().block_on(&runtime, Box::pin(run(Arguments::parse()))));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let programs = Programs {
        gennaker: target::find_gennaker(arguments.binary.as_deref())?,
        nats_server: Places::of_process().find()?,
        data: arguments.data.clone(),
    };
    let folder = arguments.data.clone().unwrap_or_else(std::env::temp_dir);
    let machine = machine::describe(&folder);
    let plain =
        arguments.brokers.is_none_or(|brokers| brokers == 1) && arguments.sync == Sync::Always;
    if let Some(minutes) = arguments.soak {
        // Never `dev`: a stall is looked into through the broker's monitor, which `dev` does not open.
        let setup = Setup::Serve {
            brokers: arguments.brokers.unwrap_or(1),
            sync: arguments.sync,
        };
        println!("{machine}");
        return soak::run(&programs, setup, minutes, arguments.pace).await;
    }
    let setup = match plain {
        true => Setup::Dev,
        false => Setup::Serve {
            brokers: arguments.brokers.unwrap_or(1),
            sync: arguments.sync,
        },
    };
    let plan = measure::Plan {
        programs: &programs,
        setup,
        quick: arguments.quick,
        names: match arguments.only.is_empty() {
            false => arguments.only.clone(),
            true => Name::usual(setup, arguments.brokers.is_none()),
        },
    };
    let begin = Instant::now();
    let rows = measure::all(&plan, |name| {
        eprintln!("{:5.1} s: measuring {name}", begin.elapsed().as_secs_f64())
    })
    .await;
    let failed = rows.iter().any(|row| row.failure.is_some());
    let report = Report {
        machine,
        program: described(&programs),
        quick: arguments.quick,
        completion_seen_by: "the feed (server-sent events); who hears nothing for a second reads its execution",
        rows,
    };
    println!("{}", report.table());
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report)
            .context("the figures cannot be written as JSON")?;
        std::fs::write(file, text)
            .with_context(|| format!("failed to write {}", file.display()))?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn described(programs: &Programs) -> String {
    let path = programs.gennaker.display();
    match programs
        .gennaker
        .components()
        .any(|part| part.as_os_str() == "debug")
    {
        true => format!("{path} (NOT optimised: these figures say little)"),
        false => path.to_string(),
    }
}

fn brokers_number(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("1 or 3".to_owned()),
    }
}
