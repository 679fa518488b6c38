//! `cargo xtask test`: everything that a change must pass, cheap parts first, all of them even after a failure.

mod lanes;
mod report;
mod results;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow};
use cargo_metadata::Artifact;

use self::lanes::Job;
use self::report::{Outcome, Report};
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

    let built = report.step("build", || {
        process::build_artifacts(&["--workspace", "--all-targets", "--locked"])
    });
    let built = built.unwrap_or_default();
    let programs = process::programs(&built);
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
        let programs: Vec<_> = named.into_iter().chain(bakers).collect();
        run_tests(&built, &programs, options.lanes)
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

/// Runs the tests of all crates. Tests that need a program (the broker, the S3 server, the control plane, the programs that bake, a
/// Prometheus, `gennaker`) find it through the environment.
fn run_tests(built: &[Artifact], programs: &[(&str, &Path)], lanes: usize) -> Result<Outcome> {
    let mut jobs = unit_and_integration_tests(built);
    jobs.push(documentation_tests()?);
    for job in &mut jobs {
        job.command.envs(programs.iter().copied());
    }
    lanes::run(jobs, lanes, &mut io::stdout().lock())
}

/// The test programs among what was built, as `cargo test` would run them; first those of the whole product, which take longest.
fn unit_and_integration_tests(built: &[Artifact]) -> Vec<Job> {
    let mut jobs = BTreeMap::new();
    for artifact in built {
        let target = &artifact.target;
        let measures = target.is_bench() || target.is_example();
        if let Some(executable) = &artifact.executable
            && let Some(folder) = artifact.manifest_path.parent()
            && artifact.profile.test
            && !measures
        {
            let mut command = Command::new(executable);
            command
                .current_dir(folder)
                .env("CARGO_MANIFEST_DIR", folder);
            let of_one_crate = folder.components().any(|part| part.as_str() == "crates");
            let source = target.src_path.strip_prefix(folder);
            let source = source.unwrap_or(&target.src_path);
            let package = folder.file_name().unwrap_or_default();
            let name = format!("{package}/{source}");
            jobs.insert((of_one_crate, name.clone()), Job { name, command });
        }
    }
    jobs.into_values().collect()
}

fn documentation_tests() -> Result<Job> {
    let mut command = process::cargo()?;
    command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--locked"]);
    Ok(Job {
        name: "documentation".to_owned(),
        command,
    })
}
