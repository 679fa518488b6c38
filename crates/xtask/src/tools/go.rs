//! Tools that Go builds.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use gennaker_broker::Version;

use super::install::{Tool, install};
use crate::process;

/// A tool that is one command of one module.
pub(super) struct GoTool {
    pub(super) tool: Tool,
    /// The command's package and the module's version: `example.com/module/cmd/tool@v1.2.3`.
    pub(super) package: &'static str,
    /// What names another program; the tests look at it too.
    pub(super) variable: &'static str,
    pub(super) go_min: Version,
}

/// The program to use: the one that is named, else the one that was built, else one that is built now.
pub(super) fn ensure(
    tool: &GoTool,
    build: impl FnOnce(&GoTool, &Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    if let Some(named) = env::var_os(tool.variable).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!(
            "{} names {}, which is no file",
            tool.variable,
            named.display()
        );
    }
    install(&super::folder()?, &tool.tool, |folder| {
        let go = super::on_path("go")
            .filter(|go| {
                Version::of_program(go, "version").is_ok_and(|version| version >= tool.go_min)
            })
            .with_context(|| {
                let (name, min) = (tool.tool.name, &tool.go_min);
                format!(
                    "building {name} needs Go {}.{} or newer on PATH; or set {}=/path/to/it",
                    min.major, min.minor, tool.variable
                )
            })?;
        build(tool, &go, folder).with_context(|| {
            format!(
                "without a way to the Go modules, set {}=/path/to/it",
                tool.variable
            )
        })
    })
}

/// `go install`, which refuses modules that replace others.
pub(super) fn go_install(tool: &GoTool, go: &Path, folder: &Path) -> Result<()> {
    let mut command = command(go, folder);
    command
        .args(["install", "-trimpath", "-ldflags=-s -w", tool.package])
        .env("GOBIN", folder);
    process::run(&mut command)
}

/// Go in a folder, with nothing of the caller's project.
pub(super) fn command(go: &Path, folder: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(folder)
        .env("GO111MODULE", "on")
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOWORK", "off")
        // Needs no C compiler, and the program runs on any distribution.
        .env("CGO_ENABLED", "0");
    command
}
