//! One watch of the API server: a line of JSON for each change.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

use crate::error::{ApiError, Class, Error};
use crate::transport::{Call, Transport};

/// Largest line: an object has at most 1.5 MB in etcd, and its JSON is a little larger.
const LINE_BYTES_MAX: usize = 16 << 20;
/// How much longer than the server was told to watch we wait for its end.
const SLACK: Duration = Duration::from_secs(10);

/// What a watch says.
#[derive(Debug)]
pub(crate) enum Event {
    /// An object is there, new or changed.
    Applied(Value),
    /// An object is gone.
    Deleted(Value),
    /// Nothing happened up to here.
    Bookmark,
}

/// A watch under way.
pub(crate) struct Watch {
    lines: Box<dyn Stream<Item = Result<Bytes, Error>> + Send + Unpin>,
    rest: BytesMut,
    account: String,
    silence_max: Duration,
    /// The version after the last event: where to go on.
    version: String,
}

impl Watch {
    /// Begins after a version. `lasts` is how long the server is asked to watch; a silence that is longer is a connection that
    /// broke unnoticed.
    pub(crate) async fn begin(
        transport: &Transport,
        account: &str,
        call: Call,
        version: &str,
        lasts: Duration,
    ) -> Result<Watch, Error> {
        let call = call
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("resourceVersion", version)
            .query("timeoutSeconds", lasts.as_secs().max(1).to_string());
        let lines = transport.stream(call).await?;
        Ok(Watch {
            lines: Box::new(lines),
            rest: BytesMut::new(),
            account: account.to_owned(),
            silence_max: lasts + SLACK,
            version: version.to_owned(),
        })
    }

    /// Where to go on after the last event.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The next event; none when the server ended the watch, as it does after the time it was asked for.
    ///
    /// # Errors
    /// [`Class::Expired`] when the list must be read again, and all others.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Error> {
        let Some(line) = self.line().await? else {
            return Ok(None);
        };
        let mut event: Value = serde_json::from_slice(&line).map_err(|error| Error::Nonsense {
            account: self.account.clone(),
            reason: format!("an event is no JSON ({error})"),
        })?;
        let object = event["object"].take();
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "ERROR" {
            return Err(ApiError::of_status(500, None, &object).into());
        }
        if let Some(version) = object["metadata"]["resourceVersion"].as_str() {
            self.version = version.to_owned();
        }
        Ok(Some(match kind {
            "ADDED" | "MODIFIED" => Event::Applied(object),
            "DELETED" => Event::Deleted(object),
            // Kinds of events that are yet to come change nothing that we know of.
            _ => Event::Bookmark,
        }))
    }

    async fn line(&mut self) -> Result<Option<Bytes>, Error> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.rest[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(searched + end).freeze();
                self.rest.advance(1);
                searched = 0;
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            searched = self.rest.len();
            if searched > LINE_BYTES_MAX {
                return Err(Error::TooLarge {
                    account: self.account.clone(),
                    limit: LINE_BYTES_MAX,
                });
            }
            match tokio::time::timeout(self.silence_max, self.lines.next()).await {
                Ok(Some(piece)) => self.rest.extend_from_slice(&piece?),
                Ok(None) => return Ok(None),
                Err(_) => {
                    return Err(Error::Timeout {
                        account: self.account.clone(),
                        after: self.silence_max,
                    });
                }
            }
        }
    }
}

/// Whether the list must be read again, and not only the watch begun again.
pub(crate) fn is_expired(error: &Error) -> bool {
    error.class() == Class::Expired
}
