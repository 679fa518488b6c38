//! What goes wrong with an operation, and what a stage is told about it.

use std::time::Duration;

use gennaker_kubernetes::{Class, Error};
use gennaker_model::Map;
use gennaker_worker::{Ctx, Failure, GiveUp, exception};
use serde_json::{Value, json};

use super::{Patience, outputs};

/// Context key that counts the tries of an operation.
pub(super) const TRIES: &str = "operationTries";

/// The operation ends for this reason.
pub(super) fn give_up(ctx: &Ctx, class: &str, message: &str) -> Failure {
    give_up_with(ctx, class, message, Map::new())
}

/// The same, with what the stage shall know besides.
pub(super) fn give_up_with(ctx: &Ctx, class: &str, message: &str, context: Map) -> Failure {
    let kind = &ctx.message().kind;
    let errors = [message.to_owned()];
    let exception = exception::described(kind, class, message, &errors, ctx.now_ms());
    let mut context = context;
    context.extend(outputs::failed(ctx, class, message));
    settled(ctx, &mut context);
    Failure::GiveUp(Box::new(GiveUp {
        exception: Some(exception),
        context,
        outputs: Map::new(),
    }))
}

/// What was counted while the operation was tried counts no more.
pub(super) fn settled(ctx: &Ctx, context: &mut Map) {
    if ctx.input().get(TRIES).is_some_and(|tries| !tries.is_null()) {
        context.insert(TRIES.to_owned(), Value::Null);
    }
}

/// A stage that makes no sense.
pub(super) fn illegal(ctx: &Ctx, message: &str) -> Failure {
    give_up(ctx, "IllegalArgumentException", message)
}

/// A request to the cluster failed. `what` goes before the sentence: `Deploy failed for manifest: deployment web. Error: `.
pub(super) fn failed(
    ctx: &Ctx,
    patience: Patience,
    what: &str,
    error: &Error,
    known: Map,
) -> Failure {
    let sentence = format!("{what}{}", sentence(error));
    match error.class() {
        Class::Throttled
        | Class::Timeout
        | Class::Unreachable
        | Class::Unavailable
        | Class::Expired
        | Class::Conflict => again(ctx, patience, &sentence, error.retry_after(), known),
        Class::NotFound
        | Class::AlreadyExists
        | Class::Forbidden
        | Class::Unauthorized
        | Class::Invalid
        | Class::Unsupported
        | Class::TooLarge => give_up_with(ctx, "KubectlException", &sentence, known),
    }
}

/// The operation is tried again for this reason, unless it was tried often enough.
pub(super) fn again(
    ctx: &Ctx,
    patience: Patience,
    sentence: &str,
    asked: Option<Duration>,
    known: Map,
) -> Failure {
    let tries = ctx.input().get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
    if tries >= u64::from(patience.tries_max) {
        let sentence = format!("{sentence} (tried {tries} times)");
        return give_up_with(ctx, "KubectlException", &sentence, known);
    }
    let doublings = u32::try_from(tries - 1).unwrap_or(u32::MAX).min(16);
    let pause = patience.pause.saturating_mul(1 << doublings);
    let after = pause.max(asked.unwrap_or_default()).min(patience.pause_max);
    // The sentence stays in the context: it may quote what a log must not.
    tracing::warn!(
        execution.id = %ctx.message().execution,
        "task {} of execution {} failed at its cluster (try {tries}) and is tried again",
        ctx.message().kind,
        ctx.message().execution
    );
    let mut context = known;
    context.insert(TRIES.to_owned(), json!(tries));
    let message = format!("{sentence}; it is tried again");
    context.insert("messages".to_owned(), json!([message]));
    Failure::RetryLater { after, context }
}

/// The API server's own sentence, and what a person can do where that does not say it.
pub(super) fn sentence(error: &Error) -> String {
    let said = error.to_string();
    match error.class() {
        Class::Unauthorized if error.api().is_some() => format!(
            "{said}: the cluster does not accept the credentials of the account; a token may have expired"
        ),
        Class::TooLarge => {
            format!("{said}: the object is too large for the cluster, which takes about 1.5 MiB")
        }
        Class::Invalid if said.contains("metadata.annotations: Too long") => format!(
            "{said}. An apply keeps a copy of the manifest in an annotation; for an object of this size use the annotation \
             strategy.spinnaker.io/replace: \"true\" or strategy.spinnaker.io/server-side-apply: \"true\""
        ),
        _ => said,
    }
}
