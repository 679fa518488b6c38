//! Sending a webhook's request.

use std::time::Duration;

use gennaker_outbound::{Client, Error, Kind, Request};
use gennaker_worker::{Ctx, Failure};
use serde_json::Value;

use super::{
    fields::body_of,
    received::{Received, Response},
};
use crate::limits::{CALL_MS_MAX, RESPONSE_BYTES_MAX};

/// Headers that describe a body or an answer and hold no secret; they follow a redirect to another host, all others do not.
const PLAIN_HEADERS: [&str; 5] = [
    "accept",
    "accept-language",
    "content-type",
    "idempotency-key",
    "user-agent",
];

/// One request of a webhook stage.
pub(super) struct Outgoing<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    pub payload: Option<&'a Value>,
}

/// Sends it and waits for the answer.
///
/// # Errors
/// Only what ends the task whatever it is: everything about the call is in [`Received`].
pub(super) async fn send(
    client: &Client,
    ctx: &Ctx,
    outgoing: &Outgoing<'_>,
) -> Result<Received, Failure> {
    let request = request_of(outgoing, ctx.effect_id());
    let call = ctx
        .call(Duration::from_millis(CALL_MS_MAX), |limit| {
            client.send(request.timeout(limit))
        })
        .await;
    match call {
        Ok(answer) => Ok(received(answer)),
        Err(Failure::Unknown { .. }) => Ok(Received::Timeout { sent: true }),
        Err(other) => Err(other),
    }
}

fn request_of(outgoing: &Outgoing<'_>, effect: Option<&str>) -> Request {
    let mut request =
        Request::new(outgoing.method, outgoing.url).response_bytes_max(RESPONSE_BYTES_MAX);
    for (name, value) in outgoing.headers {
        let place = if PLAIN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            &mut request.headers
        } else {
            &mut request.secret_headers
        };
        place.push((name.clone(), value.clone()));
    }
    let has = |name: &str| {
        outgoing
            .headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    if let Some(payload) = outgoing.payload {
        let (body, content_type) = body_of(payload);
        request.body = Some(body);
        if !has("content-type") {
            request = request.header("Content-Type", content_type);
        }
    }
    if !has("accept") {
        request = request.header("Accept", "application/json, application/*+json, */*;q=0.8");
    }
    if let Some(effect) = effect.filter(|_| !has("idempotency-key")) {
        request = request.header("Idempotency-Key", effect);
    }
    request
}

fn received(answer: Result<gennaker_outbound::Response, Error>) -> Received {
    match answer {
        Ok(response) => Received::Response(Response {
            status: response.status,
            headers: response.headers,
            body: response.body.to_vec(),
        }),
        Err(error) => {
            let sent = error.may_have_arrived();
            if matches!(error.kind, Kind::NotResolved { .. }) && !sent {
                Received::UnknownHost
            } else if error.is_timeout() {
                Received::Timeout { sent }
            } else {
                Received::Failed {
                    message: error.to_string(),
                    sent,
                }
            }
        }
    }
}

/// Scheme, host and port of a URL, for sentences that may be logged.
pub(super) fn origin_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| "its target".to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_request_has_what_the_stage_says_and_the_key() {
        let headers = [("X-Api-Key", "s"), ("Accept", "text/plain")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let outgoing = Outgoing {
            method: "POST",
            url: "https://x.io/a",
            headers: &headers,
            payload: Some(&json!({"a": 1})),
        };
        let request = request_of(&outgoing, Some("e.s.1"));
        let plain: Vec<_> = request
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            plain,
            [
                ("Accept", "text/plain"),
                ("Content-Type", "application/json"),
                ("Idempotency-Key", "e.s.1")
            ]
        );
        assert_eq!(
            request.secret_headers,
            [("X-Api-Key".to_owned(), "s".to_owned())]
        );
        assert_eq!(request.body.as_deref(), Some(br#"{"a":1}"#.as_slice()));
    }

    #[test]
    fn own_headers_win() {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("IDEMPOTENCY-KEY", "mine"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let outgoing = Outgoing {
            method: "PUT",
            url: "https://x.io",
            headers: &headers,
            payload: Some(&json!("a=b")),
        };
        let request = request_of(&outgoing, Some("e"));
        let of = |name: &str| {
            request
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .count()
        };
        assert_eq!(
            (of("content-type"), of("idempotency-key"), of("accept")),
            (1, 1, 1)
        );
    }

    #[test]
    fn sentences_name_the_origin_only() {
        assert_eq!(
            origin_of("https://user:pass@x.io:8443/token?secret=1"),
            "https://x.io:8443"
        );
        assert_eq!(origin_of("nonsense"), "its target");
    }
}
