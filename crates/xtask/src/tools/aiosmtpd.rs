//! aiosmtpd, the mail server that notifications are tested with: a Python library, in a folder of its own.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install::{Tool, install};
use crate::process;

/// What names another folder with the library; the tests look at it too.
const VARIABLE: &str = "GENNAKER_AIOSMTPD";

/// The library and what it stands on.
const PACKAGES: [&str; 3] = ["aiosmtpd==1.4.6", "atpublic==5.0", "attrs==24.2.0"];

const LIBRARY: Tool = Tool {
    name: "aiosmtpd",
    version: "1.4.6",
    program: "aiosmtpd/smtp.py",
    announcement: "installing aiosmtpd, for tests of mail, with pip (some seconds, this once)",
};

/// The folder to put on Python's path; installs the library when it is not there.
///
/// # Errors
/// When the folder that is named has no library, there is no Python with pip, or pip fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        if named.join(LIBRARY.program).is_file() {
            return Ok(named);
        }
        bail!(
            "{VARIABLE} names {}, which has no {}",
            named.display(),
            LIBRARY.program
        );
    }
    let program = install(&super::folder()?, &LIBRARY, pip)?;
    let folder = program.parent().and_then(Path::parent);
    folder
        .map(Path::to_owned)
        .context("a program lies in a folder")
}

fn pip(folder: &Path) -> Result<()> {
    let python = super::on_path("python3").with_context(|| {
        format!("mail is tested with Python 3 and its pip on PATH, or with {VARIABLE}=/path/to/it")
    })?;
    let mut command = Command::new(python);
    command
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-cache-dir",
            "--disable-pip-version-check",
        ])
        .args(["--root-user-action", "ignore", "--target"])
        .arg(folder)
        .args(PACKAGES);
    process::run(&mut command).with_context(|| {
        format!(
            "without pip (Debian: apt-get install python3-pip) set {VARIABLE}=/path/to/the/library"
        )
    })
}
