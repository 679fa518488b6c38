//! Core messages: hints that may be lost.

use bytes::Bytes;

use crate::backend::Inbox;

/// Messages of a core subject; see [`crate::Bus::subscribe`]. Dropping it ends the subscription.
pub struct Subscription {
    inbox: Inbox,
}

impl Subscription {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox }
    }

    /// The next message as subject and payload; `None` when the bus is closed. Survives reconnects; what was sent
    /// meanwhile is lost. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Option<(String, Bytes)> {
        let raw = self.inbox.next().await?;
        Some((raw.subject, raw.payload))
    }
}
