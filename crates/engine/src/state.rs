//! What the engine knows of one execution: Spinnaker's document and the engine's own book.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gennaker_model::{
    AttemptId, CommandId, Execution, ExecutionId, Map, StageId, Status,
    command::{ChildResult, Parent, Peer, Refusal, Reply},
    work::TaskMessage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// State of one execution. Changed by [`crate::apply()`] only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The document that the API serves.
    pub doc: Execution,
    /// What keeps it moving.
    pub book: Book,
    /// Number of events folded so far; clients see it as the revision.
    pub revision: u64,
}

/// The engine's own records: everything that is open, and what must not be done twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Book {
    /// Highest attempt number used so far.
    pub attempts_used: u64,
    /// Number of stage ids derived so far.
    pub stages_made: u64,
    /// Attempts that a worker may be working on.
    pub attempts: BTreeMap<AttemptId, Attempt>,
    /// Armed timers and when they are due, epoch milliseconds.
    pub timers: BTreeMap<Timer, i64>,
    /// Stages that wait for a person.
    pub questions: BTreeSet<StageId>,
    /// Lookups that are not answered yet, and the stage that needs each.
    pub lookups: BTreeMap<Lookup, BTreeSet<StageId>>,
    /// Lookups that were answered.
    pub answers: BTreeMap<Lookup, LookupAnswer>,
    /// Children by the stage that started them.
    pub children: BTreeMap<StageId, Child>,
    /// The stage that started this execution.
    pub parent: Option<Parent>,
    /// What is to be said to other executions, in order, by receiver.
    pub outbox: BTreeMap<ExecutionId, Outbox>,
    /// Highest number taken from each sender.
    pub inbox: BTreeMap<ExecutionId, u64>,
    /// A decision was cut short, because it had made many facts: the next one goes on ([`crate::Input::Audited`]).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Commands that were answered lately, oldest first.
    pub seen: VecDeque<Seen>,
}

/// An attempt at a remote task that has not been reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// What was, or will be, published, without its input: that is the stage's context ([`State::message_of`]).
    pub message: TaskMessage,
    /// When it was opened, epoch milliseconds.
    pub since: i64,
    /// For a closing: how the task ends once its effect is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// How a task is to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Status of the task.
    pub status: Status,
    /// What goes to `context.exception`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Value>,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Run the current task again.
    Again,
    /// The stage or its task has taken too long.
    Timeout,
    /// Nobody closed the effect in time.
    Closing,
}

/// A timer of a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timer {
    /// The stage.
    pub stage: StageId,
    /// What it is for.
    pub purpose: Purpose,
}

/// Something that must be asked outside; answered once and recorded, so that replay needs no network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Lookup {
    /// The pipeline config with this id, whole.
    Pipeline(String),
    /// What an expression needs.
    Expression(gennaker_expressions::Lookup),
}

pub use gennaker_expressions::{Lookup as ExpressionLookup, LookupAnswer};

/// A child execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Its id.
    pub execution: ExecutionId,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ChildResult>,
}

/// Messages for one other execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// Highest number used.
    pub used: u64,
    /// Not answered yet, in order.
    pub open: VecDeque<Peer>,
}

/// A command that was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its id.
    pub id: CommandId,
    /// When it was answered, epoch milliseconds.
    pub at: i64,
    /// What was answered.
    pub answer: Result<Reply, Refusal>,
}

impl Attempt {
    /// The record of a message that is about to be published.
    #[must_use]
    pub fn of(message: &TaskMessage, since: i64, ending: Option<Ending>) -> Self {
        let message = TaskMessage {
            input: Map::new(),
            ..message.clone()
        };
        Self {
            message,
            since,
            ending,
        }
    }
}

impl State {
    /// The message of an attempt, to be published again: with the stage's context as it is now.
    #[must_use]
    pub fn message_of(&self, attempt: &Attempt) -> TaskMessage {
        let input = self
            .doc
            .stage(&attempt.message.stage)
            .map(|stage| (*stage.context).clone());
        TaskMessage {
            input: input.unwrap_or_default(),
            ..attempt.message.clone()
        }
    }

