//! nats-servers of our own, one or three, with the setting of `sync_interval` that is to be measured.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::http::{Client, Request};

/// User of the one account.
pub const USER: &str = "gennaker";
/// Its password; the servers listen on loopback and live for minutes.
pub const PASSWORD: &str = "gennaker-loadtest";

const START_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// When a broker's writes reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// Before they are acknowledged.
    Always,
    /// Every two minutes, as nats-server does unless told otherwise.
    Default,
}

/// Running servers. They end with this value, or with the process.
pub struct Brokers {
    servers: Vec<Server>,
}

struct Server {
    port: u16,
    monitor: SocketAddr,
    /// What it says before it can log.
    output_file: PathBuf,
    pid: u32,
    keeper: Child,
    /// The keeper kills the server when this closes.
    leash: Option<ChildStdin>,
}

impl Brokers {
    /// Starts this many servers with their stores below `folder` and waits until they can be used.
    ///
    /// # Errors
    /// A server cannot be started or does not become healthy.
    pub async fn start(program: &Path, folder: &Path, count: usize, sync: Sync) -> Result<Self> {
        let ports = free_ports(count * 3)?;
        let routes: Vec<String> = ports[..count]
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let routes = routes.join(", ");
        let mut servers = Vec::new();
        for at in 0..count {
            let (cluster, port, monitor) = (ports[at], ports[count + at], ports[2 * count + at]);
            let own = folder.join(format!("nats-{at}"));
            std::fs::create_dir_all(&own)
                .with_context(|| format!("failed to create {}", own.display()))?;
            let mut text = format!(
                "server_name: n{at}\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\nlog_file: {:?}\n\
                 authorization {{ user: {USER}, password: {PASSWORD:?} }}\n\
                 jetstream {{ store_dir: {:?}, max_memory_store: 512MB, max_file_store: 40GB{} }}\n",
                own.join("server.log"),
                own.join("store"),
                match sync {
                    Sync::Always => ", sync_interval: always",
                    Sync::Default => "",
                },
            );
            if count > 1 {
                let _ = writeln!(
                    text,
                    "cluster {{ name: loadtest, listen: \"127.0.0.1:{cluster}\", routes: [{routes}] }}"
                );
            }
            let configuration = own.join("server.conf");
            std::fs::write(&configuration, text)
                .with_context(|| format!("failed to write {}", configuration.display()))?;
            servers.push(Server::spawn(program, &own, &configuration, port, monitor)?);
        }
        let brokers = Self { servers };
        brokers.wait_ready().await?;
        Ok(brokers)
    }

    /// Addresses for clients.
    pub fn urls(&self) -> Vec<String> {
        self.servers
            .iter()
            .map(|server| format!("nats://127.0.0.1:{}", server.port))
            .collect()
    }

    /// Process ids of the servers.
    pub fn pids(&self) -> Vec<u32> {
        self.servers.iter().map(|server| server.pid).collect()
    }

    /// What the first server's monitor says about streams and consumers, for a look into a stall.
    pub async fn consumers(&self) -> String {
        let path = "/jsz?accounts=true&streams=true&consumers=true";
        match self.servers.first() {
            Some(server) => get(server.monitor, path)
                .await
                .map_or_else(|| "no answer".to_owned(), |(_, body)| body),
            None => String::new(),
        }
    }

    async fn wait_ready(&self) -> Result<()> {
        let until = Instant::now() + START_WITHIN;
        for server in &self.servers {
            while !matches!(get(server.monitor, "/healthz").await, Some((200, _))) {
                if Instant::now() > until {
                    let said = std::fs::read_to_string(&server.output_file).unwrap_or_default();
                    bail!(
                        "nats-server on port {} is not healthy after {START_WITHIN:?}: {}",
                        server.port,
                        said.trim()
                    );
                }
                tokio::time::sleep(POLL).await;
            }
        }
        // Healthy servers may still be without a leader for what they have in common.
        while self.servers.len() > 1 && !self.has_leader().await {
            if Instant::now() > until {
                bail!("the nats-servers have no leader after {START_WITHIN:?}");
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn has_leader(&self) -> bool {
        let Some((200, page)) = get(self.servers[0].monitor, "/jsz").await else {
            return false;
        };
        let page: serde_json::Value = serde_json::from_str(&page).unwrap_or_default();
        page["meta_cluster"]["leader"]
            .as_str()
            .is_some_and(|leader| !leader.is_empty())
    }
}

impl Server {
    fn spawn(
        program: &Path,
        folder: &Path,
        configuration: &Path,
        port: u16,
        monitor: u16,
    ) -> Result<Self> {
        let output_file = folder.join("output.log");
        let mut keeper = Command::new("sh")
            .arg("-c")
            // The keeper waits for the end of our pipe, whoever closes it; then it kills the server.
            .arg(
                r#"out=$1; shift; "$@" >"$out" 2>&1 & pid=$!; echo $pid; read end; kill -KILL $pid; wait $pid"#,
            )
            .arg("keeper")
            .arg(&output_file)
            .arg(program)
            .arg("--config")
            .arg(configuration)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start sh")?;
        let leash = keeper.stdin.take();
        let mut line = String::new();
        let output = keeper
            .stdout
            .take()
            .context("the keeper's output is not a pipe")?;
        BufReader::new(output)
            .read_line(&mut line)
            .context("failed to read the server's process id")?;
        let pid = line
            .trim()
            .parse()
            .context("the keeper says no process id")?;
        let monitor = SocketAddr::from((Ipv4Addr::LOCALHOST, monitor));
        Ok(Self {
            port,
            monitor,
            output_file,
            pid,
            keeper,
            leash,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.leash = None;
        // It has nothing else to do than to kill the server and wait for its end.
        let _ = self.keeper.wait();
    }
}

/// Ports that were free a moment ago, all different.
///
/// # Errors
/// The operating system has none.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = (0..count)
        .map(bind)
        .collect::<std::io::Result<Vec<_>>>()
        .context("no port is free")?;
    let ports = listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()));
    ports
        .collect::<std::io::Result<_>>()
        .context("a bound socket has no address")
}

async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let request = Request {
        method: "GET",
        path,
        body: None,
        key: None,
    };
    let answer = tokio::time::timeout(Duration::from_secs(2), async {
        Client::new(address).send(request).await
    });
    let answer = answer.await.ok()?.ok()?;
    Some((
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    ))
}
