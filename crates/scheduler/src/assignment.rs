//! Who owns which partition: leases say who should try, the log says who does.
//!
//! Every scheduler holds a lease on its own name; rendezvous hashing over the names that live decides who should hold which
//! partition. A partition whose lease is free is taken by whom it belongs to; one that belongs to somebody else now is handed
//! over. A lease is a hint: a holder that cannot renew goes on appending until an append is refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus, Held, Lease};
use gennaker_model::routing::fnv1a64;
use gennaker_runtime::{Clock, Scope};
use gennaker_store::{Archive, Blobs, Store};
use tokio::sync::mpsc;

use crate::{
    chain,
    checkpoint::Records,
    config::Config,
    listeners::Listeners,
    metrics,
    owner::{Ended, Owner, Surroundings},
    takeover::{self, Failure},
};

/// One scheduler process.
pub struct Scheduler {
    config: Arc<Config>,
    bus: Bus,
    store: Store,
    archive: Archive,
    blobs: Blobs,
    clock: Clock,
}

/// How long an owner has to finish what is in flight when it hands over.
const HAND_OVER: Duration = Duration::from_secs(3);

/// How often free leases are looked for in the time between two renewals, as long as somebody else owns a partition.
const LOOKS: u32 = 4;

struct Holding {
    held: Held,
    scope: Scope,
}

/// An owner that has ended.
struct Gone {
    partition: u32,
    ended: Ended,
}

impl Scheduler {
    /// A scheduler; nothing happens before [`Self::run`]. Its archive and the large values are in the broker, unless
    /// [`Self::with_archive`] and [`Self::with_blobs`] name other places.
    #[must_use]
    pub fn new(config: Config, bus: Bus, store: Store, clock: Clock) -> Self {
        Self {
            config: Arc::new(config),
            archive: Archive::kv(&bus),
            blobs: Blobs::kv(&bus),
            bus,
            store,
            clock,
        }
    }

    /// The same with another archive. All schedulers of an installation have the same one.
    #[must_use]
    pub fn with_archive(self, archive: Archive) -> Self {
        Self { archive, ..self }
    }

    /// The same with large values in another place. Everybody in an installation has the same one.
    #[must_use]
    pub fn with_blobs(self, blobs: Blobs) -> Self {
        Self { blobs, ..self }
    }

