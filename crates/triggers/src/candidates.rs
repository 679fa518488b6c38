//! Pipelines that an event could start, parsed once per version.

use std::{collections::BTreeMap, sync::Arc};

use gennaker_intake::matching;
use gennaker_model::Map;
use gennaker_store::{Entry, Watch};
use serde_json::Value;

/// A pipeline with at least one webhook trigger.
#[derive(Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) name: String,
    pub(crate) config: Arc<Map>,
}

/// The candidates as of the last look.
pub(crate) struct Candidates {
    watch: Watch,
    /// By key: the revision that was looked at, and the config if it is a candidate.
    known: BTreeMap<String, (u64, Option<Arc<Map>>)>,
    current: Arc<Vec<Candidate>>,
}

impl Candidates {
    pub(crate) fn new(watch: Watch) -> Self {
        Self {
            watch,
            known: BTreeMap::new(),
            current: Arc::default(),
        }
    }

    /// The candidates as the cache of documents has them now.
    pub(crate) fn current(&mut self) -> Arc<Vec<Candidate>> {
        if self.watch.take_change() {
            let mut former = std::mem::take(&mut self.known);
            for entry in self.watch.pipelines() {
                let config = match former.remove(&entry.key) {
                    Some((revision, config)) if revision == entry.revision => config,
                    Some(_) | None => parse(&entry),
                };
                self.known.insert(entry.key, (entry.revision, config));
            }
            let configs = self
                .known
                .values()
                .filter_map(|(_, config)| config.as_ref());
            self.current = Arc::new(configs.map(candidate).collect());
        }
        Arc::clone(&self.current)
    }
}

fn parse(entry: &Entry) -> Option<Arc<Map>> {
    match serde_json::from_slice::<Map>(&entry.raw) {
        Ok(config) => matching::has_webhook_trigger(&config).then(|| Arc::new(config)),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the stored pipeline {} cannot be read; its triggers never fire",
                entry.key
            );
            None
        }
    }
}

fn candidate(config: &Arc<Map>) -> Candidate {
    let text = |field: &str| {
        let text = config.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Candidate {
        id: text("id"),
        application: text("application"),
        name: text("name"),
        config: Arc::clone(config),
    }
}
