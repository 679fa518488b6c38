//! JetStream's JSON interface: requests, answers, and what its error codes mean.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Client, Failure, wire};
use crate::backend::{
    Headers, PullRequest, Reader, ReaderSpec, Start, StoreError, Stored, StreamBounds,
};
use crate::error::Error;
use crate::layout::{ConsumerSpec, StreamSpec};

/// Longest time for making or deleting a stream or consumer, which takes an election where there are replicas.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// A reader that nobody asks for this long vanishes.
const READER_IDLE: Duration = Duration::from_secs(30);

const STREAM_NOT_FOUND: u64 = 10059;
const STREAM_EXISTS: u64 = 10058;
const CONSUMER_NOT_FOUND: u64 = 10014;
const MESSAGE_NOT_FOUND: u64 = 10037;
const SEQUENCE_NOT_FOUND: u64 = 10043;
const DELETE_FAILED: u64 = 10057;

#[derive(Debug, Deserialize)]
struct Answer<T> {
    error: Option<ApiError>,
    #[serde(flatten)]
    content: Option<T>,
}

#[derive(Debug, Clone, Deserialize)]
struct ApiError {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Deserialize)]
struct PublishAnswer {
    error: Option<ApiError>,
    #[serde(default)]
    seq: u64,
}

#[derive(Debug, Deserialize)]
struct MessageAnswer<'a> {
    #[serde(borrow)]
    message: Option<MessageBody<'a>>,
    error: Option<ApiError>,
}

#[derive(Debug, Deserialize)]
struct MessageBody<'a> {
    #[serde(borrow)]
    subject: Cow<'a, str>,
    seq: u64,
    #[serde(borrow, default)]
    hdrs: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<Cow<'a, str>>,
    time: String,
}

#[derive(Debug, Deserialize)]
struct StreamInfo {
    config: Value,
    state: StreamState,
}

#[derive(Debug, Deserialize)]
struct StreamState {
    first_seq: u64,
    last_seq: u64,
}

#[derive(Debug, Deserialize)]
struct ConsumerInfo {
    name: String,
    #[serde(default)]
    num_pending: u64,
    config: Value,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// Reads the answer to a stored message.
pub(super) fn stored(stream: &str, answer: &[u8]) -> Result<u64, StoreError> {
    let answer: PublishAnswer = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(error) => {
            return Err(StoreError::Unknown(format!(
                "the answer is unreadable: {error}"
            )));
        }
    };
    let Some(error) = answer.error else {
        return Ok(answer.seq);
    };
    match error.err_code {
        10071 | 10164 | 10158 => Err(StoreError::Conflict),
        STREAM_NOT_FOUND => Err(StoreError::Missing),
        _ => match classify(stream, &error) {
            Error::Unavailable { what } => Err(StoreError::Unknown(what)),
            error => Err(StoreError::Refused(error)),
        },
    }
}

impl Client {
    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Error> {
        self.message(stream, &json!({ "last_by_subj": subject }))
            .await
    }

    pub(crate) async fn next_from(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
    ) -> Result<Option<Stored>, Error> {
        self.message(stream, &json!({ "seq": from, "next_by_subj": filter }))
            .await
    }

    pub(crate) async fn bounds(&self, stream: &str) -> Result<StreamBounds, Error> {
        let info: StreamInfo = self
            .api(stream, &format!("STREAM.INFO.{stream}"), &Value::Null)
            .await?;
        Ok(StreamBounds {
            // An empty new stream says 0, an emptied one says last + 1.
            first: info.state.first_seq.max(1),
            last: info.state.last_seq,
        })
    }

    pub(crate) async fn purge_below(&self, stream: &str, sequence: u64) -> Result<(), Error> {
        let body = json!({ "seq": sequence });
        let _: Nothing = self
            .api(stream, &format!("STREAM.PURGE.{stream}"), &body)
            .await?;
        Ok(())
    }

