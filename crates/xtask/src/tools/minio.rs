//! MinIO, the S3 server that the document store is tested with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use gennaker_broker::Version;

use super::install::{Tool, install};
use crate::process;

/// What names another server; the tests look at it too.
const VARIABLE: &str = "GENNAKER_MINIO";

/// What the server's module asks for.
const GO_MIN: Version = Version::new(1, 24, 0);

/// The newest version that its module is served in.
const MODULE: &str = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c";

const SERVER: Tool = Tool {
    name: "minio",
    version: "20260212",
    program: "minio",
    announcement: "building MinIO, for tests of the document store, with go (about 5 minutes, this once)",
};

/// The MinIO to test with; builds it when there is none.
///
/// # Errors
/// When the one that is named does not exist, when there is no Go that could build one, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!("{VARIABLE} names {}, which is no file", named.display());
    }
    if let Some(program) = super::on_path(SERVER.program) {
        return Ok(program);
    }
    install(&super::folder()?, &SERVER, build)
}

fn build(folder: &Path) -> Result<()> {
    let go = super::on_path("go")
        .filter(|go| Version::of_program(go, "version").is_ok_and(|version| version >= GO_MIN))
        .with_context(|| {
            format!(
                "building MinIO needs Go {}.{} or newer on PATH; or set {VARIABLE}=/path/to/minio",
                GO_MIN.major, GO_MIN.minor
            )
        })?;
    let mut command = Command::new(go);
    command
        .args(["install", "-trimpath", "-ldflags=-s -w", MODULE])
        .current_dir(folder)
        .env("GOBIN", folder)
        .env("GO111MODULE", "on")
        .env("GOFLAGS", "-buildvcs=false")
        // Needs no C compiler, and the program runs on any distribution.
        .env("CGO_ENABLED", "0");
    process::run(&mut command)
        .with_context(|| format!("without a way to the Go modules, set {VARIABLE}=/path/to/minio"))
}
