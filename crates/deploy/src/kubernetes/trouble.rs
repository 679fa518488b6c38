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
    let tries = ctx.input().get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
    let again = matches!(
        error.class(),
        Class::Throttled
            | Class::Timeout
            | Class::Unreachable
            | Class::Unavailable
            | Class::Expired
            | Class::Conflict
    );
    if !again {
        return give_up_with(ctx, "KubectlException", &sentence, known);
    }
    if tries >= u64::from(patience.tries_max) {
        let sentence = format!("{sentence} (tried {tries} times)");
        return give_up_with(ctx, "KubectlException", &sentence, known);
    }
    let doublings = u32::try_from(tries - 1).unwrap_or(u32::MAX).min(16);
    let pause = patience
        .pause
        .saturating_mul(1 << doublings)
        .min(patience.pause_max);
    let after = error
        .retry_after()
        .unwrap_or(Duration::ZERO)
        .max(pause)
        .min(patience.pause_max.max(pause));
    tracing::warn!(
        execution.id = %ctx.message().execution,
        "an operation on a cluster failed and is tried again: {}",
        error
    );
    let mut context = known;
    context.insert(TRIES.to_owned(), json!(tries));
    context.insert(
        "messages".to_owned(),
        json!([format!("{sentence}; it is tried again")]),
    );
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
