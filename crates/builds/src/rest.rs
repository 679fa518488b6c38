//! Calls of servers that speak JSON over HTTP, for the kinds that do.

use std::time::Duration;

use gennaker_outbound::{Client, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Url, form_urlencoded::Serializer};

use crate::Error;

/// Longest time of one call. With the time that an effect's intent takes to prove itself it stays below a heartbeat's.
pub(crate) const CALL: Duration = Duration::from_secs(25);

/// How far clocks may differ, in milliseconds.
const CLOCKS_MS: i64 = 60_000;

/// Largest answer in JSON, in bytes.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// Most letters of a server's sentence that are handed on.
const SENTENCE_CHARS_MAX: usize = 400;

/// One server's address and the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    client: Client,
    base: Url,
}

/// What a call is meant to do, as far as a lost answer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It only reads.
    Reads,
    /// It starts, stops or writes something.
    Changes,
}

impl Rest {
    /// The server at an address.
    ///
    /// # Errors
    /// [`Error::Refused`]: it is no address of http or https.
    pub(crate) fn new(client: Client, base: &str) -> Result<Self, Error> {
        let base = Url::parse(base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Error::invalid("the server has no address of http or https"))?;
        Ok(Self { client, base })
    }

    /// The address as people see it: without a slash at its end.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The client, for answers that are read as they come.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// An address below the server's, segment by segment, none of which leads up, with a query.
    ///
    /// # Errors
    /// [`Error::Refused`]: a segment is empty or leads up.
    pub(crate) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<String, Error> {
        let mut url = self.base.clone();
        {
            let mut path = url
                .path_segments_mut()
                .map_err(|()| Error::invalid("the server's address cannot have a path"))?;
            path.pop_if_empty();
            for segment in segments {
                if matches!(*segment, "" | "." | "..") {
                    return Err(Error::invalid(format!(
                        "{segment:?} cannot be a part of an address"
                    )));
                }
                path.push(segment);
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url.into())
    }

    /// Sends a request; only a 2xx is an answer.
    ///
    /// # Errors
    /// [`Error`], by the status.
    pub(crate) async fn send(&self, request: Request, intent: Intent) -> Result<Response, Error> {
        let limit = request.response_bytes_max.unwrap_or(ANSWER_BYTES_MAX);
        let request = request.timeout(CALL).response_bytes_max(limit);
        let changes = intent == Intent::Changes;
        let sent = self.client.send(request).await;
        let answer = sent.map_err(|error| Error::call(&error, changes))?;
        match answer.is_success() {
            true => Ok(answer),
            false => Err(refusal(&answer, changes)),
        }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unreadable`] when it is not the JSON that the protocol has there.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: Request,
        intent: Intent,
    ) -> Result<T, Error> {
        let answer = self.send(request, intent).await?;
        read(&answer, intent)
    }
}

/// What to answer to [`crate::BuildServer::before`] for a server that says when things were made: our own time.
pub(crate) fn noted(now_ms: i64) -> Option<String> {
    Some(now_ms.to_string())
}

/// The time that was [`noted`], in epoch milliseconds, less what clocks may differ; the beginning of time where none was.
pub(crate) fn since_ms(before: Option<&str>) -> i64 {
    let noted: Option<i64> = before.and_then(|text| text.parse().ok());
    noted.map_or(0, |ms| ms.saturating_sub(CLOCKS_MS))
}

/// A form's fields as a body.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The JSON of an answer.
///
/// # Errors
/// [`Error::Unreadable`].
pub(crate) fn read<T: DeserializeOwned>(answer: &Response, intent: Intent) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Unreadable {
        sentence: format!(
            "the answer of {} cannot be read: {error}",
            host_of(&answer.url)
        ),
        may_have_happened: intent == Intent::Changes,
    })
}

/// What a status says that is not 2xx.
fn refusal(answer: &Response, changes: bool) -> Error {
    let status = answer.status;
    let mut sentence = format!(
        "Received {status} status code from {}",
        host_of(&answer.url)
    );
    if let Some(said) = said(&answer.body) {
        sentence.push_str(": ");
        sentence.push_str(&said);
    }
    match status {
        404 => Error::NotFound(sentence),
        // Too many, or too slow: nothing was done.
        408 | 425 | 429 | 503 => Error::Unavailable {
            status: Some(status),
            sentence,
            may_have_happened: changes && status == 408,
        },
        500..=599 => Error::Unavailable {
            status: Some(status),
            sentence,
            may_have_happened: changes,
        },
        300..=399 => Error::Unreadable {
            sentence,
            may_have_happened: false,
        },
        _ => Error::Refused { status, sentence },
    }
}

/// The sentence in an error's body, in one of the places where servers have it. Anything that is not JSON is a page for
/// browsers and says nothing.
fn said(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let places = [
        "/error/message",
        "/error_message",
        "/message",
        "/error_description",
        "/error",
        "/errors/0/message",
        "/errors/0",
    ];
    let found = places.iter().find_map(|place| body.pointer(place))?;
    let text = match found {
        Value::String(text) => text.clone(),
        // GitLab: `{"message": {"base": ["…"]}}`.
        Value::Object(_) | Value::Array(_) => found.to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(SENTENCE_CHARS_MAX)
        .collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The host of an address, for people.
fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Doubles for tests of clients that use this.
#[cfg(test)]
pub(crate) mod testing {
    use gennaker_outbound::{Client, Options, Policy};

    /// A client that may call this machine.
    pub(crate) fn client() -> Client {
        Client::new(Policy::trusted(), Options::default()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::http::{Reply, Server};

    use super::*;

    #[test]
    fn addresses_are_made_of_segments_that_do_not_lead_up() {
        let rest = Rest::new(testing::client(), "https://ci.example.com/base/").unwrap();
        let url = rest.url(&["a b", "c/d"], &[("ref", "x&y")]).unwrap();
        assert_eq!(url, "https://ci.example.com/base/a%20b/c%2Fd?ref=x%26y");
        for bad in ["", ".", ".."] {
            assert!(rest.url(&["a", bad], &[]).is_err());
        }
        for bad in ["ci.example.com", "file:///etc", "ftp://x"] {
            assert!(Rest::new(testing::client(), bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn statuses_become_what_callers_tell_apart() {
        let server = Server::start(|request| {
            let status: u16 = request.path().trim_start_matches('/').parse().unwrap();
            Reply::status(status, "{\"message\": \"why\\nnot\"}")
        })
        .await;
        let rest = Rest::new(testing::client(), &server.url("/")).unwrap();
        let ask = async |status: &str, intent| {
            let mut request = Request::get(rest.url(&[status], &[]).unwrap());
            request.follow_redirects = false;
            rest.send(request, intent).await.unwrap_err()
        };
        let missing = ask("404", Intent::Reads).await;
        assert_eq!(
            missing,
            Error::NotFound("Received 404 status code from 127.0.0.1: why not".to_owned())
        );
        for (status, transient, happened) in [
            ("400", false, false),
            ("403", false, false),
            ("429", true, false),
            ("500", true, true),
            ("503", true, false),
            ("302", false, false),
        ] {
            let error = ask(status, Intent::Changes).await;
            assert_eq!(error.is_transient(), transient, "{status}");
            assert_eq!(error.may_have_happened(), happened, "{status}");
        }
        assert!(!ask("500", Intent::Reads).await.may_have_happened());
    }

    #[test]
    fn a_servers_sentence_is_found_where_servers_have_it() {
        for (body, sentence) in [
            (
                "{\"error\": {\"code\": 400, \"message\": \"bad build\"}}",
                Some("bad build"),
            ),
            ("{\"error\": \"invalid\"}", Some("invalid")),
            (
                "{\"message\": {\"base\": [\"no ref\"]}}",
                Some("{\"base\":[\"no ref\"]}"),
            ),
            ("<html>", None),
            ("{\"message\": \" \"}", None),
        ] {
            assert_eq!(said(body.as_bytes()).as_deref(), sentence, "{body}");
        }
    }
}
