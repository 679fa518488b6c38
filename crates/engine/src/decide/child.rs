//! Messages between executions: said in order until answered, counted once (design: commands happen once).

use gennaker_model::{
    Execution, ExecutionId, StageId, Status,
    command::{ChildResult, Parent, Peer, PeerBody, Reply, Start},
};
use serde_json::{Value, json};

use super::draft::{Draft, Message};
use crate::{
    definition::{ChildStart, TaskResult, child_id},
    effect::Effect,
    event::Event,
    exception,
    state::Child,
};

/// A parent larger than this is embedded in its child's trigger without contexts and outputs, in bytes.
const PARENT_BYTES_MAX: usize = 128 * 1024;

/// Bytes that the starts of a stage's children may take which nobody has taken yet; the next one waits. All starts of one decision are
/// one record of the log.
const STARTS_BYTES_MAX: usize = 128 * 1024;

impl Draft<'_> {
    /// Queues a message; it is sent at once if nothing else is open for that receiver.
    pub(super) fn say(&mut self, to: ExecutionId, body: PeerBody) {
        let outbox = self.state.book.outbox.get(&to);
        let number = outbox.map_or(0, |outbox| outbox.used) + 1;
        let first = outbox.is_none_or(|outbox| outbox.open.is_empty());
        let peer = Peer {
            from: self.state.doc.id.clone(),
            number,
            to,
            body,
        };
        self.emit(Event::PeerQueued {
            peer: Box::new(peer.clone()),
        });
        if first {
            self.effect(Effect::Send(Box::new(peer)));
        }
    }

    /// The other side took a message, or refused it for good: a child that cannot be started has failed.
    pub(super) fn peer_answered(&mut self, to: &ExecutionId, number: u64, refused: Option<&str>) {
        let front = self
            .state
            .book
            .outbox
            .get(to)
            .and_then(|outbox| outbox.open.front())
            .cloned();
        let Some(answered) = front.filter(|peer| peer.number <= number) else {
            return;
        };
        self.emit(Event::PeerAnswered {
            to: to.clone(),
            number,
        });
        match (refused, &answered.body) {
            (Some(reason), PeerBody::StartChild(start)) => self.child_refused(start, reason),
            (None, PeerBody::StartChild(start)) => self.start_taken(start),
            // Most likely the outputs are too much for the parent; without them it learns at least that we ended, and why it
            // does not get them.
            (Some(reason), PeerBody::ChildFinished(result)) if !result.outputs.is_empty() => {
                let message = format!(
                    "The outputs of pipeline {} cannot be taken over: {reason}",
                    result.name
                );
                let result = ChildResult {
                    status: Status::Terminal,
                    outputs: gennaker_model::Map::new(),
                    exception: Some(json!({ "details": { "errors": [message] } })),
                    ..(**result).clone()
                };
                self.say(to.clone(), PeerBody::ChildFinished(Box::new(result)));
                return;
            }
            _ => {}
        }
        let next = self
            .state
            .book
            .outbox
            .get(to)
            .and_then(|outbox| outbox.open.front())
            .cloned();
        if let Some(peer) = next {
            self.effect(Effect::Send(Box::new(peer)));
        }
    }

    /// A child is there: the stage may start the next one.
    fn start_taken(&mut self, start: &Start) {
        let Some(parent) = &start.parent else { return };
        let child = self.state.child_of(&parent.stage, &start.execution);
        if child.is_some_and(|child| child.name.is_some()) {
            self.look_again(&parent.stage);
        }
    }

    fn child_refused(&mut self, start: &Start, reason: &str) {
        let Some(stage) = start.parent.as_ref().map(|parent| parent.stage.clone()) else {
            return;
        };
        if self.state.child_of(&stage, &start.execution).is_none() {
            // It belonged to an earlier turn of the stage.
            return;
        }
        let name = start
            .config
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let message = format!("The pipeline {name} could not be started: {reason}");
        let result = ChildResult {
            stage: stage.clone(),
            name,
            status: Status::Terminal,
            outputs: gennaker_model::Map::new(),
            exception: Some(json!({ "details": { "errors": [message] } })),
        };
        self.child_ended(&start.execution, result);
    }

    /// Records how a child ended. Of one of several nothing is kept but that: its stage takes over no outputs.
    fn child_ended(&mut self, child: &ExecutionId, mut result: ChildResult) {
        let stage = result.stage.clone();
        let held = self.state.child_of(&stage, child);
        let is_named = held.is_some_and(|held| held.name.is_some());
        if is_named {
            result.outputs = gennaker_model::Map::new();
        }
        self.emit(Event::ChildEnded {
            result: Box::new(result),
            child: is_named.then(|| child.clone()),
        });
        self.look_again(&stage);
    }

    fn look_again(&mut self, id: &StageId) {
        let stage = self.stage(id);
        if stage.is_some_and(|stage| stage.status == Status::Running) {
            self.push(Message::RunTask(id.clone()));
        }
    }

    pub(super) fn peer(&mut self, peer: &Peer) {
        let taken = self.state.book.inbox.get(&peer.from).copied().unwrap_or(0);
        if peer.number > taken {
            self.emit(Event::PeerTaken {
                from: peer.from.clone(),
                number: peer.number,
            });
            match &peer.body {
                // The scheduler makes the execution; here it exists already, which is what was asked for.
                PeerBody::StartChild(_) => {}
                PeerBody::CancelChild { user, reason } => {
                    if !self.state.doc.status.is_complete() {
                        self.cancel(user, reason.clone());
                    }
                }
                PeerBody::FlagChild { user } => {
                    if self.state.doc.status.is_complete() && !self.state.doc.canceled {
                        self.emit(Event::CancelRequested {
                            by: user.clone(),
                            reason: None,
                        });
                    }
                }
                PeerBody::ChildRestarted { stage, user } => {
                    if self.state.child_of(stage, &peer.from).is_some() {
                        self.child_restarted(stage, user);
                    }
                }
                PeerBody::ChildFinished(result) => {
                    let known = self.state.child_of(&result.stage, &peer.from);
                    if known.is_some_and(Child::is_open) {
                        self.child_ended(&peer.from, (**result).clone());
                    }
                }
            }
        }
        self.reply(Ok(Reply::Done));
    }

    /// Links a child to the stage and asks its owner to start it; false when that must wait, or cannot be done.
    pub(super) fn start_child(&mut self, stage: &gennaker_model::Stage, child: ChildStart) -> bool {
        if self.start_bytes(&stage.id) > STARTS_BYTES_MAX {
            return false;
        }
        let depth = self
            .state
            .book
            .parent
            .as_ref()
            .map_or(0, |parent| parent.depth)
            + 1;
        if depth > self.context.rules.depth_max {
            let message = format!(
                "{} executions stand above this one, the limit; do these pipelines start each other?",
                self.context.rules.depth_max
            );
            let exception = exception::unexpected(
                "startPipeline",
                "ConfigurationException",
                &message,
                self.now(),
            );
            let result = TaskResult {
                exception: Some(exception),
                ..TaskResult::of(Status::Terminal)
            };
            self.cancel_children(&stage.id);
            self.complete_task(&stage.id, result);
            return false;
        }
        let config_id = child
            .config
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let turn = self.state.turn_of(&stage.id);
        let which = child.name.as_deref();
        let id = child_id(&self.state.doc.id, stage, &config_id, turn, which);
        let mut context = child.context;
        if which.is_none() {
            let name = child.config.get("name").cloned().unwrap_or(Value::Null);
            context.insert("executionId".to_owned(), json!(id));
            context.insert("executionName".to_owned(), name);
        }
        self.set_context(&stage.id, context);

        let mut trigger = child.trigger;
        let shown = match which {
            Some(name) => self.as_parent_of_several(&stage.id, name),
            None => shown_parent(&self.state.doc),
        };
        trigger.insert("parentExecution".to_owned(), shown);
        let parent = Parent {
            execution: self.state.doc.id.clone(),
            stage: stage.id.clone(),
            root: self
                .state
                .doc
                .root_id
                .clone()
                .unwrap_or_else(|| self.state.doc.id.clone()),
            depth,
        };
        let start = Start {
            execution: id.clone(),
            kind: gennaker_model::ExecutionType::Pipeline,
            config: child.config,
            trigger,
            user: child.user,
            origin: self
                .state
                .doc
                .origin
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
            parent: Some(parent),
            error: None,
        };
        self.emit(Event::ChildLinked {
            stage: stage.id.clone(),
            child: id.clone(),
            name: child.name,
        });
        self.say(id, PeerBody::StartChild(Box::new(start)));
        true
    }

    /// Bytes of the starts of the stage's children that nobody has taken yet.
    fn start_bytes(&self, stage: &StageId) -> usize {
        let children = self.state.children_of(stage).iter();
        children
            .filter_map(|child| self.state.book.outbox.get(&child.execution))
            .flat_map(|outbox| &outbox.open)
            .filter(|peer| matches!(peer.body, PeerBody::StartChild(_)))
            .map(|peer| serde_json::to_vec(peer).map_or(0, |written| written.len()))
            .sum()
    }

    /// This execution as the trigger of one of several children shows it: with the stage that starts them only, and with the name
    /// of the child in the trigger.
    fn as_parent_of_several(&self, stage: &StageId, name: &str) -> Value {
        let mut doc = self.state.doc.unexpanded();
        doc.stages.retain(|held| held.id == *stage);
        let trigger = std::sync::Arc::make_mut(&mut doc.trigger);
        trigger.insert("executionIdentifier".to_owned(), json!(name));
        with_short_grandparent(serde_json::to_value(&doc).unwrap_or(Value::Null))
    }
}

/// An execution as the trigger of one shows it that it has started.
///
/// Orca embeds the whole parent, with its own parents in it, which makes nested executions huge. Here only the nearest parent is
/// embedded, and of its own parent what names it; the stages of a large parent come without contexts and outputs.
#[must_use]
pub fn shown_parent(parent: &Execution) -> Value {
    let whole = serde_json::to_value(parent).unwrap_or(Value::Null);
    let shown = if whole.to_string().len() > PARENT_BYTES_MAX {
        serde_json::to_value(parent.unexpanded()).unwrap_or(Value::Null)
    } else {
        whole
    };
    with_short_grandparent(shown)
}

/// The parent of the parent, by what names it.
fn with_short_grandparent(mut parent: Value) -> Value {
    if let Some(Value::Object(grandparent)) = parent.pointer_mut("/trigger/parentExecution") {
        let kept = [
            "id",
            "application",
            "name",
            "pipelineConfigId",
            "status",
            "type",
        ];
        grandparent.retain(|key, _| kept.contains(&key.as_str()));
        grandparent.insert("stages".to_owned(), json!([]));
    }
    parent
}
