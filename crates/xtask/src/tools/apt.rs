//! Servers that Debian packages, for tests.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, process};

/// One of them.
pub(crate) struct Package {
    /// Its program, and its package.
    program: &'static str,
    /// What names another one; the tests look at it too.
    variable: &'static str,
    /// What is tested with it.
    purpose: &'static str,
}

/// Prometheus.
pub(crate) const PROMETHEUS: Package = Package {
    program: "prometheus",
    variable: "GENNAKER_PROMETHEUS",
    purpose: "canary analysis",
};

/// A registry of images.
pub(crate) const DOCKER_REGISTRY: Package = Package {
    program: "docker-registry",
    variable: "GENNAKER_DOCKER_REGISTRY",
    purpose: "polling",
};

impl Package {
    /// The program to test with; installs the package when there is none and apt is there.
    ///
    /// # Errors
    /// When the one that is named does not exist, or there is none and none can be installed.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let (program, variable) = (self.program, self.variable);
        if let Some(named) = env::var_os(variable).map(PathBuf::from) {
            if named.is_file() {
                return Ok(named);
            }
            bail!("{variable} names {}, which is no file", named.display());
        }
        if let Some(found) = super::on_path(program) {
            return Ok(found);
        }
        let hint = || {
            format!(
                "install {program} (Debian: apt-get install {program}), or set {variable}=/path/to/{program}"
            )
        };
        if super::on_path("apt-get").is_none() {
            bail!("{}", hint());
        }
        console::note(&format!(
            "installing {program} with apt-get, for tests of {}",
            self.purpose
        ));
        // The lists may be old or missing; what matters is whether the package can be installed after all.
        let _ = process::run(Command::new("apt-get").args(["update", "-qq"]));
        let mut install = Command::new("apt-get");
        install.args(["install", "-qq", "-y", "--no-install-recommends", program]);
        process::run(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(hint)?;
        super::on_path(program).with_context(hint)
    }
}
