//! A server of HTTP that answers as a test says and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    target: String,
    headers: Vec<(String, String)>,
    /// Its body, whole.
    pub body: Vec<u8>,
}

impl Seen {
    /// Its body as a text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its head as it came, but for the case of the headers' names.
    #[must_use]
    pub fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.target
    }

    /// A header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_raw: bool,
}

impl Reply {
    /// 200 with a text.
    #[must_use]
    pub fn ok(body: &str) -> Self {
        Self::bytes(body.as_bytes().to_vec())
    }

    /// 200 with these bytes.
    #[must_use]
    pub fn bytes(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body,
            is_raw: false,
        }
    }

    /// These bytes and no HTTP around them, then the end of the connection.
    #[must_use]
    pub fn raw(bytes: &[u8]) -> Self {
        Self {
            is_raw: true,
            ..Self::bytes(bytes.to_vec())
        }
    }

    /// A status with a text.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        Self {
            status,
            ..Self::ok(body)
        }
    }

    /// 302 to an address.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::status(302, "").with("Location", to)
    }

    /// The same with one header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answering = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server on a loopback port; ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _running: JoinSet<()>,
}

impl Server {
    /// Starts one on a free port. `reply` may block: it runs on a thread of its own.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let reply: Arc<Answering> = Arc::new(reply);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("it listens");
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

    /// An address of this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that it was asked, in order.
    ///
    /// # Panics
    /// When an answer panicked.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no answer panicked").clone()
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
    log.lock()
        .expect("no answer panicked")
        .push(request.clone());
    // Some tests run a program to answer.
    let answer = tokio::task::spawn_blocking(move || reply(&request))
        .await
        .expect("no answer panics");
    if answer.is_raw {
        let _ = stream.write_all(&answer.body).await;
        let _ = stream.shutdown().await;
        return;
    }
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
        let length = of("content-length").map_or(0, |text| text.parse().expect("a length"));
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
