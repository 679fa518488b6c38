//! `cargo xtask test`: everything that a change must pass, cheap parts first, all of them even after a failure.

mod report;
mod results;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use self::report::{Outcome, Report};
use self::results::Counts;
use crate::{TestOptions, architecture, disk, generate, process, tools};

/// Runs all steps and prints the table and the closing line. Every problem is reported as that of a step.
pub(crate) fn run(options: &TestOptions) -> ExitCode {
    let mut report = Report::new();
    report.step("disk", disk::ensure_room_for_a_build);
    let nats_server = report.step("nats-server", tools::ensure_nats_server);
    let minio = report.step("minio", tools::ensure_minio);
    let bakers = report.step("programs that bake", ensure_bakers);
    let kube = report.step("kube", tools::ensure_kube);
    let prometheus = report.step("prometheus", || tools::PROMETHEUS.ensure());
    let docker_registry = report.step("docker-registry", || tools::DOCKER_REGISTRY.ensure());
    let aiosmtpd = report.step("aiosmtpd", tools::ensure_aiosmtpd);

    report.step("format", || cargo(&["fmt", "--all", "--check"]));
    report.step("architecture", architecture::check_workspace);
    report.step("lint", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ])
    });
    if !options.fast {
        report.step("dependencies", check_dependencies);
        report.step("documentation", check_documentation);
    }

    // With the tests, although only programs are needed here: the same units as those that `cargo test` wants.
    let programs = report.step("build", || {
        process::build(&["--workspace", "--all-targets", "--locked"])
    });
    let programs = programs.unwrap_or_default();
    let gennaker = program(&programs, "gennaker");
    report.step("generated files", || {
        generate::check(gennaker.as_ref().map_err(|e| anyhow!("{e}"))?)
    });
    report.tests("tests", || {
        let nats_server = nats_server
            .as_deref()
            .context("without a nats-server the tests mean nothing")?;
        let minio = minio
            .as_deref()
            .context("without MinIO nobody knows whether documents in S3 work")?;
        let kube = kube
            .as_deref()
            .context("without a Kubernetes control plane nobody knows whether deployments work")?;
        let gennaker = gennaker.as_ref().map_err(|e| anyhow!("{e}"))?;
        let bakers = bakers
            .as_deref()
            .context("without Helm and its kin nobody knows whether manifests are baked")?;
        let prometheus = prometheus
            .as_deref()
            .context("without a Prometheus nobody knows whether canary analysis works")?;
        let docker_registry = docker_registry
            .as_deref()
            .context("without a registry of images nobody knows whether polling works")?;
        let aiosmtpd = aiosmtpd
            .as_deref()
            .context("without a mail server nobody knows whether mail is delivered")?;
        let named = [
            ("GENNAKER_DOCKER_REGISTRY", docker_registry),
            ("GENNAKER_NATS_SERVER", nats_server),
            ("GENNAKER_MINIO", minio),
            ("GENNAKER_KUBE", kube),
            ("GENNAKER_PROMETHEUS", prometheus),
            ("GENNAKER_AIOSMTPD", aiosmtpd),
            ("GENNAKER_BIN", gennaker),
        ];
        let bakers = bakers
            .iter()
            .map(|(name, program)| (*name, program.as_path()));
        run_tests(&named.into_iter().chain(bakers).collect::<Vec<_>>())
    });
    report.step("simulation", || {
        simulate(&program(&programs, "gennaker-simulation")?, options.seeds)
    });

    report.finish()
}

/// The programs that bake manifests, by the variables that name them.
fn ensure_bakers() -> Result<Vec<(&'static str, PathBuf)>> {
    Ok(vec![
        ("GENNAKER_HELM3", tools::ensure_helm3()?),
        ("GENNAKER_HELM4", tools::ensure_helm4()?),
        ("GENNAKER_KUSTOMIZE", tools::ensure_kustomize()?),
        ("GENNAKER_HELMFILE", tools::ensure_helmfile()?),
    ])
}

fn cargo(arguments: &[&str]) -> Result<()> {
    process::run(process::cargo()?.args(arguments))
}

fn check_dependencies() -> Result<()> {
    let cargo_deny = tools::ensure_cargo_deny()?;
    let mut command = Command::new(cargo_deny);
    // Versions of a crate that stand beside each other are shown by a direct call; here they would bury the rest.
    command.args([
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    process::run(command.current_dir(process::workspace_root()?))
}

fn check_documentation() -> Result<()> {
    let mut command = process::cargo()?;
    command.args(["doc", "--workspace", "--no-deps", "--locked"]);
    process::run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}

fn program(programs: &BTreeMap<String, PathBuf>, name: &str) -> Result<PathBuf> {
    programs.get(name).cloned().ok_or_else(|| {
        anyhow!("there is no program `{name}`: no package has it, or the build failed")
    })
}

fn simulate(program: &Path, seeds: u64) -> Result<()> {
    process::run(Command::new(program).args(["--seeds", &seeds.to_string()]))
}

/// Runs the tests of all crates, passes their output on and counts. Tests that need a program (the broker, the S3 server, the control
/// plane, the programs that bake, a Prometheus, `gennaker`) find it through the environment.
fn run_tests(programs: &[(&str, &Path)]) -> Result<Outcome> {
    let mut command = process::cargo()?;
    command
        .args(["test", "--workspace", "--no-fail-fast", "--locked"])
        .envs(programs.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("failed to start cargo")?;
    let output = child
        .stdout
        .take()
        .context("the output of cargo is not a pipe")?;
    let counts = count_while_copying(BufReader::new(output), &mut io::stdout().lock())?;
    let status = child.wait().context("failed to wait for cargo")?;
    // A test program that crashes prints no result, and one that does not compile is never run.
    let problem =
        (!status.success() && counts.failed == 0).then(|| format!("`cargo test` failed: {status}"));
    if counts.passed + counts.failed == 0 && problem.is_none() {
        bail!("`cargo test` ran no test");
    }
    Ok(Outcome { counts, problem })
}

fn count_while_copying(mut from: impl BufRead, to: &mut impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .context("failed to read the output of the tests")?
        > 0
    {
        to.write_all(&line)
            .context("failed to print the output of the tests")?;
        if let Some(more) = Counts::in_line(&String::from_utf8_lossy(&line)) {
            counts.add(more);
        }
        line.clear();
    }
    to.flush()
        .context("failed to print the output of the tests")?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_passes_unchanged_and_is_counted() {
        let output = b"running 2 tests\n\xff\xfe\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 1 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        let mut copy = Vec::new();
        let counts = count_while_copying(&output[..], &mut copy).unwrap();
        assert_eq!(copy, output);
        assert_eq!(
            counts,
            Counts {
                passed: 3,
                failed: 3,
                ignored: 1
            }
        );
    }
}
