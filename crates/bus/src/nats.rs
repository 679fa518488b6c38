//! The real broker.
//!
//! Only core requests of the client library are used, with JetStream's JSON interface spelled here: the library's own
//! layer hides codes that decide (10164), drops lifetimes on updates and reads buckets from replicas.

mod api;
mod asks;
mod connection;
mod rejection;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Request;
use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use rand::RngExt;
use tokio::sync::watch;

use crate::backend::{Answers, Headers, Raw, StoreError, Write};
use crate::error::Error;
use crate::options::Options;

use asks::Asks;
use connection::Connection;

/// Room that the broker's payload limit must leave for headers.
const HEADER_BYTES: usize = 4096;

/// A connection to the broker; clones share it.
#[derive(Clone)]
pub(crate) struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    client: async_nats::Client,
    connection: Connection,
    asks: Asks,
    request_timeout: Duration,
    /// `$JS.API` or `$JS.<domain>.API`.
    api: String,
}

/// What comes to one reply address or subscription.
pub(crate) struct Inbox {
    subject: String,
    subscriber: async_nats::Subscriber,
}

/// Why a request has no answer.
enum Failure {
    /// It may have been carried out.
    Unknown(String),
    Definite(Error),
}

impl Client {
    pub(crate) async fn connect(options: Options) -> Result<Self, Error> {
        let domain = options.domain.clone();
        let request_timeout = options.request_timeout;
        // The library's future is large and is needed once.
        let (client, connection) = Box::pin(connection::connect(options)).await?;
        connection::check_version(&client.server_info().version)?;
        let asks = Asks::start(&client, &connection).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                connection,
                asks,
                request_timeout,
                api: domain.map_or_else(
                    || "$JS.API".to_owned(),
                    |domain| format!("$JS.{domain}.API"),
                ),
            }),
        })
    }

    pub(crate) async fn store(&self, write: &Write) -> Result<u64, StoreError> {
        let answer = self
            .exchange(
                &write.subject,
                Some(write.headers()),
                write.payload.clone(),
                self.shared.request_timeout,
            )
            .await;
        match answer {
            Ok(message) => api::stored(&write.stream, &message.payload),
            Err(Failure::Unknown(what)) => Err(StoreError::Unknown(what)),
            Err(Failure::Definite(error)) => Err(StoreError::Refused(error)),
        }
    }

    pub(crate) async fn publish(
        &self,
        subject: &str,
        reply: Option<&str>,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), Error> {
        self.check_open()?;
        let client = &self.shared.client;
        let sent = async {
            let subject = subject.to_owned();
            match (reply.map(str::to_owned), headers.is_empty()) {
                (None, true) => client.publish(subject, payload).await,
                (None, false) => {
                    client
                        .publish_with_headers(subject, wire::headers(headers), payload)
                        .await
                }
                (Some(reply), true) => client.publish_with_reply(subject, reply, payload).await,
                (Some(reply), false) => {
                    let headers = wire::headers(headers);
                    client
                        .publish_with_reply_and_headers(subject, reply, headers, payload)
                        .await
                }
            }
        };
        match tokio::time::timeout(self.shared.request_timeout, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::unavailable(format!("publish: {error}"))),
            Err(_) => Err(Error::unavailable(
                "publish: the connection is down and its buffer is full",
            )),
        }
    }

    pub(crate) async fn request(&self, subject: &str, payload: Bytes) -> Result<Raw, Error> {
        let answer = self
            .exchange(subject, None, payload, self.shared.request_timeout)
            .await;
        answer.map(wire::raw).map_err(Error::from)
    }

    pub(crate) async fn subscribe(
        &self,
        filter: &str,
        group: Option<&str>,
    ) -> Result<Inbox, Error> {
        self.check_open()?;
        let client = &self.shared.client;
        let subscribed = async {
            match group {
                None => client.subscribe(filter.to_owned()).await,
                Some(group) => {
                    client
                        .queue_subscribe(filter.to_owned(), group.to_owned())
                        .await
                }
            }
        };
        let subscriber = tokio::time::timeout(self.shared.request_timeout, subscribed)
            .await
            .map_err(|_| {
                Error::unavailable("subscribe: the connection is down and its buffer is full")
            })?
            .map_err(|error| Error::unavailable(format!("subscribe: {error}")))?;
        Ok(Inbox {
            subject: filter.to_owned(),
            subscriber,
        })
    }

    pub(crate) async fn inbox(&self) -> Result<Inbox, Error> {
        let subject = self.shared.client.new_inbox();
        self.subscribe(&subject, None).await
    }

    pub(crate) async fn ask(&self, subject: &str, payload: Bytes) -> Result<Answers, Error> {
        self.check_open()?;
        self.shared
            .connection
            .up(self.shared.request_timeout)
            .await?;
        let (reply, answers) = self.shared.asks.register();
        self.publish(subject, Some(&reply), Headers::new(), payload)
            .await?;
        Ok(answers)
    }

    pub(crate) fn nonce(&self) -> String {
        format!("{:016x}", rand::rng().random::<u64>())
    }

    pub(crate) fn jitter(&self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(rand::rng().random_range(low_ms..=high_ms.max(low_ms)))
    }

    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.shared.connection.generation()
    }

    pub(crate) fn payload_max(&self) -> usize {
        self.shared
            .client
            .max_payload()
            .saturating_sub(HEADER_BYTES)
    }

    pub(crate) async fn close(&self) {
        if !self.shared.connection.set_closed() {
            return;
        }
        let client = &self.shared.client;
        let ended = async {
            if let Err(error) = client.flush().await {
                tracing::debug!(
                    "buffered messages were not sent before the connection was closed: {error}"
                );
            }
            if let Err(error) = client.drain().await {
                tracing::debug!("the connection was not drained: {error}");
            }
        };
        if tokio::time::timeout(self.shared.request_timeout, ended)
            .await
            .is_err()
        {
            tracing::debug!("the connection was closed without waiting for the broker any longer");
        }
        self.shared.asks.stop().await;
    }

    /// Sends a request and waits for its one answer, no longer than the connection lives.
    async fn exchange(
        &self,
        subject: &str,
        headers: Option<Headers>,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<async_nats::Message, Failure> {
        self.check_open().map_err(Failure::Definite)?;
        // What is sent while the connection is down would wait in a buffer and arrive much later.
        self.shared
            .connection
            .up(timeout)
            .await
            .map_err(|error| Failure::Unknown(error.to_string()))?;
        let size = payload.len();
        let mut request = Request::new().payload(payload).timeout(Some(timeout));
        if let Some(headers) = headers {
            request = request.headers(wire::headers(headers));
        }
        let mut losses = self.shared.connection.losses();
        let answered = tokio::time::timeout(
            timeout * 2,
            self.shared.client.send_request(subject.to_owned(), request),
        );
        let answer = tokio::select! {
            biased;
            answer = answered => answer,
            () = losses.next() => return Err(Failure::Unknown("the connection was lost".to_owned())),
        };
        match answer {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(match error.kind() {
                RequestErrorKind::TimedOut => Failure::Unknown("no answer in time".to_owned()),
                RequestErrorKind::NoResponders => {
                    Failure::Unknown("nobody serves the request".to_owned())
                }
                RequestErrorKind::MaxPayloadExceeded => Failure::Definite(Error::TooLarge {
                    size,
                    limit: self.payload_max(),
                }),
                RequestErrorKind::InvalidSubject => Failure::Definite(Error::BadName {
                    name: subject.to_owned(),
                    problem: "it is not a subject",
                }),
                RequestErrorKind::Other => Failure::Unknown(error.to_string()),
            }),
            Err(_) => Err(Failure::Unknown(
                "the connection is down and its buffer is full".to_owned(),
            )),
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.shared.connection.is_closed() {
            return Err(Error::Closed);
        }
        Ok(())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unknown(what) => Self::Unavailable { what },
            Failure::Definite(error) => error,
        }
    }
}

impl Inbox {
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) async fn next(&mut self) -> Option<Raw> {
        self.subscriber.next().await.map(wire::raw)
    }
}
