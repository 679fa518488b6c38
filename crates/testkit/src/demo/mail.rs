//! A mailbox: a server that speaks SMTP in the clear, takes every mail, and keeps what a person would read of it.
//!
//! Tests of mail use a real server ([`crate::smtp`]), which needs Python. Who wants to see a demo should need nothing more than a
//! compiler, so this one knows what a sender needs: RFC 5321's minimum and 8BITMIME, mails of MIME with a plain part.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Arrived, Message};

/// Longest line of a sender, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Largest mail, in bytes.
const MAIL_BYTES_MAX: usize = 1024 * 1024;

/// A mailbox on a loopback port; it ends with this value.
pub(super) struct Server {
    port: u16,
    _running: JoinSet<()>,
}

impl Server {
    /// Listens on a free port.
    pub(super) async fn start(arrived: Arrived) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let arrived = Arc::clone(&arrived);
                // A sender that goes away in the middle has sent nothing.
                talks.spawn(async move { talk(stream, &arrived).await.unwrap_or_default() });
            }
        });
        Ok(Self {
            port,
            _running: running,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// One connection.
async fn talk(stream: TcpStream, arrived: &Mutex<Vec<Message>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut to = Vec::new();
    let mut answer = "220 mailbox ESMTP".to_owned();
    loop {
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        let Some(line) = line(&mut stream).await? else {
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let word = line.split([' ', ':']).next().unwrap_or_default();
        answer = match word.to_ascii_uppercase().as_str() {
            "EHLO" => "250-mailbox\r\n250 8BITMIME".to_owned(),
            "HELO" | "NOOP" => "250 ok".to_owned(),
            "MAIL" | "RSET" => {
                to.clear();
                "250 ok".to_owned()
            }
            "RCPT" => {
                let address = line.split_once('<').and_then(|(_, it)| it.split_once('>'));
                to.extend(address.map(|(address, _)| address.to_owned()));
                "250 ok".to_owned()
            }
            "DATA" if to.is_empty() => "503 whom is it for?".to_owned(),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let Some(mail) = data(&mut stream).await? else {
                    return stream.write_all(b"552 too large\r\n").await;
                };
                let message = read(&mail, &to.join(", "));
                let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
                arrived.push(message);
                "250 kept".to_owned()
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => "502 that is not known here".to_owned(),
        };
    }
}

/// The next line with its end; none when the sender has gone.
async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut limited = stream.take(LINE_BYTES_MAX);
    limited.read_until(b'\n', &mut line).await?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// A mail up to its lone dot; none when it is too large.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    loop {
        let line = line(stream).await?;
        let line = line.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        if line == b".\r\n" {
            return Ok(Some(mail));
        }
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        if mail.len() > MAIL_BYTES_MAX {
            return Ok(None);
        }
    }
}

/// What a person sees of a mail.
fn read(mail: &[u8], to: &str) -> Message {
    let mail = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    let (headers, body) = parts(&mail);
    let boundary = header(&headers, "content-type");
    let boundary = boundary.split_once("boundary=").map(|(_, rest)| {
        let rest = rest.split(';').next().unwrap_or_default();
        format!("--{}", rest.trim().trim_matches('"'))
    });
    // Of several forms the first is the plainest (RFC 2046, 5.1.4).
    let part = boundary.and_then(|it| body.split(it.as_str()).nth(1));
    let text = match part {
        None => decoded(&header(&headers, "content-transfer-encoding"), body),
        Some(part) => {
            let (headers, body) = parts(part.trim_start());
            decoded(&header(&headers, "content-transfer-encoding"), body)
        }
    };
    Message {
        by: "mail",
        from: header(&headers, "from"),
        to: to.to_owned(),
        title: header(&headers, "subject"),
        text: text.trim().to_owned(),
        buttons: Vec::new(),
    }
}

/// Headers, unfolded, and body.
fn parts(text: &str) -> (String, &str) {
    let (headers, body) = text.split_once("\n\n").unwrap_or((text, ""));
    (headers.replace("\n ", " ").replace("\n\t", " "), body)
}

fn header(headers: &str, name: &str) -> String {
    let mut pairs = headers.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(String::new(), |(_, value)| value.trim().to_owned())
}

/// A body in the clear (RFC 2045, 6.7 and 6.8).
fn decoded(encoding: &str, body: &str) -> String {
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "base64" => {
            let digits: String = body.split_whitespace().collect();
            STANDARD.decode(digits).unwrap_or_default()
        }
        "quoted-printable" => unquoted(body),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unquoted(body: &str) -> Vec<u8> {
    let joined = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'=');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = tail
            .get(if code.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mail_is_kept_as_it_is_read() {
        let arrived = Arrived::default();
        let server = Server::start(Arc::clone(&arrived)).await.unwrap();
        let mut sender = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        let mail = "EHLO me\r\nDATA\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n\
            From: A <a@example.com>\r\nSubject: a long\r\n subject\r\nContent-Type: multipart/alternative;\r\n boundary=\"x\"\r\n\r\n\
            --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            a =3D b, gr=C3=BC=\r\nn\r\n..dot\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>no</b>\r\n--x--\r\n.\r\nQUIT\r\n";
        sender.write_all(mail.as_bytes()).await.unwrap();
        let mut said = String::new();
        sender.read_to_string(&mut said).await.unwrap();
        let codes: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
        assert_eq!(
            codes,
            [
                "220", "250", "250", "503", "250", "250", "354", "250", "221"
            ]
        );
        let message = Message {
            by: "mail",
            from: "A <a@example.com>".to_owned(),
            to: "b@example.com".to_owned(),
            title: "a long subject".to_owned(),
            text: "a = b, grün\n.dot".to_owned(),
            buttons: Vec::new(),
        };
        assert_eq!(*arrived.lock().unwrap(), [message]);
    }

    #[test]
    fn bodies_are_decoded() {
        assert_eq!(decoded("Base64", "Z3\nLDvG4="), "grün");
        assert_eq!(decoded("7bit", "as it is ="), "as it is =");
        assert_eq!(
            decoded("quoted-printable", "100=, =zz, =3"),
            "100=, =zz, =3"
        );
    }
}
