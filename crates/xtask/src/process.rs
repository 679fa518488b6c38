//! Starting cargo and other programs.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use cargo_metadata::{Artifact, Message, Metadata, MetadataCommand};

/// The folder of the workspace's `Cargo.toml`.
///
/// Taken from the environment that `cargo run` makes, not from compile time: several clones may share one target
/// folder, and then the program may have been built in another of them.
pub(crate) fn workspace_root() -> Result<PathBuf> {
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = manifest_dir
        .ancestors()
        .nth(2)
        .context("the xtask crate does not lie two folders below the workspace")?;
    Ok(root.to_path_buf())
}

/// A call of the cargo that runs us, in the workspace's root.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root()?);
    // `cargo run` describes the xtask package in these. Build scripts that watch them would run again each time that
    // cargo is called from here after it was called by hand, and the other way round.
    for (name, _) in env::vars_os() {
        if is_of_running_package(&name) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Runs a program to its end. A failure names the program and how it ended; what went wrong it has printed itself.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("failed to start {}", described(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", described(command));
    }
    Ok(())
}

/// Builds programs and answers where they lie, by name. `arguments` selects packages, targets and profile.
pub(crate) fn build(arguments: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    Ok(programs(&build_artifacts(arguments)?))
}

/// The programs among what was built, without those of tests.
pub(crate) fn programs(built: &[Artifact]) -> BTreeMap<String, PathBuf> {
    let programs = built
        .iter()
        .filter(|built| built.target.is_bin() && !built.profile.test);
    programs
        .filter_map(|built| {
            let executable = built.executable.as_ref()?.as_std_path();
            Some((built.target.name.clone(), executable.to_owned()))
        })
        .collect()
}

/// Builds, and answers what cargo says of everything that was made, fresh or not, in the order in which it was done.
pub(crate) fn build_artifacts(arguments: &[&str]) -> Result<Vec<Artifact>> {
    let mut command = cargo()?;
    command
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("failed to start {}", described(&command)))?;
    let output = child
        .stdout
        .take()
        .context("the output of cargo is not a pipe")?;
    let mut built = Vec::new();
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) =
            message.context("failed to read the output of cargo")?
        {
            built.push(artifact);
        }
    }
    let status = child.wait().context("failed to wait for cargo")?;
    if !status.success() {
        bail!("`cargo build {}` failed: {status}", arguments.join(" "));
    }
    Ok(built)
}

/// Builds the one program of the workspace with this name, with more cargo options if need be, and answers where it is.
pub(crate) fn build_binary(name: &str, options: &[&str]) -> Result<PathBuf> {
    let package = package_of_binary(&metadata()?, name)?;
    let arguments = [&["--package", package.as_str(), "--bin", name], options].concat();
    build(&arguments)?
        .remove(name)
        .with_context(|| format!("cargo built `{name}` but does not say where it is"))
}

/// The packages of the workspace, without their dependencies' packages; needs no network.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(workspace_root()?.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("failed to read the workspace's metadata")
}

fn package_of_binary(metadata: &Metadata, binary: &str) -> Result<String> {
    let has_it = |package: &&cargo_metadata::Package| {
        package
            .targets
            .iter()
            .any(|t| t.is_bin() && t.name == binary)
    };
    let package = metadata.packages.iter().find(has_it);
    package
        .map(|found| found.name.to_string())
        .ok_or_else(|| anyhow!("no package of the workspace has a program `{binary}`"))
}

fn is_of_running_package(variable: &OsString) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

fn described(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_holds_the_workspace_manifest() {
        let manifest =
            std::fs::read_to_string(workspace_root().unwrap().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace.dependencies]"));
    }

    #[test]
    fn our_own_package_variables_are_not_handed_on() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(is_of_running_package(&name.into()), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_NET_OFFLINE",
            "HTTPS_PROXY",
        ] {
            assert!(!is_of_running_package(&name.into()), "{name}");
        }
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = package_of_binary(&metadata().unwrap(), "no-such-program").unwrap_err();
        assert!(error.to_string().contains("`no-such-program`"));
    }

    #[test]
    fn a_failed_command_is_named_without_its_folder() {
        let error = run(Command::new("/usr/bin/env").arg("false")).unwrap_err();
        assert!(
            error.to_string().starts_with("`env false` failed"),
            "{error}"
        );
    }
}
