//! What can go wrong with a call, told apart as far as a caller acts differently on it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use url::Url;

use crate::policy::Refused;
use crate::resolver::NotResolved;

/// A call that brought no complete answer. An answer with any status, also 404 or 500, is not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("call {origin}: {kind}")]
pub struct Error {
    /// What happened.
    pub kind: Kind,
    /// Scheme, host and port that were called; never more of the URL, whose rest may be secret. For a redirected call
    /// the hop that failed. What could not be parsed shows as "the given address".
    pub origin: String,
    arrived: bool,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The address policy does not allow the target.
    #[error("{0}")]
    Refused(Refused),
    /// The request cannot be sent as it is: bad URL, method, header or a client that could not be built.
    #[error("{0}")]
    Invalid(String),
    /// The host's name has no address, or nobody answered the question.
    #[error("the name {host} was not resolved: {reason}")]
    NotResolved {
        /// The name.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// The host is there and nobody listens on the port.
    #[error("connection refused")]
    ConnectionRefused,
    /// No connection for another reason: unreachable, reset, refused by a proxy.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// No connection, TLS included, within the limit.
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    /// TLS failed: a certificate, a version, or something that does not speak it.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// No answer, or no further part of it, within the limit.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection broke while the request was written or the answer read.
    #[error("connection broke: {0}")]
    Interrupted(String),
    /// More bytes than the limit.
    #[error("{part} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// What was too large.
        part: Part,
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// A redirect that cannot be followed.
    #[error("bad redirect: {0}")]
    Redirect(String),
}

/// A part of a call that has a limit on its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The request's body.
    Request,
    /// The answer's body.
    Response,
    /// One line of a streamed answer.
    Line,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Request => "the request's body",
            Part::Response => "the answer's body",
            Part::Line => "a line of the answer",
        })
    }
}

impl Error {
    /// Whether a byte of the request may have reached a server. False only when it is certain that nothing was
    /// written; a redirected call that failed at a later hop counts as arrived. After a false the call may be repeated
    /// whatever it does; after a true its effect has to be looked for first.
    pub fn may_have_arrived(&self) -> bool {
        self.arrived
    }

    /// The policy's refusal, if that is what happened.
    pub fn refused(&self) -> Option<&Refused> {
        match &self.kind {
            Kind::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Whether time ran out, before or after the request was sent.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::ConnectTimeout(_) | Kind::Timeout(_))
    }

    pub(crate) fn new(kind: Kind, url: &Url, arrived: bool) -> Error {
        Error {
            kind,
            origin: url.origin().ascii_serialization(),
            arrived,
        }
    }

    pub(crate) fn unparsed(kind: Kind) -> Error {
        Error {
            kind,
            origin: "the given address".to_owned(),
            arrived: false,
        }
    }
}

/// Sorts the client library's error; returns also whether bytes may have been written for this one request.
pub(crate) fn classify(
    error: &reqwest::Error,
    connect_timeout: Duration,
    read_timeout: Duration,
) -> (Kind, bool) {
    if error.is_builder() {
        return (Kind::Invalid(innermost(error)), false);
    }
    let tls = find::<rustls::Error>(error);
    if error.is_connect() {
        let kind = if let Some(refused) = find::<Refused>(error) {
            Kind::Refused(refused.clone())
        } else if let Some(NotResolved { host, reason }) = find::<NotResolved>(error) {
            Kind::NotResolved {
                host: host.clone(),
                reason: reason.clone(),
            }
        } else if let Some(tls) = tls {
            Kind::Tls(tls.to_string())
        } else if error.is_timeout() {
            Kind::ConnectTimeout(connect_timeout)
        } else if find::<io::Error>(error)
            .is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
        {
            Kind::ConnectionRefused
        } else {
            Kind::NotConnected(innermost(error))
        };
        return (kind, false);
    }
    let kind = match tls {
        Some(tls) => Kind::Tls(tls.to_string()),
        None if error.is_timeout() => Kind::Timeout(read_timeout),
        None => Kind::Interrupted(innermost(error)),
    };
    (kind, true)
}

/// The first error of type `T` in the chain of causes. An `io::Error` hides what it wraps, so it is opened.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The text of the deepest cause: the layers above it only say that something failed.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    // The outermost text of this library names the whole URL; it is reached only when there is no cause.
    if deepest.is::<reqwest::Error>() {
        "the request failed".to_owned()
    } else {
        deepest.to_string()
    }
}
