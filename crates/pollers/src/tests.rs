//! Sources over the in-memory broker: first sight, new things, processes that die or meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gennaker_bus::{Bucket, Bus, Layout, memory::Broker};
use gennaker_intake::matching::{Event, decode};
use gennaker_model::{
    Map,
    polling::{Health, Hint, Status},
};
use gennaker_runtime::{CancellationToken, Clock};
use tokio::task::JoinSet;

use crate::{
    BoxFuture, Config, Id, Item, Look, Pollers, Source, Trouble, Wanted,
    book::{Book, State},
    cycle::{Cycle, Failure, Outcome},
};

const NOW: i64 = 1_787_220_672_345;

/// A registry of a test: tags and their digests.
struct Shelf {
    id: Id,
    tags: Mutex<BTreeMap<String, Option<String>>>,
    is_down: AtomicBool,
    scope: Mutex<String>,
    asked: Mutex<Vec<Option<BTreeSet<String>>>>,
}

impl Shelf {
    fn new(count: usize) -> Arc<Self> {
        Self::named("hub", count)
    }

    fn named(name: &str, count: usize) -> Arc<Self> {
        let tags = (0..count).map(|n| (format!("web:{n}"), None)).collect();
        Arc::new(Self {
            id: Id {
                kind: "docker",
                name: name.to_owned(),
            },
            tags: Mutex::new(tags),
            is_down: AtomicBool::new(false),
            scope: Mutex::default(),
            asked: Mutex::default(),
        })
    }

    fn push(&self, tag: &str, digest: Option<&str>) {
        let mut tags = self.tags.lock().unwrap();
        tags.insert(tag.to_owned(), digest.map(str::to_owned));
    }
}

impl Source for Shelf {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        "https://hub".to_owned()
    }

    fn scope(&self) -> String {
        self.scope.lock().unwrap().clone()
    }

    fn look<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        self.asked.lock().unwrap().push(wanted.only.cloned());
        Box::pin(async move {
            if self.is_down.load(Ordering::Relaxed) {
                return Err(Trouble("the registry answers 500".to_owned()));
            }
            let tags = self.tags.lock().unwrap();
            let all = tags.iter().map(|(key, value)| {
                let group = key.split(':').next().map(str::to_owned);
                let mut content = Map::new();
                content.insert("tag".to_owned(), key.clone().into());
                Item {
                    key: key.clone(),
                    value: value.clone(),
                    group,
                    content,
                    ..Item::default()
                }
            });
            let is_wanted = |item: &Item| match (wanted.only, &item.group) {
                (Some(only), Some(group)) => only.contains(group),
                _ => true,
            };
            let items: Vec<Item> = all.filter(is_wanted).collect();
            let groups: BTreeSet<String> = items.iter().filter_map(|it| it.group.clone()).collect();
            Ok(Look {
                items,
                groups: groups.into_iter().collect(),
                ..Look::default()
            })
        })
    }

    fn hinted(&self, hint: &Hint) -> BTreeSet<String> {
        hint.repositories("hub").map(str::to_owned).collect()
    }
}

struct Fixture {
    broker: Broker,
    clock: Clock,
}

/// A process that looks when it is told to.
struct Looker {
    book: Book,
    bus: Bus,
    clock: Clock,
    state: Option<State>,
}

impl Fixture {
    async fn new() -> Self {
        let broker = Broker::new(7);
        let bus = Bus::memory(&broker, "api");
        bus.bootstrap(&Layout::default()).await.unwrap();
        Self {
            broker,
            clock: Clock::simulated(NOW),
        }
    }

    fn bus(&self, node: &str) -> Bus {
        let bus = Bus::memory(&self.broker, node);
        bus.remember(&Layout::default());
        bus
    }

    fn looker(&self, node: &str) -> Looker {
        let bus = self.bus(node);
        let seed = gennaker_model::routing::fnv1a64(node.as_bytes());
        Looker {
            book: Book::new(&bus, seed),
            bus,
            clock: self.clock.clone(),
            state: None,
        }
    }

    /// All events that are stored, once they are this many.
    async fn events(&self, count: usize) -> Vec<Event> {
        let mut stream = self.bus("reader").events().consume().await.unwrap();
        let mut events = Vec::new();
        while events.len() < count {
            let delivery = tokio::time::timeout(Duration::from_secs(300), stream.next());
            let delivery = delivery.await.expect("it was stored").unwrap();
            events.push(decode(&delivery.payload).unwrap());
            delivery.ack().await.unwrap();
        }
        let more = tokio::time::timeout(Duration::from_millis(200), stream.next()).await;
        assert!(more.is_err(), "there is one event too many");
        stream.close().await;
        events
    }

