//! The server as the verbs see it: an address, a sign-in, and calls whose failures are sentences.

mod session;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    Exit, Failure, Global, Io, Tools,
    config::SpinConfig,
    http::{Http, Request, Response, Streaming, Trouble},
};

/// Where a server is looked for when nothing says otherwise.
pub(crate) const DEFAULT_SERVER: &str = "http://localhost:8084";

/// Longest wait for one answer. Saving a pipeline waits for its task, up to 32 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest wait for the head of a stream.
const STREAM_TIMEOUT: Duration = Duration::from_secs(10);

/// Who asks: spin itself, which knows only its own settings, or a verb of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// `spin …` or `gennaker spin …`.
    Spin,
    /// Every other verb.
    Verb,
}

/// A server, and what every request to it carries.
pub(crate) struct Gate {
    http: Arc<dyn Http>,
    /// The address without a final slash.
    pub(crate) base: String,
    headers: Vec<(String, String)>,
    redirects: bool,
    /// Longest wait for a task of spin's verbs, in seconds.
    pub(crate) retry_timeout_s: u64,
}

impl Gate {
    /// Finds the server and signs in; asks nothing of the server unless the sign-in needs it.
    ///
    /// # Errors
    /// The configuration is unusable, or the sign-in did not work.
    pub(crate) async fn connect(
        global: &Global,
        caller: Caller,
        tools: &Tools,
        io: &mut Io,
    ) -> Result<Self, Failure> {
        let config = SpinConfig::load(global, io)?;
        let section = config.gate.clone().unwrap_or_default();
        let base = global
            .server
            .clone()
            .or_else(|| match caller {
                Caller::Verb => io.env("GENNAKER_URL").map(str::to_owned),
                Caller::Spin => None,
            })
            .or(section.endpoint.filter(|endpoint| !endpoint.is_empty()))
            .unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let auth = config.auth.unwrap_or_default();
        let tls = session::tls(&auth, global, io)?;
        let http = (tools.connect)(&tls)
            .map_err(|error| Failure::command(format!("cannot prepare connections: {error}")))?;
        let mut gate = Self {
            http,
            base: checked_base(&base)?,
            headers: vec![
                (
                    "user-agent".to_owned(),
                    match caller {
                        Caller::Spin => concat!("Spin-CLI/", env!("CARGO_PKG_VERSION")),
                        Caller::Verb => concat!("gennaker/", env!("CARGO_PKG_VERSION")),
                    }
                    .to_owned(),
                ),
                ("accept".to_owned(), "*/*".to_owned()),
            ],
            redirects: !global.ignore_redirects && !auth.ignore_redirects,
            retry_timeout_s: global
                .retry_timeout
                .filter(|seconds| *seconds > 0)
                .or(section.retry_timeout.filter(|seconds| *seconds > 0))
                .unwrap_or(60),
        };
        if let Some(list) = &global.default_headers {
            gate.headers.extend(default_headers(list)?);
        }
        session::sign_in(&mut gate, &auth, tools, io).await?;
        Ok(gate)
    }

    /// One request with everything that requests carry.
    pub(crate) fn request(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Request {
        let mut headers = self.headers.clone();
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        Request {
            method,
            url: format!("{}{path}", self.base),
            headers,
            body: body.map(|body| body.to_string().into_bytes()),
            timeout: CALL_TIMEOUT,
            redirects: self.redirects,
        }
    }

    /// Sends a request and gives whatever answer comes.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Trouble> {
        self.http.send(request).await
    }

