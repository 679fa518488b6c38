//! One request and its answer: turn, deadline, size, and what a refusal means.
//!
//! Two things are tried again here and nowhere else, because the API server certainly did not act on them: a request that it
//! does not know us for, once, with credentials that were read again; and one that it refused for want of capacity (429), when
//! it asks for a wait that fits into the deadline.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use gennaker_settings::KubernetesAccount;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use crate::accounts::Options;
use crate::bearer::Bearer;
use crate::connection::{Connection, chain, plain, plain_auth};
use crate::error::{ApiError, Class, Error};
use crate::limiter::Limiter;

/// Largest answer, unless the caller says otherwise.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Largest body of a refusal.
const REFUSAL_BYTES_MAX: usize = 1 << 20;
/// Attempts while the API server asks for a pause.
const ATTEMPTS_MAX: u32 = 4;
/// The pause when it does not say how long.
const PAUSE: Duration = Duration::from_secs(1);
/// Who an API server's audit log says it was.
const AGENT: &str = concat!("gennaker/", env!("CARGO_PKG_VERSION"));
/// What stands in a path or query as it is.
const WITHIN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

pub(crate) const JSON: &str = "application/json";

/// The way to one cluster.
pub(crate) struct Transport {
    account: String,
    connection: Connection,
    /// Who we are in place of what the kubeconfig says.
    bearer: Option<Bearer>,
    limiter: Limiter,
    timeout: Duration,
}

/// A request, before it is one of a client.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    content_type: &'static str,
    accept: &'static str,
    bytes_max: usize,
}

impl Call {
    pub(crate) fn new(method: Method, path: String) -> Call {
        Call {
            method,
            path,
            query: Vec::new(),
            body: None,
            content_type: JSON,
            accept: JSON,
            bytes_max: ANSWER_BYTES_MAX,
        }
    }

    pub(crate) fn get(path: String) -> Call {
        Call::new(Method::GET, path)
    }

    pub(crate) fn query(mut self, key: &'static str, value: impl Into<String>) -> Call {
        self.query.push((key, value.into()));
        self
    }

    pub(crate) fn query_if(self, key: &'static str, value: Option<impl Into<String>>) -> Call {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    pub(crate) fn body(mut self, content_type: &'static str, body: &Value) -> Call {
        self.body = Some(body.to_string().into());
        self.content_type = content_type;
        self
    }

    pub(crate) fn accept(mut self, what: &'static str) -> Call {
        self.accept = what;
        self
    }

    pub(crate) fn bytes_max(mut self, limit: usize) -> Call {
        self.bytes_max = limit;
        self
    }

    fn request(&self) -> Result<Request<Body>, Error> {
        let mut address = self.path.clone();
        for (index, (key, value)) in self.query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(key);
            address.push('=');
            address.push_str(&segment(value));
        }
        let body = self.body.clone().map_or_else(Body::empty, Body::from);
        Request::builder()
            .method(&self.method)
            .uri(address)
            .header(ACCEPT, self.accept)
            .header(CONTENT_TYPE, self.content_type)
            .header(USER_AGENT, AGENT)
            .body(body)
            .map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// A name as one part of a path or a value of a query.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, WITHIN_SEGMENT).to_string()
}

impl Transport {
    pub(crate) fn new(
        settings: &KubernetesAccount,
        options: &Options,
    ) -> Result<Transport, String> {
        Ok(Transport {
            account: settings.name.clone(),
            connection: Connection::new(settings, options.clock.clone()),
            bearer: Bearer::of(settings, options)?,
            limiter: Limiter::new(settings.requests_per_second, settings.requests_burst),
            timeout: Duration::from_millis(settings.request_timeout_ms),
        })
    }

    /// The namespace of objects that name none.
    pub(crate) async fn default_namespace(&self) -> Result<String, Error> {
        let link = self.within(self.timeout, self.connection.link()).await?;
        Ok(link.default_namespace.clone())
    }

