//! The real thing: requests over the one HTTP client of this workspace.

use std::{sync::Arc, time::Duration};

use gennaker_outbound as outbound;

use super::{
    ANSWER_BYTES_MAX, BoxFuture, Chunks, Http, Request, Response, Streaming, Tls, Trouble,
};

/// Longest wait for the head of an answer or for the next piece of a stream. Saving a pipeline is answered after up to 32 s,
/// and the live feed sends something every 15 s.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Headers that say nothing about who is asking. All others stay at the origin that they were meant for when a request is
/// redirected elsewhere.
const PUBLIC_HEADERS: &[&str] = &[
    "user-agent",
    "accept",
    "content-type",
    "last-event-id",
    "idempotency-key",
];

/// Prepares connections; opens nothing yet. The server's address is the person's own choice, so any address may be called.
///
/// # Errors
/// A certificate, a key or a proxy variable is unusable.
pub(crate) fn connect(tls: &Tls) -> Result<Arc<dyn Http>, Trouble> {
    let unusable = |error: String| Trouble::Unusable(error);
    let options = outbound::Options {
        read_timeout: READ_TIMEOUT,
        response_bytes_max: ANSWER_BYTES_MAX as u64,
        proxies: outbound::Proxies::from_environment()
            .map_err(|error| unusable(error.to_string()))?,
        tls: outbound::Tls {
            insecure_skip_verify: tls.insecure,
            extra_ca_pem: tls.authorities.as_ref().map(|pem| pem.clone().into_bytes()),
            identity_pem: tls
                .identity
                .as_ref()
                .map(|(certificate, key)| format!("{certificate}\n{key}\n").into_bytes()),
        },
        ..outbound::Options::default()
    };
    let client = outbound::Client::new(outbound::Policy::trusted(), options)
        .map_err(|error| unusable(error.kind.to_string()))?;
    Ok(Arc::new(Connected(client)))
}

struct Connected(outbound::Client);

impl Http for Connected {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Trouble>> {
        Box::pin(async move {
            let answer = self
                .0
                .send(translated(request))
                .await
                .map_err(|error| trouble(&error))?;
            Ok(Response {
                status: answer.status,
                headers: answer.headers,
                body: answer.body.into(),
            })
        })
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming, Trouble>> {
        Box::pin(async move {
            let stream = self
                .0
                .open_stream(translated(request))
                .await
                .map_err(|error| trouble(&error))?;
            let head = Response {
                status: stream.status(),
                headers: stream.headers().to_vec(),
                body: Vec::new(),
            };
            Ok(Streaming {
                head,
                chunks: Box::new(Rest(stream)),
            })
        })
    }
}

struct Rest(outbound::Streaming);

impl Chunks for Rest {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Vec<u8>, Trouble>>> {
        Box::pin(async move {
            match self.0.chunk().await {
                Ok(Some(bytes)) => Some(Ok(bytes.to_vec())),
                Ok(None) => None,
                Err(error) => Some(Err(trouble(&error))),
            }
        })
    }
}

fn translated(request: Request) -> outbound::Request {
    let (headers, secret_headers) = request
        .headers
        .into_iter()
        .partition(|(name, _)| PUBLIC_HEADERS.contains(&name.as_str()));
    outbound::Request {
        headers,
        secret_headers,
        body: request.body,
        timeout: Some(request.timeout),
        follow_redirects: request.redirects,
        ..outbound::Request::new(request.method, request.url)
    }
}

fn trouble(error: &outbound::Error) -> Trouble {
    let text = error.kind.to_string();
    match error.kind {
        outbound::Kind::Invalid(_) | outbound::Kind::Refused(_) => Trouble::Unusable(text),
        _ if error.may_have_arrived() => Trouble::Interrupted(text),
        _ => Trouble::NotConnected(text),
    }
}
