//! Who listens to what executions tell, as the documents say: kept beside the owners, who ask without waiting.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gennaker_engine::{Forwards, Listening};
use gennaker_intake::matching;
use gennaker_model::Map;
use gennaker_runtime::CancellationToken;
use gennaker_store::{Entry, Store, Watch};
use serde_json::Value;
use tokio::sync::watch;

/// What decisions ask about listeners. Copies share it.
#[derive(Clone)]
pub(crate) struct Listeners {
    store: Store,
    forwards: Forwards,
    wanted: watch::Receiver<Arc<Wanted>>,
}

/// Keeps [`Listeners`] current.
pub(crate) struct Follower {
    watch: Watch,
    /// What each document wants, with the revision that says so.
    known: BTreeMap<String, (u64, Wanted)>,
    told: watch::Sender<Arc<Wanted>>,
}

/// The pipelines whose ends may start others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Anything may be: a template lies at an address, or an id is made by an expression.
    any: bool,
    /// Ids of pipelines.
    pipelines: BTreeSet<String>,
}

impl Listeners {
    pub fn new(store: &Store, forwards: Forwards) -> (Self, Follower) {
        // Until the documents are known, everything is told: the triggers decide.
        let unknown = Wanted {
            any: true,
            ..Wanted::default()
        };
        let (told, wanted) = watch::channel(Arc::new(unknown));
        let listeners = Self {
            store: store.clone(),
            forwards,
            wanted,
        };
        let follower = Follower {
            watch: store.watch(),
            known: BTreeMap::new(),
            told,
        };
        (listeners, follower)
    }
}

impl Listening for Listeners {
    fn triggers(&self, pipeline: &str) -> bool {
        let wanted = self.wanted.borrow();
        wanted.any || wanted.pipelines.contains(pipeline)
    }

    fn forwards(&self) -> Forwards {
        self.forwards
    }

    fn notifications(&self, application: &str) -> Option<Map> {
        self.store.cached_notifications(application)
    }
}

impl Follower {
    /// Follows the documents until `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        while let Some(true) = cancel.run_until_cancelled(self.watch.changed()).await {
            self.look();
        }
        // Owners may go on for a moment.
        cancel.cancelled().await;
    }

    fn look(&mut self) {
        let mut former = std::mem::take(&mut self.known);
        let mut wanted = Wanted::default();
        let documents = self.watch.pipelines().into_iter();
        for entry in documents.chain(self.watch.templates()) {
            let looked = match former.remove(&entry.key) {
                Some((revision, looked)) if revision == entry.revision => looked,
                Some(_) | None => Wanted::of(&entry),
            };
            wanted.any |= looked.any;
            wanted.pipelines.extend(looked.pipelines.iter().cloned());
            self.known.insert(entry.key, (entry.revision, looked));
        }
        self.told.send_if_modified(|told| {
            let is_new = **told != wanted;
            if is_new {
                *told = Arc::new(wanted);
            }
            is_new
        });
    }
}

impl Wanted {
    fn of(entry: &Entry) -> Self {
        let mut found = Self::default();
        // Most documents have none, and parsing costs more than looking.
        let words: [&[u8]; 3] = [b"triggers", b"://", b"dryrun"];
        let is_candidate = words.iter().any(|word| contains(&entry.raw, word));
        if let (true, Ok(document)) = (is_candidate, serde_json::from_slice(&entry.raw)) {
            found.look(&document);
        }
        found
    }

    /// All triggers of the type, wherever they stand: in a pipeline, or in either kind of template. Those that are not enabled, too:
    /// their verdicts say so.
    fn look(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::Array(triggers)) = map.get("triggers") {
                    triggers.iter().for_each(|trigger| self.take(trigger));
                }
                self.any |= map.get("template").is_some_and(|template| {
                    lies_elsewhere(template, "reference") || lies_elsewhere(template, "source")
                });
                if matching::dry_run::is_wanted(map) {
                    match map.get("id").and_then(Value::as_str) {
                        Some(id) => drop(self.pipelines.insert(id.to_owned())),
                        None => self.any = true,
                    }
                }
                map.values().for_each(|inner| self.look(inner));
            }
            Value::Array(list) => list.iter().for_each(|inner| self.look(inner)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn take(&mut self, trigger: &Value) {
        let text = |key: &str| trigger.get(key).and_then(Value::as_str);
        if !text("type").is_some_and(|kind| kind.eq_ignore_ascii_case("pipeline")) {
            return;
        }
        match text("pipeline") {
            Some(id) if id.contains("${") || id.contains("{{") => self.any = true,
            Some(id) => {
                self.pipelines.insert(id.to_owned());
            }
            None => {}
        }
    }
}

