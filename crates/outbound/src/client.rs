//! The client: requests in, whole answers or streams out.

mod message;
mod redirect;
mod streaming;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::error::{Error, Kind, Part, classify};
use crate::policy::Policy;
use crate::resolver::{NotResolved, Resolver};
use crate::tls;
pub use message::{Options, Request, Response};
use message::{parse_headers, readable};
pub use streaming::Streaming;

/// Calls addresses within one [`Policy`]. Clones share connections; make one per policy and keep it.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// A client within `policy`. Opens nothing yet.
    ///
    /// # Errors
    /// [`Kind::Invalid`]: certificates, keys or proxies that cannot be used.
    pub fn new(policy: Policy, options: Options) -> Result<Client, Error> {
        let invalid = |text: String| Error::unparsed(Kind::Invalid(text));
        let tls = tls::config(&options.tls).map_err(invalid)?;
        let resolver = Resolver {
            policy,
            hosts: Arc::new(options.hosts.clone()),
        };
        let connect_timeout = options.connect_timeout.min(options.read_timeout);
        let base = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .user_agent(concat!("gennaker/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(connect_timeout)
                .pool_max_idle_per_host(8)
                .pool_idle_timeout(Duration::from_secs(30))
                .tcp_keepalive(Duration::from_secs(30))
        };
        let built = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| {
                invalid(
                    classify(&error, Duration::ZERO, Duration::ZERO)
                        .0
                        .to_string(),
                )
            })
        };
        let direct = built(base().no_proxy().dns_resolver(Arc::new(resolver.clone())))?;
        // The proxy's own name is the operator's choice, so this one resolves without the policy; targets are checked
        // before they are handed to it.
        let mut proxied = base().no_proxy();
        let unusable = |_| invalid("the proxy cannot be used".to_owned());
        if let Some(url) = options.proxies.http() {
            proxied = proxied.proxy(reqwest::Proxy::http(url.clone()).map_err(unusable)?);
        }
        if let Some(url) = options.proxies.https() {
            proxied = proxied.proxy(reqwest::Proxy::https(url.clone()).map_err(unusable)?);
        }
        let proxied = built(proxied)?;
        Ok(Client(Arc::new(Inner {
            direct,
            proxied,
            resolver,
            connect_timeout,
            options,
        })))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// Dropping the future ends the call; the request may have arrived.
    ///
    /// # Errors
    /// See [`Kind`]; [`Error::may_have_arrived`] tells whether repeating it is harmless.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let total = request.timeout.unwrap_or(self.0.options.total_timeout);
        let deadline = Deadline {
            at: Instant::now().checked_add(total),
            total,
        };
        let allowed = self.0.options.response_bytes_max;
        let limit_bytes = request.response_bytes_max.unwrap_or(allowed).min(allowed);
        let (url, response) = self.0.follow(request, &deadline).await?;
        let status = response.status().as_u16();
        let headers = readable(response.headers());
        let body = self
            .0
            .whole_body(&url, response, limit_bytes, &deadline)
            .await?;
        Ok(Response {
            status,
            headers,
            body,
            url: url.into(),
        })
    }

    /// The addresses by which the policy lets a URL's host be called, for a program that makes the connection itself and has
    /// to be told where to. Empty when a proxy makes the connection: then only the name was checked.
    ///
    /// # Errors
    /// [`Kind::Invalid`], [`Kind::Refused`], [`Kind::NotResolved`], [`Kind::ConnectTimeout`].
    pub async fn look_up(&self, url: &str) -> Result<Vec<IpAddr>, Error> {
        let inner = &self.0;
        let url = inner.prepare(Request::get(url))?.url;
        let error = |kind| Error::new(kind, &url, false);
        let policy = &inner.resolver.policy;
        policy
            .check(&url)
            .map_err(|refused| error(Kind::Refused(refused)))?;
        if inner.options.proxies.for_url(&url).is_some() {
            inner.check_before_proxy(&url).await.map_err(error)?;
            return Ok(Vec::new());
        }
        let host = match url.host() {
            Some(url::Host::Domain(host)) => host,
            Some(url::Host::Ipv4(ip)) => return Ok(vec![ip.into()]),
            Some(url::Host::Ipv6(ip)) => return Ok(vec![ip.into()]),
            None => return Ok(Vec::new()),
        };
        let limit = inner.connect_timeout;
        let found = tokio::time::timeout(limit, inner.resolver.look_up(host)).await;
        let found = found.map_err(|_| error(Kind::ConnectTimeout(limit)))?;
        let found = found
            .map_err(|NotResolved { host, reason }| error(Kind::NotResolved { host, reason }))?;
        policy
            .allowed_addresses(host, found)
            .map_err(|refused| error(Kind::Refused(refused)))
    }

    /// Sends a request and returns as soon as the answer's head is there; the body is read piece by piece. The total
    /// timeout covers the time until then, the read timeout each wait for the next piece. For server-sent events and
    /// logs.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn open_stream(&self, request: Request) -> Result<Streaming, Error> {
        let total = request.timeout.unwrap_or(self.0.options.total_timeout);
        let deadline = Deadline {
            at: Instant::now().checked_add(total),
            total,
        };
        let (url, response) = self.0.follow(request, &deadline).await?;
        Ok(Streaming::new(url, response, &self.0.options))
    }
}

