//! `context.exception` in Spinnaker's shape (orchestration reference 3.8).

use serde_json::{Value, json};

/// An unexpected failure of `operation` (a task or the planning of a stage), never to be retried.
///
/// Source: orca `DefaultExceptionHandler`.
#[must_use]
pub fn unexpected(operation: &str, class: &str, message: &str, now: i64) -> Value {
    described(
        operation,
        class,
        "Unexpected Task Failure",
        &[message.to_owned()],
        now,
    )
}

/// A failure with its one-line error and a list of details.
#[must_use]
pub fn described(operation: &str, class: &str, error: &str, errors: &[String], now: i64) -> Value {
    json!({
        "timestamp": now,
        "exceptionType": class,
        "operation": operation,
        "shouldRetry": false,
        "details": { "error": error, "errors": errors },
    })
}
