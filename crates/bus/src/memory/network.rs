//! The agenda of everything that will happen between nodes and broker.
//!
//! Whatever takes time is an entry of one agenda, ordered by time and then by order of entry. One driver task carries
//! them out. It is the only task of the twin, holds the broker weakly and ends with it.

mod nodes;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::random::Random;
use super::stream::Stream;
use super::{Faults, Kept, Lapse};
use crate::backend::Stored;
pub(super) use nodes::Gate;
use nodes::NodeState;
pub(crate) use wire::Inbox;
use wire::{InboxState, SubscriptionState};
pub(super) use wire::{inbox_id, status};

/// Lines kept of the trace.
const TRACE_LINES: usize = 4096;

pub(super) struct Inner {
    state: Mutex<State>,
    wake: Arc<Notify>,
}

/// Something that will be done under the lock.
pub(super) type Action = Box<dyn FnOnce(&mut State) + Send>;

pub(super) struct State {
    pub faults: Faults,
    pub random: Random,
    pub epoch_ms: u64,
    pub streams: BTreeMap<String, Stream>,
    pub digest: u64,
    pub stored: u64,
    pub trace: VecDeque<String>,
    pub taps: Vec<(String, tokio::sync::mpsc::UnboundedSender<(String, Kept)>)>,
    pub lapse: Option<Lapse>,
    /// What each node stored last in each stream; kept for [`Lapse::OwnReads`] only.
    pub own: BTreeMap<(usize, String), Stored>,
    start: Option<Instant>,
    driver: JoinSet<()>,
    nodes: Vec<NodeState>,
    names: BTreeMap<String, usize>,
    inboxes: BTreeMap<u64, InboxState>,
    subscriptions: BTreeMap<u64, SubscriptionState>,
    agenda: BTreeMap<(u64, u64), Entry>,
    next_id: u64,
}

struct Entry {
    /// The node at which it happens; `None` at the broker.
    node: Option<usize>,
    /// The node that sent it, if one did.
    from: Option<usize>,
    action: Action,
}

impl Inner {
    pub(super) fn new(seed: u64, epoch_ms: u64) -> Self {
        Self {
            state: Mutex::new(State {
                faults: Faults::default(),
                random: Random::new(seed),
                epoch_ms,
                streams: BTreeMap::new(),
                digest: 0xCBF2_9CE4_8422_2325,
                stored: 0,
                trace: VecDeque::new(),
                taps: Vec::new(),
                lapse: None,
                own: BTreeMap::new(),
                start: None,
                driver: JoinSet::new(),
                nodes: Vec::new(),
                names: BTreeMap::new(),
                inboxes: BTreeMap::new(),
                subscriptions: BTreeMap::new(),
                agenda: BTreeMap::new(),
                next_id: 1,
            }),
            wake: Arc::new(Notify::new()),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds this lock")
    }

    /// Runs something at the broker's state and lets the driver see what it put on the agenda.
    pub(super) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.start.get_or_insert_with(Instant::now);
        let result = act(&mut state);
        // It has ended when the runtime that ran it is gone.
        while state.driver.try_join_next().is_some() {}
        if state.driver.is_empty() {
            let driver = run_driver(Arc::downgrade(self), Arc::clone(&self.wake));
            state.driver.spawn(driver);
        }
        drop(state);
        self.wake.notify_one();
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

async fn run_driver(inner: Weak<Inner>, wake: Arc<Notify>) {
    loop {
        let next = {
            let Some(inner) = inner.upgrade() else { return };
            let mut state = inner.lock();
            let now = state.now();
            while let Some(entry) = state.agenda.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                let Entry { node, action, .. } = entry.remove();
                state.carry_out(node, action);
            }
            let start = state.start.expect("set before the driver starts");
            state
                .agenda
                .first_key_value()
                .map(|((at, _), _)| start + Duration::from_millis(*at))
        };
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = wake.notified() => {}
            () = sleep => {}
        }
    }
}

impl State {
    /// Milliseconds since the start.
    pub(super) fn now(&self) -> u64 {
        self.start.map_or(0, |start| {
            u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
        })
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn at(&mut self, at_ms: u64, node: Option<usize>, action: Action) {
        self.schedule(at_ms, node, None, action);
    }

    fn schedule(&mut self, at_ms: u64, node: Option<usize>, from: Option<usize>, action: Action) {
        let order = self.id();
        self.agenda
            .insert((at_ms, order), Entry { node, from, action });
    }

    /// Puts something on the agenda of the broker itself.
    pub(super) fn later(&mut self, delay_ms: u64, action: Action) {
        let at = self.now() + delay_ms;
        self.at(at, None, action);
    }

    /// Takes a stored message into digest and trace.
    pub(super) fn record(&mut self, stream: &str, stored: &Stored) {
        self.stored += 1;
        let mut digest = self.digest;
        let mut fold = |bytes: &[u8]| {
            for byte in bytes {
                digest = (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
            }
        };
        fold(stream.as_bytes());
        fold(stored.subject.as_bytes());
        fold(&stored.sequence.to_le_bytes());
        fold(&stored.time_ms.to_le_bytes());
        for (name, value) in &stored.headers {
            fold(name.as_bytes());
            fold(value.as_bytes());
        }
        fold(&stored.payload);
        self.digest = digest;
        // A receiver that is gone needs nothing.
        for (_, tap) in self
            .taps
            .iter()
            .filter(|(prefix, _)| stream.starts_with(prefix))
        {
            let _ = tap.send((stream.to_owned(), Kept::of(stored)));
        }
        let Stored {
            subject, sequence, ..
        } = stored;
        let bytes = stored.payload.len();
        self.note(|| format!("{stream} {sequence} {subject} {bytes} bytes, digest {digest:016x}"));
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.trace.len() == TRACE_LINES {
            self.trace.pop_front();
        }
        let now = self.now();
        self.trace.push_back(format!("{now} ms: {}", line()));
    }

    fn carry_out(&mut self, node: Option<usize>, action: Action) {
        let Some(node) = node else {
            return action(self);
        };
        let gate = *self.nodes[node].gate.borrow();
        match gate {
            Gate::Running if self.nodes[node].cut => {}
            Gate::Running => action(self),
            Gate::Paused => self.nodes[node].held.push(action),
            Gate::Dead | Gate::Closed => {}
        }
    }
}
