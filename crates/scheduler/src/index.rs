//! One small entry for every execution of a partition, for lists and for telling new ids from old ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gennaker_model::{Execution, ExecutionId, ExecutionType, Status, command::ListQuery};

/// What lists need to choose by. Texts are shared with the other executions of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    kind: ExecutionType,
    application: Arc<str>,
    config: Option<Arc<str>>,
    name: Arc<str>,
    status: Status,
    build_time: i64,
}

/// All executions of a partition.
#[derive(Default)]
pub(crate) struct Index {
    entries: BTreeMap<ExecutionId, Entry>,
    by_time: BTreeSet<(i64, ExecutionId)>,
    by_config: BTreeMap<Arc<str>, BTreeSet<(i64, ExecutionId)>>,
    /// Every text of the entries, once.
    texts: BTreeSet<Arc<str>>,
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
            application: self.text(&document.application),
            config: document
                .pipeline_config_id
                .as_deref()
                .map(|id| self.text(id)),
            name: self.text(document.name.as_deref().unwrap_or_default()),
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
        let Entry {
            application,
            config,
            name,
            build_time,
            ..
        } = entry;
        let place = (build_time, id.clone());
        self.by_time.remove(&place);
        if let Some(config) = &config
            && let Some(of_config) = self.by_config.get_mut(config)
        {
            of_config.remove(&place);
            if of_config.is_empty() {
                self.by_config.remove(config);
            }
        }
        for text in [Some(application), config, Some(name)]
            .into_iter()
            .flatten()
        {
            self.forget(text);
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
                Some(crate::checkpoint::Brief::Deleted(id, time)) => deleted.push((id, time)),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(id: &str, application: &str, config: Option<&str>, time: i64) -> Execution {
        serde_json::from_value(json!({
            "type": "PIPELINE", "id": id, "application": application, "name": "deploy",
            "pipelineConfigId": config, "buildTime": time, "status": "SUCCEEDED", "stages": [],
            "authentication": {"user": "anonymous"}, "trigger": {"type": "manual"},
        }))
        .unwrap()
    }

    #[test]
    fn texts_are_kept_once_and_as_long_as_needed() {
        let mut index = Index::default();
        for (id, application) in [("a", "shop"), ("b", "shop"), ("c", "bank")] {
            index.put(&document(id, application, Some("deploy"), 1));
        }
        assert_eq!(index.texts.len(), 3, "{:?}", index.texts);
        for id in ["a", "b", "b", "x"] {
            index.remove(&ExecutionId::new(id).unwrap());
        }
        assert!(!index.texts.contains("shop"));
        assert_eq!(index.len(), 1);
        index.remove(&ExecutionId::new("c").unwrap());
        assert!(index.texts.is_empty() && index.by_time.is_empty() && index.by_config.is_empty());
    }

    #[test]
    fn lists_are_newest_first_and_limited_per_pipeline() {
        let mut index = Index::default();
        for time in 0..20 {
            let config = if time % 2 == 0 { "even" } else { "odd" };
            index.put(&document(
                &format!("e{time:02}"),
                "shop",
                Some(config),
                time,
            ));
        }
        let found = |query: ListQuery| -> Vec<String> {
            let found = index.find(&query);
            found.iter().map(ToString::to_string).collect()
        };
        let query = ListQuery {
            limit: Some(3),
            ..ListQuery::default()
        };
        assert_eq!(found(query), ["e19", "e18", "e17"]);
        let query = ListQuery {
            config_ids: vec!["odd".to_owned()],
            limit_per_config: Some(2),
            ..ListQuery::default()
        };
        assert_eq!(found(query), ["e19", "e17"]);
        let query = ListQuery {
            limit_per_config: Some(1),
            application: Some("SHOP".to_owned()),
            ..ListQuery::default()
        };
        assert_eq!(found(query), ["e19", "e18"]);
        let query = ListQuery {
            application: Some("bank".to_owned()),
            ..ListQuery::default()
        };
        assert!(found(query).is_empty());
    }
}
