//! One small entry for every execution of a partition, for lists and for telling new ids from old ones.
//!
//! Entries stand in an array, and the orders name their places in it: a list walks the executions of one pipeline, or of the
//! pipelines of one application, newest first, and stops when it has enough. What has succeeded is by far the most, so what runs
//! and what failed have orders of their own.

mod find;
mod scan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use gennaker_model::{Execution, ExecutionId, ExecutionType, Status, routing::fnv1a64};
use serde_json::Value;

pub(crate) use scan::scan;

/// What lists need to choose by. Texts are shared with the other executions of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: ExecutionId,
    build_time: i64,
    /// Folded, see [`fold`].
    application: Arc<str>,
    config: Option<Arc<str>>,
    name: Arc<str>,
    trigger_type: Arc<str>,
    /// Hash of `trigger.eventId`; 0 if it has none.
    event: u64,
    kind: ExecutionType,
    status: Status,
    is_archived: bool,
}

/// Where an execution stands in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    time: i64,
    id: ExecutionId,
}

/// Executions by time, then id, with their places in the array.
type Order = BTreeMap<Place, u32>;

/// Executions of one pipeline; those without a configuration, of one application.
type Pipeline = (Arc<str>, Option<Arc<str>>);

/// All executions of a partition.
#[derive(Default)]
pub(crate) struct Index {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_id: BTreeMap<ExecutionId, u32>,
    all: Order,
    /// Those that are not complete.
    active: Order,
    /// Those that are complete and did not succeed.
    failed: Order,
    by_pipeline: BTreeMap<Pipeline, Order>,
    /// The applications that each configuration has executions of: one, unless it was moved.
    homes: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Every text of the entries, once.
    texts: BTreeSet<Arc<str>>,
    archived: usize,
    /// Whether every execution of the partition is in it.
    pub complete: bool,
}

/// A complete execution that a sweep looks at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub id: ExecutionId,
    pub application: Arc<str>,
    pub build_time: i64,
    pub is_archived: bool,
    /// Whether it is among so many newest of its pipeline.
    pub is_recent: bool,
}

impl Index {
    /// Takes an execution in, or its new status.
    pub fn put(&mut self, document: &Execution) {
        if let Some(place) = self.by_id.get(&document.id).copied() {
            self.set_status(place, document.status);
            return;
        }
        let trigger = |field: &str| {
            let held = document.trigger.get(field).and_then(Value::as_str);
            held.unwrap_or_default()
        };
        let entry = Entry {
            id: document.id.clone(),
            build_time: document.build_time,
            application: self.text(&fold(&document.application)),
            config: document
                .pipeline_config_id
                .as_deref()
                .map(|id| self.text(id)),
            name: self.text(document.name.as_deref().unwrap_or_default()),
            trigger_type: self.text(trigger("type")),
            event: hash_of(trigger("eventId")),
            kind: document.kind,
            status: document.status,
            is_archived: false,
        };
        self.insert(entry);
    }

    pub fn remove(&mut self, id: &ExecutionId) {
        let Some(place) = self.by_id.remove(id) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        self.free.push(place);
        self.archived -= usize::from(entry.is_archived);
        let at = entry.place();
        self.all.remove(&at);
        if let Some(order) = self.order_of(entry.status) {
            order.remove(&at);
        }
        let pipeline = (entry.application.clone(), entry.config.clone());
        if let Some(order) = self.by_pipeline.get_mut(&pipeline) {
            order.remove(&at);
            if order.is_empty() {
                self.by_pipeline.remove(&pipeline);
                self.leave_home(&pipeline);
            }
        }
        let Entry {
            application,
            config,
            name,
            trigger_type,
            ..
        } = entry;
        drop(pipeline);
        let texts = [Some(application), config, Some(name), Some(trigger_type)];
        for text in texts.into_iter().flatten() {
            self.forget(text);
        }
    }

    pub fn contains(&self, id: &ExecutionId) -> bool {
        self.by_id.contains_key(id)
    }

