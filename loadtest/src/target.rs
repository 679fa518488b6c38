//! What is measured: the real program, started by us.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::brokers::{self, Brokers, PASSWORD, Sync, USER};
use crate::http::{Client, Request};
use crate::process::{self, Usages};

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(2);
/// Partitions of an installation with brokers of ours; what production has by default.
const PARTITIONS: usize = 6;

/// How the program is found, and where data goes.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `gennaker`.
    pub gennaker: PathBuf,
    /// `nats-server`.
    pub nats_server: PathBuf,
    /// Folder for the folders of data; the system's temporary one if none.
    pub data: Option<PathBuf>,
}

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// `gennaker dev` brings one.
    Dev,
    /// Ours, and `gennaker serve` uses them.
    Serve {
        /// How many.
        brokers: usize,
        /// When they write.
        sync: Sync,
    },
}

/// A running installation. It ends with this value.
pub struct Target {
    /// Where its API listens.
    pub address: SocketAddr,
    /// What it is.
    pub setup: Setup,
    processes: Vec<Process>,
    brokers: Option<Brokers>,
    /// When the first process was started.
    pub started: Instant,
    folder: TempDir,
}

struct Process {
    child: Child,
    roles: &'static str,
    log: PathBuf,
}

impl Setup {
    /// One line for people.
    pub fn describe(self) -> String {
        match self {
            Self::Dev => "gennaker dev (all roles in one process, its own broker, fsync before each acknowledgement)".to_owned(),
            Self::Serve { brokers, sync } => format!(
                "gennaker serve, {brokers} broker{}, {}",
                if brokers == 1 { "" } else { "s" },
                match sync {
                    Sync::Always => "fsync before each acknowledgement",
                    Sync::Default => "fsync every two minutes",
                }
            ),
        }
    }

    /// Whether an acknowledged write is on disk.
    pub fn fsync(self) -> bool {
        !matches!(
            self,
            Self::Serve {
                sync: Sync::Default,
                ..
            }
        )
    }

    /// How many brokers there are.
    pub fn brokers(self) -> usize {
        match self {
            Self::Dev => 1,
            Self::Serve { brokers, .. } => brokers,
        }
    }
}

impl Target {
    /// Starts all roles in one process and waits until its port is open.
    ///
    /// # Errors
    /// It does not start; the log is in the message.
    pub async fn start(programs: &Programs, setup: Setup) -> Result<Self> {
        match setup {
            Setup::Dev => Self::dev(programs).await,
            Setup::Serve { .. } => {
                Self::serve(programs, setup, &["gate,scheduler,worker,triggers"]).await
            }
        }
    }

    async fn dev(programs: &Programs) -> Result<Self> {
        let folder = folder(programs)?;
        let log = folder.path().join("dev.log");
        let started = Instant::now();
        let mut command = Command::new(&programs.gennaker);
        command
            .arg("dev")
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"));
        command.env("GENNAKER_NATS_SERVER", &programs.nats_server);
        let mut process = Process::spawn(command, "dev", log)?;
        let address = process.find_address().await?;
        let processes = vec![process];
        Ok(Self {
            address,
            setup: Setup::Dev,
            processes,
            brokers: None,
            started,
            folder,
        })
    }

