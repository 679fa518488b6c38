//! One run: a broker, schedulers, workers, an outside, clients, and everything that goes wrong between them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gennaker_bus::{
    Bus, Layout, layout,
    memory::{Broker, Faults, Lapse},
};
use gennaker_model::{Map, command::Request};
use gennaker_runtime::{Clock, Scope};
use gennaker_store::Store;
use tokio::time::{Instant, sleep};

use crate::{
    Rule,
    case::{self, Case},
    client::Client,
    end,
    faults::{self, Agenda, End, Fault, Plan},
    fleet::{self, Fleet, Role},
    freezer::Freezer,
    knowledge::Knowledge,
    outside::Outside,
    panics::Panics,
    pipelines,
    promise::{Promise, Verdict, Violation},
    random::Random,
    summary::Summary,
    trace::Trace,
    witness::Witness,
};

/// Time at the beginning of every run, epoch milliseconds: 40 s past midnight, because execution windows count in minutes.
const BEGAN_MS: i64 = 1_767_225_640_000;

/// Longest time between two looks at everything.
const STEP: Duration = Duration::from_millis(250);

/// Within this time after the last fault everything has ended.
const CALM_MS_MAX: u64 = 15 * 60 * 1_000;

/// How often somebody looks after what is left.
const CARE: Duration = Duration::from_secs(5);

/// For how long `--break proof` lets a scheduler take its own last append for the log's last message.
const OWN_MS: u64 = 30_000;

/// Runs one seed on the current thread's runtime.
pub(crate) async fn run(
    seed: u64,
    broken: Option<Rule>,
    trace: &Trace,
    panics: &Panics,
) -> (Summary, Option<Violation>) {
    let mut world = World::new(seed, broken, trace.clone()).await;
    world.go(panics).await;
    world.end().await
}

struct World {
    seed: u64,
    broker: Broker,
    clock: Clock,
    partitions: u32,
    fleet: Fleet,
    plan: Plan,
    outside: Outside,
    witness: Arc<Mutex<Witness>>,
    knowledge: Knowledge,
    verdict: Verdict,
    trace: Trace,
    random: Random,
    clients: Scope,
    /// Whoever looks after what clients have left alone.
    carers: Scope,
    scatters: bool,
    client_buses: Vec<Bus>,
    began: Instant,
    mishaps: u64,
}

impl World {
    async fn new(seed: u64, broken: Option<Rule>, trace: Trace) -> Self {
        let mut random = Random::new(seed);
        let broker = Broker::starting_at(random.draw(), BEGAN_MS.unsigned_abs());
        let clock = Clock::simulated(BEGAN_MS);
        let verdict = Verdict::new();
        let partitions = u32::try_from(random.between(1..=3)).unwrap_or(1);
        // Shorter than in production: tasks of suspended workers come again while those may still go on.
        let ack_wait = Duration::from_secs(*random.pick(&[12, 15, 30]));
        let layout = Layout {
            partitions,
            pools: vec![layout::Pool {
                name: fleet::POOL.to_owned(),
                limit: 50,
                ack_wait,
            }],
            zones: pipelines::ZONES.map(str::to_owned).to_vec(),
            ..Layout::default()
        };
        let gates: Vec<Bus> = ["gate-0", "gate-1"]
            .map(|name| Bus::memory(&broker, name))
            .to_vec();
        if let Err(error) = gates[0].bootstrap(&layout).await {
            verdict.broken(
                Promise::StandsUp,
                format!("the streams were not made: {error}"),
            );
        }
        match broken {
            Some(Rule::Fence) => broker.set_lapse(Lapse::Expectations("GK_LOG_".to_owned())),
            Some(Rule::Proof) => broker.set_lapse(Lapse::OwnReads {
                prefix: "GK_LOG_".to_owned(),
                for_ms: OWN_MS,
            }),
            Some(Rule::Tell) => broker.set_lapse(Lapse::Swallows("GK_EVENTS".to_owned())),
            Some(Rule::Ledger | Rule::Route) | None => {}
        }
        let witness = Arc::new(Mutex::new(Witness::new(
            &broker,
            verdict.clone(),
            trace.clone(),
        )));
        let outside = Outside::new(
            random.fork(),
            Arc::clone(&witness),
            verdict.clone(),
            trace.clone(),
        );
        let around = fleet::Surroundings {
            broker: broker.clone(),
            layout,
            outside: outside.clone(),
            verdict: verdict.clone(),
            trace: trace.clone(),
            skips_ledger: broken == Some(Rule::Ledger),
        };
        let mut fleet = Fleet::new(around, random.fork());
        man(&mut fleet, &clock, &mut random);
        let plan = faults::plan(&mut random, &fleet);
        let mut world = Self {
            seed,
            broker,
            clock,
            partitions,
            fleet,
            plan,
            outside,
            witness,
            knowledge: Knowledge::default(),
            verdict,
            trace,
            random,
            clients: Scope::root("clients"),
            carers: Scope::root("carers"),
            scatters: broken == Some(Rule::Route),
            client_buses: gates,
            began: Instant::now(),
            mishaps: 0,
        };
        world.begin_cases().await;
        world
    }

