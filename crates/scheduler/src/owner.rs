//! The owner of one partition: one loop, one state, no locks.

mod answer;
mod arrival;
mod audit;
mod caller;
mod correlations;
mod decide;
mod delete;
mod freezes;
mod group;
mod keep;
mod limits;
mod outgoing;
mod parent;
mod perform;
mod prior;
mod release;
mod retire;
mod spans;
mod start;
mod tell;
mod templated;
mod values;
mod work;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gennaker_bus::{Appended, Bus, Error, Log};
use gennaker_engine::State;
use gennaker_model::{AttemptId, ExecutionId};
use gennaker_runtime::{Clock, Scope};
use gennaker_store::Store;
use tokio::sync::{Semaphore, mpsc};

use crate::{
    checkpoint::{Records, Saved},
    config::Config,
    history::Tail,
    index::Index,
    listeners::Listeners,
    metrics,
    wheel::Wheel,
};
pub(crate) use arrival::{Arrival, Saving};
use group::Group;
use outgoing::Outgoing;
use work::Work;

/// Why an owner stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Somebody else appended: we are not the owner any more.
    Superseded,
    /// It was asked to stop.
    Asked,
    /// It cannot go on; the log says why.
    Failed,
}

/// Checkpoints that are written at the same time.
const SAVES_MAX: usize = 64;

/// Commands whose large values are read at the same time.
const OPENS_MAX: usize = 8;

/// How long an append waits before it is tried again, when the log is full.
const FULL_RETRY: Duration = Duration::from_millis(250);

/// What the loop and the tasks beside it share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub config: Arc<Config>,
    pub bus: Bus,
    pub store: Store,
    pub listeners: Listeners,
    pub clock: Clock,
    pub partition: u32,
    pub log: Log,
    pub records: Records,
    pub scope: Scope,
}

pub(crate) struct Owner {
    around: Surroundings,
    epoch: u64,
    nonce: String,
    appends: u64,
    /// Sequence of the last log message, which is ours.
    last: u64,
    /// Latest time in the log.
    time: i64,
    slots: BTreeMap<ExecutionId, Slot>,
    index: Index,
    /// Who of each pipeline runs and who waits for it.
    limits: limits::Limits,
    correlations: correlations::Correlations,
    freezes: freezes::Freezes,
    wheel: Wheel,
    /// Executions whose last change is in no acknowledged header, with the oldest such log sequence.
    unsaved: BTreeMap<ExecutionId, u64>,
    /// Those of them whose checkpoint shall begin as soon as one of the others ends.
    to_save: BTreeSet<ExecutionId>,
    /// Log sequence below which everything was purged.
    purged: u64,
    /// When each open attempt was last known to be published or held, epoch milliseconds.
    heard: BTreeMap<(ExecutionId, AttemptId), i64>,
    /// Messages to other executions that are being sent.
    sending: BTreeSet<(ExecutionId, ExecutionId, u64)>,
    /// Announcements that are being told.
    telling: BTreeSet<(ExecutionId, u64)>,
    /// Answers that wait for the proof that we are still the owner.
    unproven: Vec<answer::Unproven>,
    proofs: u64,
    proving: bool,
    /// Work that was waiting for a load and can go on.
    ready: VecDeque<Work>,
    /// Starts for which something is being read beside the loop: a template, a parent.
    expanding: BTreeSet<ExecutionId>,
    /// Work for executions that a load did not find, and whether they were deleted.
    absent: VecDeque<(Work, bool)>,
    /// Changes that are not hinted yet, and when they will be: many changes of an execution make one hint.
    hints: BTreeMap<ExecutionId, release::Hint>,
    hints_at: Option<tokio::time::Instant>,
    /// Deleted executions, and when (epoch milliseconds): their ids are not free for others.
    deleted: BTreeMap<ExecutionId, i64>,
    /// Which finished executions are looked at next, whether their time has come.
    sweep: retire::Sweep,
    /// Executions whose state in memory is ahead of the log, because their append is not acknowledged: no checkpoint is cut.
    ahead: BTreeSet<ExecutionId>,
    /// What is to be sent at the end of this turn.
    outgoing: Outgoing,
    /// Whether the last group was large enough that the next one is worth waiting for, and when its append began.
    crowded: Option<tokio::time::Instant>,
    /// When a worker of a pool last held or reported anything, epoch milliseconds.
    pool_heard: BTreeMap<String, i64>,
    sender: mpsc::Sender<Arrival>,
    saves: mpsc::Sender<Saving>,
    save_slots: Arc<Semaphore>,
    /// Commands whose large values are read at the same time.
    open_slots: Arc<Semaphore>,
    opening: values::Opening,
    ended: Option<Ended>,
}