/// Whether a template is named by an address that is not among the documents.
fn lies_elsewhere(template: &Value, key: &str) -> bool {
    let address = template.get(key).and_then(Value::as_str);
    address.is_some_and(|it| it.contains("://") && !it.starts_with("spinnaker://"))
}

fn contains(raw: &[u8], word: &[u8]) -> bool {
    raw.windows(word.len()).any(|it| it == word)
}

#[cfg(test)]
mod tests {
    use gennaker_bus::{Bus, Layout, memory::Broker};
    use serde_json::json;

    use super::*;

    fn wanted(document: Value) -> Wanted {
        let mut found = Wanted::default();
        found.look(&document);
        found
    }

    #[test]
    fn triggers_are_found_in_pipelines_and_templates() {
        let trigger = json!({"type": "pipeline", "enabled": false, "pipeline": "parent"});
        for document in [
            json!({"id": "c", "triggers": [trigger, {"type": "git", "pipeline": "other"}]}),
            json!({"schema": "v2", "pipeline": {"triggers": [trigger]}}),
            json!({"configuration": {"triggers": [trigger]}}),
        ] {
            let found = wanted(document);
            assert_eq!(found.pipelines, BTreeSet::from(["parent".to_owned()]));
            assert!(!found.any);
        }
        assert!(
            wanted(
                json!({"triggers": [{"type": "Pipeline", "pipeline": "${templateVariables.p}"}]})
            )
            .any
        );
        assert!(wanted(json!({"template": {"reference": "https://x/t.json"}})).any);
        let dry = json!({"type": "dryrun", "when": ["pipeline.complete"]});
        let found = wanted(json!({"id": "own", "notifications": [dry]}));
        assert_eq!(found.pipelines, BTreeSet::from(["own".to_owned()]));
        assert!(wanted(json!({"pipeline": {"notifications": [dry]}})).any);
        assert!(!wanted(json!({"template": {"reference": "spinnaker://t"}})).any);
    }

    #[tokio::test]
    async fn a_trigger_that_is_saved_or_deleted_is_known_at_once() {
        let bus = Bus::memory(&Broker::new(1), "scheduler");
        bus.bootstrap(&Layout::default()).await.unwrap();
        let store = Store::new(&bus);
        let (listeners, follower) = Listeners::new(&store, Forwards::Nothing);
        assert!(listeners.triggers("anything"), "nothing is known yet");
        let cancel = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(follower.run(cancel.clone()));
        tasks.spawn({
            let (store, cancel) = (store.clone(), cancel.clone());
            async move { store.run(cancel).await }
        });
        let mut seen = listeners.wanted.clone();
        let within = std::time::Duration::from_secs(10);
        let mut wait = async |wanted: bool| {
            let is_so = |it: &Arc<Wanted>| !it.any && it.pipelines.contains("parent") == wanted;
            tokio::time::timeout(within, seen.wait_for(is_so))
                .await
                .unwrap()
                .unwrap();
        };
        wait(false).await;
        let pipeline = json!({"application": "demo", "name": "child",
            "triggers": [{"type": "pipeline", "enabled": true, "pipeline": "parent"}]});
        let pipelines = store.pipelines();
        let pipeline = pipeline.as_object().unwrap();
        pipelines.save(pipeline, "c", "me", false, 5).await.unwrap();
        wait(true).await;
        assert!(listeners.triggers("parent") && !listeners.triggers("c"));
        let without = json!({"application": "demo", "name": "child"});
        let without = without.as_object().unwrap();
        pipelines.save(without, "c", "me", false, 6).await.unwrap();
        wait(false).await;
        cancel.cancel();
        tasks.join_all().await;
    }
}
