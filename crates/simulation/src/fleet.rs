//! The processes of a run: schedulers and workers, which begin, are suspended, cut off, killed, and begin again.

use std::{sync::Arc, time::Duration};

use gennaker_bus::{Bus, Layout, memory::Broker};
use gennaker_engine::Forwards;
use gennaker_runtime::{Clock, Scope};
use gennaker_scheduler::{Config, Scheduler};
use gennaker_store::Store;
use gennaker_triggers::Triggers;
use gennaker_worker::{Options, Pool, Registry, Task, Worker};

use crate::{
    life::Life,
    outside::Outside,
    promise::{Promise, Verdict},
    random::Random,
    tasks,
    trace::Trace,
};

/// The pool that all simulated tasks belong to.
pub(crate) const POOL: &str = "notify";

/// What all processes share.
pub(crate) struct Surroundings {
    pub broker: Broker,
    pub layout: Layout,
    pub outside: Outside,
    pub verdict: Verdict,
    pub trace: Trace,
    pub skips_ledger: bool,
}

/// All processes.
pub(crate) struct Fleet {
    around: Surroundings,
    nodes: Vec<Node>,
    random: Random,
}

/// What a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Scheduler,
    Worker { zone: &'static str },
    Triggers,
}

struct Node {
    name: String,
    role: Role,
    clock: Clock,
    process: Option<Process>,
}

struct Process {
    scope: Scope,
    life: Life,
}

impl Fleet {
    pub fn new(around: Surroundings, random: Random) -> Self {
        Self {
            around,
            nodes: Vec::new(),
            random,
        }
    }

