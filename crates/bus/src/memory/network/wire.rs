//! The wire: what is sent between nodes and broker, when it arrives, and who gets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_channel::mpsc;
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::nodes::Gate;
use super::{Action, Inner, State};
use crate::backend::{Headers, Raw};
use crate::subject;

/// What comes to one reply address or subscription of a node.
pub(crate) struct Inbox {
    inner: Arc<Inner>,
    id: u64,
    subject: String,
    receiver: mpsc::UnboundedReceiver<Raw>,
    gate: watch::Receiver<Gate>,
}

pub(super) struct InboxState {
    pub node: usize,
    pub sender: mpsc::UnboundedSender<Raw>,
}

pub(super) struct SubscriptionState {
    pub inbox: u64,
    pub filter: String,
    pub group: Option<String>,
}

impl State {
    /// Sends something from a node to the broker. Nothing happens when the message is lost.
    pub(in crate::memory) fn send(&mut self, node: usize, action: Action) {
        if self.nodes[node].cut || self.random.chance(self.faults.drop) {
            self.note(|| format!("a message of node {node} is lost"));
            return;
        }
        self.send_surely(node, action);
    }

    /// Sends something whose loss would be the loss of the connection.
    pub(in crate::memory) fn send_surely(&mut self, node: usize, action: Action) {
        let before = self.nodes[node].out_ms;
        let at = self.arrival(before);
        self.nodes[node].out_ms = before.max(at);
        self.schedule(at, None, Some(node), action);
    }

    /// Sends something from the broker to a node.
    pub(in crate::memory) fn answer(&mut self, node: usize, action: Action) {
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
    pub(in crate::memory) fn deliver(&mut self, inbox: u64, raw: Raw) {
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
    pub(in crate::memory) fn listens(&self, inbox: u64) -> bool {
        self.inboxes.contains_key(&inbox)
    }

    /// Routes a core message, and says 503 to its author's inbox when nobody listens.
    pub(in crate::memory) fn route(&mut self, raw: &Raw) {
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

    pub(in crate::memory) fn subscribe(&mut self, inbox: u64, filter: &str, group: Option<&str>) {
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

    fn arrival(&mut self, not_before: u64) -> u64 {
        let delay = self.random.between(&self.faults.delay_ms);
        if self.random.chance(self.faults.reorder) {
            let factor = self.random.between(&(1..=10));
            return self.now() + delay * factor;
        }
        (self.now() + delay).max(not_before)
    }
}

impl Inbox {
    pub(in crate::memory) fn open(inner: &Arc<Inner>, node: usize) -> Self {
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

    pub(in crate::memory) fn id(&self) -> u64 {
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
    pub(in crate::memory) fn split(mut self) -> (mpsc::UnboundedReceiver<Raw>, Self) {
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

pub(in crate::memory) fn inbox_id(subject: &str) -> Option<u64> {
    subject.strip_prefix("_INBOX.")?.parse().ok()
}

pub(in crate::memory) fn status(code: u16, description: &str) -> Raw {
    Raw {
        subject: String::new(),
        reply: None,
        headers: Headers::new(),
        payload: bytes::Bytes::new(),
        status: Some(code),
        description: description.to_owned(),
    }
}
