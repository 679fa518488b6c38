//! `cargo xtask demo`: from a fresh clone to a pipeline that runs, in one command.
//!
//! The last step replaces this process by `gennaker dev --demo`, so that terminal, signals and exit code are those of
//! the program itself, with nobody between it and the person.

use std::env;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{console, process, tools};

/// Starts a control plane around a program.
const RUNNER: &str = "gennaker-with-cluster";

/// The file in a data folder that a running `gennaker dev` holds an exclusive lock on.
const LOCK_FILE: &str = "lock";

/// Gets the tools, builds the program, runs it. Does not return when the program could be started.
///
/// With `kubernetes` the pipeline deploys to a control plane that is started for it and ends with it. `arguments` go to `gennaker dev`; an address and a data folder are chosen here only where they name none.
pub(crate) fn run(kubernetes: bool, arguments: &[String]) -> Result<ExitCode> {
    let nats_server = tools::ensure_nats_server()?;
    let cluster = kubernetes.then(Cluster::ensure).transpose()?;

    console::note("building gennaker (about 2 minutes the first time, seconds after that)");
    let started = Instant::now();
    let program = process::build_binary("gennaker", &[])?;
    console::note(&format!(
        "built gennaker in {}",
        console::elapsed(started.elapsed())
    ));

    let mut command = match cluster {
        None => Command::new(program),
        Some(cluster) => cluster.around(&program),
    };
    command
        .args(["dev", "--demo"])
        .env("GENNAKER_NATS_SERVER", nats_server);
    if !names(arguments, "--listen") {
        // Port 0: a free one. The demo shall run beside whatever already runs here; it prints where it listens.
        command.args(["--listen", "127.0.0.1:0"]);
    }
    if !names(arguments, "--data") {
        command.arg("--data").arg(data_folder()?);
    }
    become_program(command.args(arguments))
}

/// What runs a program beside a control plane of its own.
struct Cluster {
    kube: PathBuf,
    runner: PathBuf,
}

impl Cluster {
    fn ensure() -> Result<Self> {
        let kube = tools::ensure_kube()?;
        let runner = process::build_binary(RUNNER, &[])?;
        Ok(Self { kube, runner })
    }

    /// A call of the program, whose arguments are still to come.
    fn around(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.runner);
        command.arg(program).env("GENNAKER_KUBE", &self.kube);
        command
    }
}

/// A folder of the demo's own, so that it never touches the data of a `gennaker dev` that somebody works with. It is
/// kept: the next demo shows the runs of this one, too. While another demo uses it, this one gets a temporary folder.
fn data_folder() -> Result<PathBuf> {
    let Some(own) = state_home(env::var_os("XDG_STATE_HOME"), env::home_dir())
        .map(|home| home.join("gennaker/demo"))
    else {
        return temporary_folder();
    };
    if is_in_use(&own) {
        let temporary = temporary_folder()?;
        console::note(&format!(
            "{} is in use; this demo keeps its data in {}",
            own.display(),
            temporary.display()
        ));
        return Ok(temporary);
    }
    Ok(own)
}

fn temporary_folder() -> Result<PathBuf> {
    let folder = env::temp_dir().join(format!("gennaker-demo-{}", std::process::id()));
    // Fails if it exists: in a folder that everybody may write to, what stands there may belong to somebody else.
    std::fs::create_dir(&folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    Ok(folder)
}

fn is_in_use(data: &Path) -> bool {
    let Ok(lock) = File::open(data.join(LOCK_FILE)) else {
        return false;
    };
    matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

fn state_home(xdg: Option<std::ffi::OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| {
        home.filter(|path| path.is_absolute())
            .map(|path| path.join(".local/state"))
    })
}

fn names(arguments: &[String], option: &str) -> bool {
    arguments.iter().any(|word| {
        word == option
            || word
                .strip_prefix(option)
                .is_some_and(|rest| rest.starts_with('='))
    })
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    bail!(
        "failed to start {}: {error}",
        command.get_program().display()
    )
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    process::run(command)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_options_are_recognised() {
        let words = [
            "--listen=127.0.0.1:1".to_owned(),
            "--data".to_owned(),
            "x".to_owned(),
            "--database".to_owned(),
        ];
        assert!(names(&words, "--listen"));
        assert!(names(&words, "--data"));
        assert!(!names(&words[3..], "--data"));
    }

    #[test]
    fn state_home_must_be_absolute() {
        let home = Some(PathBuf::from("/home/a"));
        assert_eq!(
            state_home(Some("/state".into()), home.clone()),
            Some("/state".into())
        );
        assert_eq!(
            state_home(Some("relative".into()), home),
            Some("/home/a/.local/state".into())
        );
        assert_eq!(state_home(None, None), None);
    }

    #[test]
    fn a_locked_data_folder_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_in_use(folder.path()));
        let lock = File::create(folder.path().join(LOCK_FILE)).unwrap();
        assert!(!is_in_use(folder.path()));
        lock.lock().unwrap();
        assert!(is_in_use(folder.path()));
    }
}
