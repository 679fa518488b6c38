//! A server by hand: it shows what arrived, byte for byte, and answers what the test wrote, including nothing.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Writes this and closes.
    Text(String),
    /// Writes this and keeps the connection open without another word.
    Hang(String),
    /// Closes without a word.
    Close,
}

/// A server on a loopback port; ends when dropped.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    _running: JoinSet<()>,
}

impl Server {
    /// Answers each request by its first line.
    pub async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_tls(None, reply).await
    }

    pub async fn start_tls(
        tls: Option<Arc<rustls::ServerConfig>>,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, reply, tls) = (Arc::clone(&log), Arc::clone(&reply), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &log, &*reply).await,
                        Some(config) => {
                            let acceptor = tokio_rustls::TlsAcceptor::from(config);
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &log, &*reply).await;
                            }
                        }
                    }
                });
            }
        });
        Server {
            address,
            seen,
            _running: running,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, heads and bodies.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve<S>(
    mut stream: S,
    log: &Mutex<Vec<String>>,
    reply: &(dyn Fn(&str) -> Reply + Send + Sync),
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    let whole = loop {
        let Ok(count @ 1..) = stream.read(&mut buffer).await else {
            return;
        };
        got.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&got).into_owned();
        let Some(end) = text.find("\r\n\r\n") else {
            continue;
        };
        let length = text.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ")
                .and_then(|value| value.parse::<usize>().ok())
        });
        if got.len() >= end + 4 + length.unwrap_or(0) {
            break text;
        }
    };
    let first = whole.lines().next().unwrap_or_default().to_owned();
    log.lock().unwrap().push(whole);
    match reply(&first) {
        Reply::Text(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hang(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        Reply::Close => {}
    }
}

/// A 200 with this body.
pub fn ok(body: &str) -> Reply {
    answer("200 OK", "", body)
}

/// An answer with headers (each ended by CRLF) and a body.
pub fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Text(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))
}
