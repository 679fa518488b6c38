//! The server as the keeper's child.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{CONFIGURATION, Job};

/// Name of the file with what the server prints, which is not much: it has a log.
const PRINTED: &str = "printed";

/// How much garbage the server's runtime lets gather, in percent of what is in use.
const COLLECTION: &str = "GOGC";

/// Starts the server; it inherits the lock.
pub(super) fn start(job: &Job, lock: &File) -> Result<Child, String> {
    let failed = |error: std::io::Error| format!("cannot start {}: {error}", job.server.display());
    let printed = File::create(job.folder.join(PRINTED)).map_err(failed)?;
    let mut command = command(job);
    command
        .current_dir(&job.folder)
        .stdin(Stdio::from(lock.try_clone().map_err(failed)?))
        .stdout(Stdio::from(printed.try_clone().map_err(failed)?))
        .stderr(Stdio::from(printed));
    command.spawn().map_err(failed)
}

/// Why the server ended by itself: its last words.
pub(super) fn end_of(status: std::io::Result<ExitStatus>, folder: &Path) -> String {
    let how = match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let printed = std::fs::read_to_string(folder.join(PRINTED)).unwrap_or_default();
    match printed.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(last) => format!("the broker ended ({how}): {}", last.trim()),
        None => format!("the broker ended ({how})"),
    }
}

/// On Linux the child first asks to end with us, then becomes the server.
#[cfg(target_os = "linux")]
fn command(job: &Job) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(job.arguments())
        .arg(std::process::id().to_string());
    command
}

#[cfg(not(target_os = "linux"))]
fn command(job: &Job) -> Command {
    directly(job)
}

fn directly(job: &Job) -> Command {
    let mut command = Command::new(&job.server);
    command.arg("--config").arg(CONFIGURATION);
    // On a laptop memory is dearer than processor time: collected twice as often, a busy server takes a fifth less of it.
    if std::env::var_os(COLLECTION).is_none() {
        command.env(COLLECTION, "50");
    }
    command
}

/// Becomes the server that ends with its parent. Does not return when it succeeds; otherwise, why not.
#[cfg(target_os = "linux")]
pub(super) fn become_child_of(parent: &OsStr, job: &Job) -> String {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        return format!("cannot ask to end with the keeper: {error}");
    }
    // It may have ended before we asked.
    let is_there = getppid().is_some_and(|pid| *parent == *pid.as_raw_nonzero().to_string());
    if !is_there {
        return "the keeper is gone".to_owned();
    }
    let error = directly(job).exec();
    format!("cannot start {}: {error}", job.server.display())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn become_child_of(_: &OsStr, _: &Job) -> String {
    "the keeper starts the server itself on this system".to_owned()
}
