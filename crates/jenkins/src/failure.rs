//! What an error of a server means for a task.

use std::time::Duration;

use gennaker_builds::Error;
use gennaker_model::Map;
use gennaker_worker::{Ctx, Failure, exception};
use serde_json::Value;

/// Pause before a read is repeated that brought no answer (Orca: 10 s for all looks at builds).
pub(crate) const AGAIN: Duration = Duration::from_secs(10);

/// Pause before a start is repeated that was refused for now (Orca: `StartJenkinsJobTask.getBackoffPeriod`).
pub(crate) const START_AGAIN: Duration = Duration::from_secs(30);

/// Longest call that changes something, in milliseconds. It leaves room in the 30 s of a heartbeat.
pub(crate) const CALL_MS_MAX: u64 = 25_000;

/// Longest wait for the answer to a question.
pub(crate) const READ_MAX: Duration = Duration::from_secs(60);

/// Context key of what a stage waits for, in words for people: why a build is still in the queue, which trouble a server has. Ours.
pub(crate) const WAITS_FOR: &str = "waitsFor";

/// The task is done again after this time; the stage says what it waits for.
pub(crate) fn again(ctx: &Ctx, after: Duration, why: Option<&str>) -> Failure {
    let mut context = Map::new();
    let known = ctx.input().get(WAITS_FOR).and_then(Value::as_str);
    // What nobody learns anything from is not written down.
    if known != why {
        context.insert(WAITS_FOR.to_owned(), why.into());
    }
    Failure::RetryLater { after, context }
}

/// What a stage learns, and that it waits for nothing more.
pub(crate) fn learned(ctx: &Ctx, mut context: Map) -> Map {
    if ctx.input().get(WAITS_FOR).is_some_and(|it| !it.is_null()) {
        context.insert(WAITS_FOR.to_owned(), Value::Null);
    }
    context
}

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
            again(ctx, AGAIN, Some(&error.to_string()))
        }
        Error::Refused { .. } | Error::NotSupported(_) | Error::Unreadable { .. } => {
            refused(ctx, error)
        }
    }
}

/// A wish that changes something, and brought an error.
pub(crate) fn of_wish(ctx: &Ctx, error: &Error, after: Duration) -> Failure {
    if error.may_have_happened() {
        return Failure::Unknown {
            what: error.to_string(),
        };
    }
    if error.is_transient() {
        return again(ctx, after, Some(&error.to_string()));
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
