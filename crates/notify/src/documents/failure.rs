//! What a refused save means for its task.

use std::time::Duration;

use gennaker_store::SaveError;
use gennaker_worker::{Failure, exception};
use serde_json::json;

/// How long a save waits whose storage is busy (orca `SavePipelineTask.getBackoffPeriod`).
const AGAIN: Duration = Duration::from_secs(1);

/// A refusal as clients know it from Front50, the text first among `details.errors`; what may pass is tried again.
pub(super) fn failure(operation: &str, method: &str, error: &SaveError, now_ms: i64) -> Failure {
    if error.is_transient() {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "{operation} is tried again"
        );
        return Failure::retry_later(AGAIN);
    }
    let reason = match error.status() {
        404 => "Not Found",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        _ => "Bad Request",
    };
    let text = error.to_string();
    Failure::give_up(json!({
        "timestamp": now_ms,
        "exceptionType": "SpinnakerHttpException",
        "operation": operation,
        "shouldRetry": false,
        "details": {"error": reason, "errors": [text], "kind": "HTTP", "method": method, "status": error.status()},
    }))
}

/// A task whose input makes no sense.
pub(super) fn illegal(operation: &str, problem: &str, now_ms: i64) -> Failure {
    Failure::give_up(exception::unexpected(
        operation,
        "IllegalArgumentException",
        problem,
        now_ms,
    ))
}