enum Slot {
    Live(Box<Live>),
    /// In the state bucket only; a load must show at least this log sequence.
    Parked {
        sequence: u64,
    },
    Loading {
        waiting: Vec<Work>,
        sequence: u64,
    },
    /// It is being moved to the archive, or erased.
    Retiring {
        waiting: Vec<Work>,
    },
}

/// What ended a wait of the loop.
enum Woken {
    Saved(Box<Saving>),
    Arrived(Box<Arrival>),
    Due,
    HintsDue,
    CheckpointDue,
    AuditDue { all: bool },
}

struct Live {
    state: State,
    /// The newest steps of its history, which are in no chunk yet.
    tail: Tail,
    saved: Saved,
    /// Log sequence of the last change.
    changed: u64,
    saving: bool,
    /// What waits until the large values of a decision are stored; `None` when no decision waits for that.
    held: Option<Vec<Work>>,
    deleted: bool,
}

/// What take-over hands to the loop.
pub(crate) struct TakenOver {
    pub epoch: u64,
    pub nonce: String,
    pub time: i64,
    pub first: u64,
    pub executions: Vec<Recovered>,
    /// Executions with large values that only wait: the document as lists show it with the timers, and the log sequence that
    /// their header stands for.
    pub resting: Vec<(Box<State>, u64)>,
}

/// An execution as take-over found it.
pub(crate) struct Recovered {
    pub state: State,
    /// The newest steps of its history.
    pub tail: Tail,
    /// It was deleted.
    pub deleted: bool,
    pub saved: Saved,
    /// Oldest and newest log sequence that its header does not have.
    pub unsaved: Option<(u64, u64)>,
}

impl Owner {
    /// Runs the loop until it is asked to stop or deposed.
    pub async fn run(around: Surroundings, taken: TakenOver) -> Ended {
        let (sender, arrivals) = mpsc::channel(around.config.queue_max);
        let (saves, saved) = mpsc::channel(SAVES_MAX);
        let mut owner = Self {
            epoch: taken.epoch,
            nonce: taken.nonce.clone(),
            appends: 0,
            last: taken.epoch,
            time: taken.time,
            slots: BTreeMap::new(),
            index: Index::default(),
            limits: limits::Limits::default(),
            correlations: correlations::Correlations::default(),
            freezes: freezes::Freezes::default(),
            wheel: Wheel::default(),
            unsaved: BTreeMap::new(),
            to_save: BTreeSet::new(),
            purged: taken.first,
            heard: BTreeMap::new(),
            sending: BTreeSet::new(),
            telling: BTreeSet::new(),
            unproven: Vec::new(),
            proofs: 0,
            proving: false,
            ready: VecDeque::new(),
            expanding: BTreeSet::new(),
            absent: VecDeque::new(),
            hints: BTreeMap::new(),
            hints_at: None,
            deleted: BTreeMap::new(),
            sweep: retire::Sweep::begin(around.config.retention.sweep_every),
            ahead: BTreeSet::new(),
            outgoing: Outgoing::default(),
            crowded: None,
            pool_heard: BTreeMap::new(),
            sender,
            saves,
            save_slots: Arc::new(Semaphore::new(SAVES_MAX)),
            open_slots: Arc::new(Semaphore::new(OPENS_MAX)),
            opening: values::Opening::default(),
            ended: None,
            around,
        };
        if let Err(error) = owner.listen().await {
            tracing::error!(
                partition = owner.around.partition,
                "the owner cannot subscribe to its commands: {error}"
            );
            return Ended::Failed;
        }
        match freezes::Freezes::read(&owner.around.bus).await {
            Ok(freezes) => owner.freezes = freezes,
            Err(error) => {
                tracing::error!(
                    partition = owner.around.partition,
                    "the owner cannot read what is frozen: {error}"
                );
                return Ended::Failed;
            }
        }
        owner.adopt(taken.executions);
        owner.adopt_resting(taken.resting);
        owner.index_the_rest();
        owner.turn(arrivals, saved).await
    }

