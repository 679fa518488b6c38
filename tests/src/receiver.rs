//! A service that pipelines call: it records what arrives, and answers as it is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request that arrived, whether or not its sender lived to read the answer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Verb.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Value of `Idempotency-Key`.
    pub key: Option<String>,
    /// Value of `Authorization`.
    pub authorization: Option<String>,
    /// Body.
    pub body: Vec<u8>,
    /// When it had arrived.
    pub at: Instant,
}

/// What is answered, and how late.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Pause before the answer.
    pub delay: Duration,
    /// Body, JSON.
    pub body: String,
}

/// The service. It ends with this value.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    /// By suffix of the path without query: replies in order, of which the last one stays.
    scripts: Mutex<Vec<(String, Vec<Reply>)>>,
}

impl Reply {
    /// A status, at once.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            delay: Duration::ZERO,
            body: r#"{"received": true}"#.to_owned(),
        }
    }

    /// The same, later.
    pub fn after_ms(self, ms: u64) -> Self {
        Self {
            delay: Duration::from_millis(ms),
            ..self
        }
    }
}

impl Receiver {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    /// Its address for pipelines.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is answered to paths that end so; the last reply is repeated. Everything else gets 200.
    pub fn script(&self, suffix: &str, replies: &[Reply]) {
        let mut scripts = self
            .shared
            .scripts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        scripts.push((suffix.to_owned(), replies.to_vec()));
    }

    /// Everything that arrived.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many requests arrived.
    pub fn count(&self) -> usize {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Requests by path.
    pub fn by_path(&self) -> BTreeMap<String, Vec<Seen>> {
        let mut paths: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for seen in self.seen() {
            paths.entry(seen.path.clone()).or_default().push(seen);
        }
        paths
    }
}

impl Shared {
    fn take(&self, seen: Seen) -> Reply {
        let path = seen.path.split('?').next().unwrap_or_default().to_owned();
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let script = scripts
            .iter_mut()
            .find(|(suffix, _)| path.ends_with(suffix.as_str()));
        match script {
            Some((_, replies)) if replies.len() > 1 => replies.remove(0),
            Some((_, replies)) => replies
                .first()
                .cloned()
                .unwrap_or_else(|| Reply::status(200)),
            None => Reply::status(200),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    // A client that is killed closes its connection: not worth a word.
                    let _ = serve(stream, &shared).await;
                });
            },
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(seen) = read_request(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let reply = shared.take(seen);
        tokio::time::sleep(reply.delay).await;
        let answer = format!(
            "HTTP/1.1 {} Scripted\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            reply.status,
            reply.body.len(),
            reply.body
        );
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// The next request of a connection; nothing when it was closed between two.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Seen>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let header = |name: &str| {
        let pairs = head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        pairs
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .next()
    };
    let length: usize = header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    buffer.drain(..end + 4);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let mut words = head.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    Ok(Some(Seen {
        method: method.to_owned(),
        path: path.to_owned(),
        key: header("idempotency-key"),
        authorization: header("authorization"),
        body: buffer.drain(..length).collect(),
        at: Instant::now(),
    }))
}
