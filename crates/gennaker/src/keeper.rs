//! The process between `gennaker dev` and its broker.
//!
//! A broker that outlives its `dev`, because that was killed, would keep the data folder's store open under the next start. So
//! `dev` holds one end of a pipe and this process, the same program, the other: when the pipe closes, however it came to that,
//! the keeper ends the broker. It is in a process group of its own, so that Ctrl-C reaches `dev` alone and the broker ends last.
//!
//! The lock file stands for the broker's life. Keeper and broker hold the same lock (it belongs to the open file, which the
//! broker inherits as its standard input), so it is free only when both are gone, and a start that finds it taken waits.
//!
//! On Linux the broker is told to end with the keeper, too: killing all processes of this program leaves nothing behind.
//!
//! What it says to `dev`, a line each on standard output: [`Line`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use gennaker_cli::{Exit, Failure};

use crate::command::KeeperArgs;

/// Name of the broker's configuration file in its folder.
pub(crate) const CONFIGURATION: &str = "server.conf";
/// Name of the folder in which the broker writes its port.
pub(crate) const PORTS: &str = "ports";
/// Name of the file with what the broker prints, which is not much: it has a log.
const PRINTED: &str = "printed";

/// How often the lock and the port are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the broker may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What the keeper says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// An earlier broker of this folder still lives; it is being waited for.
    Waiting,
    /// The broker has started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The broker takes connections.
    Ready {
        /// On this port of the loopback address.
        port: u16,
    },
    /// The broker could not be started, or ended by itself.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What happens while the keeper waits.
enum Event {
    /// `dev` is gone.
    Released,
    /// The broker is gone.
    Ended(std::io::Result<ExitStatus>),
}

/// Runs the broker until standard input closes.
///
/// # Errors
/// The program could not become the broker.
pub(crate) fn run(arguments: &KeeperArgs) -> Result<Exit, Failure> {
    if let Some(parent) = arguments.become_child_of {
        return Err(become_server(arguments, parent));
    }
    match keep(arguments) {
        Ok(()) => Ok(Exit::Succeeded),
        Err(reason) => {
            say(&Line::Failed { reason });
            Ok(Exit::CommandError)
        }
    }
}

fn keep(arguments: &KeeperArgs) -> Result<(), String> {
    let (sender, events) = channel();
    watch_pipe(sender.clone());
    let Some(lock) = lock(&arguments.lock, &events)? else {
        return Ok(());
    };
    let ports = arguments.folder.join(PORTS);
    clear(&ports).map_err(|error| format!("cannot clear {}: {error}", ports.display()))?;
    let child = start(arguments, &lock)?;
    let pid = child.id();
    watch_child(child, sender);
    say(&Line::Started { pid });
    let mut told = false;
    loop {
        let event = match told {
            true => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => events.recv_timeout(LOOK_EVERY),
        };
        match event {
            Err(RecvTimeoutError::Timeout) => {
                if let Some(port) = port(&ports, pid) {
                    say(&Line::Ready { port });
                    told = true;
                }
            }
            Ok(Event::Ended(status)) => return Err(end_of(status, &arguments.folder)),
            Ok(Event::Released) | Err(RecvTimeoutError::Disconnected) => return end(pid, &events),
        }
    }
}

/// Tells when the other end of standard input is closed.
fn watch_pipe(sender: Sender<Event>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
        // Nobody listens any more when the broker has ended before.
        let _ = sender.send(Event::Released);
    });
}

fn watch_child(mut child: Child, sender: Sender<Event>) {
    std::thread::spawn(move || {
        let status = child.wait();
        let _ = sender.send(Event::Ended(status));
    });
}

/// Waits for the lock; nothing when `dev` is gone before.
fn lock(path: &Path, events: &Receiver<Event>) -> Result<Option<File>, String> {
    let failed = |error: std::io::Error| format!("cannot lock {}: {error}", path.display());
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !std::mem::replace(&mut told, true) {
            say(&Line::Waiting);
        }
        match events.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// An empty folder.
fn clear(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder)
}

fn start(arguments: &KeeperArgs, lock: &File) -> Result<Child, String> {
    let failed =
        |error: std::io::Error| format!("cannot start {}: {error}", arguments.server.display());
    let printed = File::create(arguments.folder.join(PRINTED)).map_err(failed)?;
    let mut command = server_command(arguments);
    command
        .current_dir(&arguments.folder)
        .stdin(Stdio::from(lock.try_clone().map_err(failed)?))
        .stdout(Stdio::from(printed.try_clone().map_err(failed)?))
        .stderr(Stdio::from(printed));
    command.spawn().map_err(failed)
}

