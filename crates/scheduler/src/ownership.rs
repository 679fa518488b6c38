//! Being the owner of a partition, as far as its log shows.

use gennaker_bus::{Error, Log};

/// What an owner appends as.
#[derive(Clone)]
pub(crate) struct Ownership {
    pub log: Log,
    /// Random for each ownership; ids of appends begin with it.
    pub nonce: String,
    /// Sequence of the owner's own first append.
    pub epoch: u64,
}

impl Ownership {
    /// Whether the last message of the log, read from its leader after this call began, is ours: then nobody had taken over
    /// when it began.
    ///
    /// # Errors
    /// When the leader does not answer.
    pub async fn is_proven(&self) -> Result<bool, Error> {
        let last = self.log.last().await?;
        let id = last.and_then(|entry| entry.append_id);
        Ok(id.is_some_and(|id| {
            id.rsplit_once('-')
                .is_some_and(|(nonce, _)| nonce == self.nonce)
        }))
    }
}
