//! What the tests of this crate share: accounts from settings, and a server that records what it is asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gennaker_outbound::Exceptions;
use gennaker_runtime::Clock;
use gennaker_settings::{File, load};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::{Accounts, Artifact, Options};

/// Accounts of these settings that may call this machine.
pub(crate) fn accounts(settings: &str) -> Accounts {
    Accounts::new(options(settings)).unwrap()
}

/// The same in a zone.
pub(crate) fn zoned(settings: &str, zone: &str) -> Accounts {
    let zone = Some(zone.to_owned());
    Accounts::new(Options {
        zone,
        ..options(settings)
    })
    .unwrap()
}

/// The same that may call nothing but what its settings name.
pub(crate) fn accounts_closed(settings: &str) -> Accounts {
    let exceptions = Exceptions::default();
    Accounts::new(Options {
        exceptions,
        ..options(settings)
    })
    .unwrap()
}

pub(crate) fn options(settings: &str) -> Options {
    let settings = load(
        Some(File {
            name: "test",
            text: settings,
        }),
        Vec::new(),
    )
    .unwrap();
    Options {
        artifacts: settings.artifacts,
        exceptions: Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        },
        http: gennaker_outbound::Options::default(),
        zone: None,
        clock: Clock::system(),
        templates: None,
    }
}

pub(crate) fn artifact(given: Value) -> Artifact {
    Artifact::read(&given).unwrap()
}

/// The `Authorization` headers that a server has seen.
pub(crate) fn credentials_in(server: &Server) -> Vec<String> {
    let seen = server.seen();
    let headers = seen
        .iter()
        .filter_map(|request| request.header("authorization"));
    headers.map(str::to_owned).collect()
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        &self.target
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Self {
        Self::bytes(body.as_bytes().to_vec())
    }

    pub(crate) fn bytes(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self {
            status,
            ..Self::ok(body)
        }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::status(302, "").with("Location", to)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answering = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server on a loopback port; ends when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _running: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let reply: Arc<Answering> = Arc::new(reply);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                connections.spawn(async move { serve(stream, &log, reply).await });
            }
        });
        Self {
            address,
            seen,
            _running: running,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, reply: Arc<Answering>) {
    let mut got = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let request = loop {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else {
            return;
        };
        got.extend_from_slice(&buffer[..count]);
        if let Some(request) = whole(&got) {
            break request;
        }
    };
    log.lock().unwrap().push(request.clone());
    // Some tests run a program to answer.
    let answer = tokio::task::spawn_blocking(move || reply(&request))
        .await
        .unwrap();
    let mut head = format!(
        "HTTP/1.1 {} Some\r\nContent-Length: {}\r\nConnection: close\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&answer.body).await;
    let _ = stream.shutdown().await;
}

fn whole(got: &[u8]) -> Option<Seen> {
    let end = got.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let of = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let rest = &got[end + 4..];
    let body = if of("transfer-encoding") == Some("chunked") {
        unchunked(rest)?
    } else {
        let length = of("content-length").map_or(0, |text| text.parse().unwrap());
        (rest.len() >= length).then(|| rest[..length].to_vec())?
    };
    Some(Seen {
        method,
        target,
        headers,
        body,
    })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|part| part == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
