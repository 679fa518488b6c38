//! `context.exception` in Spinnaker's shape (orchestration reference 3.8).

use gennaker_model::{Map, Stage, Status};
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

/// For a stage whose failure is ignored: the exception with the errors of all its failed tasks in it, since each of them replaced that of
/// the one before (`CompleteStageHandler`, reference 3.4 step 4). The keys to set.
#[must_use]
pub fn with_errors_of_tasks(stage: &Stage) -> Map {
    let errors_of = |exception: Option<&Value>| -> Vec<Value> {
        let errors =
            exception.and_then(|exception| exception.pointer("/details/errors")?.as_array());
        errors.cloned().unwrap_or_default()
    };
    let held = stage.context.get("exception");
    let mut errors = errors_of(held);
    let known = errors.len();
    let tasks = &stage.tasks[crate::rollup::first_current_task(stage)..];
    for task in tasks
        .iter()
        .filter(|task| task.status == Status::FailedContinue)
    {
        let details = task.task_exception_details.as_ref();
        for error in errors_of(details.and_then(|details| details.get("exception"))) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    if errors.len() == known {
        return Map::new();
    }
    let mut exception = held
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    if !exception["details"].is_object() {
        exception["details"] = json!({});
    }
    exception["details"]["errors"] = Value::Array(errors);
    [("exception".to_owned(), exception)].into_iter().collect()
}
