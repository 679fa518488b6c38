//! One small entry for every execution of a partition, for lists and for telling new ids from old ones.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_model::{Execution, ExecutionId, ExecutionType, Status, command::ListQuery};

/// What lists need to choose by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    kind: ExecutionType,
    application: Box<str>,
    config: Option<Box<str>>,
    name: Box<str>,
    status: Status,
    build_time: i64,
}

/// All executions of a partition.
#[derive(Default)]
pub(crate) struct Index {
    entries: BTreeMap<ExecutionId, Entry>,
    by_time: BTreeSet<(i64, ExecutionId)>,
    by_config: BTreeMap<Box<str>, BTreeSet<(i64, ExecutionId)>>,
    /// Whether every execution of the partition is in it.
    pub complete: bool,
}

impl Index {
    pub fn put(&mut self, document: &Execution) {
        if let Some(held) = self.entries.get_mut(&document.id) {
            // Nothing but the status of an execution ever changes.
            held.status = document.status;
            return;
        }
        let entry = Entry {
            kind: document.kind,
            application: document.application.as_str().into(),
            config: document.pipeline_config_id.as_deref().map(Into::into),
            name: document.name.as_deref().unwrap_or_default().into(),
            status: document.status,
            build_time: document.build_time,
        };
        let place = (entry.build_time, document.id.clone());
        if let Some(config) = &entry.config {
            self.by_config
                .entry(config.clone())
                .or_default()
                .insert(place.clone());
        }
        self.by_time.insert(place);
        self.entries.insert(document.id.clone(), entry);
    }

    pub fn remove(&mut self, id: &ExecutionId) {
        let Some(entry) = self.entries.remove(id) else {
            return;
        };
        let place = (entry.build_time, id.clone());
        self.by_time.remove(&place);
        if let Some(config) = entry.config
            && let Some(of_config) = self.by_config.get_mut(&config)
        {
            of_config.remove(&place);
            if of_config.is_empty() {
                self.by_config.remove(&config);
            }
        }
    }

    pub fn contains(&self, id: &ExecutionId) -> bool {
        self.entries.contains_key(id)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Complete executions made before an instant (epoch milliseconds), oldest first.
    pub fn finished_before(&self, instant: i64, limit: usize) -> Vec<ExecutionId> {
        self.by_time
            .iter()
            .take_while(|(time, _)| *time < instant)
            .filter(|(_, id)| {
                self.entries
                    .get(id)
                    .is_some_and(|entry| entry.status.is_complete())
            })
            .map(|(_, id)| id.clone())
            .take(limit)
            .collect()
    }

    /// Ids that match a query, newest first.
    pub fn find(&self, query: &ListQuery) -> Vec<ExecutionId> {
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        if !query.executions.is_empty() {
            let asked: BTreeSet<&ExecutionId> = query.executions.iter().collect();
            return asked
                .into_iter()
                .filter(|id| self.contains(id))
                .take(limit)
                .cloned()
                .collect();
        }
        let per_config = query
            .limit_per_config
            .map_or(usize::MAX, |limit| limit as usize);
        if !query.config_ids.is_empty() {
            let mut found: Vec<(i64, ExecutionId)> = Vec::new();
            for config in &query.config_ids {
                let Some(of_config) = self.by_config.get(config.as_str()) else {
                    continue;
                };
                found.extend(
                    of_config
                        .iter()
                        .rev()
                        .filter(|(_, id)| self.matches(id, query))
                        .take(per_config)
                        .cloned(),
                );
            }
            found.sort_unstable_by(|one, other| other.cmp(one));
            found.truncate(limit);
            return found.into_iter().map(|(_, id)| id).collect();
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for (time, id) in self.by_time.iter().rev() {
            if found.len() >= limit || query.since_ms.is_some_and(|since| *time < since) {
                break;
            }
            if !self.matches(id, query) {
                continue;
            }
            if let Some(config) = self
                .entries
                .get(id)
                .and_then(|entry| entry.config.as_deref())
            {
                let count = counts.entry(config).or_default();
                *count += 1;
                if *count > per_config {
                    continue;
                }
            }
            found.push(id.clone());
        }
        found
    }

    fn matches(&self, id: &ExecutionId, query: &ListQuery) -> bool {
        let Some(entry) = self.entries.get(id) else {
            return false;
        };
        let wanted = |asked: Option<&String>, held: &str| {
            asked.is_none_or(|asked| asked.eq_ignore_ascii_case(held))
        };
        query.kind.is_none_or(|kind| kind == entry.kind)
            && wanted(query.application.as_ref(), &entry.application)
            && (query.statuses.is_empty() || query.statuses.contains(&entry.status))
            && query.since_ms.is_none_or(|since| entry.build_time >= since)
            && query
                .name_contains
                .as_ref()
                .is_none_or(|part| entry.name.to_lowercase().contains(&part.to_lowercase()))
    }
}

/// How many documents are handed over at once.
const LOT: usize = 500;

/// Reads every header and hands its document to the owner.
///
/// # Errors
/// When the bucket does not answer; what was handed over already does no harm twice.
pub(crate) async fn scan(
    kv: &gennaker_bus::Kv,
    sender: &tokio::sync::mpsc::Sender<crate::owner::Arrival>,
) -> Result<(), gennaker_bus::Error> {
    let mut headers = kv.scan("x").await?;
    let mut documents = Vec::new();
    let mut unfinished = Vec::new();
    let mut deleted = Vec::new();
    loop {
        let next = headers.next().await.transpose()?;
        let last = next.is_none();
        if let Some(record) = next {
            match crate::checkpoint::document_of(kv, record).await {
                Some(crate::checkpoint::Brief::Finished(document)) => documents.push(*document),
                Some(crate::checkpoint::Brief::Unfinished(id)) => unfinished.push(id),
                Some(crate::checkpoint::Brief::Deleted(id)) => deleted.push(id),
                None => {}
            }
        }
        if last || documents.len() + unfinished.len() + deleted.len() >= LOT {
            let arrival = crate::owner::Arrival::Indexed {
                documents: std::mem::take(&mut documents),
                unfinished: std::mem::take(&mut unfinished),
                deleted: std::mem::take(&mut deleted),
                last,
            };
            if sender.send(arrival).await.is_err() || last {
                return Ok(());
            }
        }
    }
}
