//! Pipelines that an event could start, parsed once per version.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use gennaker_intake::matching;
use gennaker_model::Map;
use gennaker_store::{Entry, Watch};
use gennaker_templates::{Answer, Expansion, Limits, Need, Request, is_templated, surface};
use serde_json::Value;

/// A pipeline with at least one trigger that an event could fire.
#[derive(Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) name: String,
    /// What its triggers and the like are, those of its template among them.
    pub(crate) config: Arc<Map>,
    /// As it is stored: what is started.
    pub(crate) document: Arc<Map>,
}

/// A pipeline as it was looked at.
struct Looked {
    revision: u64,
    /// The templates it is made from, and which version of each was there.
    templates: Vec<(String, Option<u64>)>,
    /// What others see of it and what is stored, if it is a candidate.
    candidate: Option<(Arc<Map>, Arc<Map>)>,
}

/// The candidates, parsed once for all that look at them.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Candidates>>);

/// The candidates as of the last look.
struct Candidates {
    watch: Watch,
    /// By key.
    known: BTreeMap<String, Looked>,
    current: Arc<Vec<Candidate>>,
}

impl Shared {
    pub(crate) fn new(watch: Watch) -> Self {
        Self(Arc::new(Mutex::new(Candidates {
            watch,
            known: BTreeMap::new(),
            current: Arc::default(),
        })))
    }

    /// The candidates as the cache of documents has them now; the same value as long as nothing changes.
    pub(crate) fn current(&self) -> Arc<Vec<Candidate>> {
        let mut candidates = self.0.lock().expect("no look at the pipelines panics");
        candidates.current()
    }
}

impl Candidates {
    fn current(&mut self) -> Arc<Vec<Candidate>> {
        if self.watch.take_change() {
            let mut former = std::mem::take(&mut self.known);
            for entry in self.watch.pipelines() {
                let looked = match former.remove(&entry.key) {
                    Some(looked) if looked.is_current(&entry, &self.watch) => looked,
                    Some(_) | None => look(&entry, &self.watch),
                };
                self.known.insert(entry.key, looked);
            }
            let found = self.known.values().filter_map(|it| it.candidate.as_ref());
            self.current = Arc::new(found.map(candidate).collect());
        }
        Arc::clone(&self.current)
    }
}

impl Looked {
    /// Whether neither the pipeline nor its templates changed since.
    fn is_current(&self, entry: &Entry, watch: &Watch) -> bool {
        let same = |(key, revision): &(String, Option<u64>)| {
            watch.template(key).map(|it| it.revision) == *revision
        };
        self.revision == entry.revision && self.templates.iter().all(same)
    }
}

fn look(entry: &Entry, watch: &Watch) -> Looked {
    let document = parse(entry);
    let templates = RefCell::new(Vec::new());
    let candidate = document.and_then(|document| {
        let document = Arc::new(document);
        let seen = match is_templated(&document) {
            true => Arc::new(surfaced(&document, watch, &templates)),
            false => Arc::clone(&document),
        };
        matching::has_trigger(&seen).then_some((seen, document))
    });
    Looked {
        revision: entry.revision,
        templates: templates.into_inner(),
        candidate,
    }
}

/// A templated pipeline with the triggers and the like that its template gives it. Without its template it has its own.
fn surfaced(document: &Map, watch: &Watch, templates: &RefCell<Vec<(String, Option<u64>)>>) -> Map {
    let (trigger, limits) = (Map::new(), Limits::default());
    let request = Request {
        config: document,
        trigger: &trigger,
        plan: false,
        now_ms: 0,
        seed: 0,
        limits: &limits,
    };
    let answers = |need: &Need| {
        Some(match need {
            Need::Template(key) => {
                let found = watch.template(key);
                let revision = found.as_ref().map(|it| it.revision);
                templates.borrow_mut().push((key.clone(), revision));
                let body = found.and_then(|it| serde_json::from_slice(&it.raw).ok());
                body.map_or(Answer::Missing, Answer::Template)
            }
            Need::Address(_) | Need::Pipeline { .. } | Need::Strategy { .. } => Answer::Missing,
        })
    };
    match surface(&request, &answers) {
        Expansion::Done(seen) => seen,
        Expansion::Plain | Expansion::Needs(_) | Expansion::Invalid(_) => document.clone(),
    }
}

fn parse(entry: &Entry) -> Option<Map> {
    match serde_json::from_slice::<Map>(&entry.raw) {
        Ok(config) => Some(config),
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

fn candidate((config, document): &(Arc<Map>, Arc<Map>)) -> Candidate {
    let text = |field: &str| {
        let text = document.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Candidate {
        id: text("id"),
        application: text("application"),
        name: text("name"),
        config: Arc::clone(config),
        document: Arc::clone(document),
    }
}
