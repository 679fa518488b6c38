//! Asking a consumer for messages, and knowing at any time how many it still owes.
//!
//! Requests have a short expiry and idle heartbeats, so a broker that lost them without a word is noticed: once in
//! some fifty load runs delivery stopped for good while everything lived, and only a new pull cured it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::backend::{Backend, Inbox, PullRequest, Raw};
use crate::error::Error;

/// Lifetime of one request.
const EXPIRES: Duration = Duration::from_secs(5);
/// How much later than its lifetime a request counts as lost.
const GRACE: Duration = Duration::from_secs(1);

/// Header that says how many messages of a request were not delivered.
const MISSING: &str = "Nats-Pending-Messages";

/// The requests of one consumer that are under way.
pub(crate) struct Pulling {
    backend: Backend,
    stream: String,
    consumer: String,
    inbox: Inbox,
    /// Deadline and open count of each request, oldest first: the broker serves them in this order.
    requests: VecDeque<(Instant, usize)>,
    heard: Instant,
}

/// What came of waiting.
pub(crate) enum Pulled {
    Message(Raw),
    /// The life of a request ended with this many messages missing: nothing more waited.
    Expired(usize),
    /// A request ended early because of its size; more waits.
    Cut,
    /// The consumer or the connection is gone, or silent: open again.
    Broken(String),
}

impl Pulling {
    pub(crate) async fn open(
        backend: &Backend,
        stream: &str,
        consumer: &str,
    ) -> Result<Self, Error> {
        Ok(Self {
            backend: backend.clone(),
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            inbox: backend.inbox().await?,
            requests: VecDeque::new(),
            heard: Instant::now(),
        })
    }

    /// Messages asked for and not delivered yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.requests.iter().map(|(_, open)| open).sum()
    }

    pub(crate) async fn request(
        &mut self,
        batch: usize,
        bytes_max: Option<usize>,
    ) -> Result<(), Error> {
        if self.requests.is_empty() {
            self.heard = Instant::now();
        }
        self.requests
            .push_back((Instant::now() + EXPIRES + GRACE, batch));
        let request = PullRequest {
            batch,
            expires: EXPIRES,
            heartbeat: self.backend.heartbeat(),
            bytes_max,
        };
        self.backend
            .pull(&self.stream, &self.consumer, request, self.inbox.subject())
            .await
    }

    /// Waits for the next message or the end of a request. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Pulled {
        loop {
            let silence = self
                .backend
                .heartbeat()
                .map(|every| self.heard + every * 5 / 2);
            let deadline = self
                .requests
                .front()
                .map(|(lost, _)| silence.map_or(*lost, |silence| silence.min(*lost)));
            let raw = tokio::select! {
                biased;
                raw = self.inbox.next() => raw,
                () = sleep_until(deadline) => {
                    let now = Instant::now();
                    if silence.is_some_and(|silence| silence <= now) {
                        return Pulled::Broken("a heartbeat was missed".to_owned());
                    }
                    return Pulled::Expired(self.end());
                }
            };
            let Some(raw) = raw else {
                return Pulled::Broken("the connection is closed".to_owned());
            };
            self.heard = Instant::now();
            match raw.status {
                None => {
                    self.count();
                    return Pulled::Message(raw);
                }
                Some(100) => {}
                Some(404 | 408) => return Pulled::Expired(self.end()),
                // Said at the end of a request that has been served and counted.
                Some(409)
                    if raw
                        .headers
                        .get(MISSING)
                        .is_some_and(|missing| missing == "0") => {}
                Some(409)
                    if raw.description.contains("MaxBytes")
                        || raw.description.contains("Batch Completed") =>
                {
                    self.end();
                    return Pulled::Cut;
                }
                Some(code) => return Pulled::Broken(format!("{code} {}", raw.description)),
            }
        }
    }

    /// What has arrived already, if anything.
    pub(crate) async fn arrived(&mut self) -> Option<Pulled> {
        tokio::select! {
            biased;
            pulled = self.next() => Some(pulled),
            () = std::future::ready(()) => None,
        }
    }

    /// Ends the oldest request and says how much of it was not delivered.
    fn end(&mut self) -> usize {
        self.requests.pop_front().map_or(0, |(_, open)| open)
    }

    fn count(&mut self) {
        if let Some((_, open)) = self.requests.front_mut() {
            *open -= 1;
            if *open == 0 {
                self.requests.pop_front();
            }
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What the reply address of a delivered message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub delivered: u64,
    pub sequence: u64,
    pub consumer_sequence: u64,
    pub time_ms: u64,
    pub pending: u64,
}

impl Meta {
    /// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<ns>.<pending>`, and the longer form
    /// with domain and account hash before the stream and a random token at the end.
    pub(crate) fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.split('.').collect();
        if tokens.first() != Some(&"$JS") || tokens.get(1) != Some(&"ACK") {
            return None;
        }
        let numbers = match tokens.len() {
            9 => &tokens[4..9],
            11 | 12 => &tokens[6..11],
            _ => return None,
        };
        let number = |at: usize| numbers[at].parse::<u64>().ok();
        Some(Self {
            delivered: number(0)?,
            sequence: number(1)?,
            consumer_sequence: number(2)?,
            time_ms: number(3)? / 1_000_000,
            pending: number(4)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_reply_address_are_read() {
        let expected = Meta {
            delivered: 2,
            sequence: 30,
            consumer_sequence: 4,
            time_ms: 1_700_000_000_123,
            pending: 5,
        };
        let short = "$JS.ACK.S.c.2.30.4.1700000000123000000.5";
        assert_eq!(Meta::parse(short), Some(expected));
        let long = "$JS.ACK._.hash.S.c.2.30.4.1700000000123000000.5.rnd";
        assert_eq!(Meta::parse(long), Some(expected));
        assert_eq!(Meta::parse("_INBOX.a.b"), None);
    }
}
