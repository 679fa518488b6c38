//! Real NATS servers: one, or three as a cluster, that can be killed, paused and restarted.

mod cluster;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gennaker_broker::{Configuration, Places, Ports, Signal, monitor};
use tempfile::TempDir;

use crate::leash::Leashed;

pub use cluster::Cluster;

/// Longest time until a server is ready.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How often it writes to disk: as seldom as it loses nothing in tests, which kill processes and not machines.
const SYNC_EVERY: Duration = Duration::from_secs(10);
const USER: &str = "gennaker";
const PASSWORD: &str = "testkit";
const NO_ENVIRONMENT: [(&str, &str); 0] = [];

/// The server to test with, where everybody looks for one.
///
/// # Panics
/// When there is none.
pub fn find() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND
        .get_or_init(|| match Places::of_process().find() {
            Ok(program) => program,
            Err(missing) => panic!("{missing}: {}", missing.way_out()),
        })
        .clone()
}

/// A server with JetStream, a store of its own and a password. It ends with this value.
pub struct Server {
    process: Option<Leashed>,
    folder: TempDir,
    name: String,
    port: u16,
    monitor_port: u16,
    /// What stands in the configuration besides the usual.
    extra: String,
    /// Further users, as the configuration spells them.
    users: String,
}

impl Server {
    /// Starts a server and waits until it is healthy.
    ///
    /// # Panics
    /// When no server is installed ("run cargo xtask tools") or it does not become healthy.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a server whose configuration has further lines, for example `max_payload: 2MB`.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_with(extra: &str) -> Self {
        let mut server = Self::prepare("test", extra);
        server.spawn();
        server.wait_healthy();
        server
    }

    /// Starts a server with further users in its one account, in the configuration's own words, for example
    /// `{ user: worker, password: secret, permissions: { publish: [ "gk.cmd.*.report" ] } }`.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_with_users(users: &str) -> Self {
        let mut server = Self::prepare("test", "");
        server.users = users.to_owned();
        server.spawn();
        server.wait_healthy();
        server
    }

    /// Address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Port for clients.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// User name of the one account.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// Password of the one account.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Folder of the store.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Process id of the running server.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").pid()
    }

    /// Kills the server at once, as a crash does; what was not written to disk by the process is lost, what the operating
    /// system holds is not.
    pub fn kill_9(&mut self) {
        self.process = None;
    }

    /// Stops the server's execution without closing anything (SIGSTOP).
    pub fn pause(&self) {
        self.signal(Signal::Stop);
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::Continue);
    }

    /// Ends the server gracefully (SIGTERM) and waits until it is gone.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }

    /// Kills the server if it runs, and starts it again on the same store and port.
    ///
    /// # Panics
    /// When it does not become healthy again.
    pub fn restart(&mut self) {
        self.kill_9();
        self.spawn();
        self.wait_healthy();
    }

    /// The server's log, for a failing test.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Waits until the server calls itself healthy.
    ///
    /// # Panics
    /// When it does not in time; the server's log is in the message.
    pub fn wait_healthy(&self) {
        let until = Instant::now() + START_DEADLINE;
        while Instant::now() < until {
            if monitor::is_healthy(self.monitor_port) {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!(
            "nats-server is not healthy after {START_DEADLINE:?}: {}",
            self.log()
        );
    }

    /// A server that is not started yet; its ports are drawn by the first start and kept.
    fn prepare(name: &str, extra: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gennaker-nats-")
            .tempdir()
            .expect("a temporary folder can be made");
        Self {
            process: None,
            folder,
            name: name.to_owned(),
            port: 0,
            monitor_port: 0,
            extra: extra.to_owned(),
            users: String::new(),
        }
    }

    /// Starts the process and learns its ports.
    fn spawn(&mut self) {
        let ports = self.folder.path().join("ports");
        let _ = std::fs::remove_dir_all(&ports);
        std::fs::create_dir_all(&ports).expect("a folder can be made in our own folder");
        let file = self.folder.path().join("server.conf");
        std::fs::write(&file, self.configuration(ports.clone()).to_string())
            .expect("a file can be written in our own folder");
        let arguments = [std::ffi::OsStr::new("--config"), file.as_os_str()];
        let process = Leashed::start(&find(), arguments, NO_ENVIRONMENT, &self.log_file());
        let pid = process.pid();
        self.process = Some(process);
        let until = Instant::now() + START_DEADLINE;
        let ports = loop {
            if let Some(ports) = Ports::read(&ports, pid) {
                break ports;
            }
            assert!(
                Instant::now() < until && self.is_running(),
                "nats-server {} does not start: {}",
                self.name,
                self.log()
            );
            std::thread::sleep(POLL);
        };
        self.port = ports.client;
        self.monitor_port = ports.monitor.expect("it was told to have one");
    }

    fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(Leashed::is_running)
    }

    fn configuration(&self, ports: PathBuf) -> Configuration {
        Configuration {
            name: self.name.clone(),
            port: self.port,
            monitor_port: Some(self.monitor_port),
            ports,
            log: self.log_file(),
            store: self.store(),
            sync_every: Some(SYNC_EVERY),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            more_users: self.users.clone(),
            extra: self.extra.clone(),
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn signal(&self, what: Signal) {
        if let Some(process) = &self.process {
            process.signal(what);
        }
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + START_DEADLINE;
    while !holds() {
        assert!(
            Instant::now() < until,
            "{what}: not within {START_DEADLINE:?}"
        );
        std::thread::sleep(POLL);
    }
}
