//! The broker of `gennaker dev`: a nats-server behind a keeper.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gennaker_broker::keeper::{CONFIGURATION, Job, Line, PORTS};
use gennaker_broker::{Configuration, Ports, Signal, signal};
use gennaker_cli::Failure;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::folder::{FORMER_ENDS_WITHIN, Folder};
use crate::output::note;

/// The one user of the broker.
const USER: &str = "gennaker";
/// The broker's log in its folder.
const LOG: &str = "server.log";
/// How long the broker may take to read its store and listen.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// When to say that it takes long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running broker. Dropping it lets the keeper end it.
#[derive(Debug)]
pub(super) struct Broker {
    keeper: Child,
    leash: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    pid: u32,
    port: u16,
    password: String,
    log: PathBuf,
}

impl Broker {
    /// Starts a broker on the folder's store, on a free port of the loopback address.
    ///
    /// # Errors
    /// It does not start, or the one of an earlier start does not end.
    pub(super) async fn start(folder: &Folder, server: PathBuf) -> Result<Self, Failure> {
        let password = format!(
            "{:032x}{:032x}",
            rand::random::<u128>(),
            rand::random::<u128>()
        );
        let broker = folder.broker();
        let file = broker.join(CONFIGURATION);
        write_private(&file, &configuration(&password).to_string()).map_err(|error| {
            let why = super::reason(&error);
            Failure::command(format!(
                "the broker's configuration {} cannot be written: {why}",
                file.display()
            ))
        })?;
        let not_started = |error: std::io::Error| {
            Failure::command(format!(
                "the broker's keeper cannot be started: {}",
                super::reason(&error)
            ))
        };
        let mut command = Command::new(std::env::current_exe().map_err(not_started)?);
        let job = Job {
            server,
            folder: broker.clone(),
            lock: folder.broker_lock(),
        };
        command
            .args(job.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Ctrl-C reaches a terminal's whole process group, and the broker must end after us.
        #[cfg(unix)]
        command.process_group(0);
        let mut keeper = command.spawn().map_err(not_started)?;
        let (Some(leash), Some(out)) = (keeper.stdin.take(), keeper.stdout.take()) else {
            return Err(Failure::command("the broker's keeper has no pipes"));
        };
        let mut starting = Self {
            keeper,
            leash,
            lines: BufReader::new(out).lines(),
            pid: 0,
            port: 0,
            password,
            log: broker.join(LOG),
        };
        starting.wait_until_ready(folder).await?;
        Ok(starting)
    }

    /// Its address.
    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its user.
    pub(super) fn user(&self) -> &'static str {
        USER
    }

    /// The user's password.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Returns with the reason when it has ended by itself. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Failure {
        let reason = match self.next_line().await {
            Some(Line::Failed { reason }) => reason,
            Some(_) | None => {
                // Without its keeper nobody would end it; with us it goes anyway.
                signal(self.pid, Signal::Term);
                "the broker's keeper was killed".to_owned()
            }
        };
        Failure::command(reason).fix(format!("the broker's log is {}", self.log.display()))
    }

    /// Writes how it is reached, as a settings file for `import` and the like, which only we can read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write_settings(&self, file: &Path, partitions: u16) -> std::io::Result<()> {
        let text = format!(
            "# How the broker of this `gennaker dev` is reached as long as it runs; written at every start.\n\
             [broker]\nurls = [\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\npartitions = {partitions}\n",
            self.url(),
            self.user(),
            self.password()
        );
        write_private(file, &text)
    }

    /// Ends it, and waits for that until `deadline`. The keeper goes on if it takes longer.
    pub(super) async fn stop(mut self, deadline: Instant) {
        drop(self.leash);
        if timeout_at(deadline, self.keeper.wait()).await.is_err() {
            tracing::warn!("the broker takes long to end; the next start will wait for it");
        }
    }

    async fn wait_until_ready(&mut self, folder: &Folder) -> Result<(), Failure> {
        let mut deadline = Instant::now() + READY_WITHIN;
        let mut is_waiting = false;
        let mut told = false;
        loop {
            let patience = Instant::now() + PATIENCE;
            let line = match timeout_at(deadline.min(patience), self.next_line()).await {
                Ok(line) => line,
                Err(_) if Instant::now() < deadline => {
                    if !is_waiting && !std::mem::replace(&mut told, true) {
                        note("The broker reads its store, which takes long…");
                    }
                    continue;
                }
                Err(_) if is_waiting => {
                    return Err(Failure::command(format!(
                        "the broker of an earlier start still uses {}{}",
                        folder.path().display(),
                        Ports::writer(&folder.broker().join(PORTS))
                            .map_or(String::new(), |pid| format!(" (process {pid})"))
                    ))
                    .fix("end that process, or choose another folder with --data DIR"));
                }
                Err(_) => {
                    return Err(self.failure(format!(
                        "the broker is not ready after {} s",
                        READY_WITHIN.as_secs()
                    )));
                }
            };
            match line {
                Some(Line::Waiting) => {
                    is_waiting = true;
                    deadline = Instant::now() + FORMER_ENDS_WITHIN;
                    note("Waiting for the broker of the previous start to end…");
                }
                Some(Line::Started { pid }) => {
                    self.pid = pid;
                    is_waiting = false;
                    deadline = Instant::now() + READY_WITHIN;
                }
                Some(Line::Ready { port }) => {
                    self.port = port;
                    return Ok(());
                }
                Some(Line::Failed { reason }) => return Err(self.failure(reason)),
                None => return Err(self.failure("the broker's keeper ended".to_owned())),
            }
        }
    }

    fn failure(&self, sentence: String) -> Failure {
        Failure::command(sentence).fix(format!("the broker's log is {}", self.log.display()))
    }

    /// The keeper's next line; nothing when it is gone or makes no sense.
    async fn next_line(&mut self) -> Option<Line> {
        Line::read(&self.lines.next_line().await.ok()??)
    }
}

/// What the broker is told. Paths are relative to the folder that it runs in, whatever characters that has.
fn configuration(password: &str) -> Configuration {
    Configuration {
        name: "gennaker-dev".to_owned(),
        port: 0,
        // It would answer everybody on this machine, without a password.
        monitor_port: None,
        ports: PORTS.into(),
        log: LOG.into(),
        store: "store".into(),
        // What is acknowledged survives a power failure.
        sync_every: None,
        user: USER.to_owned(),
        password: password.to_owned(),
        more_users: String::new(),
        extra: String::new(),
    }
}

/// Writes a file that only we can read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // A new file, so that permissions of an older one do not count.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    options.open(path)?.write_all(text.as_bytes())
}

/// Waits at most so long for the end of a broker that is not needed any more.
pub(super) async fn stop_within(broker: Broker, limit: Duration) {
    let _ = timeout(limit, broker.stop(Instant::now() + limit)).await;
}
