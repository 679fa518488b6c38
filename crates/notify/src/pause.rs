//! Waiting within a task.

use std::{pin::pin, task::Poll, time::Duration};

use gennaker_worker::{Ctx, Failure};

/// Waits, unless the task is asked to end.
///
/// # Errors
/// [`Failure::Cancelled`]: it is.
pub(crate) async fn pause(ctx: &Ctx, time: Duration) -> Result<(), Failure> {
    let mut cancelled = pin!(ctx.cancelled());
    let mut wait = pin!(ctx.clock().sleep(time));
    std::future::poll_fn(|context| {
        // In this order, so that a wish to end is seen first.
        if cancelled.as_mut().poll(context).is_ready() {
            Poll::Ready(Err(Failure::cancelled()))
        } else {
            wait.as_mut().poll(context).map(Ok)
        }
    })
    .await
}
