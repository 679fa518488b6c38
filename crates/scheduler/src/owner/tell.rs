//! Telling the world: announcements leave for the broker, in their order for each execution, until it has them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{Bus, Error};
use gennaker_engine::Telling;
use gennaker_intake::matching::{self, ended};
use gennaker_model::ExecutionId;
use tokio::sync::mpsc;

use super::{Arrival, Owner, work::Work};
use crate::{chain, metrics};

impl Owner {
    /// Tells something, unless that is under way.
    pub(super) fn tell(&mut self, telling: Telling) {
        let key = (telling.execution.id.clone(), telling.number);
        if self.telling.insert(key) {
            self.outgoing.tellings.push(telling);
        }
    }

    /// What became of announcements: those that the broker has are closed, the others are told again by the audit.
    pub(super) fn told(
        &mut self,
        execution: &ExecutionId,
        stored: Vec<u64>,
        failed: &[u64],
    ) -> Option<Work> {
        for number in stored.iter().chain(failed) {
            self.telling.remove(&(execution.clone(), *number));
        }
        (!stored.is_empty()).then(|| Work::announcements_stored(execution.clone(), stored))
    }
}

/// Stores announcements: those of one execution one after the other, until one fails.
pub(super) async fn send(tellings: Vec<Telling>, bus: &Bus, sender: &mpsc::Sender<Arrival>) {
    let mut by_execution: BTreeMap<ExecutionId, Vec<Telling>> = BTreeMap::new();
    for telling in tellings {
        let id = telling.execution.id.clone();
        by_execution.entry(id).or_default().push(telling);
    }
    let sent = by_execution.into_iter().map(async |(execution, tellings)| {
        let mut stored = Vec::with_capacity(tellings.len());
        let mut failed = Vec::new();
        for telling in tellings {
            if failed.is_empty() && store(bus, &telling).await {
                stored.push(telling.number);
            } else {
                failed.push(telling.number);
            }
        }
        metrics::announced(stored.len(), failed.len());
        // A closed channel means that the owner has ended; its successor tells again.
        let _ = sender
            .send(Arrival::Told {
                execution,
                stored,
                failed,
            })
            .await;
    });
    join_all(sent).await;
}

/// Whether the broker has it, or never will.
async fn store(bus: &Bus, telling: &Telling) -> bool {
    match try_store(bus, telling).await {
        Ok(()) => true,
        Err(error @ Error::TooLarge { .. }) => {
            tracing::error!(
                execution.id = %telling.execution.id,
                "{} of execution {} is told to nobody: {error}", telling.kind(), telling.execution.id
            );
            true
        }
        Err(error) => {
            tracing::warn!(
                execution.id = %telling.execution.id,
                "{} of execution {} is not told yet: {}", telling.kind(), telling.execution.id, chain(&error)
            );
            false
        }
    }
}

async fn try_store(bus: &Bus, telling: &Telling) -> Result<(), Error> {
    if telling.announcement.triggers
        && let Some((header, body)) = ended::event(telling)
    {
        let payload = Bytes::from(matching::encode(&header, body.to_string().as_bytes()));
        let events = bus.events();
        events
            .publish_once(&header.kind, &header.source, &header.id, payload)
            .await?;
    }
    if telling.announcement.forwarded
        && let Some(body) = telling.body()
    {
        let application = &telling.execution.application;
        let payload = Bytes::from(body.to_string());
        bus.announcements()
            .publish(&telling.kind(), application, &telling.id(), payload)
            .await?;
    }
    Ok(())
}
