//! A task's permission for each call of a channel.

use std::future::ready;
use std::time::Duration;

use gennaker_channels::line::Permit;
use gennaker_worker::{BoxFuture, Ctx};

/// Lets a call begin while the effect is proven to be the task's own.
pub(crate) struct TaskPermit<'a>(pub(crate) &'a Ctx);

impl Permit for TaskPermit<'_> {
    fn begin(&self, wanted: Duration) -> BoxFuture<'_, Option<Duration>> {
        // The call itself follows at once, within the limit that is found here.
        Box::pin(async move { self.0.call(wanted, ready).await.ok() })
    }
}