    /// Writes to the bucket so far.
    async fn writes(&self) -> u64 {
        let kv = self.bus("reader").kv(Bucket::Poll);
        let (records, _) = kv.newest(None, 1).await.unwrap();
        records.first().map_or(0, |record| record.revision)
    }
}

impl Looker {
    async fn look(&mut self, shelf: &Shelf) -> Result<Outcome, Failure> {
        let events = self.bus.events();
        let cycle = Cycle {
            source: shelf,
            book: &self.book,
            events: &events,
            clock: &self.clock,
            threshold: 1_000,
        };
        cycle.run(&mut self.state, None).await
    }
}

fn tags(events: &[Event]) -> Vec<String> {
    let tag = |event: &Event| event.payload["tag"].as_str().unwrap().to_owned();
    events.iter().map(tag).collect()
}

/// `events.md` 14.17 (ours for all sources) and the size of what is kept.
#[tokio::test]
async fn ten_thousand_tags_are_seen_for_the_first_time_and_one_more_fires_once() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(10_000);
    let mut looker = fixture.looker("a");
    let first = looker.look(&shelf).await.unwrap();
    assert_eq!((first.found, first.events), (10_000, 0));
    assert_eq!(fixture.writes().await, 2, "one chunk, one head");
    for _ in 0..3 {
        assert_eq!(looker.look(&shelf).await.unwrap().events, 0);
    }
    assert_eq!(fixture.writes().await, 2, "nothing new is no write");
    shelf.push("web:new", None);
    assert_eq!(looker.look(&shelf).await.unwrap().events, 1);
    assert_eq!(looker.look(&shelf).await.unwrap().events, 0);
    assert_eq!(fixture.writes().await, 4);
    let mut other = fixture.looker("b");
    assert_eq!(
        other.look(&shelf).await.unwrap().events,
        0,
        "another process"
    );
    assert_eq!(tags(&fixture.events(1).await), ["web:new"]);
}

/// `events.md` 14.18: Igor is stuck; here it is a warning.
#[tokio::test]
async fn above_the_threshold_everything_fires() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(1);
    let mut looker = fixture.looker("a");
    looker.look(&shelf).await.unwrap();
    for n in 0..1_500 {
        shelf.push(&format!("web:n{n}"), None);
    }
    let outcome = looker.look(&shelf).await.unwrap();
    assert_eq!(outcome.events, 1_500);
    assert_eq!(
        outcome.warnings,
        [
            "1500 new things at once, which is above the threshold of 1000; all of them become events"
        ]
    );
    let distinct: BTreeSet<String> = tags(&fixture.events(1_500).await).into_iter().collect();
    assert_eq!(distinct.len(), 1_500);
    // The chunks and the tail are read back.
    let mut other = fixture.looker("b");
    assert_eq!(other.look(&shelf).await.unwrap().events, 0);
}

/// Every prefix of what a process writes may be the last thing that it did.
#[tokio::test(start_paused = true)]
async fn a_process_that_dies_anywhere_is_followed_by_one_that_ends_it() {
    for steps in 0..400 {
        let fixture = Fixture::new().await;
        let shelf = Shelf::new(3);
        fixture.looker("first").look(&shelf).await.unwrap();
        shelf.push("web:new", None);
        let mut dying = fixture.looker("dying");
        // A future that is dropped after some polls is a process that was killed there.
        let mut look = Box::pin(dying.look(&shelf));
        let mut is_over = false;
        for _ in 0..steps {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(look.as_mut().poll(cx)));
            if polled.await.is_ready() {
                is_over = true;
                break;
            }
            // Time goes on by itself when nobody has anything to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(look);
        fixture.clock.jump(30_000);
        fixture.looker("next").look(&shelf).await.unwrap();
        let events = fixture.events(1).await;
        assert_eq!(tags(&events), ["web:new"], "killed after {steps}");
        if is_over {
            return;
        }
    }
    panic!("a look has more steps");
}

