//! A way to a cluster on which answers get lost, so that a worker can be killed between an effect and its report.
//!
//! It stands between a worker and `kubectl proxy`, which speaks to the API server. Each write is passed on, and what the API server
//! says to it the first time is kept back: whoever asked can only be killed then. The first look at
//! one object of each kind, with which a stage begins to wait for what it wrote, is kept back as well.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gennaker_testkit::kube::{Cluster, programs};
use gennaker_testkit::leash::Leashed;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const START_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const NO_ENVIRONMENT: [(&str, &str); 0] = [];

/// The way. It ends with this value.
pub struct Way {
    kubeconfig: PathBuf,
    _proxy: Leashed,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Known {
    /// Writes that were held once: verb, path and body.
    writes: BTreeSet<(String, Vec<u8>)>,
    /// Collections in which a look at an object was held once.
    looks: BTreeSet<String>,
}

struct Request {
    /// Verb and path.
    line: String,
    bytes: Vec<u8>,
    body: Vec<u8>,
}

impl Way {
    /// Opens a way to a cluster. `name` is unique in the cluster's folder; `held` hears of each request whose answer is kept back.
    ///
    /// # Panics
    /// When `kubectl proxy` does not start.
    pub async fn open(cluster: &Cluster, name: &str, held: mpsc::UnboundedSender<String>) -> Self {
        let folder = cluster.folder();
        let log = folder.join(format!("{name}.log"));
        let arguments = [
            "--kubeconfig",
            cluster
                .kubeconfig()
                .to_str()
                .expect("a temporary folder has a plain name"),
            "proxy",
            "--port=0",
        ]
        .map(str::to_owned);
        let program = programs().join("kubectl");
        let proxy = Leashed::start(&program, arguments, NO_ENVIRONMENT, &log);
        let upstream = address_in(&log).await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let kubeconfig = folder.join(format!("{name}.kubeconfig"));
        let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": name, "user": {}}]});
        std::fs::write(&kubeconfig, text.to_string())
            .expect("a file can be written in our own folder");
        let known = Arc::new(Mutex::new(Known::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (known, held) = (Arc::clone(&known), held.clone());
                connections.spawn(async move {
                    // A client that was killed leaves nothing to tell.
                    let _ = pass(stream, upstream, &known, &held).await;
                });
            }
        });
        Self {
            kubeconfig,
            _proxy: proxy,
            _tasks: tasks,
        }
    }

    /// A kubeconfig that leads over this way.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

async fn address_in(log: &Path) -> SocketAddr {
    let until = Instant::now() + START_WITHIN;
    loop {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let found = said.lines().find_map(|line| {
            line.strip_prefix("Starting to serve on ")?
                .trim()
                .parse()
                .ok()
        });
        if let Some(address) = found {
            return address;
        }
        assert!(
            Instant::now() < until,
            "kubectl proxy does not say where it listens: {said}"
        );
        tokio::time::sleep(POLL).await;
    }
}

/// One request and its answer; the connection ends with them.
async fn pass(
    mut client: TcpStream,
    upstream: SocketAddr,
    known: &Mutex<Known>,
    held: &mpsc::UnboundedSender<String>,
) -> std::io::Result<()> {
    let Some(request) = read(&mut client).await? else {
        return Ok(());
    };
    let holds = known
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .holds(&request);
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&request.bytes).await?;
    if holds {
        if !is_look(&request.line) {
            // It is done when the API server says so.
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await?;
        }
        let _ = held.send(request.line);
        // Until whoever asked is gone.
        let mut nothing = [0; 1];
        let _ = client.read(&mut nothing).await;
        return Ok(());
    }
    let (mut from, mut to) = client.split();
    let mut nothing = [0; 1];
    tokio::select! {
        copied = tokio::io::copy(&mut server, &mut to) => copied.map(|_| ()),
        // A watch that nobody looks at any more.
        _ = from.read(&mut nothing) => Ok(()),
    }
}

async fn read(client: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut got = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    let end = loop {
        if let Some(end) = got.windows(4).position(|part| part == b"\r\n\r\n") {
            break end;
        }
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        got.extend_from_slice(&buffer[..count]);
    };
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let lines: Vec<&str> = head.split("\r\n").collect();
    let value = |name: &str| {
        let found = lines.iter().filter_map(|line| line.split_once(':'));
        let mut found = found.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    };
    let length = value("content-length").and_then(|length| length.parse().ok());
    let mut body = got.split_off(end + 4);
    while body.len() < length.unwrap_or(0) {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        body.extend_from_slice(&buffer[..count]);
    }
    // One request for each connection: then nothing of the answer has to be understood.
    let mut kept: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .collect();
    kept.push("Connection: close");
    let mut bytes = format!("{}\r\n\r\n", kept.join("\r\n")).into_bytes();
    bytes.extend_from_slice(&body);
    let line = lines[0].rsplit_once(' ').map_or(lines[0], |(line, _)| line);
    Ok(Some(Request {
        line: line.to_owned(),
        bytes,
        body,
    }))
}

impl Known {
    /// Whether the answer to this request is kept back.
    fn holds(&mut self, request: &Request) -> bool {
        if is_look(&request.line) {
            let path = request.line.split('?').next().unwrap_or_default();
            return self.looks.insert(path.to_owned());
        }
        let is_write = ["POST ", "PUT ", "PATCH ", "DELETE "]
            .iter()
            .any(|verb| request.line.starts_with(verb));
        // A question about rights is put as an object.
        if !is_write || request.line.contains("/authorization.k8s.io/") {
            return false;
        }
        self.writes
            .insert((request.line.clone(), request.body.clone()))
    }
}

/// Whether it is how one object begins to be followed; one that is only read is asked for by its path.
fn is_look(line: &str) -> bool {
    line.starts_with("GET ") && line.contains("fieldSelector=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_write_is_held_once_and_so_is_the_first_look_at_a_kind() {
        let mut known = Known::default();
        let request = |line: &str, body: &str| Request {
            line: line.to_owned(),
            bytes: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        for (line, body, held) in [
            ("PATCH /a", "1", true),
            ("PATCH /a", "1", false),
            ("PATCH /a", "2", true),
            ("GET /a", "", false),
            ("GET /a?fieldSelector=x", "", true),
            ("GET /a?fieldSelector=x&watch=true", "", false),
            ("GET /b?fieldSelector=x", "", true),
            ("POST /apis/authorization.k8s.io/v1/x", "", false),
        ] {
            assert_eq!(known.holds(&request(line, body)), held, "{line} {body}");
        }
    }
}