#[derive(Debug)]
struct Inner {
    direct: reqwest::Client,
    proxied: reqwest::Client,
    resolver: Resolver,
    connect_timeout: Duration,
    options: Options,
}

/// The end of a call; none if it lies beyond what the clock can show.
struct Deadline {
    at: Option<Instant>,
    total: Duration,
}

/// A request taken apart and checked.
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) secret_headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl Inner {
    /// Sends the request and what redirects make of it, until an answer is not a redirect.
    async fn follow(
        &self,
        request: Request,
        deadline: &Deadline,
    ) -> Result<(Url, reqwest::Response), Error> {
        let follow_redirects = request.follow_redirects;
        let mut next = self.prepare(request)?;
        let mut hops = 0;
        loop {
            let began = Instant::now();
            let response = self.once(&next, deadline, hops > 0).await?;
            tracing::debug!(
                http.method = %next.method,
                http.origin = %next.url.origin().ascii_serialization(),
                http.status = response.status().as_u16(),
                elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "an outbound call was answered"
            );
            let target = match redirect::target(&next.url, &response) {
                Some(target) if follow_redirects => target,
                _ => return Ok((next.url, response)),
            };
            let bad = |reason: String, url: &Url| Error::new(Kind::Redirect(reason), url, true);
            let target = target.map_err(|reason| bad(reason, &next.url))?;
            if hops == self.options.redirects_max {
                return Err(bad(format!("more than {hops} in a row"), &next.url));
            }
            hops += 1;
            next = redirect::next(next, response.status(), target);
        }
    }

    fn prepare(&self, request: Request) -> Result<Prepared, Error> {
        let invalid = |text: String| Error::unparsed(Kind::Invalid(text));
        let mut url =
            Url::parse(&request.url).map_err(|error| invalid(format!("not a URL: {error}")))?;
        let fail = |text: String| Error::new(Kind::Invalid(text), &url, false);
        let method = Method::from_bytes(request.method.as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| {
                fail(format!(
                    "{:?} is not a method that can be sent",
                    request.method
                ))
            })?;
        let limit_bytes = self.options.request_bytes_max;
        if request
            .body
            .as_ref()
            .is_some_and(|body| body.len() as u64 > limit_bytes)
        {
            return Err(Error::new(
                Kind::TooLarge {
                    part: Part::Request,
                    limit_bytes,
                },
                &url,
                false,
            ));
        }
        let headers = parse_headers(&request.headers).map_err(fail)?;
        let secret_headers = parse_headers(&request.secret_headers).map_err(fail)?;
        url.set_fragment(None);
        Ok(Prepared {
            method,
            url,
            headers,
            secret_headers,
            body: request.body.map(Bytes::from),
        })
    }

    /// One request, one answer's head. `arrived` says that an earlier hop was answered.
    async fn once(
        &self,
        request: &Prepared,
        deadline: &Deadline,
        arrived: bool,
    ) -> Result<reqwest::Response, Error> {
        let error = |kind, now_arrived| Error::new(kind, &request.url, arrived || now_arrived);
        let policy = &self.resolver.policy;
        policy
            .check(&request.url)
            .map_err(|refused| error(Kind::Refused(refused), false))?;
        let client = if self.options.proxies.for_url(&request.url).is_some() {
            let look_up = self.check_before_proxy(&request.url);
            let checked = match deadline.at {
                Some(at) => timeout_at(at, look_up)
                    .await
                    .unwrap_or(Err(Kind::ConnectTimeout(deadline.total))),
                None => look_up.await,
            };
            checked.map_err(|kind| error(kind, false))?;
            &self.proxied
        } else {
            &self.direct
        };
        let mut built = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        for (name, value) in &request.secret_headers {
            let mut value = value.clone();
            value.set_sensitive(true);
            built = built.header(name, value);
        }
        if let Some(body) = &request.body {
            built = built.body(body.clone());
        }
        let read_timeout = self.options.read_timeout;
        // A little after the read timeout: a connect timeout of the same length must win, because it proves that
        // nothing was sent.
        let head_by = Instant::now().checked_add(read_timeout + Duration::from_millis(100));
        let (by, limit) = match (deadline.at, head_by) {
            (Some(total), Some(head)) if total < head => (Some(total), deadline.total),
            (total, head) => (head.or(total), read_timeout),
        };
        let answer = match by {
            Some(by) => timeout_at(by, built.send())
                .await
                .map_err(|_| error(Kind::Timeout(limit), true))?,
            None => built.send().await,
        };
        answer.map_err(|failure| {
            let (kind, now_arrived) = classify(&failure, self.connect_timeout, read_timeout);
            error(kind, now_arrived)
        })
    }

    /// A proxy resolves names itself, so a name that is known here to lead only to forbidden addresses is refused
    /// first. A name unknown here may still be known there.
    async fn check_before_proxy(&self, url: &Url) -> Result<(), Kind> {
        let Some(url::Host::Domain(host)) = url.host() else {
            return Ok(());
        };
        if !self.resolver.policy.checks_addresses() {
            return Ok(());
        }
        match tokio::time::timeout(self.connect_timeout, self.resolver.look_up(host)).await {
            Err(_) | Ok(Err(NotResolved { .. })) => Ok(()),
            Ok(Ok(found)) => self
                .resolver
                .policy
                .allowed_addresses(host, found)
                .map(|_| ())
                .map_err(Kind::Refused),
        }
    }

    async fn whole_body(
        &self,
        url: &Url,
        mut response: reqwest::Response,
        limit_bytes: u64,
        deadline: &Deadline,
    ) -> Result<Bytes, Error> {
        let too_large = || {
            Error::new(
                Kind::TooLarge {
                    part: Part::Response,
                    limit_bytes,
                },
                url,
                true,
            )
        };
        if response
            .content_length()
            .is_some_and(|length| length > limit_bytes)
        {
            return Err(too_large());
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) =
            next_chunk(&mut response, url, self.options.read_timeout, deadline).await?
        {
            if (whole.len() + chunk.len()) as u64 > limit_bytes {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

/// The next piece of a body, within the read timeout and the deadline.
async fn next_chunk(
    response: &mut reqwest::Response,
    url: &Url,
    read_timeout: Duration,
    deadline: &Deadline,
) -> Result<Option<Bytes>, Error> {
    let read_by = Instant::now().checked_add(read_timeout);
    let (by, limit) = match (deadline.at, read_by) {
        (Some(total), Some(read)) if total < read => (Some(total), deadline.total),
        (total, read) => (read.or(total), read_timeout),
    };
    let chunk = match by {
        Some(by) => timeout_at(by, response.chunk())
            .await
            .map_err(|_| Error::new(Kind::Timeout(limit), url, true))?,
        None => response.chunk().await,
    };
    chunk.map_err(|failure| {
        let (kind, _) = classify(&failure, Duration::ZERO, read_timeout);
        Error::new(kind, url, true)
    })
}

#[cfg(test)]
mod tests;
