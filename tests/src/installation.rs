//! What is tested: `gennaker dev`, or brokers and one process for each role.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gennaker_testkit::nats::{Cluster, Server};
use tempfile::TempDir;

use crate::gate::Gate;
use crate::process::Process;

const START_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// More than one, so that each scheduler owns some.
const PARTITIONS: usize = 3;

/// One process for each role, some twice, over brokers that others own.
pub struct Installation {
    /// The processes, by name: `gate`, `scheduler-a`, `scheduler-b`, `worker-a`, `worker-b`, `triggers`.
    pub processes: Vec<Process>,
    /// The brokers.
    pub brokers: Brokers,
    /// The API.
    pub gate: Gate,
    folder: TempDir,
}

/// One broker, or three that replicate.
pub enum Brokers {
    /// One.
    One(Server),
    /// Three.
    Three(Cluster),
}

/// `gennaker dev` in a folder of its own.
pub struct Dev {
    /// The process.
    pub process: Process,
    /// The API, at the address that it said last.
    pub gate: Gate,
    folder: TempDir,
}

impl Installation {
    /// Starts everything and waits until it is healthy.
    ///
    /// # Panics
    /// When it does not become healthy.
    pub async fn start(brokers: usize) -> Self {
        Self::start_with(brokers, "").await
    }

    /// The same, with further settings, for example `[telemetry]\nlog_filter = "debug"`.
    ///
    /// # Panics
    /// As [`Installation::start`].
    pub async fn start_with(brokers: usize, more: &str) -> Self {
        Self::start_with_pools(brokers, &["notify"], more).await
    }

    /// The same, with workers that run the tasks of these pools.
    ///
    /// # Panics
    /// As [`Installation::start`].
    pub async fn start_with_pools(brokers: usize, pools: &[&str], more: &str) -> Self {
        let brokers = match brokers {
            1 => Brokers::One(Server::start()),
            count => Brokers::Three(Cluster::start(count)),
        };
        let folder = tempfile::Builder::new()
            .prefix("gennaker-test-")
            .tempdir()
            .expect("a folder can be made");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let settings = folder.path().join("gennaker.toml");
        std::fs::write(
            &settings,
            format!("{}\n{more}\n", brokers.settings(address, pools)),
        )
        .expect("a file can be written in our own folder");
        let settings = settings
            .to_str()
            .expect("a temporary folder has a plain name")
            .to_owned();
        let roles = [
            ("gate", "gate"),
            ("scheduler-a", "scheduler"),
            ("scheduler-b", "scheduler"),
            ("worker-a", "worker"),
            ("worker-b", "worker"),
            ("triggers", "triggers"),
        ];
        let start = |(name, role): (&str, &str)| {
            Process::start(
                name,
                &["serve", "--roles", role, "--config", &settings],
                folder.path(),
            )
        };
        let processes = roles.into_iter().map(start).collect();
        let installation = Self {
            processes,
            brokers,
            gate: Gate { address },
            folder,
        };
        installation.gate.wait_healthy().await;
        installation
    }

    /// Starts one more worker, with these arguments besides its role and the settings.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_worker(&mut self, name: &str, more: &[&str]) {
        let settings = self.folder.path().join("gennaker.toml");
        let settings = settings
            .to_str()
            .expect("a temporary folder has a plain name");
        let arguments = [&["serve", "--roles", "worker", "--config", settings], more].concat();
        let process = Process::start(name, &arguments, self.folder.path());
        self.processes.push(process);
    }

    /// Starts one more process with this role and the settings of all.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_more(&mut self, name: &str, role: &str) {
        let settings = self.folder.path().join("gennaker.toml");
        let settings = settings
            .to_str()
            .expect("a temporary folder has a plain name");
        let arguments = ["serve", "--roles", role, "--config", settings];
        let process = Process::start(name, &arguments, self.folder.path());
        self.processes.push(process);
    }

    /// A process by name.
    ///
    /// # Panics
    /// When there is none.
    pub fn process(&mut self, name: &str) -> &mut Process {
        let found = self
            .processes
            .iter_mut()
            .find(|process| process.name == name);
        found.unwrap_or_else(|| panic!("there is no process {name}"))
    }

    /// Checks that no process has said, and no broker keeps, one of these values. What is compressed is searched as it lies on the
    /// disk, so a value should look like nothing else.
    ///
    /// # Panics
    /// When one is found.
    pub fn check_secrets(&self, secrets: &[&str]) {
        for process in &self.processes {
            let log = process.log();
            let told = secrets.iter().find(|secret| log.contains(**secret));
            assert!(told.is_none(), "{} says {told:?}", process.name);
        }
        let mut files = 0;
        for server in self.brokers.all() {
            let mut folders = vec![server.store()];
            while let Some(folder) = folders.pop() {
                // The broker makes and removes files at any time.
                for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                    let path = entry.path();
                    if path.is_dir() {
                        folders.push(path);
                        continue;
                    }
                    let Ok(bytes) = std::fs::read(&path) else {
                        continue;
                    };
                    files += 1;
                    // Whatever is no UTF-8 becomes something else, and what is stays.
                    let text = String::from_utf8_lossy(&bytes);
                    let told = secrets.iter().find(|secret| text.contains(**secret));
                    assert!(told.is_none(), "{} holds {told:?}", path.display());
                }
            }
        }
        assert!(
            files > 10,
            "the brokers keep {files} files: too few to be all"
        );
    }

    /// Checks that every process runs and that none has ever panicked.
    ///
    /// # Panics
    /// When that is not so.
    pub fn check_processes(&self) {
        for process in &self.processes {
            assert!(
                process.is_running(),
                "{} does not run any more:\n{}",
                process.name,
                process.log()
            );
            check_log(process);
        }
    }
}

