//! What an error of a server means for a task.

use std::time::Duration;

use gennaker_builds::Error;
use gennaker_worker::{Ctx, Failure, exception};

/// Pause before a read is repeated that brought no answer (Orca: 10 s for all looks at builds).
pub(crate) const AGAIN: Duration = Duration::from_secs(10);

/// Pause before a start is repeated that was refused for now (Orca: `StartJenkinsJobTask.getBackoffPeriod`).
pub(crate) const START_AGAIN: Duration = Duration::from_secs(30);

/// Longest call that changes something, in milliseconds. It leaves room in the 30 s of a heartbeat.
pub(crate) const CALL_MS_MAX: u64 = 25_000;

/// Longest wait for the answer to a question.
pub(crate) const READ_MAX: Duration = Duration::from_secs(60);

/// The task ends with this sentence.
pub(crate) fn given_up(ctx: &Ctx, class: &str, sentence: &str) -> Failure {
    let now_ms = ctx.now_ms();
    Failure::give_up(exception::unexpected(
        &ctx.message().kind,
        class,
        sentence,
        now_ms,
    ))
}

/// A look at a build that brought an error: what is not there yet may come. Source: Orca's `MonitorJenkinsJobTask`, which goes on
/// after 500, 503 and 404.
pub(crate) fn of_look(ctx: &Ctx, error: &Error) -> Failure {
    match error {
        Error::Unavailable { .. } | Error::Credentials(_) | Error::NotFound(_) => {
            Failure::retry_later(AGAIN)
        }
        Error::Refused { .. } | Error::NotSupported(_) | Error::Unreadable { .. } => {
            refused(ctx, error)
        }
    }
}

/// A wish that changes something, and brought an error.
pub(crate) fn of_wish(ctx: &Ctx, error: &Error, again: Duration) -> Failure {
    if error.may_have_happened() {
        return Failure::Unknown {
            what: error.to_string(),
        };
    }
    if error.is_transient() {
        return Failure::retry_later(again);
    }
    refused(ctx, error)
}

fn refused(ctx: &Ctx, error: &Error) -> Failure {
    let class = match error {
        Error::NotFound(_) => "NotFoundException",
        Error::Refused { .. } | Error::NotSupported(_) => "InvalidRequestException",
        Error::Unavailable { .. } | Error::Unreadable { .. } | Error::Credentials(_) => {
            "SpinnakerHttpException"
        }
    };
    given_up(ctx, class, &error.to_string())
}

/// A question within the time that questions have.
pub(crate) async fn within<T>(
    question: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let answer = tokio::time::timeout(READ_MAX, question).await;
    answer.unwrap_or_else(|_| {
        Err(Error::Unavailable {
            status: None,
            sentence: format!("there was no answer within {} s", READ_MAX.as_secs()),
            may_have_happened: false,
        })
    })
}
