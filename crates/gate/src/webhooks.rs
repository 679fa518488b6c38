//! `POST /webhooks/{type}/{source}`: an event is stored, and then the caller is answered. What it starts is found later.
//!
//! Source: gate `WebhookController`, echo `WebhooksController`. Gate parses the body and writes it anew, which breaks
//! signatures over it; here the raw bytes are kept. Of a CloudEvent its data are the body, and its attributes headers.

use std::collections::BTreeMap;

use gennaker_intake::matching::{self, CDEVENTS, Header, Origin, Scm};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    cloud_events::{self, CloudEvent},
    once::{self, Drawn},
    problem::Problem,
};

/// Largest body of an event, in bytes: with the pipeline that it starts it must fit into one command.
const EVENT_BYTES_MAX: usize = 512 * 1024;

/// Longest `{type}` or `{source}`, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Longest header value that is kept, in bytes.
const HEADER_BYTES_MAX: usize = 1_024;

/// Headers that triggers look at. Secrets that some senders put into headers are not among them: events are stored.
const KEPT_HEADERS: [&str; 9] = [
    "content-type",
    "user-agent",
    "x-event-key",
    "x-github-event",
    "x-github-delivery",
    "x-gitlab-event",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-gitea-event",
];

/// Headers by which senders name a delivery, so that a repeated one is recognised.
const DELIVERY_HEADERS: [&str; 5] = [
    "idempotency-key",
    "x-github-delivery",
    "x-gitlab-event-uuid",
    "x-request-uuid",
    "x-gitea-delivery",
];

pub(crate) async fn receive(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let (kind, source) = (call.param("type"), call.param("source"));
    for (what, name) in [("type", kind), ("source", source)] {
        if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(Problem::bad_request(format!(
                "The {what} of a webhook may have at most {NAME_BYTES_MAX} printable bytes"
            )));
        }
    }
    if call.body.len() > EVENT_BYTES_MAX {
        return Err(Problem::too_large(format!(
            "The event has {} bytes, more than the limit of {EVENT_BYTES_MAX}",
            call.body.len()
        )));
    }
    let told = match kind.eq_ignore_ascii_case(CDEVENTS) {
        true => Some(cloud_events::read(&call)?),
        false => None,
    };
    if told.is_none() && !matches!(call.json()?, None | Some(Value::Object(_))) {
        return Err(Problem::malformed_json("an object is expected"));
    }
    let is_git = kind.eq_ignore_ascii_case("git");
    if is_git && !matching::SOURCES.contains(&source.to_ascii_lowercase().as_str()) {
        // Echo's words.
        return Err(Problem::bad_request(format!(
            "Invalid SCM handler source{source}"
        )));
    }
    let drawn = drawn(&gate, &call, kind, source, told.as_ref()).await?;
    let mut headers = kept_headers(&call, &drawn.id);
    if let Some(told) = &told {
        headers.extend(told.attributes.clone());
    }
    let header = Header {
        v: matching::VERSION,
        id: drawn.id.clone(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        at_ms: drawn.at_ms,
        headers,
        origin: Origin::Outside,
    };
    // `null` counts as no body, as for all requests.
    let body: &[u8] = match &told {
        Some(told) => &told.data,
        None if call.body.trim_ascii() == b"null" => b"",
        None => &call.body,
    };
    let stored = matching::encode(&header, body);
    // Read once more only where the sender is told what is in it.
    let is_ignored = is_git
        && matching::decode(&stored).is_ok_and(|event| matches!(event.scm, Some(Scm::Ignored(_))));
    gate.bus()
        .events()
        .publish(kind, source, stored.into())
        .await
        .map_err(|error| Problem::unavailable(format!("The event could not be stored: {error}")))?;
    tracing::info!(
        event.id = drawn.id,
        "event {} of webhook {kind}/{source} is stored",
        drawn.id
    );
    // One that starts nothing is stored all the same, so that its verdict can be read.
    Ok(Answer::json(match is_ignored {
        true => json!({"eventProcessed": false, "eventId": null}),
        false => json!({"eventProcessed": true, "eventId": drawn.id}),
    }))
}

/// Id and time of the event; those of the first delivery, if the sender names deliveries.
async fn drawn(
    gate: &Gate,
    call: &Call,
    kind: &str,
    source: &str,
    told: Option<&CloudEvent>,
) -> Result<Drawn, Problem> {
    let drawn = Drawn {
        id: uuid(call.random),
        event: None,
        at_ms: call.at_ms,
    };
    for name in DELIVERY_HEADERS {
        if let Some(delivery) = call.header_strictly(name)? {
            let scope = format!("event/{kind}/{source}/{name}");
            return once::claim(gate, &scope, delivery, drawn).await;
        }
    }
    match told {
        // Its source and id together name it, whoever delivers it.
        Some(told) => {
            let scope = format!("event/{kind}/{source}/ce");
            once::claim(gate, &scope, &told.identity(), drawn).await
        }
        None => Ok(drawn),
    }
}

fn kept_headers(call: &Call, event_id: &str) -> BTreeMap<String, String> {
    let token = call.header("x-gitlab-token").map(|token| {
        let digest = matching::token_digest(event_id, token);
        ("x-gitlab-token-digest".to_owned(), digest)
    });
    KEPT_HEADERS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), call.header(name)?.to_owned())))
        .filter(|(_, value)| value.len() <= HEADER_BYTES_MAX)
        .chain(token)
        .collect()
}
