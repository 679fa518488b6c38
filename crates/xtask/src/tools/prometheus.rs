//! Prometheus, which canary analysis is tested with.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, process};

/// What names another server; the tests look at it too.
const VARIABLE: &str = "GENNAKER_PROMETHEUS";

const PROGRAM: &str = "prometheus";

/// The Prometheus to test with; installs Debian's package when there is none and apt is there.
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
    let hint = "install Prometheus (Debian: apt-get install prometheus), or set GENNAKER_PROMETHEUS=/path/to/prometheus";
    if super::on_path("apt-get").is_none() {
        bail!("{hint}");
    }
    console::note("installing prometheus with apt-get, for tests of canary analysis");
    // The lists may be old or missing; what matters is whether the package can be installed after all.
    let _ = process::run(Command::new("apt-get").args(["update", "-qq"]));
    let mut install = Command::new("apt-get");
    install.args(["install", "-qq", "-y", "--no-install-recommends", PROGRAM]);
    process::run(install.env("DEBIAN_FRONTEND", "noninteractive")).context(hint)?;
    super::on_path(PROGRAM).context(hint)
}
