//! Documents as new as an event, for many events at once.

use std::sync::atomic::{AtomicU64, Ordering};

use gennaker_store::{Error, Store};
use tokio::sync::Mutex;

/// Brings the cache of documents up to now, once for all who ask at the same time: each look costs a write.
pub(crate) struct Fresh {
    store: Store,
    /// How many looks have begun.
    begun: AtomicU64,
    /// The last look that succeeded, by its number.
    done: Mutex<u64>,
}

impl Fresh {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            begun: AtomicU64::new(0),
            done: Mutex::new(0),
        }
    }

    /// Returns when the cache shows everything that was written before the call.
    ///
    /// # Errors
    /// As [`Store::catch_up`].
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut done = self.done.lock().await;
        // One that began after we came serves us, too.
        if *done > before {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.store.catch_up().await?;
        *done = number;
        Ok(())
    }
}
