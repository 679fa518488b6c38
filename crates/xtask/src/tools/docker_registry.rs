//! A registry of images, which polling is tested with.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, process};

/// What names another server; the tests look at it too.
const VARIABLE: &str = "GENNAKER_DOCKER_REGISTRY";

const PROGRAM: &str = "docker-registry";

/// The registry to test with; installs Debian's package when there is none and apt is there.
///
/// # Errors
/// When the one that is named does not exist, or there is none and none can be installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        if named.is_file() {
            return Ok(named);
        }
        bail!("{VARIABLE} names {}, which is no file", named.display());
    }
    if let Some(program) = super::on_path(PROGRAM) {
        return Ok(program);
    }
    let hint = "install a registry of images (Debian: apt-get install docker-registry), or set GENNAKER_DOCKER_REGISTRY=/path/to/docker-registry";
    if super::on_path("apt-get").is_none() {
        bail!("{hint}");
    }
    console::note("installing docker-registry with apt-get, for tests of polling");
    // The lists may be old or missing; what matters is whether the package can be installed after all.
    let _ = process::run(Command::new("apt-get").args(["update", "-qq"]));
    let mut install = Command::new("apt-get");
    install.args(["install", "-qq", "-y", "--no-install-recommends", PROGRAM]);
    process::run(install.env("DEBIAN_FRONTEND", "noninteractive")).context(hint)?;
    super::on_path(PROGRAM).context(hint)
}
