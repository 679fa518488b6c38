//! Nodes, the connections between them and the broker, and the agenda of everything that will happen.
//!
//! Whatever takes time is an entry of one agenda, ordered by time and then by order of entry. One driver task carries
//! them out. It is the only task of the twin, holds the broker weakly and ends with it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::random::Random;
use super::stream::Stream;
use super::{Faults, Kept, Lapse};
use crate::backend::{Headers, Raw, Stored};
use crate::subject;

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

struct NodeState {
    gate: watch::Sender<Gate>,
    /// Wakes who waits for the gate in the order of their coming; `watch` would draw that order at random.
    turned: Arc<Notify>,
    generation: u64,
    /// One for each receiver, for the same reason.
    generations: Vec<watch::Sender<u64>>,
    cut: bool,
    /// When the last message of each direction arrives: later ones do not overtake it.
    out_ms: u64,
    in_ms: u64,
    /// What came while it was paused.
    held: Vec<Action>,
}

/// What a node may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Running,
    Paused,
    Dead,
    Closed,
}

struct InboxState {
    node: usize,
    sender: mpsc::UnboundedSender<Raw>,
}

struct SubscriptionState {
    inbox: u64,
    filter: String,
    group: Option<String>,
}

/// What comes to one reply address or subscription of a node.
pub(crate) struct Inbox {
    inner: Arc<Inner>,
    id: u64,
    subject: String,
    receiver: mpsc::UnboundedReceiver<Raw>,
    gate: watch::Receiver<Gate>,
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

    /// The node of this name, or a new one when there is none that lives.
    pub(super) fn node(&self, name: &str) -> usize {
        let mut state = self.lock();
        if let Some(&node) = state.names.get(name)
            && matches!(
                *state.nodes[node].gate.borrow(),
                Gate::Running | Gate::Paused
            )
        {
            return node;
        }
        let node = state.nodes.len();
        state.nodes.push(NodeState {
            gate: watch::Sender::new(Gate::Running),
            turned: Arc::default(),
            generation: 0,
            generations: Vec::new(),
            cut: false,
            out_ms: 0,
            in_ms: 0,
            held: Vec::new(),
        });
        state.names.insert(name.to_owned(), node);
        node
    }

    pub(super) fn pause(&self, name: &str) {
        let mut state = self.lock();
        if let Some(node) = state.living(name) {
            state.note(|| format!("{name} is paused"));
            state.nodes[node].turn(Gate::Paused);
        }
    }