impl Brokers {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Three(cluster) => cluster.servers().len(),
        }
    }

    fn all(&self) -> &[Server] {
        match self {
            Self::One(server) => std::slice::from_ref(server),
            Self::Three(cluster) => cluster.servers(),
        }
    }

    /// Kills one (SIGKILL).
    pub fn kill_9(&mut self, at: usize) {
        self.server(at).kill_9();
    }

    /// Starts one again and waits until all are healthy.
    pub fn restart(&mut self, at: usize) {
        self.server(at).restart();
        if let Self::Three(cluster) = self {
            cluster.wait_healthy();
        }
    }

    fn server(&mut self, at: usize) -> &mut Server {
        match self {
            Self::One(server) => server,
            Self::Three(cluster) => cluster.server(at),
        }
    }

    fn settings(&self, address: SocketAddr, pools: &[&str]) -> String {
        let (urls, user, password) = match self {
            Self::One(server) => (vec![server.url()], server.user(), server.password()),
            Self::Three(cluster) => (
                cluster.urls(),
                cluster.servers()[0].user(),
                cluster.servers()[0].password(),
            ),
        };
        let urls: Vec<String> = urls.iter().map(|url| format!("{url:?}")).collect();
        format!(
            "[broker]\nurls = [{}]\nusername = \"{user}\"\npassword = \"{password}\"\nreplicas = {}\n\
             partitions = {PARTITIONS}\n\n[gate]\nlisten = \"{address}\"\n\n[worker]\npools = {pools:?}\n\n\
             [outbound]\nallow_loopback = true\n",
            urls.join(", "),
            self.count(),
        )
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_logs(&self.processes, &self.folder);
        }
    }
}

/// Pages of Deck where it usually is may call the shared one.
const DECK: (&str, &str) = ("GENNAKER_GATE__ALLOWED_ORIGINS", "http://localhost:9000");

/// The one that the tests of a file share.
static SHARED: tokio::sync::Mutex<Weak<Dev>> = tokio::sync::Mutex::const_new(Weak::new());

impl Dev {
    /// The one that the tests of a file share: it starts with the first and ends with the last of those that run at one time.
    /// Names in it must be each test's own.
    ///
    /// # Panics
    /// As [`Dev::start`].
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start_with(&[DECK]).await);
        *shared = Arc::downgrade(&started);
        started
    }

    /// Starts it in an empty folder and waits until it is healthy.
    ///
    /// # Panics
    /// When it does not become healthy.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further environment variables.
    ///
    /// # Panics
    /// As [`Dev::start`].
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gennaker-test-")
            .tempdir()
            .expect("a folder can be made");
        let data = folder.path().join("data");
        let data = data.to_str().expect("a temporary folder has a plain name");
        let process = Process::start_with(
            "dev",
            &["dev", "--listen", "127.0.0.1:0", "--data", data],
            environment,
            folder.path(),
        );
        let gate = Gate {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        let mut dev = Self {
            process,
            gate,
            folder,
        };
        dev.wait_ready(0).await;
        dev
    }

    /// Kills it (SIGKILL), starts it again in the same folder, and waits until it is healthy.
    ///
    /// # Panics
    /// When it does not become healthy.
    pub async fn kill_and_restart(&mut self) {
        self.process.kill_9();
        let said = self.process.log().len();
        self.process.start_again();
        self.wait_ready(said).await;
    }

    /// Checks that it runs and has never panicked.
    ///
    /// # Panics
    /// When that is not so.
    pub fn check(&self) {
        assert!(
            self.process.is_running(),
            "dev does not run any more:\n{}",
            self.process.log()
        );
        check_log(&self.process);
    }

    /// Finds the address in what was said from `from` on.
    async fn wait_ready(&mut self, from: usize) {
        let until = Instant::now() + START_WITHIN;
        let address = loop {
            let log = self.process.log();
            if let Some(address) = log.get(from..).and_then(address_in) {
                break address;
            }
            assert!(
                self.process.is_running() && Instant::now() < until,
                "dev says no address within {START_WITHIN:?}:\n{log}"
            );
            tokio::time::sleep(POLL).await;
        };
        self.gate = Gate { address };
        self.gate.wait_healthy().await;
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_logs(std::slice::from_ref(&self.process), &self.folder);
        }
    }
}

/// The last lines of each log, shown with a failing test.
fn show_logs(processes: &[Process], folder: &TempDir) {
    const LINES: usize = 60;
    for process in processes {
        let log = process.log();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!(
            "--- last lines of {} in {} ---",
            process.name,
            folder.path().display()
        );
        lines[lines.len().saturating_sub(LINES)..]
            .iter()
            .for_each(|line| eprintln!("{line}"));
    }
}

fn check_log(process: &Process) {
    let log = process.log();
    let panicked: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert!(
        panicked.is_empty(),
        "{} panicked:\n{}",
        process.name,
        panicked.join("\n")
    );
}

/// The first `http://address:port` that something follows, so that no digit is missing.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}