#[tokio::test]
async fn two_that_look_at_the_same_time_store_each_event_once() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(3);
    let (mut one, mut two) = (fixture.looker("a"), fixture.looker("b"));
    one.look(&shelf).await.unwrap();
    two.look(&shelf).await.unwrap();
    for round in 0..20 {
        shelf.push(&format!("web:r{round}"), None);
        let (left, right) = tokio::join!(one.look(&shelf), two.look(&shelf));
        for (looked, looker) in [(left, &mut one), (right, &mut two)] {
            if looked.is_err() {
                looker.look(&shelf).await.unwrap();
            }
        }
    }
    let found: Vec<String> = tags(&fixture.events(20).await);
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), 20);
}

#[tokio::test]
async fn a_changed_digest_is_new_and_what_the_settings_add_is_not() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(0);
    shelf.push("web:latest", Some("sha256:a"));
    let mut looker = fixture.looker("a");
    looker.look(&shelf).await.unwrap();
    shelf.push("web:latest", Some("sha256:b"));
    looker.look(&shelf).await.unwrap();
    // Back again: that is a push, too.
    fixture.clock.jump(1);
    shelf.push("web:latest", Some("sha256:a"));
    looker.look(&shelf).await.unwrap();
    "more".clone_into(&mut shelf.scope.lock().unwrap());
    shelf.push("db:1", None);
    assert_eq!(looker.look(&shelf).await.unwrap().events, 0);
    shelf.push("db:2", None);
    assert_eq!(looker.look(&shelf).await.unwrap().events, 1);
    let events = fixture.events(3).await;
    assert_eq!(tags(&events), ["web:latest", "web:latest", "db:2"]);
    let ids: BTreeSet<&String> = events.iter().map(|event| &event.header.id).collect();
    assert_eq!(ids.len(), 3);
}

/// An outage, or an empty answer, makes nothing new.
#[tokio::test]
async fn a_registry_that_was_away_has_nothing_new() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(50);
    let mut looker = fixture.looker("a");
    looker.look(&shelf).await.unwrap();
    shelf.is_down.store(true, Ordering::Relaxed);
    let failure = looker.look(&shelf).await.unwrap_err();
    assert_eq!(failure.to_string(), "the registry answers 500");
    shelf.is_down.store(false, Ordering::Relaxed);
    let tags = std::mem::take(&mut *shelf.tags.lock().unwrap());
    assert_eq!(looker.look(&shelf).await.unwrap().found, 0);
    *shelf.tags.lock().unwrap() = tags;
    assert_eq!(looker.look(&shelf).await.unwrap().events, 0);
}

/// Entries are renewed before they are forgotten, and what is gone for long is.
#[tokio::test]
async fn what_is_gone_for_months_is_forgotten() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(20);
    let mut looker = fixture.looker("a");
    looker.look(&shelf).await.unwrap();
    shelf.tags.lock().unwrap().remove("web:0");
    for _ in 0..10 {
        fixture.clock.jump(23 * 86_400_000);
        let outcome = looker.look(&shelf).await.unwrap();
        assert_eq!(outcome.events, 0);
    }
    let mut other = fixture.looker("b");
    let outcome = other.look(&shelf).await.unwrap();
    assert_eq!(
        (outcome.events, outcome.known),
        (0, 20),
        "19 tags and a repository"
    );
    shelf.push("web:0", None);
    assert_eq!(other.look(&shelf).await.unwrap().events, 1);
}

