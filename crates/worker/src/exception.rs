//! `context.exception` of a task that failed, in Spinnaker's shape (orchestration reference 3.8).

use serde_json::{Value, json};

/// An exception with its one-line error and a list of details.
///
/// Source: orca `DefaultExceptionHandler`.
#[must_use]
pub fn described(
    operation: &str,
    class: &str,
    error: &str,
    errors: &[String],
    now_ms: i64,
) -> Value {
    json!({
        "timestamp": now_ms,
        "exceptionType": class,
        "operation": operation,
        "shouldRetry": false,
        "details": { "error": error, "errors": errors },
    })
}

/// What a task says that nobody foresaw.
#[must_use]
pub fn unexpected(operation: &str, class: &str, message: &str, now_ms: i64) -> Value {
    described(
        operation,
        class,
        "Unexpected Task Failure",
        &[message.to_owned()],
        now_ms,
    )
}