    pub(super) fn resume(&self, name: &str) {
        let mut state = self.lock();
        let Some(node) = state.living(name) else {
            return;
        };
        state.note(|| format!("{name} goes on"));
        let held = std::mem::take(&mut state.nodes[node].held);
        let now = state.now();
        for action in held {
            state.at(now, Some(node), action);
        }
        let node = &mut state.nodes[node];
        node.turn(Gate::Running);
        node.reconnect();
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn kill(&self, name: &str) {
        let mut state = self.lock();
        if let Some(node) = state.living(name) {
            state.note(|| format!("{name} is killed"));
            state.cut_off_sent(node);
            state.end(node, Gate::Dead);
        }
    }

    pub(super) fn cut(&self, name: &str, cut: bool) {
        let mut state = self.lock();
        let Some(node) = state.living(name) else {
            return;
        };
        state.note(|| {
            format!(
                "{name} is {}",
                if cut { "cut off" } else { "connected again" }
            )
        });
        let node = &mut state.nodes[node];
        if node.cut && !cut {
            node.reconnect();
        }
        node.cut = cut;
    }

    pub(super) fn restart(&self) {
        let mut state = self.lock();
        state.note(|| "the broker restarts".to_owned());
        state.streams.retain(|_, stream| stream.survives_restart());
        for node in &mut state.nodes {
            node.reconnect();
        }
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

impl NodeState {
    fn turn(&mut self, gate: Gate) {
        self.gate.send_replace(gate);
        self.turned.notify_waiters();
    }

    fn reconnect(&mut self) {
        self.generation += 1;
        for sender in &self.generations {
            sender.send_replace(self.generation);
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

    /// Sends something from a node to the broker. Nothing happens when the message is lost.
    pub(super) fn send(&mut self, node: usize, action: Action) {
        if self.nodes[node].cut || self.random.chance(self.faults.drop) {
            self.note(|| format!("a message of node {node} is lost"));
            return;
        }
        self.send_surely(node, action);
    }

    /// Sends something whose loss would be the loss of the connection.
    pub(super) fn send_surely(&mut self, node: usize, action: Action) {
        let before = self.nodes[node].out_ms;
        let at = self.arrival(before);
        self.nodes[node].out_ms = before.max(at);
        self.schedule(at, None, Some(node), action);
    }

    /// Sends something from the broker to a node.
    pub(super) fn answer(&mut self, node: usize, action: Action) {
        if self.nodes[node].cut || self.random.chance(self.faults.drop) {
            self.note(|| format!("a message for node {node} is lost"));
            return;
        }
        let before = self.nodes[node].in_ms;
        let at = self.arrival(before);
        self.nodes[node].in_ms = before.max(at);
        self.at(at, Some(node), action);
    }

    /// Delivers a message to an inbox, if it still exists.
    pub(super) fn deliver(&mut self, inbox: u64, raw: Raw) {
        let Some(state) = self.inboxes.get(&inbox) else {
            return;
        };
        let node = state.node;
        self.answer(
            node,
            Box::new(move |state: &mut State| {
                if let Some(inbox) = state.inboxes.get(&inbox) {
                    // A receiver that is gone has unregistered already, or is about to.
                    let _ = inbox.sender.unbounded_send(raw);
                }
            }),
        );
    }

    /// Whether messages for this inbox can reach anybody.
    pub(super) fn listens(&self, inbox: u64) -> bool {
        self.inboxes.contains_key(&inbox)
    }

    /// Routes a core message, and says 503 to its author's inbox when nobody listens.
    pub(super) fn route(&mut self, raw: &Raw) {
        if let Some(inbox) = inbox_id(&raw.subject) {
            self.deliver(inbox, raw.clone());
            return;
        }
        let mut inboxes = Vec::new();
        let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for subscription in self.subscriptions.values() {
            if subject::matches(&subscription.filter, &raw.subject) {
                match &subscription.group {
                    None => inboxes.push(subscription.inbox),
                    Some(group) => groups
                        .entry(group.clone())
                        .or_default()
                        .push(subscription.inbox),
                }
            }
        }
        for members in groups.into_values() {
            let chosen = self.random.draw() % members.len() as u64;
            inboxes.push(members[usize::try_from(chosen).unwrap_or(0)]);
        }
        if inboxes.is_empty()
            && let Some(reply) = raw.reply.as_deref().and_then(inbox_id)
        {
            self.deliver(reply, status(503, "No Responders"));
        }
        for inbox in inboxes {
            self.deliver(inbox, raw.clone());
        }
    }

    pub(super) fn subscribe(&mut self, inbox: u64, filter: &str, group: Option<&str>) {
        if self.listens(inbox) {
            self.subscriptions.insert(
                inbox,
                SubscriptionState {
                    inbox,
                    filter: filter.to_owned(),
                    group: group.map(str::to_owned),
                },
            );
        }
    }

    pub(super) fn gate(&self, node: usize) -> watch::Receiver<Gate> {
        self.nodes[node].gate.subscribe()
    }

    pub(super) fn turned(&self, node: usize) -> Arc<Notify> {
        Arc::clone(&self.nodes[node].turned)
    }

    pub(super) fn generation(&mut self, node: usize) -> watch::Receiver<u64> {
        let node = &mut self.nodes[node];
        node.generations.retain(|sender| !sender.is_closed());
        let (sender, receiver) = watch::channel(node.generation);
        node.generations.push(sender);
        receiver
    }

    /// Ends a node for good.
    pub(super) fn end(&mut self, node: usize, gate: Gate) {
        self.nodes[node].turn(gate);
        self.nodes[node].held.clear();
        self.inboxes.retain(|_, inbox| inbox.node != node);
        let inboxes = &self.inboxes;
        self.subscriptions
            .retain(|_, subscription| inboxes.contains_key(&subscription.inbox));
    }

    /// Of what a node sent and what is still under way, only a beginning of random length arrives.
    fn cut_off_sent(&mut self, node: usize) {
        let sent: Vec<(u64, u64)> = self
            .agenda
            .iter()
            .filter(|(_, entry)| entry.from == Some(node))
            .map(|(key, _)| *key)
            .collect();
        let arrive = self.random.between(&(0..=sent.len() as u64));
        for key in sent
            .into_iter()
            .skip(usize::try_from(arrive).unwrap_or(usize::MAX))
        {
            self.agenda.remove(&key);
        }
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

    fn arrival(&mut self, not_before: u64) -> u64 {
        let delay = self.random.between(&self.faults.delay_ms);
        if self.random.chance(self.faults.reorder) {
            let factor = self.random.between(&(1..=10));
            return self.now() + delay * factor;
        }
        (self.now() + delay).max(not_before)
    }

    fn living(&self, name: &str) -> Option<usize> {
        let node = *self.names.get(name)?;
        matches!(
            *self.nodes[node].gate.borrow(),
            Gate::Running | Gate::Paused
        )
        .then_some(node)
    }
}

impl Inbox {
    pub(super) fn open(inner: &Arc<Inner>, node: usize) -> Self {
        let (sender, receiver) = mpsc::unbounded();
        let mut state = inner.lock();
        let id = state.id();
        let gate = state.gate(node);
        if matches!(*gate.borrow(), Gate::Running | Gate::Paused) {
            state.inboxes.insert(id, InboxState { node, sender });
        }
        drop(state);
        Self {
            inner: Arc::clone(inner),
            id,
            subject: format!("_INBOX.{id}"),
            receiver,
            gate,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) async fn next(&mut self) -> Option<Raw> {
        let raw = self.receiver.next().await;
        if raw.is_none() && *self.gate.borrow() == Gate::Dead {
            // The process does not live to see the end.
            std::future::pending::<()>().await;
        }
        raw
    }

    /// Hands the receiving end over; the guard keeps the address registered.
    pub(super) fn split(mut self) -> (mpsc::UnboundedReceiver<Raw>, Self) {
        let (_, empty) = mpsc::unbounded();
        (std::mem::replace(&mut self.receiver, empty), self)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        state.subscriptions.remove(&self.id);
        let removed = state.inboxes.remove(&self.id);
        drop(state);
        drop(removed);
    }
}

pub(super) fn inbox_id(subject: &str) -> Option<u64> {
    subject.strip_prefix("_INBOX.")?.parse().ok()
}

pub(super) fn status(code: u16, description: &str) -> Raw {
    Raw {
        subject: String::new(),
        reply: None,
        headers: Headers::new(),
        payload: bytes::Bytes::new(),
        status: Some(code),
        description: description.to_owned(),
    }
}
