//! A start whose trigger names another execution as its parent waits until that is read, from whoever owns it.

use gennaker_intake::parent;
use gennaker_model::{ExecutionId, command::Start};

use super::{Arrival, Owner, work::Work};

impl Owner {
    /// Reads the parent beside the loop; `work` goes on with the start that shows it.
    pub(super) fn with_parent(
        &self,
        start: Start,
        id: ExecutionId,
        work: impl FnOnce(Start) -> Work + Send + 'static,
    ) {
        let sources = self.sources();
        let sender = self.sender.clone();
        self.beside("parent", async move {
            let start = match sources.read(&id).await {
                Ok(found) => parent::found(start, found.as_ref()),
                Err(reason) => parent::unknown(start, &reason),
            };
            let _ = sender.send(Arrival::Expanded(Box::new(work(start)))).await;
        });
    }
}
