//! Nodes: which live, which are paused, cut off or dead, and what becomes of what they sent.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::{Action, Inner, State};

pub(super) struct NodeState {
    pub gate: watch::Sender<Gate>,
    /// Wakes who waits for the gate in the order of their coming; `watch` would draw that order at random.
    pub turned: Arc<Notify>,
    pub generation: u64,
    /// One for each receiver, for the same reason.
    pub generations: Vec<watch::Sender<u64>>,
    pub cut: bool,
    /// When the last message of each direction arrives: later ones do not overtake it.
    pub out_ms: u64,
    pub in_ms: u64,
    /// What came while it was paused.
    pub held: Vec<Action>,
}

/// What a node may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::memory) enum Gate {
    Running,
    Paused,
    Dead,
    Closed,
}

impl Inner {
    /// The node of this name, or a new one when there is none that lives.
    pub(in crate::memory) fn node(&self, name: &str) -> usize {
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

    pub(in crate::memory) fn pause(&self, name: &str) {
        let mut state = self.lock();
        if let Some(node) = state.living(name) {
            state.note(|| format!("{name} is paused"));
            state.nodes[node].turn(Gate::Paused);
        }
    }

    pub(in crate::memory) fn resume(&self, name: &str) {
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

    pub(in crate::memory) fn kill(&self, name: &str) {
        let mut state = self.lock();
        if let Some(node) = state.living(name) {
            state.note(|| format!("{name} is killed"));
            state.cut_off_sent(node);
            state.end(node, Gate::Dead);
        }
    }

    pub(in crate::memory) fn cut(&self, name: &str, cut: bool) {
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

    pub(in crate::memory) fn restart(&self) {
        let mut state = self.lock();
        state.note(|| "the broker restarts".to_owned());
        state.streams.retain(|_, stream| stream.survives_restart());
        for node in &mut state.nodes {
            node.reconnect();
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
    pub(in crate::memory) fn gate(&self, node: usize) -> watch::Receiver<Gate> {
        self.nodes[node].gate.subscribe()
    }

    pub(in crate::memory) fn turned(&self, node: usize) -> Arc<Notify> {
        Arc::clone(&self.nodes[node].turned)
    }

    pub(in crate::memory) fn generation(&mut self, node: usize) -> watch::Receiver<u64> {
        let node = &mut self.nodes[node];
        node.generations.retain(|sender| !sender.is_closed());
        let (sender, receiver) = watch::channel(node.generation);
        node.generations.push(sender);
        receiver
    }

    /// Ends a node for good.
    pub(in crate::memory) fn end(&mut self, node: usize, gate: Gate) {
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

    fn living(&self, name: &str) -> Option<usize> {
        let node = *self.names.get(name)?;
        matches!(
            *self.nodes[node].gate.borrow(),
            Gate::Running | Gate::Paused
        )
        .then_some(node)
    }
}