    /// Adds a node with a clock of its own and starts it; gives its number.
    pub fn add(&mut self, role: Role, clock: Clock) -> usize {
        let letter = match role {
            Role::Scheduler => "scheduler",
            Role::Worker { .. } => "worker",
            Role::Triggers => "triggers",
        };
        let node = self.nodes.len();
        self.nodes.push(Node {
            name: format!("{letter}-{node}"),
            role,
            clock,
            process: None,
        });
        self.start(node);
        node
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn role(&self, node: usize) -> Role {
        self.nodes[node].role
    }

    /// The node itself, or, if it is an idle worker, one that is in the middle of a call: there a fault hurts.
    pub fn victim(&self, node: usize) -> usize {
        if !matches!(self.nodes[node].role, Role::Worker { .. }) {
            return node;
        }
        let is_busy = |node: &usize| {
            let process = self.nodes[*node].process.as_ref();
            self.nodes[*node].role != Role::Scheduler
                && process.is_some_and(|process| process.life.is_busy())
        };
        (node..self.nodes.len())
            .chain(0..node)
            .find(is_busy)
            .unwrap_or(node)
    }

    /// Starts the process of a node, unless it runs.
    pub fn start(&mut self, node: usize) {
        let Self {
            around,
            nodes,
            random,
        } = self;
        let node = &mut nodes[node];
        if node.process.is_some() {
            return;
        }
        around.trace.line(|| format!("{} starts", node.name));
        let process = Process {
            scope: Scope::root(&node.name),
            life: Life::new(),
        };
        let seed = random.draw();
        match node.role {
            Role::Scheduler => run_scheduler(around, node, &process, seed, random),
            Role::Worker { zone } => run_worker(around, node, &process, seed, zone),
            Role::Triggers => run_triggers(around, node, &process),
        }
        node.process = Some(process);
    }

    /// Ends a process as SIGKILL would.
    pub fn kill(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        if let Some(process) = node.process.take() {
            self.around
                .trace
                .line(|| format!("{} is killed", node.name));
            process.life.end();
            self.around.broker.kill_node(&node.name);
            // Nothing of it reaches anybody any more; this only lets go of its memory.
            process.scope.cancel();
        }
    }

    /// Asks a process to end, as SIGTERM would. It is killed some time later.
    pub fn stop(&self, node: usize) {
        let node = &self.nodes[node];
        if let Some(process) = &node.process {
            self.around
                .trace
                .line(|| format!("{} is asked to stop", node.name));
            process.scope.cancel();
        }
    }

    pub fn suspend(&self, node: usize) {
        let node = &self.nodes[node];
        if let Some(process) = &node.process {
            self.around
                .trace
                .line(|| format!("{} is suspended", node.name));
            process.life.suspend();
            self.around.broker.pause_node(&node.name);
        }
    }

    pub fn go_on(&self, node: usize) {
        let node = &self.nodes[node];
        if let Some(process) = &node.process {
            self.around.trace.line(|| format!("{} goes on", node.name));
            process.life.go_on();
            self.around.broker.resume_node(&node.name);
        }
    }

    pub fn cut(&self, node: usize) {
        let node = &self.nodes[node];
        if node.process.is_some() {
            self.around
                .trace
                .line(|| format!("{} is cut off from the broker", node.name));
            self.around.broker.partition(&node.name);
        }
    }

    pub fn heal(&self, node: usize) {
        let node = &self.nodes[node];
        if node.process.is_some() {
            self.around
                .trace
                .line(|| format!("{} is connected again", node.name));
            self.around.broker.heal(&node.name);
        }
    }

    /// Sets a node's clock forward or back.
    pub fn jump(&self, node: usize, by_ms: i64) {
        let node = &self.nodes[node];
        self.around
            .trace
            .line(|| format!("the clock of {} jumps by {by_ms} ms", node.name));
        node.clock.jump(by_ms);
    }

    /// Everybody runs, and can reach the broker.
    pub fn peace(&mut self) {
        for node in 0..self.nodes.len() {
            let stopping = self.nodes[node]
                .process
                .as_ref()
                .is_some_and(|process| process.scope.is_cancelled());
            if stopping {
                self.kill(node);
            }
            self.heal(node);
            self.go_on(node);
            self.start(node);
        }
    }
}

fn run_scheduler(
    around: &Surroundings,
    node: &Node,
    process: &Process,
    seed: u64,
    random: &mut Random,
) {
    let bus = bus(around, &node.name);
    let store = Store::new(&bus);
    let mut config = Config::new(&node.name, around.layout.partitions, seed);
    config.group_max = *random.pick(&[1, 4, 256]);
    config.checkpoint_every = Duration::from_millis(*random.pick(&[200, 1_000, 1_000, 3_000]));
    if *random.pick(&[true, true, false]) {
        config.retention.archive_after_ms = *random.pick(&[0, 2_000, 20_000]);
        config.retention.keep_per_pipeline = *random.pick(&[0, 0, 2]);
        config.retention.sweep_every = Duration::from_millis(*random.pick(&[300, 3_000]));
    }
    config.forwards = *random.pick(&[
        Forwards::Nothing,
        Forwards::Nothing,
        Forwards::Stages,
        Forwards::Tasks,
    ]);
    let scheduler = Scheduler::new(config, bus, store, node.clock.clone());
    let (scope, verdict, name) = (
        process.scope.clone(),
        around.verdict.clone(),
        node.name.clone(),
    );
    process.scope.spawn("scheduler", async move {
        scheduler.run(scope.child("partitions")).await;
        if !scope.is_cancelled() {
            verdict.broken(Promise::StandsUp, format!("{name} ended by itself"));
        }
    });
}

fn run_worker(around: &Surroundings, node: &Node, process: &Process, seed: u64, zone: &str) {
    let life = process.life.clone();
    let webhook = tasks::Webhook {
        node: node.name.clone(),
        life: life.clone(),
        outside: around.outside.clone(),
        skips_ledger: around.skips_ledger,
    };
    let cancel = tasks::CancelWebhook {
        life: life.clone(),
        outside: around.outside.clone(),
    };
    let read = tasks::ReadAddress { life: life.clone() };
    let send = tasks::SendNotification {
        node: node.name.clone(),
        life: life.clone(),
        outside: around.outside.clone(),
    };
    let tasks: [Arc<dyn Task>; 5] = [
        Arc::new(send),
        Arc::new(tasks::Noop { life }),
        Arc::new(webhook),
        Arc::new(cancel),
        Arc::new(read),
    ];
    let options = Options {
        name: node.name.clone(),
        zone: Some(zone.to_owned()),
        seed,
        pools: vec![Pool {
            name: POOL.to_owned(),
            concurrency: 4,
            tasks: Registry::new(tasks),
        }],
        drain: Duration::from_secs(4),
    };
    let worker = Worker::new(bus(around, &node.name), node.clock.clone(), options);
    let (scope, verdict, name) = (
        process.scope.clone(),
        around.verdict.clone(),
        node.name.clone(),
    );
    process.scope.spawn("worker", async move {
        let report = worker.run(scope.token().clone()).await;
        if !scope.is_cancelled() {
            verdict.broken(
                Promise::StandsUp,
                format!("{name} ended by itself: {report:?}"),
            );
        }
    });
}

fn run_triggers(around: &Surroundings, node: &Node, process: &Process) {
    let bus = bus(around, &node.name);
    let store = Store::new(&bus);
    let config = gennaker_triggers::Config {
        partitions: around.layout.partitions,
        cron: gennaker_triggers::timetable::Settings {
            enabled: false,
            zone: jiff::tz::TimeZone::UTC,
            catch_up_ms: 0,
        },
        git_secret: None,
        quiet: None,
        templates: gennaker_triggers::Templates::default(),
    };
    let triggers = Triggers::new(bus, store.clone(), node.clock.clone(), config);
    let token = process.scope.token().clone();
    process
        .scope
        .spawn("documents", async move { store.run(token).await });
    let (scope, verdict, name) = (
        process.scope.clone(),
        around.verdict.clone(),
        node.name.clone(),
    );
    process.scope.spawn("triggers", async move {
        let ended = triggers.run(scope.token().clone()).await;
        if !scope.is_cancelled() {
            verdict.broken(
                Promise::StandsUp,
                format!("{name} ended by itself: {ended:?}"),
            );
        }
    });
}

fn bus(around: &Surroundings, name: &str) -> Bus {
    let bus = Bus::memory(&around.broker, name);
    bus.remember(&around.layout);
    bus
}