    /// Takes partitions and runs them until the scope is cancelled; then hands them back.
    pub async fn run(self, scope: Scope) {
        if let Err(error) = metrics::register() {
            tracing::error!("the scheduler's metrics are not shown: {error}");
        }
        let (listeners, follower) = Listeners::new(&self.store, self.config.forwards);
        let token = scope.token().clone();
        if scope.spawn("listeners", follower.run(token)).is_none() {
            return;
        }
        let lease = self.bus.lease(self.config.lease_ttl);
        let (ended, mut gone) = mpsc::channel(self.config.partitions as usize + 1);
        let mut holding: BTreeMap<u32, Holding> = BTreeMap::new();
        let mut rests: BTreeMap<u32, tokio::time::Instant> = BTreeMap::new();
        let mut own: Option<Held> = None;
        let mut ownerships = 0;
        let mut tick = tokio::time::interval(self.config.lease_renew / LOOKS);
        let mut looks = 0;
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = scope.cancelled() => break,
                Some(Gone { partition, ended }) = gone.recv() => {
                    self.forget(&lease, &mut holding, partition).await;
                    if ended != Ended::Asked {
                        rests.insert(partition, tokio::time::Instant::now() + self.config.lease_ttl);
                    }
                }
                _ = tick.tick() => {
                    let renew = looks % LOOKS == 0;
                    looks += 1;
                    if !renew && holding.len() == self.config.partitions as usize {
                        continue;
                    }
                    let patience = self.config.lease_ttl;
                    let turn = self.turn(renew, &lease, &mut own, &mut holding, &rests, &mut ownerships, &scope, &ended, &listeners);
                    if tokio::time::timeout(patience, turn).await.is_err() {
                        tracing::warn!("the broker does not answer about leases; what is owned goes on");
                    }
                }
            }
        }
        for (partition, holding) in std::mem::take(&mut holding) {
            hand_back(&lease, partition, holding).await;
        }
        if let Some(held) = own {
            // Without an answer it ends by itself.
            let _ = tokio::time::timeout(self.config.lease_renew, lease.release(held)).await;
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one turn of the loop above, split off to be timed"
    )]
    async fn turn(
        &self,
        renew: bool,
        lease: &Lease,
        own: &mut Option<Held>,
        holding: &mut BTreeMap<u32, Holding>,
        rests: &BTreeMap<u32, tokio::time::Instant>,
        ownerships: &mut u64,
        scope: &Scope,
        ended: &mpsc::Sender<Gone>,
        listeners: &Listeners,
    ) {
        if renew && let Err(error) = self.be_present(lease, own).await {
            tracing::debug!("the scheduler's own lease was not renewed: {error}");
        }
        let present = match lease.holders("sched").await {
            Ok(holders) => holders
                .into_iter()
                .map(|holder| holder.key)
                .collect::<Vec<_>>(),
            Err(error) => {
                tracing::debug!("the schedulers that live cannot be read: {error}");
                return;
            }
        };
        for partition in 0..self.config.partitions {
            let mine = chosen(partition, &present).is_none_or(|key| *key == self.presence_key());
            if let Some(held) = holding.get_mut(&partition) {
                if !mine {
                    tracing::info!(
                        partition,
                        "partition {partition} is handed over to another scheduler"
                    );
                    if let Some(holding) = holding.remove(&partition) {
                        hand_back(lease, partition, holding).await;
                    }
                } else if renew && !matches!(lease.renew(&mut held.held).await, Ok(true)) {
                    // Not lost yet: only a refused append ends an ownership. But others may try from now on.
                    if let Ok(Some(again)) = lease
                        .acquire(&part_key(partition), held.held.value.clone())
                        .await
                    {
                        held.held = again;
                    }
                }
                continue;
            }
            if !mine
                || rests
                    .get(&partition)
                    .is_some_and(|until| *until > tokio::time::Instant::now())
            {
                continue;
            }
            *ownerships += 1;
            let nonce = self.nonce(partition, *ownerships);
            let value = Bytes::from(format!("{} {nonce}", self.config.name));
            match lease.acquire(&part_key(partition), value).await {
                Ok(Some(held)) => {
                    let own_scope = scope.child(&format!("partition-{partition}"));
                    self.begin(
                        partition,
                        nonce,
                        &own_scope,
                        scope,
                        ended.clone(),
                        listeners,
                    );
                    holding.insert(
                        partition,
                        Holding {
                            held,
                            scope: own_scope,
                        },
                    );
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(
                    partition,
                    "the lease of partition {partition} cannot be taken: {error}"
                ),
            }
        }
    }

    async fn be_present(
        &self,
        lease: &Lease,
        own: &mut Option<Held>,
    ) -> Result<(), gennaker_bus::Error> {
        if let Some(held) = own
            && lease.renew(held).await?
        {
            return Ok(());
        }
        let value = Bytes::from(self.config.name.clone());
        *own = lease.acquire(&self.presence_key(), value).await?;
        Ok(())
    }

    /// Takes the partition over and runs its owner.
    fn begin(
        &self,
        partition: u32,
        nonce: String,
        own: &Scope,
        above: &Scope,
        ended: mpsc::Sender<Gone>,
        listeners: &Listeners,
    ) {
        let around = Surroundings {
            config: Arc::clone(&self.config),
            bus: self.bus.clone(),
            store: self.store.clone(),
            listeners: listeners.clone(),
            clock: self.clock.clone(),
            partition,
            log: self.bus.log(partition),
            records: Records {
                kv: self.bus.kv(Bucket::State(partition)),
                archive: self.archive.clone(),
                blobs: self.blobs.clone(),
            },
            scope: own.clone(),
        };
        let spawned = above.spawn(&format!("owner-{partition}"), async move {
            let scope = around.scope.clone();
            let began = tokio::time::Instant::now();
            let outcome = tokio::select! {
                biased;
                () = scope.cancelled() => Ended::Asked,
                taken = takeover::take_over(&around, nonce) => match taken {
                    Ok(taken) => {
                        let count = taken.executions.len();
                        let epoch = taken.epoch;
                        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                        tracing::info!(partition, epoch, "partition {partition} taken over with {count} executions in {took_ms} ms");
                        Box::pin(Owner::run(around, taken)).await
                    }
                    Err(Failure::Superseded) => Ended::Superseded,
                    Err(error) => {
                        tracing::error!(partition, "partition {partition} cannot be taken over: {}", chain(&error));
                        Ended::Failed
                    }
                },
            };
            scope.shutdown(HAND_OVER).await;
            let _ = ended.send(Gone { partition, ended: outcome }).await;
        });
        if spawned.is_none() {
            tracing::debug!(partition, "the scheduler is stopping");
        }
    }

    async fn forget(&self, lease: &Lease, holding: &mut BTreeMap<u32, Holding>, partition: u32) {
        if let Some(holding) = holding.remove(&partition) {
            holding.scope.cancel();
            // Without an answer it ends by itself.
            let _ =
                tokio::time::timeout(self.config.lease_renew, lease.release(holding.held)).await;
        }
    }

    fn presence_key(&self) -> String {
        format!("sched.{}", gennaker_bus::token(&self.config.name))
    }

    fn nonce(&self, partition: u32, ownership: u64) -> String {
        let seed = format!(
            "{}/{}/{partition}/{ownership}",
            self.config.seed, self.config.name
        );
        format!(
            "{:016x}{:016x}",
            fnv1a64(seed.as_bytes()),
            self.config.seed ^ ownership
        )
    }
}

async fn hand_back(lease: &Lease, partition: u32, holding: Holding) {
    holding.scope.cancel();
    let report = holding.scope.shutdown(HAND_OVER).await;
    if !report.is_clean() {
        tracing::debug!(partition, "the owner did not end cleanly: {report:?}");
    }
    // Without an answer it ends by itself.
    let _ = tokio::time::timeout(HAND_OVER, lease.release(holding.held)).await;
}

fn part_key(partition: u32) -> String {
    format!("part.{partition}")
}

/// Rendezvous hashing: who of those present should hold the partition.
fn chosen(partition: u32, present: &[String]) -> Option<&String> {
    present.iter().max_by_key(|key| {
        (
            fnv1a64(format!("{partition}/{key}").as_bytes()),
            (*key).clone(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_spread_and_only_those_of_a_lost_one_move() {
        let three: Vec<String> = ["sched.a", "sched.b", "sched.c"]
            .map(str::to_owned)
            .to_vec();
        let two = three[..2].to_vec();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for partition in 0..60 {
            let before = chosen(partition, &three).unwrap();
            *counts.entry(before).or_default() += 1;
            if before != "sched.c" {
                assert_eq!(chosen(partition, &two), Some(before));
            }
        }
        assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
        assert_eq!(chosen(0, &[]), None);
    }
}