    /// Whether anything may still happen without a person restarting a stage: then it is kept as live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.doc.status.is_complete()
            || !self.book.attempts.is_empty()
            || self
                .book
                .outbox
                .values()
                .any(|outbox| !outbox.open.is_empty())
            || self
                .doc
                .stages
                .iter()
                .any(|stage| stage.status == Status::Running)
    }

    /// Whether it waits for nothing but a person, a timer or another execution, so that memory need not hold it.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.book.attempts.is_empty()
            && !self.book.interrupted
            && self.book.lookups.is_empty()
            && self
                .book
                .outbox
                .values()
                .all(|outbox| outbox.open.is_empty())
    }

    /// The open attempt at the stage's current task, closings left out.
    #[must_use]
    pub fn attempt_of(&self, stage: &StageId) -> Option<(&AttemptId, &Attempt)> {
        self.book
            .attempts
            .iter()
            .find(|(_, attempt)| attempt.message.stage == *stage && attempt.ending.is_none())
    }

    /// The closing that is under way for a stage.
    #[must_use]
    pub fn closing_of(&self, stage: &StageId) -> Option<(&AttemptId, &Attempt)> {
        self.book
            .attempts
            .iter()
            .find(|(_, attempt)| attempt.message.stage == *stage && attempt.ending.is_some())
    }

    /// Messages that may be sent now: the first open one for each receiver.
    pub fn sendable(&self) -> impl Iterator<Item = &Peer> {
        self.book
            .outbox
            .values()
            .filter_map(|outbox| outbox.open.front())
    }

    /// Merged outputs of the top-level stages in topological order: what a parent pipeline stage receives.
    ///
    /// When two stages write the same key and both values are lists, they are joined without duplicates; else the later wins.
    /// Source: orchestration reference 1.2, `PipelineExecutionImpl.getContext`.
    #[must_use]
    pub fn merged_outputs(&self) -> Map {
        let mut merged = Map::new();
        for stage in crate::graph::topological(&self.doc)
            .unwrap_or_else(|_| self.doc.top_level_stages().collect())
        {
            for (key, value) in stage.outputs.iter() {
                match (merged.get_mut(key), value) {
                    (Some(Value::Array(held)), Value::Array(more)) => {
                        for item in more {
                            if !held.contains(item) {
                                held.push(item.clone());
                            }
                        }
                    }
                    _ => {
                        merged.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        merged
    }
}

impl From<Timer> for String {
    fn from(timer: Timer) -> Self {
        let purpose = match timer.purpose {
            Purpose::Again => "again",
            Purpose::Timeout => "timeout",
            Purpose::Closing => "closing",
        };
        format!("{purpose}:{}", timer.stage)
    }
}

impl TryFrom<String> for Timer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (purpose, stage) = text
            .split_once(':')
            .ok_or("a timer is written purpose:stage")?;
        let purpose = match purpose {
            "again" => Purpose::Again,
            "timeout" => Purpose::Timeout,
            "closing" => Purpose::Closing,
            other => return Err(format!("unknown timer purpose {other}")),
        };
        let stage = StageId::new(stage).map_err(|error| error.to_string())?;
        Ok(Self { stage, purpose })
    }
}

impl From<Lookup> for String {
    fn from(lookup: Lookup) -> Self {
        match lookup {
            Lookup::Pipeline(id) => format!("pipeline:{id}"),
            Lookup::Expression(inner) => format!("expression:{}", serde_json::json!(inner)),
        }
    }
}

impl TryFrom<String> for Lookup {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Some(id) = text.strip_prefix("pipeline:") {
            return Ok(Self::Pipeline(id.to_owned()));
        }
        let inner = text
            .strip_prefix("expression:")
            .ok_or_else(|| format!("unknown lookup {text}"))?;
        serde_json::from_str(inner)
            .map(Self::Expression)
            .map_err(|error| error.to_string())
    }
}