    /// Saves the pipelines that others start, then lets clients begin theirs.
    async fn begin_cases(&mut self) {
        let children = pipelines::children(&mut self.random);
        let store = Store::new(&self.client_buses[0]);
        for child in &children {
            let id = child["id"].as_str().unwrap_or_default();
            if let Err(error) = store
                .pipelines()
                .save(child, id, "ann", false, self.clock.now_ms())
                .await
            {
                self.verdict.broken(
                    Promise::StandsUp,
                    format!("pipeline {id} was not saved: {error}"),
                );
            }
        }
        let mut before: Option<Map> = None;
        let mut begun = Vec::new();
        for index in 0..usize::try_from(self.random.between(2..=4)).unwrap_or(1) {
            // Some are started again, so that one execution meets others of its pipeline.
            let again = before.take().filter(|_| self.random.percent(45));
            let config =
                again.unwrap_or_else(|| pipelines::top(&mut self.random, index, &children));
            before = Some(config.clone());
            begun.push((format!("case-{index}"), config));
        }
        let followed: Vec<Map> = begun
            .iter()
            .map(|(_, config)| config.clone())
            .chain(children.iter().cloned())
            .collect();
        self.save_followers(&store, &followed).await;
        for (name, config) in begun {
            self.begin(name, config);
        }
        if self.random.percent(15) {
            let config = pipelines::crowded(&mut self.random);
            for index in 0..self.random.between(3..=5) {
                self.begin(format!("crowd-{index}"), config.clone());
            }
        }
        if self.random.percent(25) {
            let tops = before.iter().chain(&children);
            let ids: Vec<String> = tops
                .filter_map(|config| config.get("id")?.as_str().map(str::to_owned))
                .collect();
            let pipeline = self.random.pick(&ids).clone();
            let freezer = Freezer::new(&mut self.random, pipeline, Arc::clone(&self.witness));
            let client = self.client("freezer".to_owned());
            self.clients.spawn("freezer", freezer.run(client));
        }
    }

    /// Pipelines that start when others end.
    async fn save_followers(&mut self, store: &Store, followed: &[Map]) {
        let mut expected = Vec::new();
        for (config, follower) in pipelines::followers(&mut self.random, followed) {
            let now_ms = self.clock.now_ms();
            let saved = store.pipelines();
            if let Err(error) = saved
                .save(&config, &follower.id, "ann", false, now_ms)
                .await
            {
                let sentence = format!("pipeline {} was not saved: {error}", follower.id);
                self.verdict.broken(Promise::StandsUp, sentence);
            }
            expected.push(follower);
        }
        self.witness().expect(expected);
    }

    fn begin(&mut self, name: String, config: Map) {
        let case = Case::new(&mut self.random, config, self.scatters);
        let client = self.client(name);
        self.clients.spawn("case", case.run(client));
    }

