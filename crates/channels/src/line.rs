//! Calls of channels: when they may begin, how long they may take, and what their answers mean.

mod hidden;

use std::future::ready;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gennaker_outbound::{Client, Kind, Request, Response};
use jiff::fmt::rfc2822;
use serde_json::Value;

use crate::problem::Problem;
use hidden::Hidden;
pub(crate) use hidden::of_address;

/// Longest call, in milliseconds: it must end while whoever delivers is sure that nobody else does.
pub const CALL_MS_MAX: u64 = 25_000;

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Longest text of an answer that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 500;

/// Longest pause that a target may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Says before each call whether it may be made.
pub trait Permit: Send + Sync {
    /// How long a call that begins now may take, at most as long as is wanted; nothing when it must not begin.
    fn begin(&self, wanted: Duration) -> BoxFuture<'_, Option<Duration>>;
}

/// Lets everything happen, for deliveries that nobody else could make.
#[derive(Clone, Copy, Debug)]
pub struct Freely;

impl Permit for Freely {
    fn begin(&self, wanted: Duration) -> BoxFuture<'_, Option<Duration>> {
        Box::pin(ready(Some(wanted)))
    }
}

/// Whether a call that may have arrived can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Twice is the same as once.
    Harmless,
    /// Twice is twice.
    Never,
}

/// What makes the calls of one delivery.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    client: &'a Client,
    permit: &'a dyn Permit,
    hidden: &'a [&'a str],
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// The body.
    pub text: String,
    retry_after: Option<Duration>,
    /// Whether it refuses for now: GitHub says so with 403.
    is_for_now: bool,
    hidden: Hidden,
}

impl<'a> Line<'a> {
    /// Calls by this client, each with the permission of `permit`.
    #[must_use]
    pub fn new(client: &'a Client, permit: &'a dyn Permit) -> Self {
        Self {
            client,
            permit,
            hidden: &[],
        }
    }

    /// The same, where the body or the address of a request holds these secrets: servers repeat in their answers what they were sent,
    /// and no text for people shows them then. What stands in secret headers is known without.
    #[must_use]
    pub fn hiding<'b>(&self, secrets: &'b [&'b str]) -> Line<'b>
    where
        'a: 'b,
    {
        Line {
            hidden: secrets,
            ..*self
        }
    }

    /// Sends a request, and answers with whatever comes back.
    ///
    /// # Errors
    /// The request did not arrive, may have arrived, or must not be sent.
    pub async fn send(&self, request: Request, repeat: Repeat) -> Result<Answer, Problem> {
        let wanted = Duration::from_millis(CALL_MS_MAX);
        let limit = self.permit.begin(wanted).await.ok_or(Problem::Stopped)?;
        let mut request = request.response_bytes_max(ANSWER_BYTES_MAX).timeout(limit);
        // What it redirects to is nobody's that was named.
        request.follow_redirects = false;
        let hidden = Hidden::of(self.hidden, &request);
        match self.client.send(request).await {
            Ok(response) => Ok(Answer::of(&response, hidden)),
            Err(error) => {
                let is_final = matches!(error.kind, Kind::Refused(_) | Kind::Invalid(_));
                let reason = error.to_string();
                Err(match repeat {
                    _ if is_final => Problem::Refused(reason),
                    Repeat::Never if error.may_have_arrived() => Problem::Unknown(reason),
                    Repeat::Never | Repeat::Harmless => Problem::later(reason),
                })
            }
        }
    }

    /// Sends a request that has to succeed.
    ///
    /// # Errors
    /// As [`Line::send`], and every answer but one of success.
    pub async fn deliver(&self, request: Request, repeat: Repeat) -> Result<Answer, Problem> {
        self.send(request, repeat).await?.settled(repeat)
    }
}

impl Answer {
    fn of(response: &Response, hidden: Hidden) -> Self {
        let waits = response.header("retry-after");
        let is_used_up = response.header("x-ratelimit-remaining") == Some("0");
        Self {
            status: response.status,
            retry_after: waits.and_then(|text| pause(text, response.header("date"))),
            is_for_now: response.status == 403 && (is_used_up || waits.is_some()),
            text: String::from_utf8_lossy(&response.body).into_owned(),
            hidden,
        }
    }

