//! cargo-deny, which checks what enters the dependency tree.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gennaker_broker::Version;

use super::install::{Tool, install};
use crate::process;

const VERSION: Version = Version::new(0, 20, 2);

const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    program: "bin/cargo-deny",
    announcement: "building cargo-deny 0.20.2 with cargo (about 1 minute the first time)",
};

/// The cargo-deny to use; builds it when there is none.
///
/// One on `PATH` does when it is of the same minor version: others read other configuration.
///
/// # Errors
/// When it has to be built and the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    let on_path = super::on_path("cargo-deny");
    if let Some(program) =
        on_path.filter(|program| Version::of_program(program, "--version").is_ok_and(does))
    {
        return Ok(program);
    }
    install(&super::folder()?, &CARGO_DENY, build)
}

fn does(version: Version) -> bool {
    (version.major, version.minor) == (VERSION.major, VERSION.minor) && version >= VERSION
}

/// Built for a short build, not for speed: it looks at our few hundred packages in three seconds all the same.
fn build(folder: &Path) -> Result<()> {
    let target = folder.join("target");
    let mut command = process::cargo()?;
    command
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--debug",
            "--version",
            &format!("={VERSION}"),
            "--root",
        ])
        .arg(folder)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_INCREMENTAL", "0");
    // Otherwise cargo advises to put the folder on PATH, which is about to be renamed.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([folder.join("bin")]);
    command.env(
        "PATH",
        env::join_paths(folders).context("PATH cannot be extended")?,
    );
    process::run(&mut command)?;
    std::fs::remove_dir_all(&target)
        .with_context(|| format!("failed to remove {}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_of_the_version_that_is_asked_for() {
        assert_eq!(Version::find(CARGO_DENY.version), Some(VERSION));
        assert!(CARGO_DENY.announcement.contains(CARGO_DENY.version));
    }

    #[test]
    fn only_the_same_minor_version_does() {
        assert!(does(Version::new(0, 20, 2)));
        assert!(does(Version::new(0, 20, 9)));
        assert!(!does(Version::new(0, 20, 1)));
        assert!(!does(Version::new(0, 21, 0)));
        assert!(!does(Version::new(1, 20, 2)));
    }
}