    pub(crate) async fn erase(&self, stream: &str, sequence: u64) -> Result<bool, Error> {
        let body = json!({ "seq": sequence, "no_erase": true });
        let erased: Result<Nothing, Error> = self
            .api(stream, &format!("STREAM.MSG.DELETE.{stream}"), &body)
            .await;
        match erased {
            Ok(Nothing {}) => Ok(true),
            Err(Error::Refused {
                code: DELETE_FAILED | MESSAGE_NOT_FOUND | SEQUENCE_NOT_FOUND,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn stream_config(&self, stream: &str) -> Result<Option<Value>, Error> {
        let info: Result<StreamInfo, Error> = self
            .api(stream, &format!("STREAM.INFO.{stream}"), &Value::Null)
            .await;
        match info {
            Ok(info) => Ok(Some(info.config)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn create_stream(&self, spec: &StreamSpec) -> Result<(), Error> {
        let name = &spec.name;
        let created: Result<Nothing, Error> = self
            .change(name, &format!("STREAM.CREATE.{name}"), &spec.to_config())
            .await;
        match created {
            // Somebody else made it meanwhile; the caller compares.
            Ok(Nothing {})
            | Err(Error::Refused {
                code: STREAM_EXISTS,
                ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn consumer_config(
        &self,
        stream: &str,
        name: &str,
    ) -> Result<Option<Value>, Error> {
        let subject = format!("CONSUMER.INFO.{stream}.{name}");
        let info: Result<ConsumerInfo, Error> = self.api(stream, &subject, &Value::Null).await;
        match info {
            Ok(info) => Ok(Some(info.config)),
            Err(Error::NotFound { name: missing }) if missing == stream => {
                Err(Error::NotFound { name: missing })
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn create_consumer(&self, spec: &ConsumerSpec) -> Result<(), Error> {
        let ConsumerSpec { stream, name, .. } = spec;
        let body = json!({ "stream_name": stream, "config": spec.to_config(), "action": "" });
        let _: ConsumerInfo = self
            .change(stream, &format!("CONSUMER.CREATE.{stream}.{name}"), &body)
            .await?;
        Ok(())
    }

    pub(crate) async fn delete_consumer(&self, stream: &str, name: &str) -> Result<(), Error> {
        let _: Nothing = self
            .change(
                stream,
                &format!("CONSUMER.DELETE.{stream}.{name}"),
                &Value::Null,
            )
            .await?;
        Ok(())
    }

    pub(crate) async fn create_reader(&self, spec: &ReaderSpec) -> Result<Reader, Error> {
        let ReaderSpec {
            stream,
            filter,
            start,
        } = spec;
        let name = format!("reader-{}", self.nonce());
        let mut config = json!({
            "name": name,
            "ack_policy": "none",
            "replay_policy": "instant",
            "filter_subject": filter,
            "inactive_threshold": nanos(READER_IDLE),
            "mem_storage": true,
            "num_replicas": 1,
        });
        match start {
            Start::LastOfEach => config["deliver_policy"] = json!("last_per_subject"),
            Start::Sequence(sequence) => {
                config["deliver_policy"] = json!("by_start_sequence");
                config["opt_start_seq"] = json!(sequence);
            }
        }
        let body = json!({ "stream_name": stream, "config": config, "action": "create" });
        let info: ConsumerInfo = self
            .change(stream, &format!("CONSUMER.CREATE.{stream}.{name}"), &body)
            .await?;
        Ok(Reader {
            name: info.name,
            pending: info.num_pending,
        })
    }

    pub(crate) async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        request: PullRequest,
        inbox: &str,
    ) -> Result<(), Error> {
        let mut body = json!({ "batch": request.batch, "expires": nanos(request.expires) });
        if let Some(heartbeat) = request.heartbeat {
            body["idle_heartbeat"] = json!(nanos(heartbeat));
        }
        if let Some(bytes_max) = request.bytes_max {
            body["max_bytes"] = json!(bytes_max);
        }
        let subject = format!("{}.CONSUMER.MSG.NEXT.{stream}.{consumer}", self.shared.api);
        self.publish(&subject, Some(inbox), Headers::new(), encode(&body))
            .await
    }

    async fn message(&self, stream: &str, body: &Value) -> Result<Option<Stored>, Error> {
        let subject = format!("{}.STREAM.MSG.GET.{stream}", self.shared.api);
        let answer = self
            .exchange(&subject, None, encode(body), self.shared.request_timeout)
            .await?;
        let answer: MessageAnswer<'_> = parse(stream, &answer.payload)?;
        if let Some(error) = answer.error {
            return match error.err_code {
                MESSAGE_NOT_FOUND => Ok(None),
                _ => Err(classify(stream, &error)),
            };
        }
        answer.message.map(|body| decode(stream, body)).transpose()
    }

    async fn api<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: &str,
        body: &Value,
    ) -> Result<T, Error> {
        self.call(stream, subject, body, self.shared.request_timeout)
            .await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: &str,
        body: &Value,
    ) -> Result<T, Error> {
        let timeout = self.shared.request_timeout.max(CHANGE_TIMEOUT);
        self.call(stream, subject, body, timeout).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        stream: &str,
        subject: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<T, Error> {
        let subject = format!("{}.{subject}", self.shared.api);
        let payload = if body.is_null() {
            Bytes::new()
        } else {
            encode(body)
        };
        let answer = self
            .exchange(&subject, None, payload, timeout)
            .await
            .map_err(|failure| match failure {
                Failure::Unknown(what) => Error::unavailable(format!("{what} ({subject})")),
                Failure::Definite(error) => error,
            })?;
        let answer: Answer<T> = parse(stream, &answer.payload)?;
        match (answer.error, answer.content) {
            (Some(error), _) => Err(classify(stream, &error)),
            (None, Some(content)) => Ok(content),
            (None, None) => Err(Error::Refused {
                stream: stream.to_owned(),
                code: 0,
                text: format!("the answer to {subject} lacks what was asked"),
            }),
        }
    }
}

/// What an error code of the broker means for a caller.
fn classify(stream: &str, error: &ApiError) -> Error {
    let stream = stream.to_owned();
    let text = error.description.clone();
    match error.err_code {
        STREAM_NOT_FOUND => Error::NotFound { name: stream },
        CONSUMER_NOT_FOUND => Error::NotFound {
            name: format!("a consumer of {stream}"),
        },
        10002 | 10023 | 10028 | 10047 | 10077 => Error::Full { stream, text },
        10174 | 10188 | 10166 | 10060 => Error::Misconfigured { stream, text },
        // No leader, no quorum, shutting down.
        _ if error.code == 503 => Error::unavailable(format!("{stream}: {text}")),
        code => Error::Refused { stream, code, text },
    }
}

fn decode(stream: &str, body: MessageBody<'_>) -> Result<Stored, Error> {
    let broken = |what: &str| Error::Refused {
        stream: stream.to_owned(),
        code: 0,
        text: format!("a stored message has an unreadable {what}"),
    };
    let bytes = |text: Option<Cow<'_, str>>| match text {
        Some(text) => STANDARD.decode(text.as_bytes()),
        None => Ok(Vec::new()),
    };
    let time: jiff::Timestamp = body.time.parse().map_err(|_| broken("time"))?;
    Ok(Stored {
        subject: body.subject.into_owned(),
        sequence: body.seq,
        time_ms: u64::try_from(time.as_millisecond()).unwrap_or(0),
        headers: wire::parse_headers(&bytes(body.hdrs).map_err(|_| broken("header"))?),
        payload: bytes(body.data).map_err(|_| broken("payload"))?.into(),
    })
}

fn parse<'a, T: Deserialize<'a>>(stream: &str, answer: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|error| Error::Refused {
        stream: stream.to_owned(),
        code: 0,
        text: format!("the answer is unreadable: {error}"),
    })
}

fn encode(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u64, err_code: u64) -> Vec<u8> {
        json!({ "error": { "code": code, "err_code": err_code, "description": "why" }, "seq": 0 })
            .to_string()
            .into_bytes()
    }

    #[test]
    fn every_code_of_the_table_is_understood() {
        assert_eq!(stored("S", br#"{"stream":"S","seq":7}"#).unwrap(), 7);
        for conflict in [10071, 10164, 10158] {
            assert!(matches!(
                stored("S", &answer(400, conflict)),
                Err(StoreError::Conflict)
            ));
        }
        for full in [10002, 10023, 10028, 10047, 10077] {
            let error = stored("S", &answer(503, full)).unwrap_err();
            assert!(
                matches!(error, StoreError::Refused(Error::Full { .. })),
                "{full}"
            );
        }
        for wrong in [10174, 10188, 10166, 10060] {
            let error = stored("S", &answer(400, wrong)).unwrap_err();
            assert!(
                matches!(error, StoreError::Refused(Error::Misconfigured { .. })),
                "{wrong}"
            );
        }
        assert!(matches!(
            stored("S", &answer(503, 10008)),
            Err(StoreError::Unknown(_))
        ));
        assert!(matches!(
            stored("S", &answer(404, 10059)),
            Err(StoreError::Missing)
        ));
        assert!(matches!(
            stored("S", b"not json"),
            Err(StoreError::Unknown(_))
        ));
        assert!(matches!(
            stored("S", &answer(400, 10052)),
            Err(StoreError::Refused(Error::Refused { .. }))
        ));
    }
}