    /// When a known execution was made, epoch milliseconds.
    pub fn build_time(&self, id: &ExecutionId) -> Option<i64> {
        let place = self.by_id.get(id).copied()?;
        self.entry(place).map(|entry| entry.build_time)
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many are in the archive.
    pub fn archived(&self) -> usize {
        self.archived
    }

    /// Says where the document of a complete execution is.
    pub fn set_archived(&mut self, id: &ExecutionId, is_archived: bool) {
        if let Some(place) = self.by_id.get(id).copied()
            && let Some(Some(entry)) = self.entries.get_mut(place as usize)
            && entry.is_archived != is_archived
        {
            entry.is_archived = is_archived;
            if is_archived {
                self.archived += 1;
            } else {
                self.archived -= 1;
            }
        }
    }

    /// Complete executions made before an instant (epoch milliseconds), oldest first, beginning behind a place, of at most
    /// `looked_at_max` that are looked at. Returns the place to go on from, and none at the end.
    pub fn sweep(
        &self,
        behind: Option<&Place>,
        before: i64,
        recent: usize,
        looked_at_max: usize,
    ) -> (Vec<Finished>, Option<Place>) {
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        let rest = self.all.range::<Place, _>((from, Bound::Unbounded));
        for (looked_at, (at, place)) in rest.enumerate() {
            if at.time >= before {
                return (found, None);
            }
            if looked_at == looked_at_max {
                // What is looked at next begins behind the one before this.
                let last = self.all.range(..at.clone()).next_back();
                return (found, last.map(|(at, _)| at.clone()));
            }
            let Some(entry) = self.entry(*place) else {
                continue;
            };
            if entry.status.is_complete() {
                found.push(Finished {
                    id: entry.id.clone(),
                    application: Arc::clone(&entry.application),
                    build_time: entry.build_time,
                    is_archived: entry.is_archived,
                    is_recent: self.is_recent(entry, recent),
                });
            }
        }
        (found, None)
    }

    fn is_recent(&self, entry: &Entry, recent: usize) -> bool {
        if entry.config.is_none() {
            return false;
        }
        let pipeline = (entry.application.clone(), entry.config.clone());
        let at = entry.place();
        let order = self.by_pipeline.get(&pipeline);
        order.is_some_and(|order| order.keys().rev().take(recent).any(|newer| *newer == at))
    }

    fn insert(&mut self, entry: Entry) {
        let at = entry.place();
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1)
                .expect("fewer executions than 2^32 fit into memory")
        });
        self.by_id.insert(entry.id.clone(), place);
        self.all.insert(at.clone(), place);
        if let Some(order) = self.order_of(entry.status) {
            order.insert(at.clone(), place);
        }
        if let Some(config) = &entry.config {
            let homes = self.homes.entry(config.clone()).or_default();
            homes.insert(entry.application.clone());
        }
        let pipeline = (entry.application.clone(), entry.config.clone());
        let order = self.by_pipeline.entry(pipeline).or_default();
        order.insert(at, place);
        self.entries[place as usize] = Some(entry);
    }

    /// Nothing else of an execution that lists choose by ever changes.
    fn set_status(&mut self, place: u32, status: Status) {
        let Some(Some(entry)) = self.entries.get_mut(place as usize) else {
            return;
        };
        let former = std::mem::replace(&mut entry.status, status);
        if !status.is_complete() && entry.is_archived {
            // It was restarted: what the archive has is not what it is any more.
            entry.is_archived = false;
            self.archived -= 1;
        }
        // Most of what happens to an execution leaves its status as it is.
        if status == former {
            return;
        }
        let at = entry.place();
        if let Some(order) = self.order_of(former) {
            order.remove(&at);
        }
        if let Some(order) = self.order_of(status) {
            order.insert(at, place);
        }
    }

    /// The order of those that did not succeed, or not yet.
    fn order_of(&mut self, status: Status) -> Option<&mut Order> {
        match status {
            Status::Succeeded => None,
            status if status.is_complete() => Some(&mut self.failed),
            _ => Some(&mut self.active),
        }
    }

    fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    fn leave_home(&mut self, (application, config): &Pipeline) {
        let Some(config) = config else {
            return;
        };
        if let Some(homes) = self.homes.get_mut(config) {
            homes.remove(application);
            if homes.is_empty() {
                self.homes.remove(config);
            }
        }
    }

    /// The shared copy of a text.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(held) = self.texts.get(text) {
            return Arc::clone(held);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    /// Lets go of one use of a text; the last one takes it away.
    fn forget(&mut self, text: Arc<str>) {
        // This one and the set's own.
        if Arc::strong_count(&text) == 2 {
            self.texts.remove(&text);
        }
    }
}

impl Entry {
    fn place(&self) -> Place {
        Place {
            time: self.build_time,
            id: self.id.clone(),
        }
    }
}

/// Applications are compared without regard to case, as Front50 does.
fn fold(application: &str) -> String {
    application.to_ascii_lowercase()
}

/// Hash of an event's id; 0 for none.
fn hash_of(event: &str) -> u64 {
    match event {
        "" => 0,
        event => fnv1a64(event.as_bytes()).max(1),
    }
}
