//! Real NATS servers: one, or three as a cluster, that can be killed, paused and restarted.
//!
//! A server is started through a small keeper shell that kills it when the test process ends, however it ends.

mod binary;
mod cluster;
mod monitor;

use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use binary::find;
pub use cluster::Cluster;

/// Longest time until a server is ready.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);
const USER: &str = "gennaker";
const PASSWORD: &str = "testkit";

/// A server with JetStream, a store of its own and a password. It ends with this value.
pub struct Server {
    process: Option<Process>,
    folder: TempDir,
    name: String,
    port: u16,
    monitor_port: u16,
    /// What stands in the configuration besides the usual.
    extra: String,
    /// Further users, as the configuration spells them.
    users: String,
}

struct Process {
    keeper: Child,
    /// The keeper kills the server when this closes.
    leash: Option<ChildStdin>,
    pid: u32,
}

impl Server {
    /// Starts a server and waits until it is healthy. It writes to disk every ten seconds, as in development.
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
        self.process.as_ref().expect("the server runs").pid
    }

    /// Kills the server at once, as a crash does; what was not written to disk by the process is lost, what the operating
    /// system holds is not.
    pub fn kill_9(&mut self) {
        self.process = None;
    }

    /// Stops the server's execution without closing anything (SIGSTOP).
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Ends the server gracefully (SIGTERM) and waits until it is gone.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            if let Some(leash) = process.leash.as_mut() {
                leash.write_all(b"TERM\n").expect("the keeper listens");
            }
            wait_until("the server stops", || {
                matches!(process.keeper.try_wait(), Ok(Some(_)))
            });
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
            if monitor::is_ok(self.monitor_port, "/healthz") {
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
            extra: format!("server_name: {name}\n{extra}"),
            users: String::new(),
        }
    }

    /// Starts the process and learns its ports.
    fn spawn(&mut self) {
        let binary = find();
        let ports = self.folder.path().join("ports");
        let _ = std::fs::remove_dir_all(&ports);
        std::fs::create_dir_all(&ports).expect("a folder can be made in our own folder");
        let configuration = self.folder.path().join("server.conf");
        std::fs::write(&configuration, self.configuration(&ports))
            .expect("a file can be written in our own folder");
        let mut keeper = Command::new("sh")
            .arg("-c")
            // The keeper waits for a word, or for the end of our pipe, whoever closes it; then it ends the server.
            .arg(r#""$@" >>"$KEEPER_OUTPUT" 2>&1 & pid=$!; echo $pid; how=KILL; read how; kill -${how:-KILL} $pid; wait $pid"#)
            .arg("keeper")
            .arg(&binary)
            .arg("--config")
            .arg(&configuration)
            .env("KEEPER_OUTPUT", self.log_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        let leash = keeper.stdin.take().expect("stdin is a pipe");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("stdout is a pipe"))
            .read_line(&mut line)
            .expect("the keeper says the process id");
        let pid: u32 = line.trim().parse().expect("the keeper says the process id");
        self.process = Some(Process {
            keeper,
            leash: Some(leash),
            pid,
        });
        self.learn_ports(&ports, pid);
    }

    fn configuration(&self, ports: &Path) -> String {
        let store = self.store();
        format!(
            "listen: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\nports_file_dir: {ports:?}\nlog_file: {:?}\n\
             jetstream {{ store_dir: {store:?}, sync_interval: 10s, max_memory_store: 512MB, max_file_store: 8GB }}\n\
             authorization {{ users: [ {{ user: {USER}, password: {PASSWORD} }}\n{} ] }}\n{}\n",
            port_text(self.port),
            port_text(self.monitor_port),
            self.log_file(),
            self.users,
            self.extra,
        )
    }

    /// Reads the ports that the server wrote down.
    fn learn_ports(&mut self, folder: &Path, pid: u32) {
        let file = folder.join(format!("nats-server_{pid}.ports"));
        let until = Instant::now() + START_DEADLINE;
        while Instant::now() < until {
            let ports = std::fs::read_to_string(&file).ok();
            let ports =
                ports.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
            if let Some(ports) = ports {
                self.port = first_port(&ports["nats"]);
                self.monitor_port = first_port(&ports["monitoring"]);
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("nats-server {} does not start: {}", self.name, self.log());
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.leash = None;
        // It has nothing else to do than to kill the server and wait for its end.
        let _ = self.keeper.wait();
    }
}

fn first_port(addresses: &serde_json::Value) -> u16 {
    addresses[0]
        .as_str()
        .and_then(|address| address.rsplit(':').next())
        .and_then(|port| port.parse().ok())
        .expect("the ports file lists an address")
}

fn port_text(port: u16) -> String {
    if port == 0 {
        "-1".to_owned()
    } else {
        port.to_string()
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

fn signal(pid: u32, name: &str) {
    // A process that is gone needs no signal.
    let _ = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
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
