//! HTTP as the client verbs need it: one request, one answer, or an answer that keeps coming.
//!
//! A trait rather than a client, so that tests answer from a script. The real thing is [`outbound`], the only place here that
//! knows which library does the work.

pub(crate) mod outbound;
#[cfg(test)]
pub(crate) mod scripted;

use std::{future::Future, pin::Pin, time::Duration};

/// A future that can be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Most bytes of one answer that are kept; executions with large contexts take megabytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, ….
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Longest wait for the whole answer; of a stream, for its head only.
    pub timeout: Duration,
    /// Whether redirects are followed.
    pub redirects: bool,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The status as Go prints it: `404 Not Found`.
    #[must_use]
    pub fn status_line(&self) -> String {
        let reason = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        format!("{} {reason}", self.status).trim_end().to_owned()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection came about, so nothing was sent: refused, unknown host, certificate not trusted.
    NotConnected(String),
    /// The request may have arrived, but no whole answer came.
    Interrupted(String),
    /// The request cannot be sent as it is: a malformed address or header, an unusable certificate.
    Unusable(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotConnected(text) | Self::Interrupted(text) | Self::Unusable(text) => {
                formatter.write_str(text)
            }
        }
    }
}

/// The head of an answer and the rest as it comes.
pub struct Streaming {
    /// Status and headers; the body is empty.
    pub head: Response,
    /// The body.
    pub chunks: Box<dyn Chunks>,
}

/// A body that keeps coming.
pub trait Chunks: Send {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Vec<u8>, Trouble>>>;
}

/// What sends requests.
pub trait Http: Send + Sync {
    /// Sends one request and reads the whole answer.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Trouble>>;

    /// Sends one request and reads the head of the answer.
    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming, Trouble>>;
}

/// How connections are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Accept any certificate of the server.
    pub insecure: bool,
    /// Authorities to trust besides the machine's, PEM.
    pub authorities: Option<String>,
    /// Client certificate and key, each PEM.
    pub identity: Option<(String, String)>,
}