    /// Opens a stream of events. `last_event_id` asks the server to go on after that event.
    pub(crate) async fn stream(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Streaming, Trouble> {
        let mut request = self.request("GET", path, None);
        request.headers.retain(|(name, _)| name != "accept");
        request
            .headers
            .push(("accept".to_owned(), "text/event-stream".to_owned()));
        if let Some(id) = last_event_id {
            request
                .headers
                .push(("last-event-id".to_owned(), id.to_owned()));
        }
        request.timeout = STREAM_TIMEOUT;
        self.http.stream(request).await
    }

    /// A document; `what` names it in a failure, for example `execution 01K…`.
    pub(crate) async fn get(&self, what: &str, path: &str) -> Result<Value, Failure> {
        let response = self.accepted(what, self.request("GET", path, None)).await?;
        self.document(what, &response)
    }

    /// An answer with a status below 300; everything else is a failure that names `what`.
    pub(crate) async fn accepted(&self, what: &str, request: Request) -> Result<Response, Failure> {
        let response = self
            .send(request)
            .await
            .map_err(|trouble| self.unreachable(&trouble))?;
        if response.status < 300 {
            Ok(response)
        } else {
            Err(self.refused(what, &response))
        }
    }

    /// The body of an answer as JSON.
    pub(crate) fn document(&self, what: &str, response: &Response) -> Result<Value, Failure> {
        serde_json::from_slice(&response.body).map_err(|error| {
            Failure::command(format!(
                "the answer about {what} is no JSON ({error}, content type {})",
                response.header("content-type").unwrap_or("missing")
            ))
            .fix(format!("check that {} is the address of a Gate", self.base))
            .request(request_id(response))
        })
    }

    /// No answer.
    pub(crate) fn unreachable(&self, trouble: &Trouble) -> Failure {
        match trouble {
            Trouble::Unusable(_) => {
                Failure::command(format!("cannot ask {}: {trouble}", self.base))
            }
            Trouble::NotConnected(text) => {
                let fix = match self.base.strip_prefix("https://") {
                    Some(rest) if text.contains("InvalidContentType") => {
                        format!("the server speaks no TLS there; write it as http://{rest}")
                    }
                    Some(_) if text.contains("UnknownIssuer") => {
                        "name the server's authority with --certificate-authority FILE".to_owned()
                    }
                    Some(_) | None => "start a server with `gennaker dev`, or name yours with --server or GENNAKER_URL".to_owned(),
                };
                Failure::new(
                    Exit::Unreachable,
                    format!("cannot reach the server at {}: {trouble}", self.base),
                )
                .fix(fix)
            }
            // The server says so after the handshake, when the request may be under way.
            Trouble::Interrupted(text) if text.contains("CertificateRequired") => Failure::new(
                Exit::NotAllowed,
                format!("{} wants to see a client certificate", self.base),
            )
            .fix("show one with --client-certificate FILE --client-key FILE, or auth.x509 of ~/.spin/config"),
            Trouble::Interrupted(_) => Failure::new(
                Exit::Unreachable,
                format!("{} gave no whole answer ({trouble})", self.base),
            )
            .fix("try again; the server's log says what it was doing"),
        }
    }

    /// An answer that is a refusal.
    pub(crate) fn refused(&self, what: &str, response: &Response) -> Failure {
        let message = message(response).unwrap_or_else(|| response.status_line());
        let failure = match response.status {
            401 => Failure::new(Exit::NotAllowed, format!("not signed in at {}: {message}", self.base))
                .fix("put your sign-in into ~/.spin/config, or an `X-Spinnaker-Token` with --default-headers"),
            403 => Failure::new(Exit::NotAllowed, format!("not allowed: {what}: {message}")),
            404 if has_no_route(response) => Failure::new(
                Exit::NotFound,
                format!("{} has no such address: {message}", self.base),
            )
            .fix(format!(
                "check that {} is the address of a Gate, without a path behind it",
                self.base
            )),
            404 => Failure::new(Exit::NotFound, format!("{what} does not exist: {message}")),
            409 => Failure::new(Exit::Conflict, format!("{what}: {message}")),
            300..=399 => Failure::new(
                Exit::NotAllowed,
                format!(
                    "{} redirects to {} instead of answering",
                    self.base,
                    response.header("location").unwrap_or("nowhere")
                ),
            )
            .fix("sign in, or check the address"),
            502..=504 => Failure::new(Exit::Unreachable, format!("the engine cannot be reached: {message}"))
                .fix("try again in a few seconds"),
            _ => Failure::command(format!("{what}: {message}")),
        };
        failure.request(request_id(response))
    }
}

/// Whether the address itself is unknown there, not what it names: Spring's problem detail.
fn has_no_route(response: &Response) -> bool {
    let kind = response.header("content-type").unwrap_or_default();
    kind.starts_with("application/problem+json")
}

/// The text that Gate's error body carries.
pub(crate) fn message(response: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    ["message", "detail", "error"]
        .iter()
        .find_map(|key| body.get(key)?.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The id under which the server logged the request.
pub(crate) fn request_id(response: &Response) -> Option<String> {
    response.header("x-spinnaker-request-id").map(str::to_owned)
}

fn checked_base(base: &str) -> Result<String, Failure> {
    let trimmed = base.trim().trim_end_matches('/');
    let valid = ["http://", "https://"].iter().any(|scheme| {
        trimmed
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && trimmed.len() > scheme.len()
    });
    if valid && !trimmed.contains(char::is_whitespace) {
        Ok(trimmed.to_owned())
    } else {
        Err(
            Failure::usage(format!("'{base}' is no address of a server"))
                .fix(format!("write it like {DEFAULT_SERVER}")),
        )
    }
}

/// spin's `--default-headers`: `key=value,key2=value2`; an empty list is none.
fn default_headers(list: &str) -> Result<Vec<(String, String)>, Failure> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    list.split(',')
        .map(|element| match element.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_lowercase(), value.trim().to_owned())),
            None => Err(Failure::usage(format!(
                "Bad default-header value, use key=value form: {element}"
            ))),
        })
        .collect()
}
