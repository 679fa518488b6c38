//! What goes in and comes out: limits, requests, answers, and their headers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::proxies::Proxies;
use crate::tls::Tls;

/// Limits and the way out. [`Options::default`] has the values given at each field, no proxy and the platform's
/// certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The longest time until a connection stands, name look-up and TLS included: 15 s, as Spinnaker's webhook stage.
    /// Never longer than `read_timeout`.
    pub connect_timeout: Duration,
    /// The longest wait for the answer's head, counted from the call, and for each further part of it: 20 s, as
    /// Spinnaker's webhook stage.
    pub read_timeout: Duration,
    /// The longest a call may take, redirects and body included, but for streams: 120 s.
    pub total_timeout: Duration,
    /// The largest request body in bytes: 16 MiB.
    pub request_bytes_max: u64,
    /// The largest answer body in bytes: 16 MiB. A stream has no such limit.
    pub response_bytes_max: u64,
    /// The longest line of a stream in bytes: 1 MiB.
    pub line_bytes_max: usize,
    /// How many redirects are followed: 10.
    pub redirects_max: u32,
    /// Proxies by target.
    pub proxies: Proxies,
    /// Certificates.
    pub tls: Tls,
    /// Addresses to use instead of looking a name (in lower case) up, like a hosts file. The policy still holds.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_secs(120),
            request_bytes_max: 16 << 20,
            response_bytes_max: 16 << 20,
            line_bytes_max: 1 << 20,
            redirects_max: 10,
            proxies: Proxies::none(),
            tls: Tls::default(),
            hosts: BTreeMap::new(),
        }
    }
}

/// What to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method as it goes on the wire; CONNECT is refused.
    pub method: String,
    /// Absolute URL. Credentials in it become an `Authorization` header.
    pub url: String,
    /// Headers in order, repeats allowed. What frames the message (`Content-Length`, `Transfer-Encoding`,
    /// `Connection` …) is ours to set and left out. `User-Agent` is set if it is missing.
    pub headers: Vec<(String, String)>,
    /// Headers that are sent to the URL's own origin only and not repeated to another that it redirects to. The usual
    /// ones (`Authorization`, `Cookie`, `Proxy-Authorization`) are treated so wherever they stand.
    pub secret_headers: Vec<(String, String)>,
    /// The body; none is not the same as an empty one.
    pub body: Option<Vec<u8>>,
    /// In place of [`Options::total_timeout`] for this call.
    pub timeout: Option<Duration>,
    /// The largest answer body in bytes, where [`Options::response_bytes_max`] allows more.
    pub response_bytes_max: Option<u64>,
    /// Whether redirects are followed; otherwise they are answers like others.
    pub follow_redirects: bool,
}

impl Request {
    /// A request without headers and body that follows redirects.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Request {
        Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            body: None,
            timeout: None,
            response_bytes_max: None,
            follow_redirects: true,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new("GET", url)
    }

    /// A POST request with a body of the given content type.
    pub fn post(url: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        let mut request = Request::new("POST", url).header("Content-Type", content_type);
        request.body = Some(body.into());
        request
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a header that no other origin may see.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.secret_headers.push((name.into(), value.into()));
        self
    }

    /// Sets the largest answer body in bytes; more than the client allows is not granted.
    #[must_use]
    pub fn response_bytes_max(mut self, limit: u64) -> Request {
        self.response_bytes_max = Some(limit);
        self
    }

    /// Sets the longest time that the call may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = Some(timeout);
        self
    }
}

/// URL, headers and body stay out of logs: they carry secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field(
                "origin",
                &Url::parse(&self.url)
                    .ok()
                    .map(|url| url.origin().ascii_serialization()),
            )
            .field(
                "headers",
                &self
                    .headers
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
            .field("body_bytes", &self.body.as_ref().map(Vec::len))
            .field("timeout", &self.timeout)
            .field("response_bytes_max", &self.response_bytes_max)
            .field("follow_redirects", &self.follow_redirects)
            .finish_non_exhaustive()
    }
}

/// A whole answer, of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Headers in order, names in lower case; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The URL that answered, after redirects.
    pub url: String,
}

impl Response {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first_header(&self.headers, name)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Headers that frame the message or belong to one connection.
const OURS: [&str; 8] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

/// Checks headers and leaves out those that are ours; the error is a text for a person.
pub(super) fn parse_headers(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut parsed = HeaderMap::new();
    for (name, value) in headers {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is not a header's name"))?;
        // The value may be a secret, so only its name is told.
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the header {name} has a value that cannot be sent"))?;
        if !OURS.contains(&key.as_str()) {
            parsed
                .try_append(key, value)
                .map_err(|_| "too many headers".to_owned())?;
        }
    }
    Ok(parsed)
}

/// Names in lower case and values as text.
pub(super) fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// The first value of that name, in any case.
pub(super) fn first_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