    async fn turn(
        &mut self,
        mut arrivals: mpsc::Receiver<Arrival>,
        mut saved: mpsc::Receiver<Saving>,
    ) -> Ended {
        let mut saving = tokio::time::interval(self.around.config.checkpoint_every);
        let mut auditing = tokio::time::interval(self.around.config.audit_every);
        for interval in [&mut saving, &mut auditing] {
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        let mut generation = self.around.bus.generation();
        let clock = self.around.clock.clone();
        let token = self.around.scope.token().clone();
        loop {
            self.send_out();
            let due = self.wheel.next();
            let woken = tokio::select! {
                biased;
                () = token.cancelled() => return self.ended.unwrap_or(Ended::Asked),
                Some(saving) = saved.recv() => Woken::Saved(Box::new(saving)),
                Some(arrival) = arrivals.recv() => Woken::Arrived(Box::new(arrival)),
                () = clock.sleep_until_ms(due.unwrap_or(i64::MAX)), if due.is_some() => Woken::Due,
                () = sleep_until(self.hints_at), if self.hints_at.is_some() => Woken::HintsDue,
                _ = saving.tick() => Woken::CheckpointDue,
                _ = auditing.tick() => Woken::AuditDue { all: false },
                Ok(()) = generation.changed() => Woken::AuditDue { all: true },
            };
            self.linger().await;
            let mut group = Group::new(self.now());
            match woken {
                Woken::Saved(saving) => self.checkpoint_done(*saving),
                Woken::Arrived(arrival) => self.take(*arrival, &mut group),
                Woken::Due => {}
                Woken::HintsDue => self.hint_all(),
                Woken::CheckpointDue => self.checkpoint_due(),
                Woken::AuditDue { all } => self.audit(&mut group, all),
            }
            self.gather(&mut arrivals, &mut group);
            self.prove();
            if !self.append(group, &mut saved).await {
                return self.ended.unwrap_or(Ended::Superseded);
            }
            if let Some(ended) = self.ended {
                return ended;
            }
        }
    }

    /// Waits a moment for company, if the last group was large: then many inputs are on their way, and one append of forty
    /// costs hardly more than one of four. Who is alone is never kept waiting. (PostgreSQL's `commit_delay` and
    /// `commit_siblings`.)
    async fn linger(&mut self) {
        if let Some(began) = self.crowded.take() {
            tokio::time::sleep_until(began + self.around.config.linger).await;
        }
    }

    /// Takes what is there without waiting, up to the limits of a group.
    fn gather(&mut self, arrivals: &mut mpsc::Receiver<Arrival>, group: &mut Group) {
        loop {
            if group.is_full(&self.around.config) {
                return;
            }
            if let Some(work) = self.ready.pop_front() {
                self.perform(work, group);
            } else if let Some((work, deleted)) = self.absent.pop_front() {
                self.perform_absent(work, deleted, group);
            } else if let Some((execution, timer, due)) = self.wheel.pop(group.at) {
                metrics::timer_late(group.at - due);
                self.perform(Work::timer(execution, timer, due), group);
            } else if let Ok(arrival) = arrivals.try_recv() {
                self.take(arrival, group);
            } else {
                return;
            }
        }
    }

    /// Appends the group and releases its effects; false when we are not the owner any more.
    async fn append(&mut self, mut group: Group, saved: &mut mpsc::Receiver<Saving>) -> bool {
        if group.is_empty() {
            self.release(group);
            return true;
        }
        self.appends += 1;
        let id = format!("{}-{}", self.nonce, self.appends);
        let payload = Bytes::from(group.payload());
        let began = tokio::time::Instant::now();
        loop {
            match self
                .around
                .log
                .append(self.last, &id, payload.clone())
                .await
            {
                Ok(Appended::Committed(sequence)) => {
                    metrics::appended(payload.len(), group.inputs, began.elapsed());
                    self.crowded =
                        (group.inputs >= self.around.config.linger_from).then_some(began);
                    self.last = sequence;
                    self.time = self.time.max(group.at);
                    self.ahead.clear();
                    self.release(group);
                    return true;
                }
                Ok(Appended::Superseded) => {
                    tracing::warn!(
                        partition = self.around.partition,
                        "another scheduler has taken over partition {}; stepping down",
                        self.around.partition
                    );
                    return false;
                }
                Err(Error::Full { .. }) => {
                    tracing::error!(
                        partition = self.around.partition,
                        "the log of partition {} is full; nothing new is admitted until checkpoints have made room",
                        self.around.partition
                    );
                    self.ahead.extend(group.changed.iter().cloned());
                    self.make_room(saved).await;
                }
                Err(error) => {
                    tracing::error!(
                        partition = self.around.partition,
                        "the log of partition {} cannot be appended to: {error}",
                        self.around.partition
                    );
                    self.ended = Some(Ended::Failed);
                    return false;
                }
            }
            if self.around.scope.is_cancelled() {
                self.ended = Some(Ended::Asked);
                return false;
            }
        }
    }

    /// While the log is full, checkpoints go on and purge it.
    async fn make_room(&mut self, saved: &mut mpsc::Receiver<Saving>) {
        self.checkpoint_due();
        let until = tokio::time::Instant::now() + FULL_RETRY;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => return,
                Some(saving) = saved.recv() => self.checkpoint_done(saving),
            }
        }
    }

    /// The later of the own clock and the last time in the log: it never runs backwards over a take-over.
    fn now(&self) -> i64 {
        self.around.clock.now_ms().max(self.time)
    }
}

async fn sleep_until(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
