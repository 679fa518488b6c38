//! Which process polls which source: processes with the same sources share them evenly.
//!
//! Every process says that it is there, with a checksum of its sources, and looks who else is. From that all derive the same shares
//! ([`assigned`]), so nobody has to decide. Processes of other zones, or with newer settings, have other sources and share among
//! themselves.
//!
//! As with the lease of a source, what is right does not hang on it. For some seconds two processes may think that a source is theirs;
//! then the lease decides. One that nobody takes although it is assigned is taken by whoever notices (`driver`).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gennaker_bus::{Held, Lease, token};
use gennaker_model::routing::fnv1a64;
use gennaker_runtime::{CancellationToken, Clock};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::driver::{RELEASE_MAX, RENEW};

/// Under which the processes stand. No kind of source is called so.
const PREFIX: &str = "poll.process";

/// Version of [`Member`].
const VERSION: u32 = 1;

/// The sources of this process, by the keys of their leases.
pub(crate) type Mine = watch::Receiver<BTreeSet<String>>;

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    v: u32,
    /// As people know it.
    process: String,
    /// Which sources it has: equal for those that have the same.
    sources: String,
}

/// The part of a process in the sharing of sources.
pub(crate) struct Sharing {
    lease: Lease,
    clock: Clock,
    /// Its own lease, which is its name here: new with each start.
    key: String,
    member: Member,
    /// All that it has, sorted.
    sources: Vec<String>,
    mine: watch::Sender<BTreeSet<String>>,
}

impl Sharing {
    /// Of a process that draws `seed` at its start and has these sources, by the keys of their leases.
    pub(crate) fn new(
        lease: Lease,
        clock: Clock,
        (process, seed): (&str, u64),
        sources: impl IntoIterator<Item = String>,
    ) -> (Self, Mine) {
        let mut sources: Vec<String> = sources.into_iter().collect();
        sources.sort_unstable();
        let (mine, shown) = watch::channel(BTreeSet::new());
        let sharing = Self {
            lease,
            clock,
            key: format!("{PREFIX}.{}-{seed:016x}", token(process)),
            member: Member {
                v: VERSION,
                process: process.to_owned(),
                sources: format!("{:016x}", fnv1a64(sources.join(" ").as_bytes())),
            },
            sources,
            mine,
        };
        (sharing, shown)
    }

    /// Says that this process is there, and keeps its share current, until `cancel`.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut held = None;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                () = self.look(&mut held) => {}
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                () = self.clock.sleep(RENEW) => {}
            }
        }
        // The others need not wait until it is forgotten.
        if let Some(held) = held {
            let released = tokio::time::timeout(RELEASE_MAX, self.lease.release(held)).await;
            if !matches!(released, Ok(Ok(()))) {
                tracing::debug!("the broker was not told that this process polls nothing any more");
            }
        }
    }

    async fn look(&self, held: &mut Option<Held>) {
        let announced = tokio::time::timeout(RENEW, self.announce(held)).await;
        let members = tokio::time::timeout(RENEW, self.members()).await;
        let members = match (announced, members) {
            (Ok(Ok(())), Ok(Ok(members))) => members,
            (Ok(Err(error)), _) | (_, Ok(Err(error))) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "nobody knows who polls; it stays as it is"
                );
                return;
            }
            (Err(_), _) | (_, Err(_)) => return,
        };
        let mine = assigned(&self.sources, &members, &self.key);
        let count = mine.len();
        let is_changed = self.mine.send_if_modified(|former| {
            let is_changed = *former != mine;
            *former = mine;
            is_changed
        });
        if is_changed {
            tracing::info!(
                "this process polls {count} of {} sources; {} processes share them",
                self.sources.len(),
                members.len()
            );
        }
    }

    async fn announce(&self, held: &mut Option<Held>) -> Result<(), gennaker_bus::Error> {
        if let Some(known) = held
            && self.lease.renew(known).await?
        {
            return Ok(());
        }
        let value = serde_json::to_vec(&self.member).expect("a member is plain data");
        *held = self.lease.acquire(&self.key, Bytes::from(value)).await?;
        Ok(())
    }

    /// The processes that share with this one, and itself, which may not have been seen yet.
    async fn members(&self) -> Result<BTreeSet<String>, gennaker_bus::Error> {
        let mut members = BTreeSet::from([self.key.clone()]);
        for holder in self.lease.walk(PREFIX).await? {
            let member: Option<Member> = serde_json::from_slice(&holder.value).ok();
            if member.is_some_and(|it| it.v == VERSION && it.sources == self.member.sources) {
                members.insert(holder.key);
            }
        }
        Ok(members)
    }
}

/// The sources of one of the members: of each source the members are ranked by a checksum, and the first that has room gets it. Nobody
/// has more than one source above anybody else. `sources` are sorted.
fn assigned(sources: &[String], members: &BTreeSet<String>, own: &str) -> BTreeSet<String> {
    let each = sources.len() / members.len().max(1);
    // So many have one more.
    let mut more = sources.len() % members.len().max(1);
    let mut loads: BTreeMap<&str, usize> = members.iter().map(|it| (it.as_str(), 0)).collect();
    let mut own_ones = BTreeSet::new();
    for source in sources {
        let has_room = |load: usize| load < each || (load == each && more > 0);
        let first = loads
            .iter_mut()
            .filter(|(_, load)| has_room(**load))
            .max_by_key(|(member, _)| fnv1a64(format!("{source} {member}").as_bytes()));
        let Some((member, load)) = first else { break };
        *load += 1;
        if *load > each {
            more -= 1;
        }
        if *member == own {
            own_ones.insert(source.clone());
        }
    }
    own_ones
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &str, count: usize) -> Vec<String> {
        let mut names: Vec<String> = (0..count).map(|number| format!("{of}{number}")).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_source_has_one_process_and_nobody_has_two_more_than_another() {
        for sources in [0, 1, 2, 3, 7, 10, 100] {
            let sources = names("poll.docker.", sources);
            for members in 1..9 {
                let members: BTreeSet<String> = names("a", members).into_iter().collect();
                let shares: Vec<BTreeSet<String>> = members
                    .iter()
                    .map(|own| assigned(&sources, &members, own))
                    .collect();
                let mut all: Vec<String> = shares.iter().flatten().cloned().collect();
                all.sort_unstable();
                assert_eq!(all, sources, "{} members", members.len());
                let counts = || shares.iter().map(BTreeSet::len);
                let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
                assert!(
                    most - least <= 1,
                    "{} for {}: {least} to {most}",
                    sources.len(),
                    members.len()
                );
            }
        }
    }

    #[test]
    fn most_sources_stay_where_they_are_when_somebody_leaves() {
        let sources = names("poll.docker.", 100);
        let before: BTreeSet<String> = names("a", 5).into_iter().collect();
        let mut after = before.clone();
        after.remove("a2");
        let moved: usize = after
            .iter()
            .map(|own| {
                let had = assigned(&sources, &before, own);
                let has = assigned(&sources, &after, own);
                had.difference(&has).count()
            })
            .sum();
        assert!(moved < 20, "{moved} of the 80 that could stay moved");
    }
}
