//! Random inputs against the parts that read what people write: an optimised program of the crate itself makes the inputs
//! and checks what must hold for all of them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::process;

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// What to try
    #[arg(value_enum, value_name = "NAME")]
    target: Target,
    /// How many inputs to try
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    inputs: u64,
    /// The same seed gives the same inputs
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// The number of the first input
    #[arg(long, value_name = "K", default_value_t = 0)]
    first: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// The expression language
    Expressions,
    /// The rules for Kubernetes objects
    Manifests,
    /// The canary judges
    Judge,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    // Examples of all packages come to lie in one folder, so that each needs a name of its own.
    let (package, example) = match options.target {
        Target::Expressions => ("gennaker-expressions", "fuzz_expressions"),
        Target::Manifests => ("gennaker-manifests", "fuzz_manifests"),
        Target::Judge => ("gennaker-judge", "fuzz_judge"),
    };
    let mut command = process::cargo()?;
    command
        .args(["run", "--release", "--package", package])
        .args(["--example", example, "--"])
        .args(["--inputs", &options.inputs.to_string()])
        .args(["--seed", &options.seed.to_string()])
        .args(["--first", &options.first.to_string()]);
    process::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
