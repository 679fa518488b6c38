//! Simulation and benchmarks: packages of their own, built optimised and run with the arguments that were given here.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{Seeds, console, process, tools};

/// `cargo xtask simulate`.
pub(crate) fn simulate(seeds: &Seeds) -> Result<ExitCode> {
    console::note("building the simulation, optimised (several minutes the first time)");
    let program = process::build_binary("gennaker-simulation", &["--release"])?;
    let mut command = Command::new(program);
    command.args(["--seeds", &seeds.seeds.to_string()]);
    if let Some(start) = seeds.start {
        command.args(["--start", &start.to_string()]);
    }
    process::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask documents`.
pub(crate) fn documents() -> Result<()> {
    let mut command = process::cargo()?;
    command
        .args(["test", "-p", "gennaker-simulation", "--test", "documents"])
        .args(["--", "--nocapture", "every_document_is_as_expected"])
        .env("GENNAKER_DOCUMENTS", "write");
    process::run(&mut command)
}

/// `cargo xtask bench`.
pub(crate) fn bench(quick: bool, json: Option<&Path>, kubernetes: bool) -> Result<ExitCode> {
    let nats_server = tools::ensure_nats_server()?;
    let kube = kubernetes.then(tools::ensure_kube).transpose()?;
    console::note(
        "building Gennaker and its load test, optimised (several minutes the first time)",
    );
    let gennaker = process::build_binary("gennaker", &["--release"])?;
    let program = process::build_binary("gennaker-loadtest", &["--release"])?;
    let mut command = Command::new(program);
    command
        .env("GENNAKER_BIN", gennaker)
        .env("GENNAKER_NATS_SERVER", nats_server);
    if let Some(kube) = kube {
        command.env("GENNAKER_KUBE", kube);
        command.args(["--only", "kubernetes"]);
    }
    if quick {
        command.arg("--quick");
    }
    if let Some(file) = json {
        command
            .arg("--json")
            .arg(std::path::absolute(file).context("the file for the figures has no usable path")?);
    }
    process::run(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
