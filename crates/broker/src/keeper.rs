//! The process between a server and whoever needs it.
//!
//! A server that outlives its user, because that was killed, would keep its store open under the next start. So the user holds
//! one end of a pipe and the keeper, a process of the same program, the other: when the pipe closes, however it came to that,
//! the keeper ends the server. It is in a process group of its own, so that Ctrl-C reaches the user alone and the server ends
//! last.
//!
//! The lock file stands for the server's life. Keeper and server hold the same lock (it belongs to the open file, which the
//! server inherits as its standard input), so it is free only when both are gone, and a start that finds it taken waits.
//!
//! On Linux the server is told to end with the keeper, too: killing all processes of this program leaves nothing behind.
//!
//! What it says to its user, a line each on standard output: [`Line`].

mod line;
mod server;

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::ports::Ports;
use crate::signal::{Signal, signal};

pub use line::Line;

/// Name of the server's configuration file in its folder.
pub const CONFIGURATION: &str = "server.conf";
/// Name of the folder in which the server writes its ports.
pub const PORTS: &str = "ports";
/// The word by which a program that has a keeper calls itself as one.
pub const VERB: &str = "keeper";

/// How often the lock and the ports are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the server may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The nats-server program.
    pub server: PathBuf,
    /// Folder with the server's configuration; the server runs in it.
    pub folder: PathBuf,
    /// File that is locked as long as the server lives.
    pub lock: PathBuf,
}

/// What happens while the keeper waits.
enum Event {
    /// The user is gone.
    Released,
    /// The server is gone.
    Ended(std::io::Result<ExitStatus>),
}

impl Job {
    /// The arguments that make this program the keeper of a job: [`VERB`], and what [`run`] reads.
    pub fn arguments(&self) -> [OsString; 4] {
        [
            VERB.into(),
            self.server.clone().into(),
            self.folder.clone().into(),
            self.lock.clone().into(),
        ]
    }

    fn read(words: &[OsString]) -> Option<(Self, Option<&OsString>)> {
        let [server, folder, lock, rest @ ..] = words else {
            return None;
        };
        let job = Self {
            server: server.into(),
            folder: folder.into(),
            lock: lock.into(),
        };
        match rest {
            [] => Some((job, None)),
            [parent] => Some((job, Some(parent))),
            _ => None,
        }
    }
}

/// Runs a server until standard input closes. `words` are the arguments after [`VERB`].
///
/// # Errors
/// The program was called by somebody else than [`Job::arguments`], or could not become the server. What keeps the server from
/// running is no error here but a [`Line::Failed`].
pub fn run(words: &[OsString]) -> Result<(), String> {
    let Some((job, parent)) = Job::read(words) else {
        return Err("this is not for people: it holds the broker of `gennaker dev`".to_owned());
    };
    if let Some(parent) = parent {
        return Err(server::become_child_of(parent, &job));
    }
    if let Err(reason) = keep(&job) {
        say(&Line::Failed { reason });
    }
    Ok(())
}

fn keep(job: &Job) -> Result<(), String> {
    let (sender, events) = channel();
    watch_pipe(sender.clone());
    let Some(lock) = lock(&job.lock, &events)? else {
        return Ok(());
    };
    let ports = job.folder.join(PORTS);
    clear(&ports).map_err(|error| format!("cannot clear {}: {error}", ports.display()))?;
    let child = server::start(job, &lock)?;
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
                if let Some(ports) = Ports::read(&ports, pid) {
                    say(&Line::Ready { port: ports.client });
                    told = true;
                }
            }
            Ok(Event::Ended(status)) => return Err(server::end_of(status, &job.folder)),
            Ok(Event::Released) | Err(RecvTimeoutError::Disconnected) => return end(pid, &events),
        }
    }
}

/// Tells when the other end of standard input is closed.
fn watch_pipe(sender: Sender<Event>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
        // Nobody listens any more when the server has ended before.
        let _ = sender.send(Event::Released);
    });
}

fn watch_child(mut child: Child, sender: Sender<Event>) {
    std::thread::spawn(move || {
        let status = child.wait();
        let _ = sender.send(Event::Ended(status));
    });
}

/// Waits for the lock; nothing when the user is gone before.
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

/// Asks the server to end, and ends it if it does not.
fn end(pid: u32, events: &Receiver<Event>) -> Result<(), String> {
    for how in [Signal::Term, Signal::Kill] {
        signal(pid, how);
        if matches!(events.recv_timeout(END_WITHIN), Ok(Event::Ended(_))) {
            return Ok(());
        }
    }
    Err(format!("the process {pid} does not end"))
}

fn say(line: &Line) {
    let mut out = std::io::stdout().lock();
    // Without a reader the pipe on the other side is closed as well, which is noticed there.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_command_line() {
        let job = Job {
            server: "/a b/nats-server".into(),
            folder: "/data \"x\"".into(),
            lock: "/lock".into(),
        };
        let [verb, words @ ..] = job.arguments();
        assert_eq!(verb, VERB);
        assert_eq!(Job::read(&words), Some((job.clone(), None)));
        let parent = OsString::from("7");
        let with_parent = [&words[..], std::slice::from_ref(&parent)].concat();
        assert_eq!(Job::read(&with_parent), Some((job, Some(&parent))));
        assert!(run(&words[..2]).is_err());
    }
}
