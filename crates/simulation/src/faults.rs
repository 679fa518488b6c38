//! What goes wrong in a run, planned from its seed.
//!
//! Within limits that the system is built for: the clocks of workers stay within [`WORKER_CLOCK_MS`] of the broker's (the
//! ledger allows for clocks that disagree by less than its settling time), those of schedulers within
//! [`SCHEDULER_CLOCK_MS`] (a scheduler whose clock is ahead delays the timers of its successors by as much).

use std::collections::BTreeMap;

use gennaker_bus::memory::Faults;

use crate::{
    fleet::{Fleet, Role},
    random::Random,
};

/// Most by which a worker's clock is ahead or behind.
pub(crate) const WORKER_CLOCK_MS: u64 = 1_000;

/// Most by which a scheduler's clock is ahead or behind.
pub(crate) const SCHEDULER_CLOCK_MS: u64 = 15_000;

/// A process that was asked to stop is killed after this time.
pub(crate) const STOPPED_MS: u64 = 8_000;

/// One thing that happens. What is done to a node ends after some milliseconds.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Kill {
        node: usize,
        for_ms: u64,
    },
    /// Asked to stop, killed some seconds later, and started again.
    Stop {
        node: usize,
        for_ms: u64,
    },
    Suspend {
        node: usize,
        for_ms: u64,
    },
    Cut {
        node: usize,
        for_ms: u64,
    },
    Jump {
        node: usize,
        by_ms: i64,
    },
    RestartBroker,
    Network(Faults),
    /// So many of a hundred probes are lost.
    Deaf(u64),
    /// The end of an earlier one.
    End(End),
}

/// How something that was done to a node ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Kill(usize),
    Start(usize),
    GoOn(usize),
    Heal(usize),
}

/// What will happen, by its time in milliseconds and in order.
#[derive(Default)]
pub(crate) struct Agenda {
    faults: BTreeMap<(u64, u64), Fault>,
    next: u64,
}

/// What goes wrong in a run.
pub(crate) struct Plan {
    pub agenda: Agenda,
    /// When nothing goes wrong any more.
    pub peace_ms: u64,
}

impl Agenda {
    pub fn add(&mut self, at_ms: u64, fault: Fault) {
        self.next += 1;
        self.faults.insert((at_ms, self.next), fault);
    }

    /// When the next one happens.
    pub fn due_ms(&self) -> Option<u64> {
        self.faults.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// The next one, if it is time.
    pub fn take(&mut self, now_ms: u64) -> Option<Fault> {
        if self.due_ms()? > now_ms {
            return None;
        }
        self.faults.pop_first().map(|(_, fault)| fault)
    }
}

/// Plans the faults of a run.
pub(crate) fn plan(random: &mut Random, fleet: &Fleet) -> Plan {
    let peace_ms = if random.percent(70) {
        random.between(10_000..=35_000)
    } else {
        random.between(50_000..=90_000)
    };
    let mut agenda = Agenda::default();
    let (processes, network) = *random.pick(&[
        (true, true),
        (true, true),
        (true, false),
        (false, true),
        (false, false),
    ]);
    if network {
        let mut at = random.between(0..=3_000);
        while at < peace_ms {
            agenda.add(at, Fault::Network(weather(random)));
            at += random.between(2_000..=20_000);
        }
        agenda.add(
            random.between(0..=peace_ms),
            Fault::Deaf(random.between(5..=60)),
        );
    }
    if processes {
        let mut jumps = vec![0; fleet.len()];
        let pause_ms = random.between(700..=5_000);
        let mut at = random.between(500..=4_000);
        while at < peace_ms {
            agenda.add(at, mishap(random, fleet, &mut jumps));
            at += random.between(200..=2 * pause_ms);
        }
    }
    Plan { agenda, peace_ms }
}

fn weather(random: &mut Random) -> Faults {
    let rough = random.between(0..=3);
    let chance = |random: &mut Random, percent: u64| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let chance = random.between(0..=percent * rough) as f64 / 100.0;
        chance
    };
    let delay_max = *random.pick(&[1, 1, 5, 20, 150, 700]);
    Faults {
        drop: chance(random, 2),
        duplicate: chance(random, 4),
        reorder: chance(random, 3),
        delay_ms: 0..=delay_max,
        append_lost: chance(random, 3),
        ack_lost: chance(random, 3),
        lag_ms: if random.percent(30) {
            random.between(1..=2_000)
        } else {
            0
        },
    }
}

fn mishap(random: &mut Random, fleet: &Fleet, jumps: &mut [i64]) -> Fault {
    let node = usize::try_from(random.draw() % fleet.len() as u64).unwrap_or(0);
    let is_worker = fleet.role(node) != Role::Scheduler;
    match random.between(0..=99) {
        0..=29 => Fault::Kill {
            node,
            for_ms: random.between(100..=9_000),
        },
        30..=64 => {
            let long_ms = match (is_worker, random.percent(50)) {
                (true, true) => random.between(31_000..=50_000),
                (true, false) => random.between(9_000..=25_000),
                (false, _) => random.between(3_500..=9_000),
            };
            let for_ms = if random.percent(60) {
                long_ms
            } else {
                random.between(100..=3_500)
            };
            Fault::Suspend { node, for_ms }
        }
        65..=79 => Fault::Cut {
            node,
            for_ms: random.between(200..=12_000),
        },
        80..=86 => Fault::Stop {
            node,
            for_ms: random.between(STOPPED_MS..=STOPPED_MS + 2_000),
        },
        87..=95 => {
            let most = i64::try_from(if is_worker {
                WORKER_CLOCK_MS
            } else {
                SCHEDULER_CLOCK_MS
            })
            .unwrap_or(0);
            let target =
                i64::try_from(random.draw() % (2 * most.unsigned_abs() + 1)).unwrap_or(0) - most;
            let by_ms = target - jumps[node];
            jumps[node] = target;
            Fault::Jump { node, by_ms }
        }
        _ => Fault::RestartBroker,
    }
}
