//! A small HTTP/1.1 client: one connection that is kept, one request at a time, bodies in memory; and a reader of
//! server-sent events.
//!
//! It exists so that the load generator takes as little as possible of the processors that it shares with what it measures,
//! and so that its own share can be told. It speaks only as much HTTP as our server's answers need.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest wait for an answer; longer than the server itself waits for an owner.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A connection to one server, opened at the first request and again after an error.
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Verb.
    pub method: &'a str,
    /// Path with query.
    pub path: &'a str,
    /// JSON.
    pub body: Option<&'a [u8]>,
    /// Value of `Idempotency-Key`.
    pub key: Option<&'a str>,
}

/// What is answered.
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// An open stream of server-sent events.
pub struct Events {
    stream: TcpStream,
    /// Bytes as they came, with the framing of chunks.
    raw: Vec<u8>,
    /// Bytes of events that are not complete yet.
    text: Vec<u8>,
}

/// How the end of a body is found.
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

struct Head {
    status: u16,
    framing: Framing,
    close: bool,
}

impl Client {
    /// A client of the server at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::new(),
        }
    }

    /// Sends a request and reads its answer, whatever its status.
    ///
    /// # Errors
    /// The connection failed or the answer is none; the request may have been carried out.
    pub async fn send(&mut self, request: Request<'_>) -> io::Result<Response> {
        let result = match tokio::time::timeout(TIMEOUT, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer in {TIMEOUT:?}"),
            )),
        };
        if result.is_err() {
            self.stream = None;
        }
        result
    }

    async fn exchange(&mut self, request: Request<'_>) -> io::Result<Response> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty => {
                self.buffer.clear();
                empty.insert(connect(self.address).await?)
            }
        };
        stream.write_all(&written(self.address, request)).await?;
        let head = read_head(stream, &mut self.buffer).await?;
        let body = match head.framing {
            Framing::Length(length) => {
                fill(stream, &mut self.buffer, length).await?;
                self.buffer.drain(..length).collect()
            }
            Framing::Chunked => {
                let mut body = Vec::new();
                while !take_chunks(&mut self.buffer, &mut body)? {
                    read_more(stream, &mut self.buffer).await?;
                }
                body
            }
            Framing::UntilClose => {
                let mut body = std::mem::take(&mut self.buffer);
                stream.read_to_end(&mut body).await?;
                body
            }
        };
        if head.close {
            self.stream = None;
        }
        Ok(Response {
            status: head.status,
            body,
        })
    }
}

impl Events {
    /// Opens the stream.
    ///
    /// # Errors
    /// The connection failed, or the server answered something else than a stream.
    pub async fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut stream = connect(address).await?;
        let request = Request {
            method: "GET",
            path,
            body: None,
            key: None,
        };
        stream.write_all(&written(address, request)).await?;
        let mut raw = Vec::new();
        let head = read_head(&mut stream, &mut raw).await?;
        if head.status != 200 || !matches!(head.framing, Framing::Chunked) {
            return Err(io::Error::other(format!(
                "{path} answers {} instead of a stream",
                head.status
            )));
        }
        Ok(Self {
            stream,
            raw,
            text: Vec::new(),
        })
    }

    /// Waits for more, and hands each event that is complete to `each`: its name and its data.
    ///
    /// # Errors
    /// The connection failed or the stream ended.
    pub async fn read(&mut self, mut each: impl FnMut(&str, &str)) -> io::Result<()> {
        loop {
            let ended = take_chunks(&mut self.raw, &mut self.text)?;
            let mut done = 0;
            while let Some(length) = find(&self.text[done..], b"\n\n") {
                let event = std::str::from_utf8(&self.text[done..done + length])
                    .map_err(io::Error::other)?;
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                };
                if let Some(name) = event.lines().find_map(|line| line.strip_prefix("event: ")) {
                    each(name, field("data: "));
                }
                done += length + 2;
            }
            self.text.drain(..done);
            if ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if done > 0 {
                return Ok(());
            }
            read_more(&mut self.stream, &mut self.raw).await?;
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn written(address: SocketAddr, request: Request<'_>) -> Vec<u8> {
    use std::io::Write as _;
    let body = request.body.unwrap_or_default();
    let mut out = Vec::with_capacity(256 + body.len());
    // Writing into memory does not fail.
    let _ = write!(
        out,
        "{} {} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n",
        request.method,
        request.path,
        body.len()
    );
    if request.body.is_some() {
        out.extend_from_slice(b"Content-Type: application/json\r\n");
    }
    if let Some(key) = request.key {
        let _ = write!(out, "Idempotency-Key: {key}\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Head> {
    loop {
        if let Some(length) = find(buffer, b"\r\n\r\n") {
            let head = parse_head(&buffer[..length])?;
            buffer.drain(..length + 4);
            return Ok(head);
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(invalid("the head of the answer is too long"));
        }
        read_more(stream, buffer).await?;
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| invalid("the answer has no status"))?;
    let mut head = Head {
        status,
        framing: Framing::UntilClose,
        close: false,
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.framing = Framing::Length(value.parse().map_err(io::Error::other)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            head.close = value.eq_ignore_ascii_case("close");
        }
    }
    if matches!(status, 204 | 304) {
        head.framing = Framing::Length(0);
    }
    head.close |= matches!(head.framing, Framing::UntilClose);
    Ok(head)
}

/// Moves the content of complete chunks from `raw` to `out`; true after the last one.
fn take_chunks(raw: &mut Vec<u8>, out: &mut Vec<u8>) -> io::Result<bool> {
    let mut at = 0;
    let mut ended = false;
    while let Some(line) = find(&raw[at..], b"\r\n") {
        let size = std::str::from_utf8(&raw[at..at + line]).map_err(io::Error::other)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        let start = at + line + 2;
        if raw.len() < start + size + 2 {
            break;
        }
        out.extend_from_slice(&raw[start..start + size]);
        at = start + size + 2;
        if size == 0 {
            ended = true;
            break;
        }
    }
    raw.drain(..at);
    Ok(ended)
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> io::Result<()> {
    while buffer.len() < length {
        read_more(stream, buffer).await?;
    }
    Ok(())
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.reserve(16 * 1024);
    if stream.read_buf(buffer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_when_they_are_complete() {
        let (mut raw, mut out) = (b"3\r\nabc\r\n4;x=y\r\nde".to_vec(), Vec::new());
        assert!(!take_chunks(&mut raw, &mut out).unwrap());
        assert_eq!(
            (out.as_slice(), raw.as_slice()),
            (&b"abc"[..], &b"4;x=y\r\nde"[..])
        );
        raw.extend_from_slice(b"fg\r\n0\r\n\r\n");
        assert!(take_chunks(&mut raw, &mut out).unwrap());
        assert_eq!((out.as_slice(), raw.len()), (&b"abcdefg"[..], 0));
    }

    #[test]
    fn heads_say_where_the_body_ends() {
        let head =
            parse_head(b"HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\nConnection: close").unwrap();
        assert!(head.status == 202 && head.close && matches!(head.framing, Framing::Length(7)));
        let head = parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked").unwrap();
        assert!(!head.close && matches!(head.framing, Framing::Chunked));
        assert!(parse_head(b"nonsense").is_err());
    }
}
