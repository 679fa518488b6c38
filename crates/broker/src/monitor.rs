//! Asking a server's monitoring port.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(1);
/// Largest page that is read, in bytes.
const PAGE_BYTES_MAX: u64 = 16 << 20;

/// Whether the server calls itself healthy: it listens, its streams are recovered and, in a cluster, current.
pub fn is_healthy(port: u16) -> bool {
    page(port, "/healthz").is_some()
}

/// A page as JSON; nothing when the server gives none.
pub fn json(port: u16, path: &str) -> Option<Value> {
    serde_json::from_str(&page(port, path)?).ok()
}

fn page(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream
        .take(PAGE_BYTES_MAX)
        .read_to_string(&mut answer)
        .ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let is_ok = head.split_whitespace().nth(1) == Some("200");
    is_ok.then(|| body.to_owned())
}
