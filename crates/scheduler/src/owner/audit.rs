//! The audit: every few seconds each open thing is looked at; what nothing moves is moved.

use std::collections::BTreeSet;

use gennaker_engine::audit::zombies;
use gennaker_model::{AttemptId, ExecutionId};

use super::{Owner, Slot, group::Group, work::Work};

/// A pool whose workers have held and reported nothing for this time, although tasks wait, gets its consumer made again;
/// milliseconds.
const SILENT_MS: i64 = 60_000;

impl Owner {
    /// Looks at everything that is open. `all` after a reconnect: then every task is published again at once, because the
    /// broker may have lost its memory streams.
    pub(super) fn audit(&mut self, group: &mut Group, all: bool) {
        let now = group.at;
        self.let_go_on();
        let unseen_ms = self.around.config.unseen_ms;
        let mut open: BTreeSet<(ExecutionId, AttemptId)> = BTreeSet::new();
        let mut again = Vec::new();
        let mut silent = BTreeSet::new();
        let mut broken = BTreeSet::new();
        let mut unasked = Vec::new();
        let mut untold = Vec::new();
        for (id, slot) in &self.slots {
            let Slot::Live(live) = slot else { continue };
            if live.deleted || !live.state.is_live() {
                continue;
            }
            for (attempt, held) in &live.state.book.attempts {
                let key = (id.clone(), *attempt);
                let heard = self.heard.get(&key).copied().unwrap_or(held.since);
                if all || now - heard >= unseen_ms {
                    let partition = self.around.partition;
                    again.push(live.state.message_of(*attempt, held, partition));
                }
                if now - held.since >= SILENT_MS {
                    silent.insert((held.pool.clone(), held.zone.clone()));
                }
                open.insert(key);
            }
            unasked.extend(live.state.sendable().cloned());
            let numbers = live.state.book.announcements.open.keys();
            untold.extend(
                numbers
                    .filter(|number| !self.telling.contains(&(id.clone(), **number)))
                    .filter_map(|number| live.state.telling(*number)),
            );
            for zombie in zombies(&live.state) {
                tracing::error!(execution.id = %id, "execution {id}: {}; it is moved on", zombie.sentence);
                broken.insert(id.clone());
            }
        }
        self.heard.retain(|key, _| open.contains(key));
        for message in again {
            self.publish(message, now);
        }
        for peer in unasked {
            self.send_peer(peer);
        }
        for telling in untold {
            self.tell(telling);
        }
        for (pool, zone) in silent {
            self.wake_pool(&pool, zone, now);
        }
        for id in broken {
            self.perform(Work::audited(id), group);
        }
    }

    /// Tasks wait and nobody of the pool does anything: perhaps its consumer is stuck. Making it again does no harm when there
    /// is simply no worker.
    fn wake_pool(&mut self, pool: &str, zone: Option<String>, now: i64) {
        let heard = self.pool_heard.entry(pool.to_owned()).or_insert(now);
        if now - *heard < SILENT_MS {
            return;
        }
        *heard = now;
        let tasks = self.around.bus.tasks(pool);
        let pool = pool.to_owned();
        tracing::warn!(
            "tasks of pool {pool} wait and no worker has held or reported one for {} s",
            SILENT_MS / 1000
        );
        self.beside("consumer", async move {
            if let Err(error) = tasks.remake_consumer(zone.as_deref()).await {
                tracing::warn!("the consumer of pool {pool} was not made again: {error}");
            }
        });
    }
}
