//! Events over the in-memory broker, with an owner that takes notes.

mod told;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use gennaker_bus::{
    Bucket, Bus, CommandStream, Layout,
    memory::{Broker, Faults},
    subject, token,
};
use gennaker_credentials::auth::Secret;
use gennaker_intake::matching::{self, Header, Origin, Outcome, Record};
use gennaker_model::{
    ExecutionId, Map,
    ask::{ADDRESS, ADDRESS_POOL},
    command::{Answer, Envelope, Refusal, RefusalCode, Reply, Request, Start},
    routing,
};
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_store::Store;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::task::{AbortHandle, JoinSet};

use crate::{Config, Templates, Triggers, timetable};

const NOW: i64 = 1_787_220_672_345;
const PARTITIONS: u32 = 3;

#[derive(Default)]
struct Notes {
    starts: Vec<(u32, String, Start)>,
    script: VecDeque<Option<RefusalCode>>,
}

struct Fixture {
    broker: Broker,
    store: Store,
    notes: Arc<Mutex<Notes>>,
    clock: Clock,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
    config: Config,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(config()).await
    }

    async fn with(config: Config) -> Self {
        let broker = Broker::new(3);
        let bus = Bus::memory(&broker, "api");
        let layout = Layout {
            partitions: PARTITIONS,
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let mut fixture = Self {
            store: Store::new(&bus),
            broker,
            notes: Arc::default(),
            clock: Clock::simulated(NOW),
            cancel: CancellationToken::new(),
            tasks: JoinSet::new(),
            config,
        };
        fixture.run_role();
        fixture
    }

    /// The role in a process of its own.
    fn run_role(&mut self) {
        self.start_process();
    }

    /// The handle kills it.
    fn start_process(&mut self) -> AbortHandle {
        let process = self.process();
        self.tasks.spawn(process)
    }

    /// A process with the role.
    fn process(&self) -> impl Future<Output = ()> + Send + use<> {
        let bus = Bus::memory(&self.broker, "triggers");
        bus.remember(&Layout {
            partitions: PARTITIONS,
            ..Layout::default()
        });
        let store = Store::new(&bus).reading_addresses(&bus);
        let role = Triggers::new(bus, store.clone(), self.clock.clone(), self.config.clone());
        let cancel = self.cancel.clone();
        async move {
            let cached = store.run(cancel.clone());
            let (_, ended) = tokio::join!(cached, role.run(cancel));
            ended.unwrap();
        }
    }

    /// What is kept of an event, as soon as it is.
    async fn record(&self, event: &str) -> Record {
        let kv = Bus::memory(&self.broker, "api").kv(Bucket::Verdicts);
        let came = async {
            loop {
                if let Some(record) = kv.get(&token(event)).await.unwrap() {
                    return serde_json::from_slice(&record.value).unwrap();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), came)
            .await
            .unwrap()
    }

    async fn serve(&mut self) {
        for partition in 0..PARTITIONS {
            let bus = Bus::memory(&self.broker, "scheduler");
            let commands = bus.serve_commands(partition).await.unwrap();
            self.tasks
                .spawn(serve(partition, commands, Arc::clone(&self.notes)));
        }
    }

    async fn pipeline(&self, name: &str, more: Value) {
        self.pipeline_at(name, more, NOW).await;
    }

    async fn pipeline_at(&self, name: &str, more: Value, now: i64) {
        let mut pipeline = Map::new();
        pipeline.insert("application".to_owned(), "demo".into());
        pipeline.insert("name".to_owned(), name.into());
        pipeline.extend(more.as_object().unwrap().clone());
        self.store
            .pipelines()
            .save(&pipeline, &format!("{name}-id"), "me", false, now)
            .await
            .unwrap();
    }

    async fn raw(&self, payload: Vec<u8>) {
        let events = Bus::memory(&self.broker, "api").events();
        events
            .publish("webhook", "hook", payload.into())
            .await
            .unwrap();
    }

    async fn event(&self, id: &str, body: Value) {
        self.event_of("webhook", "hook", id, &[], body).await;
    }

    async fn event_of(
        &self,
        kind: &str,
        source: &str,
        id: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) {
        self.raw(outside(kind, source, id, headers, &body)).await;
    }

    /// Waits until that many starts came in.
    async fn starts(&self, count: usize) -> Vec<Start> {
        let came = async {
            loop {
                let starts: Vec<Start> = {
                    let notes = self.notes.lock().unwrap();
                    notes
                        .starts
                        .iter()
                        .map(|(_, _, start)| start.clone())
                        .collect()
                };
                if starts.len() >= count {
                    return starts;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), came)
            .await
            .unwrap()
    }
}

/// An event as Gate stores it.
fn outside(kind: &str, source: &str, id: &str, headers: &[(&str, &str)], body: &Value) -> Vec<u8> {
    let headers = headers.iter();
    let header = Header {
        v: matching::VERSION,
        id: id.to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        at_ms: NOW,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        origin: Origin::Outside,
    };
    matching::encode(&header, body.to_string().as_bytes())
}

async fn serve(partition: u32, mut commands: CommandStream, notes: Arc<Mutex<Notes>>) {
    while let Some(command) = commands.next().await {
        let envelope: Envelope = serde_json::from_slice(&command.payload).unwrap();
        let Request::Start(start) = envelope.request else {
            panic!("only starts are sent");
        };
        let execution = start.execution.clone();
        let scripted = {
            let mut notes = notes.lock().unwrap();
            notes
                .starts
                .push((partition, envelope.id.to_string(), *start));
            notes.script.pop_front()
        };
        let result = match scripted {
            // Silence.
            Some(None) => continue,
            Some(Some(code)) => Err(Refusal {
                code,
                message: "because".to_owned(),
                execution: None,
            }),
            None => Ok(Reply::Started {
                execution,
                existing: false,
            }),
        };
        let answer = Answer {
            partition,
            sequence: 1,
            result,
        };
        let answer = serde_json::to_vec(&answer).unwrap();
        command.responder.send(answer.into()).await.unwrap();
    }
}

fn config() -> Config {
    Config {
        partitions: PARTITIONS,
        cron: timetable::Settings {
            enabled: true,
            zone: TimeZone::UTC,
            catch_up_ms: 600_000,
        },
        git_secret: None,
        quiet: None,
        templates: Templates::default(),
    }
}

fn webhook(more: Value) -> Value {
    let mut trigger = json!({"type": "webhook", "enabled": true, "source": "hook"});
    trigger
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    trigger
}

#[tokio::test(start_paused = true)]
async fn a_notification_of_the_type_dryrun_starts_its_pipeline_as_a_dry_run() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let entry = json!({"type": "dryrun", "level": "pipeline", "when": ["pipeline.complete"]});
    let own = json!({"id": "own", "stages": [], "notifications": [entry]});
    fixture.pipeline("ship", own).await;
    fixture
        .pipeline("other", json!({"id": "two", "notifications": [entry]}))
        .await;
    let ended = json!({"id": "01J5ENDED", "name": "ship", "trigger": {"type": "git", "parameters": {"tag": "v1"}}});
    for (id, status) in [("end-1", "failed"), ("end-2", "successful")] {
        let header = Header {
            v: matching::VERSION,
            id: id.to_owned(),
            kind: "pipeline".to_owned(),
            source: "own".to_owned(),
            at_ms: NOW,
            headers: std::collections::BTreeMap::new(),
            origin: Origin::Inside,
        };
        let body = json!({"status": status, "artifacts": [], "execution": ended});
        fixture
            .raw(matching::encode(&header, body.to_string().as_bytes()))
            .await;
    }
    let starts = fixture.starts(1).await;
    assert_eq!(starts.len(), 1);
    let Start {
        config, trigger, ..
    } = &starts[0];
    assert_eq!(config["name"], "ship (dry run)");
    assert_eq!(
        (config.get("id"), &config["notifications"]),
        (None, &json!([]))
    );
    assert_eq!(
        (&trigger["type"], &trigger["dryRun"]),
        (&json!("dryrun"), &json!(true))
    );
    assert_eq!(trigger["lastSuccessfulExecution"], ended);
    assert_eq!(trigger["parameters"], json!({"tag": "v1"}));
    // What was not started has its reason, and the end of one pipeline is no affair of the other.
    let failed = fixture.record("end-1").await;
    let reasons: Vec<_> = failed
        .verdicts
        .iter()
        .map(|it| it.reason.as_deref())
        .collect();
    assert_eq!(
        reasons,
        [Some("the notification is not for \"pipeline.failed\"")]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_starts_every_matching_pipeline_once() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let prod = webhook(json!({"payloadConstraints": {"env": "^prod$"}}));
    for (name, more) in [
        (
            "twice",
            json!({"triggers": [webhook(json!({})), webhook(json!({}))]}),
        ),
        (
            "prod",
            json!({"triggers": [prod], "notifications": [{"n": 1}]}),
        ),
        (
            "disabled",
            json!({"triggers": [webhook(json!({}))], "disabled": true}),
        ),
        (
            "other",
            json!({"triggers": [webhook(json!({"source": "elsewhere"}))]}),
        ),
        (
            "cron",
            json!({"triggers": [{"type": "cron", "enabled": true}]}),
        ),
        ("none", json!({})),
    ] {
        fixture.pipeline(name, more).await;
    }
    fixture
        .event(
            "event-1",
            json!({"env": "prod", "parameters": {"tag": "v1"}}),
        )
        .await;
    fixture.event("event-2", json!({"env": "dev"})).await;
    let mut starts = fixture.starts(3).await;
    starts.sort_by(|one, two| {
        (
            &one.trigger["eventId"].as_str(),
            one.config["name"].as_str(),
        )
            .cmp(&(
                &two.trigger["eventId"].as_str(),
                two.config["name"].as_str(),
            ))
    });
    let told: Vec<(&str, &str)> = starts
        .iter()
        .map(|start| {
            (
                start.trigger["eventId"].as_str().unwrap(),
                start.config["name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("event-1", "prod"),
            ("event-1", "twice"),
            ("event-2", "twice")
        ]
    );
    let first = &starts[0];
    assert_eq!(
        (
            first.user.as_str(),
            &first.trigger["parameters"],
            &first.trigger["type"]
        ),
        ("anonymous", &json!({"tag": "v1"}), &json!("webhook"))
    );
    let derived = routing::fnv1a64(b"event-1prod-id");
    assert_eq!(
        first.execution,
        routing::execution_id(NOW, "prod-id", derived)
    );
    let notes = fixture.notes.lock().unwrap();
    for (partition, _, start) in &notes.starts {
        assert_eq!(
            *partition,
            routing::partition_of(&start.execution, PARTITIONS)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_just_saved_or_changed_counts() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    for round in 0..10 {
        let trigger = webhook(json!({"payloadConstraints": {"round": format!("^{round}$")}}));
        fixture
            .pipeline("deploy", json!({"id": "deploy-id", "triggers": [trigger]}))
            .await;
        fixture
            .event(&format!("event-{round}"), json!({"round": round}))
            .await;
        assert_eq!(fixture.starts(round + 1).await.len(), round + 1);
    }
    fixture
        .store
        .pipelines()
        .delete("demo", "deploy")
        .await
        .unwrap();
    fixture.event("late", json!({"round": 9})).await;
    let go = webhook(json!({"payloadConstraints": {"go": null}}));
    fixture.pipeline("next", json!({"triggers": [go]})).await;
    fixture.event("last", json!({"go": true})).await;
    assert_eq!(fixture.starts(11).await[10].trigger["eventId"], "last");
}

#[tokio::test(start_paused = true)]
async fn triggers_of_templates_count() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let map = |value: Value| value.as_object().unwrap().clone();
    let metadata = json!({"name": "n", "description": "d", "scopes": ["global"]});
    let first = json!({"schema": "1", "id": "one", "metadata": metadata, "variables": [{"name": "place"}],
                       "configuration": {"triggers": [{"name": "t", "type": "webhook", "source": "{{ place }}", "enabled": true}]}});
    let template = map(first);
    let saved = fixture.store.save_template_v1(None, &template, "me", NOW);
    saved.await.unwrap();
    let second = |source: &str| {
        json!({"schema": "v2", "id": "two", "metadata": metadata,
               "pipeline": {"triggers": [{"type": "webhook", "source": source, "enabled": true}], "stages": []}})
    };
    let template = map(second("other"));
    let saved = fixture.store.create_template(&template, None, "me", NOW);
    saved.await.unwrap();
    let config = json!({"schema": "1", "configuration": {"inherit": ["triggers"]},
                        "pipeline": {"application": "demo", "variables": {"place": "hook"}, "template": {"source": "spinnaker://one"}}});
    let one = json!({"type": "templatedPipeline", "config": config});
    fixture.pipeline("one", one.clone()).await;
    let two = json!({"type": "templatedPipeline", "schema": "v2", "template": {"reference": "spinnaker://two"}});
    fixture.pipeline("two", two).await;

    fixture.event("e-1", json!({})).await;
    let starts = fixture.starts(1).await;
    assert_eq!(starts.len(), 1);
    assert_eq!(
        starts[0].config["config"], one["config"],
        "what is stored is what is started"
    );
    assert!(!starts[0].config.contains_key("triggers"));

    // A template that changes makes other triggers, although no pipeline changed.
    let template = map(second("hook"));
    let saved = fixture
        .store
        .update_template("two", &template, None, "me", NOW);
    saved.await.unwrap();
    fixture.event("e-2", json!({})).await;
    let mut names: Vec<String> = fixture
        .starts(3)
        .await
        .iter()
        .map(|start| start.config["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["one", "one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_delivery_asks_for_the_same_execution() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture.event("event-1", json!({})).await;
    fixture.event("event-1", json!({})).await;
    let starts = fixture.starts(2).await;
    assert_eq!(starts[0], starts[1]);
    let notes = fixture.notes.lock().unwrap();
    assert_eq!(notes.starts[0].1, notes.starts[1].1);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_sent_until_it_is_answered() {
    let mut fixture = Fixture::new().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture.event("event-1", json!({})).await;
    // Nobody owns the partitions for a while, longer than an unacknowledged event may stay silent.
    tokio::time::sleep(Duration::from_secs(90)).await;
    fixture.notes.lock().unwrap().script.extend([
        None,
        Some(RefusalCode::Busy),
        Some(RefusalCode::WrongPartition),
        Some(RefusalCode::Internal),
    ]);
    fixture.serve().await;
    let starts = fixture.starts(5).await;
    assert!(starts.iter().all(|start| start == &starts[0]));
    // It was acknowledged: nothing comes again.
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(fixture.starts(5).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_and_a_poisonous_event_hold_nobody_up() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture
        .notes
        .lock()
        .unwrap()
        .script
        .push_back(Some(RefusalCode::Invalid));
    for poison in [&b""[..], b"{", b"{}\n{}", b"\xff\n"] {
        fixture.raw(poison.to_vec()).await;
    }
    fixture.event("refused", json!({})).await;
    fixture.starts(1).await;
    fixture.event("event-1", json!({})).await;
    assert_eq!(fixture.starts(2).await[1].trigger["eventId"], "event-1");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(fixture.starts(2).await.len(), 2);
}

/// Each delivery counts, and an event that had too many is given up: waiting must not cost deliveries.
#[tokio::test(start_paused = true)]
async fn an_event_waits_for_pipelines_that_cannot_be_read_however_long_that_takes() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture
        .pipeline("first", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture.event("before", json!({})).await;
    fixture.starts(1).await;
    fixture.broker.set_faults(Faults {
        lag_ms: 1_200_000,
        ..Faults::default()
    });
    fixture.event("after", json!({})).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert_eq!(fixture.notes.lock().unwrap().starts.len(), 1);
    fixture.broker.set_faults(Faults::default());
    let record = fixture.record("after").await;
    assert_eq!(record.verdicts[0].outcome, Outcome::Started);
}

/// Five messages of many events, of which 64 are under way: those that wait must not come again meanwhile.
#[tokio::test(start_paused = true)]
async fn events_that_wait_for_their_turn_come_once() {
    const EVENTS: usize = 300;
    let mut fixture = Fixture::new().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    let ids: Vec<String> = (0..EVENTS).map(|number| format!("e-{number}")).collect();
    // Of one process, so that they are stored together.
    let events = Bus::memory(&fixture.broker, "api").events();
    let stored = ids.iter().map(|id| {
        let payload = outside("webhook", "hook", id, &[], &json!({}));
        events.publish("webhook", "hook", payload.into())
    });
    let stored = futures_util::future::join_all(stored).await;
    assert!(stored.iter().all(Result::is_ok));
    let messages = fixture.broker.messages("GK_EVENTS").len();
    assert!(messages < 20, "{messages} messages");
    // Nobody answers starts for longer than the broker waits for a word.
    tokio::time::sleep(Duration::from_secs(100)).await;
    fixture.serve().await;
    fixture.starts(EVENTS).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let mut started: Vec<String> = fixture
        .starts(EVENTS)
        .await
        .iter()
        .map(|start| start.trigger["eventId"].as_str().unwrap().to_owned())
        .collect();
    started.sort();
    let count = started.len();
    started.dedup();
    assert_eq!((count, started.len()), (EVENTS, EVENTS));
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_had_is_done_within_seconds() {
    let mut fixture = Fixture::new().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture.event("event-1", json!({})).await;
    // Its start waits for an owner.
    tokio::time::sleep(Duration::from_secs(2)).await;
    fixture.tasks.abort_all();
    while fixture.tasks.join_next().await.is_some() {}
    let killed = tokio::time::Instant::now();
    fixture.run_role();
    fixture.serve().await;
    assert_eq!(fixture.starts(1).await[0].trigger["eventId"], "event-1");
    let after = killed.elapsed();
    assert!(after < Duration::from_secs(15), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_is_done_by_the_next_process() {
    let mut fixture = Fixture::new().await;
    fixture
        .pipeline("deploy", json!({"triggers": [webhook(json!({}))]}))
        .await;
    fixture.event("event-1", json!({})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    fixture.cancel.cancel();
    while fixture.tasks.join_next().await.is_some() {}
    fixture.cancel = CancellationToken::new();
    fixture.serve().await;
    fixture.run_role();
    assert_eq!(fixture.starts(1).await[0].trigger["eventId"], "event-1");
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_by_what_became_of_them() {
    let count = |line: &str| -> u64 {
        let shown = gennaker_telemetry::metrics::registry().render();
        let found = shown.lines().find_map(|it| it.strip_prefix(line));
        found.map_or(0, |count| count.trim().parse().unwrap())
    };
    let lines = [
        "gennaker_triggers_events_total{outcome=\"matched\"}",
        "gennaker_triggers_events_total{outcome=\"unmatched\"}",
        "gennaker_triggers_events_total{outcome=\"given_up\"}",
        "gennaker_triggers_verdicts_total{verdict=\"fires\"}",
        "gennaker_triggers_verdicts_total{verdict=\"passes\"}",
        "gennaker_triggers_starts_total{outcome=\"started\"}",
        "gennaker_triggers_starts_total{outcome=\"refused\"}",
        "gennaker_triggers_event_lag_seconds_count",
    ];
    let before = lines.map(count);
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let prod = webhook(json!({"payloadConstraints": {"env": "^prod$"}}));
    fixture.pipeline("prod", json!({"triggers": [prod]})).await;
    fixture.raw(b"no header".to_vec()).await;
    fixture.event("dev", json!({"env": "dev"})).await;
    fixture.event("prod", json!({"env": "prod"})).await;
    fixture.starts(1).await;
    let refused = Some(RefusalCode::Invalid);
    fixture.notes.lock().unwrap().script.push_back(refused);
    fixture.event("again", json!({"env": "prod"})).await;
    fixture.starts(2).await;
    let counted = async {
        while lines
            .map(count)
            .iter()
            .zip(before)
            .any(|(now, before)| *now <= before)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Other tests count too, so that more is fine and less is not.
    tokio::time::timeout(Duration::from_secs(60), counted)
        .await
        .unwrap_or_else(|_| panic!("{before:?} became {:?}", lines.map(count)));
}

#[tokio::test(start_paused = true)]
async fn an_execution_has_the_notifications_of_its_application() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let trigger = json!({"type": "webhook", "source": "hook", "enabled": true});
    fixture
        .pipeline("deploy", json!({"triggers": [trigger]}))
        .await;
    let entry = json!({"type": "email", "address": "me@x.io", "when": ["pipeline.failed"]});
    let theirs = json!({"email": [entry]});
    let saved = fixture
        .store
        .save_notifications("demo", theirs.as_object().unwrap(), "me", NOW);
    saved.await.unwrap();
    fixture.event("e-1", json!({})).await;
    let starts = fixture.starts(1).await;
    assert_eq!(starts[0].config["notifications"], json!([entry]));
}

#[tokio::test(start_paused = true)]
async fn the_verdict_on_every_trigger_is_kept() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let prod = webhook(json!({"payloadConstraints": {"env": "^prod$"}}));
    for (name, more) in [
        (
            "fires",
            json!({"triggers": [webhook(json!({})), webhook(json!({}))]}),
        ),
        ("prod", json!({"triggers": [prod]})),
        (
            "off",
            json!({"triggers": [webhook(json!({"enabled": false}))]}),
        ),
        (
            "other",
            json!({"triggers": [webhook(json!({"source": "elsewhere"}))]}),
        ),
        (
            "cron",
            json!({"triggers": [{"type": "cron", "enabled": true, "cronExpression": "0 0 0 1 1 ? 2199"}]}),
        ),
    ] {
        fixture.pipeline(name, more).await;
    }
    fixture
        .notes
        .lock()
        .unwrap()
        .script
        .push_back(Some(RefusalCode::NotAllowed));
    fixture.event("event-1", json!({"env": "dev"})).await;
    let refused = fixture.record("event-1").await;
    fixture.event("event-2", json!({"env": "dev"})).await;
    let started = fixture.record("event-2").await;
    let told = |record: &Record| -> Vec<(String, usize, Outcome, bool, Option<String>)> {
        let judged = record.verdicts.iter();
        judged
            .map(|it| {
                let (name, id) = (it.pipeline.clone(), it.execution_id.is_some());
                (name, it.trigger, it.outcome, id, it.reason.clone())
            })
            .collect()
    };
    let row = |name: &str, trigger, outcome, id, reason: Option<&str>| {
        (
            name.to_owned(),
            trigger,
            outcome,
            id,
            reason.map(str::to_owned),
        )
    };
    let rest = vec![
        row("fires", 1, Outcome::Repeated, false, None),
        row(
            "off",
            0,
            Outcome::Passed,
            false,
            Some("the trigger is not enabled"),
        ),
        row(
            "prod",
            0,
            Outcome::Passed,
            false,
            Some("payload \"env\" is \"dev\", which \"^prod$\" does not match"),
        ),
        row(
            "other",
            0,
            Outcome::Passed,
            false,
            Some("the source is \"hook\", the trigger wants \"elsewhere\""),
        ),
    ];
    let with = |first| [vec![first], rest.clone()].concat();
    assert_eq!(
        told(&refused),
        with(row("fires", 0, Outcome::Refused, true, Some("because")))
    );
    assert_eq!(
        told(&started),
        with(row("fires", 0, Outcome::Started, true, None))
    );
    assert_eq!(
        (started.at_ms, started.source.as_str(), started.others),
        (NOW, "hook", 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_quiet_period_holds_back_the_types_that_it_names() {
    let quiet = matching::QuietPeriod {
        from_ms: NOW - 1,
        until_ms: NOW + 3_600_000,
        suppressed_types: vec!["webhook".to_owned()],
    };
    let mut fixture = Fixture::with(Config {
        quiet: Some(quiet),
        ..config()
    })
    .await;
    fixture.serve().await;
    let trigger = webhook(json!({}));
    let more = json!({"triggers": [trigger], "respectQuietPeriod": true});
    fixture.pipeline("quiet", more).await;
    fixture
        .pipeline("loud", json!({"triggers": [trigger]}))
        .await;
    fixture.event("event-1", json!({})).await;
    let record = fixture.record("event-1").await;
    let told: Vec<(&str, Outcome, Option<&str>)> = record
        .verdicts
        .iter()
        .map(|it| (it.pipeline.as_str(), it.outcome, it.reason.as_deref()))
        .collect();
    let reason = "it is a quiet period, which the pipeline respects: triggers of the type \"webhook\" are held back";
    assert_eq!(
        told,
        [
            ("loud", Outcome::Started, None),
            ("quiet", Outcome::Passed, Some(reason))
        ]
    );
    assert_eq!(fixture.starts(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_switched_off_fires_nothing_until_it_is_switched_on() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let trigger = webhook(json!({}));
    fixture.pipeline("p", json!({"triggers": [trigger]})).await;
    let kv = Bus::memory(&fixture.broker, "api").kv(Bucket::Cfg);
    for (number, name) in ["cron", "webhook", "triggers"].into_iter().enumerate() {
        let switch = json!({"name": name, "by": "anna", "atMs": NOW, "reason": "moving house"});
        let key = format!("switch.{name}");
        let put = kv.put_if(&key, 0, switch.to_string().into(), None).await;
        let gennaker_bus::Put::Done(revision) = put.unwrap() else {
            panic!("nobody else writes");
        };
        let later = fixture.clock.now_ms() + 2_000;
        fixture.clock.sleep_until_ms(later).await;
        let id = format!("e-{number}");
        fixture.event(&id, json!({})).await;
        let verdict = fixture.record(&id).await.verdicts.remove(0);
        let reason = match name {
            "cron" => None,
            "webhook" => {
                Some("triggers of the type \"webhook\" are switched off by anna: moving house")
            }
            _ => Some("triggers are switched off by anna: moving house"),
        };
        assert_eq!(verdict.reason.as_deref(), reason, "{name}");
        kv.delete_if(&key, revision).await.unwrap();
    }
    fixture
        .clock
        .sleep_until_ms(fixture.clock.now_ms() + 2_000)
        .await;
    fixture.event("last", json!({})).await;
    assert_eq!(fixture.starts(2).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_shared_secret_is_read_at_each_use_and_never_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    let mut fixture = Fixture::with(Config {
        git_secret: Some(Secret::File(file.clone())),
        ..config()
    })
    .await;
    fixture.serve().await;
    let git = |more: Value| {
        let mut trigger = json!({"type": "git", "enabled": true, "source": "github", "project": "acme", "slug": "web"});
        let fields = trigger.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        json!({"triggers": [trigger]})
    };
    fixture.pipeline("shared", git(json!({}))).await;
    fixture.pipeline("own", git(json!({"secret": "own"}))).await;
    let body = json!({"ref": "refs/heads/main", "after": "c", "repository": {"name": "web", "owner": {"name": "acme"}}});
    // The HMAC of that body, without blanks, with the secret in the file.
    let digest = "sha256=daea22f604170ef3fc4b0b926d3bbb8bb269d02bd67c71947b49751f6931b901";
    let reasons = async |id: &str, fixture: &Fixture| {
        let headers = [("x-hub-signature-256", digest)];
        fixture
            .event_of("git", "github", id, &headers, body.clone())
            .await;
        let record = fixture.record(id).await;
        let mut reasons: Vec<(String, String)> = record
            .verdicts
            .iter()
            .map(|it| (it.pipeline.clone(), it.reason.clone().unwrap_or_default()))
            .collect();
        reasons.sort();
        reasons
    };
    let own = "the signature of the webhook was not made with the trigger's secret";
    let row = |name: &str, reason: &str| (name.to_owned(), reason.to_owned());
    assert_eq!(
        reasons("e-1", &fixture).await,
        [row("own", own), row("shared", "")]
    );
    assert_eq!(fixture.starts(1).await[0].config["name"], "shared");
    std::fs::write(&file, "another").unwrap();
    assert_eq!(
        reasons("e-2", &fixture).await,
        [
            row("own", own),
            row(
                "shared",
                "the signature of the webhook was not made with the secret that all git triggers share"
            )
        ]
    );
    // The file is gone: nobody gets in.
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        reasons("e-3", &fixture).await,
        [
            row("own", own),
            row(
                "shared",
                "the secret that all git triggers share cannot be read"
            )
        ]
    );
    assert_eq!(fixture.starts(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn templates_at_addresses_contribute_triggers_once_a_worker_has_read_them() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    let config = json!({"schema": "1", "configuration": {"inherit": ["triggers"]},
        "pipeline": {"application": "demo", "template": {"source": "https://x.io/t.yml"}}});
    let far = json!({"type": "templatedPipeline", "config": config});
    fixture.pipeline("far", far).await;
    fixture.event("e-1", json!({})).await;
    // Nobody has read it, and nobody waits for that.
    assert!(fixture.record("e-1").await.verdicts.is_empty());

    let texts = Arc::new(Mutex::new(VecDeque::from(["hook", "other"])));
    let bus = Bus::memory(&fixture.broker, "worker");
    fixture.tasks.spawn(async move {
        let subject = subject::ask(ADDRESS_POOL, ADDRESS);
        let mut questions = bus.serve(subject, None).await.unwrap();
        while let Some(question) = questions.next().await {
            let source = texts.lock().unwrap().pop_front();
            let answer = match source {
                Some(source) => json!({"text": format!(
                    "schema: '1'\nid: t\nmetadata: {{name: n, description: d, scopes: [global]}}\nconfiguration:\n  triggers:\n  \
                     - {{name: t, type: webhook, source: {source}, enabled: true}}\n"
                )}),
                None => json!({"failed": "gone"}),
            };
            let answer = serde_json::to_vec(&answer).unwrap();
            question.responder.send(answer.into()).await.unwrap();
        }
    });
    let fires = async |number: &mut u32, expected: bool| {
        let look = async {
            loop {
                *number += 1;
                let id = format!("again-{number}");
                fixture.event(&id, json!({})).await;
                let record = fixture.record(&id).await;
                let started = record
                    .verdicts
                    .iter()
                    .any(|it| it.outcome == Outcome::Started);
                if started == expected {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(1_200), look).await;
        assert!(found.is_ok(), "{expected}");
    };
    let mut number = 0;
    fires(&mut number, true).await;
    // It is read again, and what changed counts.
    fires(&mut number, false).await;
    // Gone for a while, it contributes what it did.
    fixture
        .clock
        .sleep_until_ms(fixture.clock.now_ms() + 900_000)
        .await;
    fixture
        .event_of("webhook", "other", "last", &[], json!({}))
        .await;
    let record = fixture.record("last").await;
    assert_eq!(record.verdicts[0].outcome, Outcome::Started);
}

/// A pipeline that names its id is not new, and keeps the ids of its triggers.
fn every_ten_seconds() -> Value {
    let trigger =
        json!({"type": "cron", "enabled": true, "id": "t", "cronExpression": "0/10 * * * * ?"});
    json!({"id": "clock-id", "triggers": [trigger]})
}

/// The execution of an instant.
fn of_instant(at_ms: i64) -> ExecutionId {
    let derived = routing::fnv1a64(format!("cron-clock-id-t-{at_ms}clock-id").as_bytes());
    routing::execution_id(at_ms, "clock-id", derived)
}

#[tokio::test(start_paused = true)]
async fn every_instant_of_a_schedule_starts_one_execution_whoever_is_killed_then() {
    const INSTANTS: i64 = 200;
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture.pipeline("clock", every_ten_seconds()).await;
    // The first role of the fixture is one of three; of the others one is always being killed.
    let mut victims = [fixture.start_process(), fixture.start_process()];
    let first = (NOW / 10_000 + 1) * 10_000;
    for number in 0..INSTANTS {
        let instant = first + number * 10_000;
        // From 5 ms before to 700 ms after it: before the look at the clock, between event and start, after.
        let offset = i64::try_from(routing::fnv1a64(&number.to_le_bytes()) % 706).unwrap() - 5;
        fixture.clock.sleep_until_ms(instant + offset).await;
        let victim = usize::try_from(number % 2).unwrap();
        victims[victim].abort();
        victims[victim] = fixture.start_process();
    }
    fixture
        .clock
        .sleep_until_ms(first + (INSTANTS - 1) * 10_000 + 9_000)
        .await;
    let mut started: Vec<ExecutionId> = fixture
        .starts(1)
        .await
        .into_iter()
        .map(|it| it.execution)
        .collect();
    started.sort();
    started.dedup();
    let mut expected: Vec<ExecutionId> = (0..INSTANTS)
        .map(|number| of_instant(first + number * 10_000))
        .collect();
    expected.sort();
    assert_eq!(started, expected);
}

#[tokio::test(start_paused = true)]
async fn instants_that_nobody_saw_are_made_up_for_as_far_as_the_settings_say() {
    let mut fixture = Fixture::new().await;
    fixture.serve().await;
    fixture.tasks.abort_all();
    while fixture.tasks.join_next().await.is_some() {}
    fixture.serve().await;
    let hourly = |id: &str| json!({"triggers": [{"type": "cron", "enabled": true, "id": id, "cronExpression": "0 0 * * * ?"}]});
    fixture.pipeline("old", hourly("a")).await;
    // Every ten seconds for an hour: only the last of what was missed within ten minutes, and what is not a minute old.
    fixture.pipeline("clock", every_ten_seconds()).await;
    let hour = (NOW / 3_600_000 + 1) * 3_600_000;
    fixture.clock.sleep_until_ms(hour + 300_000).await;
    let mut late = json!({"updateTs": hour + 60_000});
    late.as_object_mut()
        .unwrap()
        .extend(hourly("b").as_object().unwrap().clone());
    fixture.pipeline_at("late", late, hour + 60_000).await;
    fixture.run_role();
    fixture.clock.sleep_until_ms(hour + 311_000).await;
    let starts = fixture.starts(8).await;
    let names: Vec<&str> = starts
        .iter()
        .map(|it| it.config["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.iter().filter(|name| **name == "old").count(),
        1,
        "{names:?}"
    );
    assert!(
        !names.contains(&"late"),
        "there was no such schedule at that instant"
    );
    let clock: Vec<i64> = (0..7)
        .map(|number| hour + 250_000 + number * 10_000)
        .collect();
    for at_ms in clock {
        let is_there = starts.iter().any(|it| it.execution == of_instant(at_ms));
        assert!(is_there, "{at_ms} is missing");
    }
    assert!(
        !starts
            .iter()
            .any(|it| it.execution == of_instant(hour + 200_000))
    );
}
