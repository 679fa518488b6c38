//! `noop`: does nothing, for load tests and drills.

use std::time::Duration;

use gennaker_model::work::TaskMessage;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};
use serde_json::Value;

use crate::pause::pause;

/// Longest wait that `sleepMs` may ask for.
const SLEEP_MS_MAX: u64 = 5 * 60 * 1000;

/// Succeeds, after `sleepMs` milliseconds if the input has that.
pub(crate) struct Noop;

impl Task for Noop {
    fn kind(&self) -> &'static str {
        "noop"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let Some(sleep_ms) = sleep_ms(ctx.input().get("sleepMs")) else {
                let problem = format!(
                    "field 'sleepMs' must be a number of milliseconds, at most {SLEEP_MS_MAX}"
                );
                let class = "IllegalArgumentException";
                return Err(Failure::give_up(exception::unexpected(
                    self.kind(),
                    class,
                    &problem,
                    ctx.now_ms(),
                )));
            };
            if sleep_ms > 0 {
                pause(ctx, Duration::from_millis(sleep_ms)).await?;
            }
            Ok(Done::default())
        })
    }
}

fn sleep_ms(field: Option<&Value>) -> Option<u64> {
    let ms = match field {
        None | Some(Value::Null) => 0,
        Some(Value::Number(number)) => number.as_u64()?,
        Some(Value::String(text)) => text.trim().parse().ok()?,
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return None,
    };
    (ms <= SLEEP_MS_MAX).then_some(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_time_is_read_within_its_limit() {
        for (field, expected) in [
            (None, Some(0)),
            (Some(json!(null)), Some(0)),
            (Some(json!(25)), Some(25)),
            (Some(json!("25")), Some(25)),
            (Some(json!(300_000)), Some(300_000)),
            (Some(json!(300_001)), None),
            (Some(json!(-1)), None),
            (Some(json!("soon")), None),
            (Some(json!([1])), None),
        ] {
            assert_eq!(sleep_ms(field.as_ref()), expected, "{field:?}");
        }
    }
}
