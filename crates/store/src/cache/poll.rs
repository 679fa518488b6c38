//! Following a bucket that tells nobody of its changes: it is listed every few seconds, and what differs is read.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::{Cache, RETRY};
use crate::{
    Error, Kind, Revision,
    documents::s3::{Bucket, Listed},
    key,
};

/// Documents that were not taken in, by key, so that they are not read again with every look.
type Unreadable = BTreeMap<String, Revision>;

impl Cache {
    pub(super) async fn run_poll(&self, bucket: &Bucket, cancel: CancellationToken) {
        let mut pause = RETRY.0;
        let mut unreadable = Unreadable::new();
        loop {
            let outcome = tokio::select! {
                () = cancel.cancelled() => return,
                outcome = self.poll(bucket, &mut unreadable) => outcome,
            };
            let wait = match outcome {
                Ok(()) => {
                    pause = RETRY.0;
                    bucket.refresh_every
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the bucket of documents could not be listed and is tried again"
                    );
                    let wait = pause;
                    pause = (pause * 2).min(RETRY.1);
                    wait
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = bucket.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes in what changed since the last look. What this process wrote after the look began is newer and stays.
    async fn poll(&self, bucket: &Bucket, unreadable: &mut Unreadable) -> Result<(), Error> {
        let stamp = bucket.stamp();
        let known = self.revisions();
        let mut present = BTreeSet::new();
        let mut changed = Vec::new();
        for listed in bucket.list(&cached_kinds()).await? {
            let key = key::document(listed.kind, &listed.id);
            let is_seen = known.get(&key).or(unreadable.get(&key)) == Some(&listed.revision);
            if !is_seen {
                changed.push(listed);
            }
            present.insert(key);
        }
        // Read in parts, so that one unreadable document or a slow start does not hold all others back.
        for part in changed.chunks(PART) {
            self.take(bucket, part, stamp, unreadable).await?;
        }
        self.keep_only(&present, stamp);
        self.caught_up(stamp);
        Ok(())
    }

    async fn take(
        &self,
        bucket: &Bucket,
        part: &[Listed],
        stamp: u64,
        unreadable: &mut Unreadable,
    ) -> Result<(), Error> {
        for (listed, read) in bucket.read_each(part.to_vec()).await {
            let key = key::document(listed.kind, &listed.id);
            match read {
                Ok(Some(record)) => {
                    self.apply(&key, stamp, Some((record.revision, record.raw)));
                }
                Ok(None) => {}
                Err(error @ Error::Unreadable { .. }) => {
                    tracing::error!("{error} and is missing in lists");
                    self.apply(&key, stamp, None);
                    unreadable.insert(key, listed.revision);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn revisions(&self) -> BTreeMap<String, Revision> {
        let state = self.state.read().expect("no holder of the lock panics");
        let known = state.current.iter().filter_map(|(key, cached)| {
            let (revision, _) = cached.content.as_ref()?;
            Some((key.clone(), revision.clone()))
        });
        known.collect()
    }

    /// Drops what is gone, and the traces of what this process deleted, unless it was written after `stamp`.
    fn keep_only(&self, present: &BTreeSet<String>, stamp: u64) {
        let mut dropped = false;
        self.write(|state| {
            state.current.retain(|key, cached| {
                let keep = present.contains(key) || cached.stamp > stamp;
                dropped |= !keep && cached.content.is_some();
                keep
            });
        });
        if dropped {
            self.count_change();
        }
    }
}

/// The kinds whose documents are held in memory.
fn cached_kinds() -> Vec<Kind> {
    Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_cached())
        .collect()
}

/// Documents read before the next ones are.
const PART: usize = 512;