    /// Starts brokers and one process for each of these sets of roles, and waits until the first port is open.
    ///
    /// # Errors
    /// As [`Target::start`].
    pub async fn serve(programs: &Programs, setup: Setup, roles: &[&'static str]) -> Result<Self> {
        Self::serve_with(programs, setup, roles, "").await
    }

    /// The same with further settings. What follows a space in one of `roles` is the pools of its worker.
    ///
    /// # Errors
    /// As [`Target::start`].
    pub async fn serve_with(
        programs: &Programs,
        setup: Setup,
        roles: &[&'static str],
        more: &str,
    ) -> Result<Self> {
        let Setup::Serve {
            brokers: count,
            sync,
        } = setup
        else {
            bail!("dev runs all roles in one process")
        };
        let folder = folder(programs)?;
        let brokers = Brokers::start(&programs.nats_server, folder.path(), count, sync).await?;
        let port = brokers::free_ports(1)?[0];
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let configuration = folder.path().join("gennaker.toml");
        let settings = format!("{}\n{more}", settings(&brokers, count, address));
        std::fs::write(&configuration, settings)
            .with_context(|| format!("failed to write {}", configuration.display()))?;
        let started = Instant::now();
        let mut target = Self {
            address,
            setup,
            processes: Vec::new(),
            brokers: Some(brokers),
            started,
            folder,
        };
        for (at, roles) in roles.iter().enumerate() {
            let mut command = Command::new(&programs.gennaker);
            let (of_process, pools) = roles.split_once(' ').unzip();
            command
                .args(["serve", "--roles", of_process.unwrap_or(roles), "--config"])
                .arg(&configuration);
            if let Some(pools) = pools {
                command.args(["--pools", pools]);
            }
            let log = target.folder.path().join(format!("serve-{at}.log"));
            target.processes.push(Process::spawn(command, roles, log)?);
        }
        Ok(target)
    }

    /// Waits until `/health` says that everything is up.
    ///
    /// # Errors
    /// It is not in time, or a process ended; the log is in the message.
    pub async fn wait_healthy(&mut self) -> Result<()> {
        let until = Instant::now() + START_WITHIN;
        let mut client = Client::new(self.address);
        loop {
            let health = client
                .send(Request {
                    method: "GET",
                    path: "/health",
                    body: None,
                    key: None,
                })
                .await;
            if health.as_ref().is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            self.check_alive()?;
            if Instant::now() > until {
                let said = health.map_or_else(
                    |error| error.to_string(),
                    |answer| String::from_utf8_lossy(&answer.body).into(),
                );
                bail!(
                    "not healthy after {START_WITHIN:?}: {said}\n{}",
                    self.log_tail()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Says which process is gone, if one is.
    ///
    /// # Errors
    /// One is.
    pub fn check_alive(&mut self) -> Result<()> {
        for process in &mut self.processes {
            process.check_alive()?;
        }
        Ok(())
    }

    /// What its programs use.
    pub fn usages(&self) -> Usages {
        let mut roots: Vec<u32> = self
            .processes
            .iter()
            .map(|process| process.child.id())
            .collect();
        roots.extend(self.brokers.iter().flat_map(Brokers::pids));
        process::usage_of_trees(&roots)
    }

    /// What the process at this place of those that were started uses.
    pub fn usage_of(&self, at: usize) -> process::Usage {
        process::total(&process::usage_of_trees(&[self.processes[at].child.id()]))
    }

    /// Kills the process at this place of those that were started (SIGKILL).
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill_9(&mut self, at: usize) -> Result<()> {
        let mut process = self.processes.remove(at);
        process.child.kill().context("failed to kill a process")?;
        process
            .child
            .wait()
            .context("failed to wait for a killed process")?;
        Ok(())
    }

    /// What the broker says about its consumers; empty where the broker is not ours.
    pub async fn consumers(&self) -> String {
        match &self.brokers {
            Some(brokers) => brokers.consumers().await,
            None => String::new(),
        }
    }

    /// Last lines of all logs.
    pub fn log_tail(&self) -> String {
        self.processes.iter().map(Process::log_tail).collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for process in &self.processes {
            // Politely first: `dev` ends its broker, and its data can be removed.
            let _ = Command::new("kill")
                .arg(process.child.id().to_string())
                .stderr(Stdio::null())
                .status();
        }
        let until = Instant::now() + STOP_WITHIN;
        for process in &mut self.processes {
            while matches!(process.child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

impl Process {
    fn spawn(mut command: Command, roles: &'static str, log: PathBuf) -> Result<Self> {
        let file =
            File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;
        let both = file.try_clone().context("failed to use the log twice")?;
        command.stdin(Stdio::null()).stdout(file).stderr(both);
        let child = command
            .spawn()
            .with_context(|| format!("failed to start {:?}", command.get_program()))?;
        Ok(Self { child, roles, log })
    }

    fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self
            .child
            .try_wait()
            .context("failed to look at a process")?
        {
            bail!(
                "the process with {} ended ({status})\n{}",
                self.roles,
                self.log_tail()
            );
        }
        Ok(())
    }

    /// The address that the process says it listens on.
    async fn find_address(&mut self) -> Result<SocketAddr> {
        let until = Instant::now() + START_WITHIN;
        while Instant::now() < until {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(address) = address_in(&log) {
                return Ok(address);
            }
            self.check_alive()?;
            tokio::time::sleep(POLL).await;
        }
        bail!(
            "`gennaker dev` says no address within {START_WITHIN:?}\n{}",
            self.log_tail()
        )
    }

    fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let mut tail = format!("--- {} ---\n", self.roles);
        for line in &lines[lines.len().saturating_sub(30)..] {
            let _ = writeln!(tail, "{line}");
        }
        tail
    }
}

/// The first `http://address:port` in a text that goes on after it, so that no digit is missing.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}

fn settings(brokers: &Brokers, replicas: usize, address: SocketAddr) -> String {
    let urls: Vec<String> = brokers
        .urls()
        .iter()
        .map(|url| format!("{url:?}"))
        .collect();
    format!(
        "[broker]\nurls = [{}]\nusername = \"{USER}\"\npassword = \"{PASSWORD}\"\nreplicas = {replicas}\n\
         partitions = {PARTITIONS}\n\n[gate]\nlisten = \"{address}\"\n\n[worker]\npools = [\"notify\"]\n\n\
         [outbound]\nallow_loopback = true\n\n[telemetry]\nlog_filter = \"warn\"\n",
        urls.join(", ")
    )
}

fn folder(programs: &Programs) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("gennaker-loadtest-");
    let folder = match &programs.data {
        Some(data) => builder.tempdir_in(data),
        None => builder.tempdir(),
    };
    folder.context("failed to create a folder for data")
}

/// The `gennaker` to measure: as named, else `GENNAKER_BIN`, else beside this program.
///
/// # Errors
/// There is none.
pub fn find_gennaker(named: Option<&Path>) -> Result<PathBuf> {
    let named = named
        .map(Path::to_path_buf)
        .or_else(|| std::env::var_os("GENNAKER_BIN").map(PathBuf::from));
    let program = match named {
        Some(named) => named,
        None => {
            let own = std::env::current_exe().context("this program has no path")?;
            own.parent()
                .context("this program lies in no folder")?
                .join("gennaker")
        }
    };
    if !program.is_file() {
        bail!(
            "{} does not exist: run `cargo build --release --bin gennaker`, or name it with --binary",
            program.display()
        );
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_when_its_line_is_complete() {
        assert_eq!(address_in("starting\nlistens on http://127.0.0.1:80"), None);
        let found = address_in("starting\nlistens on http://127.0.0.1:8084.\n");
        assert_eq!(found, Some(SocketAddr::from(([127, 0, 0, 1], 8084))));
        assert_eq!(
            address_in("http://127.0.0.1:1/x"),
            Some(SocketAddr::from(([127, 0, 0, 1], 1)))
        );
    }
}
