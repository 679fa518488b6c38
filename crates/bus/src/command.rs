//! Commands: requests to the owner of a partition, and questions to whoever serves a subject.
//!
//! A large answer comes in numbered parts (header `Gk-Part: <n>/<of>`), which the asker joins. A message larger than
//! what the broker takes would close the connection, so the sender checks first.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::backend::{Backend, Headers, Inbox, Raw};
use crate::error::{CommandError, Error};

/// Largest part of an answer in bytes.
const PART_BYTES: usize = 512 * 1024;
/// Largest joined answer in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
const PART: &str = "Gk-Part";

/// Who may send a command; each class has its own subject, so that the broker can check the sender's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// From the API, triggers and other partitions.
    Request,
    /// From workers: task reports.
    Report,
}

/// Commands for the owner of one partition; see [`crate::Bus::serve_commands`].
pub struct CommandStream {
    backend: Backend,
    inbox: Inbox,
}

/// A command that came in.
pub struct Command {
    /// Who sent it.
    pub class: Class,
    /// What was sent.
    pub payload: Bytes,
    /// Where the answer goes. Who is not the owner drops it without an answer.
    pub responder: Responder,
}

/// Questions on a subject; see [`crate::Bus::serve`].
pub struct QuestionStream {
    backend: Backend,
    inbox: Inbox,
}

/// A question that came in.
pub struct Question {
    /// The subject that was asked.
    pub subject: String,
    /// What was asked.
    pub payload: Bytes,
    /// Where the answer goes.
    pub responder: Responder,
}

/// Sends the one answer to a command or question.
pub struct Responder {
    backend: Backend,
    reply: Option<String>,
}

impl Class {
    /// The last token of the command's subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Report => "report",
        }
    }
}

impl CommandStream {
    pub(crate) fn new(backend: Backend, inbox: Inbox) -> Self {
        Self { backend, inbox }
    }

    /// The next command; `None` when the bus is closed. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<Command> {
        loop {
            let raw = self.inbox.next().await?;
            let class = match raw.subject.rsplit('.').next() {
                Some("request") => Class::Request,
                Some("report") => Class::Report,
                Some(_) | None => continue,
            };
            return Some(Command {
                class,
                payload: raw.payload,
                responder: Responder {
                    backend: self.backend.clone(),
                    reply: raw.reply,
                },
            });
        }
    }
}

impl QuestionStream {
    pub(crate) fn new(backend: Backend, inbox: Inbox) -> Self {
        Self { backend, inbox }
    }

    /// The next question; `None` when the bus is closed. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<Question> {
        let raw = self.inbox.next().await?;
        Some(Question {
            subject: raw.subject,
            payload: raw.payload,
            responder: Responder {
                backend: self.backend.clone(),
                reply: raw.reply,
            },
        })
    }
}

impl Responder {
    /// Sends the answer, in parts when it is large. Nobody learns whether it arrived: the asker repeats.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above 64 MiB, [`Error::Unavailable`], [`Error::Closed`].
    pub async fn send(self, answer: Bytes) -> Result<(), Error> {
        let Some(reply) = self.reply else {
            return Ok(());
        };
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(Error::TooLarge {
                size: answer.len(),
                limit: ANSWER_BYTES_MAX,
            });
        }
        if answer.len() <= PART_BYTES {
            return self
                .backend
                .publish(&reply, None, Headers::new(), answer)
                .await;
        }
        let of = answer.len().div_ceil(PART_BYTES);
        for number in 1..=of {
            let from = (number - 1) * PART_BYTES;
            let part = answer.slice(from..answer.len().min(from + PART_BYTES));
            let headers = Headers::from([(PART.to_owned(), format!("{number}/{of}"))]);
            self.backend.publish(&reply, None, headers, part).await?;
        }
        Ok(())
    }

    /// Whether anybody waits for an answer.
    pub fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }
}

/// Sends a question and joins the parts of its answer.
pub(crate) async fn ask(
    backend: &Backend,
    subject: &str,
    payload: Bytes,
    timeout: Duration,
) -> Result<Bytes, CommandError> {
    let limit = backend.payload_max();
    if payload.len() > limit {
        return Err(CommandError::TooLarge {
            size: payload.len(),
            limit,
        });
    }
    let answer = tokio::time::timeout(timeout, exchange(backend, subject, payload)).await;
    backend.alive().await;
    answer.unwrap_or(Err(CommandError::Timeout))
}

async fn exchange(backend: &Backend, subject: &str, payload: Bytes) -> Result<Bytes, CommandError> {
    let mut answers = backend
        .ask(subject, payload)
        .await
        .map_err(|_| CommandError::Disconnected)?;
    let mut joined = BytesMut::new();
    let mut next = 1;
    loop {
        let Raw {
            headers,
            payload,
            status,
            ..
        } = answers
            .receiver
            .next()
            .await
            .ok_or(CommandError::Disconnected)?;
        match status {
            None => {}
            Some(503) => return Err(CommandError::NoOwner),
            Some(_) => return Err(CommandError::Disconnected),
        }
        let Some(part) = headers.get(PART) else {
            return Ok(payload);
        };
        let (number, of) = part
            .split_once('/')
            .and_then(|(number, of)| {
                Some((number.parse::<usize>().ok()?, of.parse::<usize>().ok()?))
            })
            .ok_or(CommandError::Disconnected)?;
        // A part that came before, or the parts of a second answer, are passed over.
        if number != next {
            continue;
        }
        if joined.len() + payload.len() > ANSWER_BYTES_MAX {
            return Err(CommandError::TooLarge {
                size: joined.len() + payload.len(),
                limit: ANSWER_BYTES_MAX,
            });
        }
        joined.extend_from_slice(&payload);
        if number == of {
            return Ok(joined.freeze());
        }
        next += 1;
    }
}