#[tokio::test(start_paused = true)]
async fn one_process_polls_and_another_follows_it() {
    let fixture = Fixture::new().await;
    let shelf = Shelf::new(5);
    let mut running = JoinSet::new();
    let cancel = CancellationToken::new();
    let mut start = |node: &str, seed: u64| {
        let config = Config {
            process: node.to_owned(),
            interval: Duration::from_secs(30),
            item_upper_threshold: 1_000,
            seed,
        };
        let source = Arc::clone(&shelf) as Arc<dyn Source>;
        let pollers = Pollers::new(
            &fixture.bus(node),
            fixture.clock.clone(),
            config,
            vec![source],
        );
        running.spawn(pollers.run(cancel.clone()))
    };
    let first = start("first", 1);
    let status = async |process: &str, wanted: Health| {
        let kv = fixture.bus("reader").kv(Bucket::Poll);
        let found = async {
            loop {
                for record in kv.walk("s").await.unwrap() {
                    let status: Status = serde_json::from_slice(&record.value).unwrap();
                    if status.process == process && status.state == wanted {
                        return status;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(600), found)
            .await
            .unwrap_or_else(|_| panic!("{process} is not {wanted:?}"))
    };
    assert_eq!(status("first", Health::Ok).await.found, 5);
    let second = start("second", 2);
    shelf.push("web:a", None);
    assert_eq!(tags(&fixture.events(1).await), ["web:a"]);
    first.abort();
    status("second", Health::Ok).await;
    shelf.push("web:b", None);
    assert_eq!(tags(&fixture.events(1).await), ["web:b"]);
    shelf.is_down.store(true, Ordering::Relaxed);
    let failing = status("second", Health::Failing).await;
    assert_eq!(failing.error.as_deref(), Some("the registry answers 500"));
    shelf.is_down.store(false, Ordering::Relaxed);
    status("second", Health::Ok).await;
    // A hint is followed at once, and only where it points to.
    shelf.asked.lock().unwrap().clear();
    shelf.push("db:1", None);
    shelf.push("web:c", None);
    let hint = Hint::new(vec!["hub/db".to_owned()]);
    let bus = fixture.bus("gate");
    bus.publish(
        gennaker_bus::subject::poll_hint(),
        serde_json::to_vec(&hint).unwrap().into(),
    )
    .await
    .unwrap();
    let events = fixture.events(2).await;
    assert_eq!(tags(&events), ["db:1", "web:c"]);
    let only = BTreeSet::from(["db".to_owned()]);
    assert_eq!(shelf.asked.lock().unwrap().first(), Some(&Some(only)));
    cancel.cancel();
    assert!(!second.is_finished());
    while let Some(ended) = running.join_next().await {
        drop(ended);
    }
}

#[tokio::test(start_paused = true)]
async fn processes_share_their_sources_and_lose_nothing_when_one_comes_or_goes() {
    let fixture = Fixture::new().await;
    let shelves: Vec<Arc<Shelf>> = (0..7)
        .map(|number| Shelf::named(&format!("hub-{number}"), 1))
        .collect();
    let mut running = JoinSet::new();
    let cancel = CancellationToken::new();
    let mut start = |node: &str, seed: u64, cancel: &CancellationToken| {
        let config = Config {
            process: node.to_owned(),
            interval: Duration::from_secs(5),
            item_upper_threshold: 1_000,
            seed,
        };
        let sources = shelves
            .iter()
            .map(|shelf| Arc::clone(shelf) as Arc<dyn Source>);
        let (bus, clock) = (fixture.bus(node), fixture.clock.clone());
        running.spawn(Pollers::new(&bus, clock, config, sources.collect()).run(cancel.clone()))
    };
    // How many sources each process says that it polls, once that is as wanted.
    let shared = async |wanted: &[(&str, usize)]| {
        let wanted: BTreeMap<String, usize> = wanted
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        let kv = fixture.bus("reader").kv(Bucket::Poll);
        let mut last = BTreeMap::new();
        for _ in 0..3_000 {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for record in kv.walk("s").await.unwrap() {
                let status: Status = serde_json::from_slice(&record.value).unwrap();
                *counts.entry(status.process).or_default() += 1;
            }
            let mut sizes: Vec<usize> = counts.values().copied().collect();
            let mut sizes_wanted: Vec<usize> = wanted.values().copied().collect();
            sizes.sort_unstable();
            sizes_wanted.sort_unstable();
            if counts.keys().eq(wanted.keys()) && sizes == sizes_wanted {
                return;
            }
            last = counts;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{wanted:?} was wanted, and there is {last:?}");
    };
    let push = |tag: &str| {
        for (number, shelf) in shelves.iter().enumerate() {
            shelf.push(&format!("{number}:{tag}"), None);
        }
    };
    let everything_once = async |tag: &str| {
        let mut found = tags(&fixture.events(7).await);
        found.sort_unstable();
        let all: Vec<String> = (0..7).map(|number| format!("{number}:{tag}")).collect();
        assert_eq!(found, all);
    };
    let first = start("first", 1, &cancel);
    shared(&[("first", 7)]).await;
    start("second", 2, &cancel);
    push("a");
    let leaves = cancel.child_token();
    start("third", 3, &leaves);
    shared(&[("first", 2), ("second", 2), ("third", 3)]).await;
    everything_once("a").await;
    // One is killed, one ends.
    first.abort();
    push("b");
    shared(&[("second", 4), ("third", 3)]).await;
    everything_once("b").await;
    push("c");
    leaves.cancel();
    shared(&[("second", 7)]).await;
    everything_once("c").await;
    cancel.cancel();
    while let Some(ended) = running.join_next().await {
        drop(ended);
    }
}