    /// The answer as JSON.
    pub(crate) async fn json(&self, call: Call) -> Result<Value, Error> {
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| self.nonsense(&format!("it is no JSON ({error})")))
    }

    /// The answer as it came.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes, Error> {
        let deadline = self.timeout;
        self.within(deadline, async {
            let response = self.send(&call, deadline).await?;
            self.collect(response, call.bytes_max).await
        })
        .await
    }

    /// The answer piece by piece, as it comes. The deadline is that of its beginning; what then stands still is the caller's
    /// to notice.
    pub(crate) async fn stream(
        &self,
        call: Call,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<>, Error> {
        let deadline = self.timeout;
        let response = self.within(deadline, self.send(&call, deadline)).await?;
        let account = self.account.clone();
        let pieces = response.into_body().into_data_stream();
        Ok(pieces.map(move |piece| {
            piece.map_err(|error| Error::Unreachable {
                account: account.clone(),
                reason: chain(&error),
                unsent: false,
            })
        }))
    }

    /// Sends until there is an answer that is not about us or about too many.
    async fn send(&self, call: &Call, deadline: Duration) -> Result<Response<Body>, Error> {
        let until = Instant::now() + deadline;
        let mut renewed = false;
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.limiter.turn().await;
            let link = self.connection.link().await?;
            let mut request = call.request()?;
            if let Some(bearer) = &self.bearer {
                request
                    .headers_mut()
                    .insert(AUTHORIZATION, bearer.header().await?);
            }
            let response = match link.client.send(request).await {
                Ok(response) => response,
                Err(error) => return Err(self.unreachable(&error)),
            };
            if response.status().is_success() {
                return Ok(response);
            }
            let refusal = self.refusal(response).await?;
            match refusal.class() {
                Class::Unauthorized if !renewed => {
                    renewed = true;
                    self.connection.forget(&link).await;
                }
                Class::Throttled if attempts < ATTEMPTS_MAX => {
                    let pause = refusal.retry_after.unwrap_or(PAUSE);
                    if Instant::now() + pause >= until {
                        return Err(refusal.into());
                    }
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(refusal.into()),
            }
        }
    }

    async fn refusal(&self, response: Response<Body>) -> Result<ApiError, Error> {
        let code = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = match self.collect(response, REFUSAL_BYTES_MAX).await {
            Ok(body) => body,
            // Its number is known, and says enough.
            Err(Error::TooLarge { .. } | Error::Unreachable { .. }) => Bytes::new(),
            Err(other) => return Err(other),
        };
        Ok(ApiError::read(code.as_u16(), retry_after, &body))
    }

    async fn collect(&self, response: Response<Body>, limit: usize) -> Result<Bytes, Error> {
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge {
                account: self.account.clone(),
                limit,
            }),
            Err(error) => Err(Error::Unreachable {
                account: self.account.clone(),
                reason: chain(&*error),
                unsent: false,
            }),
        }
    }

    async fn within<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(deadline, call).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout {
                account: self.account.clone(),
                after: deadline,
            }),
        }
    }

    fn unreachable(&self, error: &kube::Error) -> Error {
        if let kube::Error::Auth(_) = error {
            return self.no_credentials(plain(error));
        }
        if let kube::Error::Service(inner) = error
            && let Some(auth) = inner.downcast_ref::<kube::client::AuthError>()
        {
            return self.no_credentials(plain_auth(auth));
        }
        Error::Unreachable {
            account: self.account.clone(),
            reason: plain(error),
            unsent: never_left(error),
        }
    }

    fn no_credentials(&self, reason: String) -> Error {
        Error::Credentials {
            account: self.account.clone(),
            reason,
        }
    }

    pub(crate) fn nonsense(&self, reason: &str) -> Error {
        Error::Nonsense {
            account: self.account.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether there was no connection on which the request could have left.
fn never_left(error: &kube::Error) -> bool {
    use std::io::ErrorKind;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            );
        }
        cause = error.source();
    }
    false
}
