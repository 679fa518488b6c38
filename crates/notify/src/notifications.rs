//! Notifications: sent one by one as tasks, at once for whoever asks, and whole events to those who want all of them.
//!
//! How a message looks and what an answer means is the affair of [`gennaker_channels`]; here it is decided what that means for a task.
//! A channel that can be called again without harm is; one that cannot is not called again once a call may have arrived: the receipt
//! then says so.

mod ask;
pub mod forward;
mod permit;
mod send;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use gennaker_channels::{Channels, Problem};
use gennaker_model::Map;
use gennaker_runtime::Clock;
use gennaker_worker::{Ctx, Failure, Registry, exception};

pub(crate) use permit::TaskPermit;
pub(crate) use send::SendNotification;

/// Answers to wishes to send a message, and to questions about buttons in Slack, beside the tasks.
pub(crate) fn answering(registry: Registry, channels: &Channels, clock: &Clock) -> Registry {
    registry
        .answering(Arc::new(ask::Messages::new(
            channels.clone(),
            clock.clone(),
        )))
        .answering(Arc::new(ask::Slack::new(channels.clone(), clock.clone())))
}

/// What a delivery that did not succeed means for its task: `again` is the pause unless the target asks for another one.
pub(crate) fn failure(ctx: &Ctx, problem: Problem, again: Duration) -> Failure {
    match problem {
        Problem::Later { reason, after } => {
            tracing::warn!("{} is tried again: {reason}", ctx.message().kind);
            let mut context = Map::new();
            context.insert("reason".to_owned(), reason.into());
            Failure::RetryLater {
                after: after.unwrap_or(again),
                context,
            }
        }
        Problem::Refused(reason) => {
            let kind = ctx.message().kind.as_str();
            let class = "NotificationException";
            Failure::give_up(exception::unexpected(kind, class, &reason, ctx.now_ms()))
        }
        Problem::Unknown(what) => Failure::Unknown { what },
        Problem::Stopped => Failure::cancelled(),
    }
}
