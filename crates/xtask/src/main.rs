//! The repository's chores, as `cargo xtask`: getting the few tools that are not crates, showing the demo, running
//! everything that a change must pass, simulation, benchmarks and generated files.
//!
//! It must never be needed to *use* Gennaker, and it knows our other crates only as packages to build and programs to
//! run. It depends on none of them but `broker`, which says where a nats-server is found: so its own build stays short.
//! People and the build pipeline call it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a console program: what it prints is what it is for"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod architecture;
mod console;
mod delegate;
mod demo;
mod disk;
mod fuzz;
mod generate;
mod process;
mod test;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Tools { names } => tools::install_named(&names)?,
        Command::Demo {
            kubernetes,
            arguments,
        } => return demo::run(kubernetes, &arguments),
        Command::Test(options) => return Ok(test::run(&options)),
        Command::Simulate(seeds) => return delegate::simulate(&seeds),
        Command::Documents => delegate::documents()?,
        Command::Fuzz(options) => return fuzz::run(&options),
        Command::Bench {
            quick,
            json,
            kubernetes,
        } => return delegate::bench(quick, json.as_deref(), kubernetes),
        Command::Generate { check: true } => {
            generate::check(&process::build_binary("gennaker", &[])?)?
        }
        Command::Generate { check: false } => {
            generate::write(&process::build_binary("gennaker", &[])?)?
        }
        Command::Architecture => architecture::check_workspace()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Chores of the Gennaker repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the tools that are not crates of this repository
    ///
    /// They go to $XDG_CACHE_HOME/gennaker/tools/NAME-VERSION (~/.cache when that is not set). What is there already is
    /// left alone without touching the network. A nats-server named by GENNAKER_NATS_SERVER, or a new enough one on
    /// PATH, is used instead of building one.
    Tools {
        /// Which tools (default: all)
        #[arg(value_enum, value_name = "NAME")]
        names: Vec<tools::Name>,
    },

    /// Build Gennaker and show pipelines that run through all of it
    ///
    /// Gets a nats-server, builds the `gennaker` program and runs `gennaker dev --demo` on a free port. On a terminal it
    /// asks you for the pipeline's manual judgment and serves until Ctrl-C; without one it chooses `prod` and ends. What it
    /// keeps is in $XDG_STATE_HOME/gennaker/demo (~/.local/state/gennaker/demo).
    Demo {
        /// With a real Kubernetes control plane with simulated nodes, and stand-ins for Jenkins, a mail server and Slack
        ///
        /// The control plane is built (10 minutes, once). Everything is started for the demo and ends with it.
        #[arg(long)]
        kubernetes: bool,

        /// Handed to `gennaker dev` (after --): for example `-- --listen 127.0.0.1:8084 --data DIR`, or, to deploy to a
        /// cluster of your own, `-- --kubeconfig FILE`
        #[arg(last = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },

    /// Run everything that a change must pass
    ///
    /// Format, the rules between crates, lints, dependencies, documentation, generated files, all tests, simulation. All
    /// of it runs even when an early part fails. The last line is `N passed, N failed`: every test counts, and every
    /// other check counts as one.
    Test(TestOptions),

    /// Run the whole system in simulation, one run per seed
    ///
    /// Prints the seed of a run that breaks a promise; the same seed gives the same run again.
    Simulate(Seeds),

    /// Write anew what the documents of executions are expected to be
    ///
    /// Runs the cases below crates/simulation/documents and writes expected.json where a document has changed. Read every
    /// change against docs/reference/orchestration.md before you commit it.
    Documents,

    /// Try random inputs on a part that reads what people write
    ///
    /// Prints each input that breaks a promise with its number; `--seed S --first NUMBER --inputs 1` tries it again.
    Fuzz(fuzz::Options),

    /// Measure Gennaker through its public API and print a table
    Bench {
        /// The short set of measurements, under 45 seconds once built
        #[arg(long)]
        quick: bool,
        /// Write the figures as JSON, too
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Instead of the usual set: deployments to a Kubernetes control plane, beside kubectl
        #[arg(long)]
        kubernetes: bool,
    },

    /// Write the files that are generated from the code
    Generate {
        /// Write nothing; fail when a file is not what the code would generate
        #[arg(long)]
        check: bool,
    },

    /// Check the rules between crates: who may depend on whom, and on which libraries
    Architecture,
}

#[derive(Args)]
struct TestOptions {
    /// Skip the checks of dependencies (cargo deny) and of documentation (cargo doc)
    #[arg(long)]
    fast: bool,
    /// How many simulation seeds to run
    #[arg(long, value_name = "N", default_value_t = 300)]
    seeds: u64,
    /// How many test programs run at a time
    #[arg(long, value_name = "N", default_value_t = 3)]
    lanes: usize,
}

#[derive(Args)]
struct Seeds {
    /// How many seeds to run
    #[arg(long, value_name = "N")]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "S")]
    start: Option<u64>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