/// On Linux the child first asks to end with us, then becomes the server.
#[cfg(target_os = "linux")]
fn server_command(arguments: &KeeperArgs) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("keeper")
        .arg("--server")
        .arg(&arguments.server)
        .arg("--folder")
        .arg(&arguments.folder)
        .arg("--lock")
        .arg(&arguments.lock)
        .arg("--become-child-of")
        .arg(std::process::id().to_string());
    command
}

#[cfg(not(target_os = "linux"))]
fn server_command(arguments: &KeeperArgs) -> Command {
    direct_command(arguments)
}

fn direct_command(arguments: &KeeperArgs) -> Command {
    let mut command = Command::new(&arguments.server);
    command.arg("--config").arg(CONFIGURATION);
    command
}

/// Does not return when it succeeds.
#[cfg(target_os = "linux")]
fn become_server(arguments: &KeeperArgs, parent: i32) -> Failure {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        return Failure::command(format!("cannot ask to end with the keeper: {error}"));
    }
    // It may have ended before we asked.
    if getppid().is_none_or(|pid| pid.as_raw_nonzero().get() != parent) {
        return Failure::command("the keeper is gone");
    }
    let error = direct_command(arguments).exec();
    Failure::command(format!(
        "cannot start {}: {error}",
        arguments.server.display()
    ))
}

#[cfg(not(target_os = "linux"))]
fn become_server(_: &KeeperArgs, _: i32) -> Failure {
    Failure::usage("the keeper starts the server itself on this system")
}

/// The port that the server wrote down.
fn port(folder: &Path, pid: u32) -> Option<u16> {
    let wanted = format!("_{pid}.ports");
    let file = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path: &PathBuf| path.to_string_lossy().ends_with(&wanted))?;
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}

/// Asks the server to end, and ends it if it does not.
fn end(pid: u32, events: &Receiver<Event>) -> Result<(), String> {
    signal(pid, false);
    if wait_for_end(events) {
        return Ok(());
    }
    signal(pid, true);
    match wait_for_end(events) {
        true => Ok(()),
        false => Err(format!("the process {pid} does not end")),
    }
}

fn wait_for_end(events: &Receiver<Event>) -> bool {
    matches!(events.recv_timeout(END_WITHIN), Ok(Event::Ended(_)))
}

/// SIGTERM, or SIGKILL.
#[cfg(unix)]
pub(crate) fn signal(pid: u32, at_once: bool) {
    use rustix::process::{Pid, Signal, kill_process};

    let wanted = if at_once { Signal::KILL } else { Signal::TERM };
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A process that is gone needs no signal.
        let _ = kill_process(pid, wanted);
    }
}

#[cfg(not(unix))]
pub(crate) fn signal(_: u32, _: bool) {}

/// Why the server ended by itself: its last words.
fn end_of(status: std::io::Result<ExitStatus>, folder: &Path) -> String {
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

fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    // Without a reader the pipe on the other side is closed as well, which is noticed there.
    let _ = writeln!(out, "{}", line.write()).and_then(|()| out.flush());
}

impl Line {
    fn write(&self) -> String {
        match self {
            Self::Waiting => "waiting".to_owned(),
            Self::Started { pid } => format!("started {pid}"),
            Self::Ready { port } => format!("ready {port}"),
            Self::Failed { reason } => format!("failed {}", reason.replace(['\n', '\r'], " ")),
        }
    }

    /// Reads a line; nothing if it is none of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(match word {
            "waiting" => Self::Waiting,
            "started" => Self::Started {
                pid: rest.parse().ok()?,
            },
            "ready" => Self::Ready {
                port: rest.parse().ok()?,
            },
            "failed" => Self::Failed {
                reason: rest.to_owned(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_the_pipe() {
        for line in [
            Line::Waiting,
            Line::Started { pid: 7 },
            Line::Ready { port: 4222 },
            Line::Failed {
                reason: "no room left".to_owned(),
            },
        ] {
            assert_eq!(Line::read(&line.write()), Some(line));
        }
        assert_eq!(Line::read("ready soon"), None);
    }

    #[test]
    fn the_port_is_that_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let write = |pid: u32, port: u16| {
            let text = format!(r#"{{"nats":["nats://127.0.0.1:{port}"]}}"#);
            std::fs::write(folder.path().join(format!("nats-server_{pid}.ports")), text).unwrap();
        };
        write(17, 1);
        assert_eq!(port(folder.path(), 7), None);
        write(7, 4711);
        assert_eq!(port(folder.path(), 7), Some(4711));
    }
}
