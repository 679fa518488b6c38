//! Webhooks: one call, looking at a status until it is final, and taking back what was begun (orchestration reference 6.8).

mod call;
mod cancel_task;
mod create_task;
mod fields;
mod json_path;
mod monitor;
mod monitor_task;
mod received;
mod secrets;
mod send;
mod status_name;
mod status_url;
#[cfg(test)]
mod tests;

pub(crate) use cancel_task::CancelWebhook;
pub(crate) use create_task::CreateWebhook;
pub(crate) use monitor_task::MonitorWebhook;
pub use secrets::{BadAddress, SecretHeaders, SecretHeadersOf};

use std::time::Duration;

use gennaker_worker::{Done, Failure, GiveUp, exception};

use call::Verdict;

/// An exception for a stage whose fields make no sense.
fn illegal(kind: &str, problem: &str, now_ms: i64) -> Failure {
    Failure::give_up(exception::unexpected(
        kind,
        "IllegalArgumentException",
        problem,
        now_ms,
    ))
}

/// What a verdict is for the worker.
fn result_of(
    verdict: Verdict,
    again: impl FnOnce(&gennaker_model::Map) -> u64,
) -> Result<Done, Failure> {
    match verdict {
        Verdict::Succeeded(context) => Ok(Done {
            context,
            ..Done::default()
        }),
        Verdict::Running(context) => Err(Failure::RetryLater {
            after: Duration::from_millis(again(&context)),
            context,
        }),
        Verdict::Terminal(context) => Err(Failure::GiveUp(Box::new(GiveUp {
            context,
            ..GiveUp::default()
        }))),
        Verdict::Canceled(context) => Err(Failure::Cancelled { context }),
    }
}
