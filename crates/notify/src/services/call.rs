//! One call of a service, and what its answer means.

use std::time::Duration;

use gennaker_channels::Problem;
use gennaker_outbound::{Client, Request};
use gennaker_worker::{Ctx, Failure, exception};
use serde_json::Value;

use crate::limits::CALL_MS_MAX;

/// Largest answer in bytes.
const RESPONSE_BYTES_MAX: u64 = 128 * 1024;

/// Longest text of an answer that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 1_000;

/// What a service answered.
pub(super) struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer as JSON, if it is some.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// Status and text, for people.
    pub fn shown(&self) -> String {
        let text: String = self.text.chars().take(SHOWN_CHARS_MAX).collect();
        format!("status {}: {}", self.status, text.trim())
    }

    /// Whether the service says that it has done nothing and may do it later.
    pub fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

/// Sends a request. `again` is the pause before a call is repeated of which nothing arrived, or which may be repeated anyway.
///
/// # Errors
/// [`Failure::RetryLater`]: nothing was done, or doing it twice is harmless. [`Failure::Unknown`]: it may have been done.
pub(super) async fn send(
    client: &Client,
    ctx: &Ctx,
    request: Request,
    may_repeat: bool,
    again: Duration,
) -> Result<Answer, Failure> {
    let mut request = request
        .header("Accept", "application/json")
        .response_bytes_max(RESPONSE_BYTES_MAX);
    // What it redirects to is nobody's that operators have named.
    request.follow_redirects = false;
    let call = ctx
        .call(Duration::from_millis(CALL_MS_MAX), |limit| {
            client.send(request.timeout(limit))
        })
        .await;
    match call {
        Ok(Ok(response)) => Ok(Answer {
            status: response.status,
            text: String::from_utf8_lossy(&response.body).into_owned(),
        }),
        Ok(Err(error)) if may_repeat || !error.may_have_arrived() => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "{} is tried again",
                ctx.message().kind
            );
            Err(Failure::retry_later(again))
        }
        Ok(Err(error)) => Err(Failure::Unknown {
            what: error.to_string(),
        }),
        Err(Failure::Unknown { .. }) if may_repeat => Err(Failure::retry_later(again)),
        Err(other) => Err(other),
    }
}

/// An address below another one.
pub(super) fn below(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

/// The task fails for this reason.
pub(super) fn failed(ctx: &Ctx, class: &str, reason: &str) -> Failure {
    let kind = ctx.message().kind.as_str();
    Failure::give_up(exception::unexpected(kind, class, reason, ctx.now_ms()))
}

/// What a call that did not succeed means for the task.
pub(super) fn ended(ctx: &Ctx, problem: Problem, class: &str, again: Duration) -> Failure {
    match problem {
        Problem::Later { reason, after } => {
            tracing::warn!("{} is tried again: {reason}", ctx.message().kind);
            Failure::retry_later(after.unwrap_or(again))
        }
        Problem::Refused(reason) => failed(ctx, class, &reason),
        Problem::Unknown(what) => Failure::Unknown { what },
        Problem::Stopped => Failure::cancelled(),
    }
}

/// The service is none that operators have set.
pub(super) fn not_set(ctx: &Ctx, what: &str, section: &str) -> Failure {
    let reason =
        format!("{what} is not set up in this installation: the settings have no [{section}]");
    failed(ctx, "UnsupportedOperationException", &reason)
}

/// What a file of credentials holds.
pub(super) async fn secret(
    ctx: &Ctx,
    setting: &str,
    file: &std::path::Path,
) -> Result<String, Failure> {
    crate::secret_file::read(file).await.map_err(|problem| {
        let reason = format!("the file of the setting {setting} {problem}");
        failed(ctx, "IllegalStateException", &reason)
    })
}
