//! Pipelines that an event could start, parsed once per version.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use gennaker_intake::matching::{self, Considered, Event, Index};
use gennaker_model::Map;
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::{Entry, Store, Watch};
use gennaker_templates::{Answer, Expansion, Limits, Need, Request, is_templated, surface};
use serde_json::Value;

use crate::addresses::Addresses;

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

/// All candidates, and how to find among them those that an event could fire.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    list: Vec<Candidate>,
    index: Index,
}

impl Candidates {
    fn new(list: Vec<Candidate>) -> Self {
        let index = Index::of(list.iter().map(|it| &*it.config));
        Self { list, index }
    }

    /// What an event means for them; see [`Index::consider`].
    pub(crate) fn consider(&self, event: &Event, far_max: usize) -> Considered {
        let configs: Vec<&Map> = self.list.iter().map(|it| &*it.config).collect();
        self.index.consider(event, &configs, far_max)
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Candidate> {
        self.list.get(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.list.iter()
    }
}

/// A pipeline as it was looked at.
struct Looked {
    revision: u64,
    /// The templates it is made from, and which version of each was there.
    templates: Vec<(String, Option<u64>)>,
    /// The addresses of templates it is made from, and which version of each was known.
    addresses: Vec<(String, u64)>,
    /// What others see of it and what is stored, if it is a candidate.
    candidate: Option<(Arc<Map>, Arc<Map>)>,
}

/// The candidates, parsed once for all that look at them.
#[derive(Clone)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    addresses: Addresses,
}

/// The candidates as of the last look.
struct State {
    watch: Watch,
    addresses: Addresses,
    /// Which change of the addresses the last look saw.
    seen: u64,
    /// By key.
    known: BTreeMap<String, Looked>,
    current: Arc<Candidates>,
}

impl Shared {
    pub(crate) fn new(watch: Watch) -> Self {
        let addresses = Addresses::default();
        let state = State {
            watch,
            addresses: addresses.clone(),
            seen: 0,
            known: BTreeMap::new(),
            current: Arc::default(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            addresses,
        }
    }

    /// The candidates as the cache of documents has them now; the same value as long as nothing changes.
    pub(crate) fn current(&self) -> Arc<Candidates> {
        let mut state = self.state.lock().expect("no look at the pipelines panics");
        state.current()
    }

    /// Reads the addresses at which templates lie, beside everything else, until `cancel`.
    pub(crate) async fn read_addresses(
        &self,
        store: &Store,
        clock: &Clock,
        cancel: &CancellationToken,
    ) {
        self.addresses.run(store, clock, cancel).await;
    }
}

impl State {
    fn current(&mut self) -> Arc<Candidates> {
        let version = self.addresses.version();
        if self.watch.take_change() || self.seen != version {
            self.seen = version;
            let mut wished = BTreeSet::new();
            let mut former = std::mem::take(&mut self.known);
            for entry in self.watch.pipelines() {
                let looked = match former.remove(&entry.key) {
                    Some(looked) if looked.is_current(&entry, self) => looked,
                    Some(_) | None => look(&entry, &self.watch, &self.addresses),
                };
                wished.extend(looked.addresses.iter().map(|(url, _)| url.clone()));
                self.known.insert(entry.key, looked);
            }
            self.addresses.wish(wished);
            let found = self.known.values().filter_map(|it| it.candidate.as_ref());
            self.current = Arc::new(Candidates::new(found.map(candidate).collect()));
        }
        Arc::clone(&self.current)
    }
}

impl Looked {
    /// Whether neither the pipeline nor its templates changed since.
    fn is_current(&self, entry: &Entry, state: &State) -> bool {
        let same = |(key, revision): &(String, Option<u64>)| {
            state.watch.template(key).map(|it| it.revision) == *revision
        };
        let known = |(url, version): &(String, u64)| state.addresses.of(url).1 == *version;
        self.revision == entry.revision
            && self.templates.iter().all(same)
            && self.addresses.iter().all(known)
    }
}

/// What a pipeline was found to be made from.
#[derive(Default)]
struct Sources {
    templates: Vec<(String, Option<u64>)>,
    addresses: Vec<(String, u64)>,
}

fn look(entry: &Entry, watch: &Watch, addresses: &Addresses) -> Looked {
    let document = parse(entry);
    let sources = RefCell::new(Sources::default());
    let candidate = document.and_then(|document| {
        let document = Arc::new(document);
        let seen = match is_templated(&document) {
            true => Arc::new(surfaced(&document, watch, addresses, &sources)),
            false => Arc::clone(&document),
        };
        let seen = match matching::dry_run::is_wanted(&seen) {
            true => Arc::new(matching::dry_run::with_triggers((*seen).clone())),
            false => seen,
        };
        matching::has_trigger(&seen).then_some((seen, document))
    });
    let Sources {
        templates,
        addresses,
    } = sources.into_inner();
    Looked {
        revision: entry.revision,
        templates,
        addresses,
        candidate,
    }
}

/// A templated pipeline with the triggers and the like that its template gives it. Without its template it has its own.
fn surfaced(
    document: &Map,
    watch: &Watch,
    addresses: &Addresses,
    sources: &RefCell<Sources>,
) -> Map {
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
                sources.borrow_mut().templates.push((key.clone(), revision));
                let body = found.and_then(|it| serde_json::from_slice(&it.raw).ok());
                body.map_or(Answer::Missing, Answer::Template)
            }
            Need::Address(url) => {
                let (text, version) = addresses.of(url);
                sources.borrow_mut().addresses.push((url.clone(), version));
                text.map_or(Answer::Missing, Answer::Text)
            }
            Need::Pipeline { .. } | Need::Strategy { .. } => Answer::Missing,
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