    /// Whether the status is one of success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The answer of an API whose answers are JSON objects.
    ///
    /// # Errors
    /// It is none: something else answers there, and nobody knows what became of the request.
    pub fn object(&self, repeat: Repeat) -> Result<Value, Problem> {
        match self.json() {
            object @ Value::Object(_) => Ok(object),
            _ => Err(self.garbage(repeat)),
        }
    }

    /// What an answer means that is none.
    #[must_use]
    pub fn garbage(&self, repeat: Repeat) -> Problem {
        let reason = format!("the answer is not one of its API: {}", self.shown());
        match repeat {
            Repeat::Harmless => Problem::later(reason),
            Repeat::Never => Problem::Unknown(reason),
        }
    }

    /// Words of the answer, without what must not be told.
    #[must_use]
    pub fn quiet(&self, words: &str) -> String {
        self.hidden.quiet(words)
    }

    /// Status and text, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = self.quiet(self.text.trim());
        let text: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        match text.is_empty() {
            true => format!("status {}", self.status),
            false => format!("status {}: {text}", self.status),
        }
    }

    /// Itself, if it is one of success.
    ///
    /// # Errors
    /// 429 and 503 say that nothing was done, and so does 403 where it says for how long. Another 5xx leaves open what was done: a gateway gives it, too, when the server
    /// behind it was only too slow.
    pub fn settled(self, repeat: Repeat) -> Result<Self, Problem> {
        let reason = || self.shown();
        match self.status {
            200..300 => Ok(self),
            status if matches!(status, 429 | 503) || self.is_for_now => Err(Problem::Later {
                reason: reason(),
                after: self.retry_after,
            }),
            500.. if repeat == Repeat::Harmless => Err(Problem::later(reason())),
            500.. => Err(Problem::Unknown(reason())),
            300..400 => Err(Problem::refused(format!(
                "{}: it redirects, which is not followed",
                reason()
            ))),
            _ => Err(Problem::refused(reason())),
        }
    }
}

/// How long a `Retry-After` asks for: seconds, or a date, which counts from the one that the answer itself has.
fn pause(text: &str, date: Option<&str>) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().or_else(|| {
        let parser = rfc2822::DateTimeParser::new();
        let second = |text: &str| Some(parser.parse_timestamp(text).ok()?.as_second());
        let seconds = second(text)?.checked_sub(second(date?.trim())?)?;
        Some(u64::try_from(seconds).unwrap_or(0))
    })?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer {
            status,
            text: " no \n".into(),
            retry_after: Some(Duration::from_secs(7)),
            is_for_now: false,
            hidden: Hidden::default(),
        }
    }

    #[test]
    fn what_may_have_been_done_is_not_done_again() {
        for (status, repeat, expected) in [
            (404, Repeat::Harmless, Problem::refused("status 404: no")),
            (
                500,
                Repeat::Never,
                Problem::Unknown("status 500: no".into()),
            ),
            (500, Repeat::Harmless, Problem::later("status 500: no")),
            (
                504,
                Repeat::Never,
                Problem::Unknown("status 504: no".into()),
            ),
            (
                302,
                Repeat::Never,
                Problem::refused("status 302: no: it redirects, which is not followed"),
            ),
        ] {
            assert_eq!(answer(status).settled(repeat).unwrap_err(), expected);
        }
        for status in [429, 503] {
            let busy = answer(status).settled(Repeat::Never).unwrap_err();
            assert!(
                matches!(busy, Problem::Later { after: Some(after), .. } if after.as_secs() == 7)
            );
        }
        assert!(answer(204).settled(Repeat::Never).is_ok());
        assert_eq!(pause("999999999", None), Some(PAUSE_MAX));
        let (now, then) = (
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "Wed, 21 Oct 2026 07:28:40 GMT",
        );
        assert_eq!(pause(then, Some(now)), Some(Duration::from_secs(40)));
        assert_eq!(pause(now, Some(then)), Some(Duration::ZERO));
        assert_eq!(pause(then, None), None);
        assert_eq!(pause("soon", Some(now)), None);
    }
}