    fn client(&mut self, name: String) -> Client {
        Client {
            name,
            bus: self.random.pick(&self.client_buses).clone(),
            clock: self.clock.clone(),
            partitions: self.partitions,
            knowledge: self.knowledge.clone(),
            verdict: self.verdict.clone(),
            trace: self.trace.clone(),
            random: self.random.fork(),
            commands: 0,
        }
    }

    /// Lets time pass, with faults and then without, until everything has ended or something is wrong.
    async fn go(&mut self, panics: &Panics) {
        let mut agenda = std::mem::take(&mut self.plan.agenda);
        let peace = self.began + Duration::from_millis(self.plan.peace_ms);
        let mut at_peace = false;
        loop {
            let next = Instant::now() + STEP;
            let due = agenda
                .due_ms()
                .map_or(next, |at_ms| self.began + Duration::from_millis(at_ms));
            tokio::time::sleep_until(if at_peace {
                next
            } else {
                due.min(next).min(peace)
            })
            .await;
            while let Some(fault) = agenda.take(self.now_ms()).filter(|_| !at_peace) {
                self.happens(fault, &mut agenda);
            }
            if !at_peace && Instant::now() >= peace {
                at_peace = true;
                self.peace();
            }
            self.witness().catch_up();
            if at_peace {
                let now_ms = self.now_ms();
                self.witness().look_for_room(now_ms);
            }
            if let Some(panic) = panics.first() {
                self.verdict
                    .broken(Promise::StandsUp, format!("a panic: {panic}"));
            }
            if self.verdict.found().is_some() {
                return;
            }
            if at_peace && self.clients.tasks() == 0 && self.witness().open().is_empty() {
                return;
            }
            if Instant::now() >= peace + Duration::from_millis(CALM_MS_MAX) {
                let open = self.witness().open();
                let clients = self.clients.tasks();
                let sentence = format!(
                    "{clients} clients wait and this is open: {}",
                    open.join("; ")
                );
                return self.verdict.broken(Promise::Ends, sentence);
            }
        }
    }

    fn happens(&mut self, fault: Fault, agenda: &mut Agenda) {
        self.mishaps += 1;
        let now_ms = self.now_ms();
        let mut ends = |for_ms: u64, end| agenda.add(now_ms + for_ms, Fault::End(end));
        match fault {
            Fault::Kill { node, for_ms } => {
                let node = self.fleet.victim(node);
                self.fleet.kill(node);
                ends(for_ms, End::Start(node));
            }
            Fault::Stop { node, for_ms } => {
                self.fleet.stop(node);
                ends(faults::STOPPED_MS, End::Kill(node));
                ends(for_ms, End::Start(node));
            }
            Fault::Suspend { node, for_ms } => {
                let node = self.fleet.victim(node);
                self.fleet.suspend(node);
                ends(for_ms, End::GoOn(node));
            }
            Fault::Cut { node, for_ms } => {
                let node = self.fleet.victim(node);
                self.fleet.cut(node);
                ends(for_ms, End::Heal(node));
            }
            Fault::Jump { node, by_ms } => self.fleet.jump(node, by_ms),
            Fault::RestartBroker => {
                self.trace.line(|| "the broker restarts".to_owned());
                self.broker.restart();
            }
            Fault::Network(faults) => {
                self.trace.line(|| format!("network: {faults:?}"));
                self.broker.set_faults(faults);
            }
            Fault::Deaf(percent) => self.outside.set_deaf(percent),
            Fault::End(end) => self.ends(end),
        }
    }

    fn ends(&mut self, end: End) {
        match end {
            End::Kill(node) => self.fleet.kill(node),
            End::Start(node) => self.fleet.start(node),
            End::GoOn(node) => {
                self.fleet.go_on(node);
                self.ask_around(node);
            }
            End::Heal(node) => {
                self.fleet.heal(node);
                self.ask_around(node);
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A scheduler that was away may think that it still owns something: clients ask, and compare the answers.
    fn ask_around(&mut self, node: usize) {
        if self.fleet.role(node) != Role::Scheduler {
            return;
        }
        let mut client = self.client(format!("asker-{}", self.mishaps));
        self.clients.spawn("asker", async move {
            let known = client.knowledge.executions();
            for _ in 0..12 {
                if known.is_empty() {
                    return;
                }
                let id = client.random.pick(&known).clone();
                if client.random.percent(50) {
                    client.see(&id).await;
                } else {
                    // Only its place in time matters.
                    let _ = client
                        .ask(
                            &id,
                            Request::Explain {
                                execution: id.clone(),
                            },
                        )
                        .await;
                }
                let wait_ms = client.random.between(0..=150);
                sleep(Duration::from_millis(wait_ms)).await;
            }
        });
    }

    fn peace(&mut self) {
        self.trace
            .line(|| "from now on nothing goes wrong".to_owned());
        self.broker.set_faults(Faults::default());
        self.outside.set_deaf(0);
        self.fleet.peace();
        let client = self.client("carer".to_owned());
        self.carers
            .spawn("carer", care(client, Arc::clone(&self.witness)));
    }

    /// Looks at what is left, and counts.
    async fn end(mut self) -> (Summary, Option<Violation>) {
        self.carers.cancel();
        if self.verdict.found().is_none() {
            self.witness().end();
            let mut client = self.client("auditor".to_owned());
            end::check(&mut client, &self.witness, &self.outside).await;
        }
        let (calls, effects) = self.outside.counts();
        let witness = self.witness();
        let counts = witness.counts();
        let told = witness.told();
        let summary = Summary {
            seed: self.seed,
            executions: witness.documents().count() as u64,
            stages: witness
                .documents()
                .map(|document| document.stages.len() as u64)
                .sum(),
            calls,
            effects,
            mishaps: self.mishaps,
            log_messages: witness.messages(),
            takeovers: witness.takeovers(),
            closings: witness.closings(),
            large: witness.large(),
            probes: self.outside.probes(),
            queued: counts.queued,
            pauses: counts.pauses,
            windows: counts.windows,
            frozen: counts.frozen,
            restarts: counts.restarts,
            rejoined: counts.rejoined,
            followed: told.followed,
            delivered: told.delivered,
            given_up: told.given_up,
            forwarded: told.forwarded,
            stored: self.broker.stored(),
            lasted_ms: self.now_ms(),
            digest: self.broker.digest(),
        };
        drop(witness);
        (summary, self.verdict.found())
    }

    fn witness(&self) -> MutexGuard<'_, Witness> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after executions of which nobody thinks any more, such as the parents of a child that was restarted.
async fn care(mut client: Client, witness: Arc<Mutex<Witness>>) {
    loop {
        sleep(CARE).await;
        let open = {
            let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
            witness.catch_up();
            witness.unfinished()
        };
        for id in open {
            if let Some(document) = client.see(&id).await {
                case::attend(&mut client, &document).await;
            }
        }
    }
}

/// Two or three schedulers, two or three workers in two zones, and one or two that handle events, each with a clock of its own.
fn man(fleet: &mut Fleet, clock: &Clock, random: &mut Random) {
    let skew = |random: &mut Random, most: u64| {
        i64::try_from(random.between(0..=most)).unwrap_or(0) - i64::try_from(most / 2).unwrap_or(0)
    };
    for _ in 0..random.between(2..=3) {
        let skew_ms = if random.percent(50) {
            0
        } else {
            skew(random, faults::SCHEDULER_CLOCK_MS)
        };
        fleet.add(Role::Scheduler, clock.skewed(skew_ms));
    }
    for index in 0..random.between(2..=3) {
        let zone = pipelines::ZONES[usize::try_from(index % 2).unwrap_or(0)];
        let skew_ms = if random.percent(50) {
            0
        } else {
            skew(random, faults::WORKER_CLOCK_MS)
        };
        fleet.add(Role::Worker { zone }, clock.skewed(skew_ms));
    }
    for _ in 0..random.between(1..=2) {
        fleet.add(Role::Triggers, clock.skewed(0));
    }
}
