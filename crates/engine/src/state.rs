//! What the engine knows of one execution: Spinnaker's document and the engine's own book.

mod children;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use gennaker_model::{
    AttemptId, CommandId, EffectId, Execution, ExecutionId, Map, StageId, Status,
    command::{Parent, Peer, Refusal, Reply},
    work::{Order, TaskMessage, VERSION},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{announcement::Announcements, notice::Notices};

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
    /// Since when it waits for other executions of its pipeline, epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<i64>,
    /// How often a stage of it was restarted.
    #[serde(skip_serializing_if = "is_zero")]
    pub restarts: u32,
    /// A restart that was asked for and waits until what its stages began has been closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Stages that were begun anew, or whose loop was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub turns: BTreeMap<StageId, Turn>,
    /// Attempts that a worker may be working on.
    pub attempts: BTreeMap<AttemptId, Attempt>,
    /// Armed timers and when they are due, epoch milliseconds.
    pub timers: BTreeMap<Timer, i64>,
    /// Stages that wait for a person.
    pub questions: BTreeSet<StageId>,
    /// Lookups in documents that are not answered yet, and the stages that need each. A lookup of an address is an attempt.
    pub lookups: BTreeMap<Lookup, BTreeSet<StageId>>,
    /// What was found out for each stage that asked, until the task for which it asked has ended.
    pub asked: BTreeMap<StageId, Arc<Asked>>,
    /// Children by the stage that started them.
    pub children: BTreeMap<StageId, Children>,
    /// The stage that started this execution.
    pub parent: Option<Parent>,
    /// What is to be said to other executions, in order, by receiver.
    pub outbox: BTreeMap<ExecutionId, Outbox>,
    /// Highest number taken from each sender.
    pub inbox: BTreeMap<ExecutionId, u64>,
    /// What the world is to be told of its life.
    #[serde(skip_serializing_if = "Announcements::is_empty")]
    pub announcements: Announcements,
    /// Notifications that are due.
    #[serde(skip_serializing_if = "Notices::is_empty")]
    pub notices: Notices,
    /// A decision was cut short, because it had made many facts: the next one goes on ([`crate::Input::Audited`]).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Commands that were answered lately, oldest first.
    pub seen: VecDeque<Seen>,
}

/// An attempt at a remote task that has not been reported: what its message says that the rest of the state does not
/// ([`State::message_of`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attempt {
    /// The stage.
    pub stage: StageId,
    /// Id of the task, or the word that stands in its place.
    pub task: String,
    /// Which task implementation of the pool is meant.
    pub kind: String,
    /// The pool it is for.
    pub pool: String,
    /// The zone it is pinned to; `None` means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whose turn of the stage its effect belongs to; `None` for a task without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Turn>,
    /// Past this instant (epoch milliseconds) its result is of no use; it moves by as much as the execution is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// When it was opened, epoch milliseconds.
    pub since: i64,
    /// For a closing: how the task ends once its effect is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// For work that is no task of its stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
}

/// How often a stage was begun anew, and how often its loop: what tells an effect from those of earlier turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// How often the stage was restarted.
    #[serde(skip_serializing_if = "is_zero")]
    pub incarnation: u32,
    /// How often its tasks were done again since: by a loop, or because they had failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub round: u32,
}

/// What an attempt does beside the tasks of its stage: it ends no task, and no task is ended by ending it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aside {
    /// Finds out what an expression of the stage needs.
    Lookup(Lookup),
    /// Takes back what the stage began outside, after it has ended ([`crate::StageDefinition::cancel`]).
    Cancel,
    /// Sends the notification with this number.
    Notice(u64),
}

/// A stage that is to begin anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Restart {
    /// The stage, one of the pipeline's own.
    pub stage: StageId,
    /// Who asked.
    pub user: String,
    /// New preconditions, by refId; see [`crate::Change::RestartStage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preconditions: Option<BTreeMap<String, Value>>,
    /// The child of the stage was restarted: the stage waits for it again, and starts no other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_child: bool,
}

/// What was found out for a stage, and as of when.
///
/// Expressions are evaluated again with each answer. Until all are there, time and randomness stand still: an address that is
/// made of either would be another one every time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// When the first question was asked, epoch milliseconds: the time in the stage's expressions.
    pub at: i64,
    /// Revision of the state then: the seed of their randomness.
    pub revision: u64,
    /// The answers so far.
    pub answers: BTreeMap<Lookup, LookupAnswer>,
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
    /// How another execution is getting on. The answer holds until the task that asked looks again.
    Execution(Watched),
    /// The artifacts of the newest execution of a pipeline.
    Artifacts(NewestOf),
}

pub use crate::lookup::{NewestOf, Watched};
pub use children::{Child, Children};
pub use gennaker_expressions::{Lookup as ExpressionLookup, LookupAnswer};

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
    /// What the worker is asked to do.
    #[must_use]
    pub fn order(&self) -> Order {
        if self.ending.is_some() {
            Order::Close
        } else {
            Order::Run
        }
    }
}

impl State {
    /// The message of an attempt, to be published for the first time or again: with the stage's context as it is now, or with
    /// what is looked up. `partition` is told whose owner wants the report.
    #[must_use]
    pub fn message_of(&self, number: AttemptId, attempt: &Attempt, partition: u32) -> TaskMessage {
        let stage = self.doc.stage(&attempt.stage);
        let input = match &attempt.aside {
            Some(Aside::Lookup(lookup)) => crate::lookup::input_of(lookup),
            Some(Aside::Notice(number)) => self.notice_input(*number),
            Some(Aside::Cancel) | None => stage
                .map(|stage| (*stage.context).clone())
                .unwrap_or_default(),
        };
        let effect = attempt.effect.map(|turn| {
            EffectId::of(
                &self.doc.id,
                &attempt.stage,
                turn.incarnation,
                &attempt.task,
                turn.round,
            )
        });
        TaskMessage {
            v: VERSION,
            partition,
            execution: self.doc.id.clone(),
            application: self.doc.application.clone(),
            stage: attempt.stage.clone(),
            ref_id: stage.map(|stage| stage.ref_id.clone()).unwrap_or_default(),
            task: attempt.task.clone(),
            attempt: number,
            kind: attempt.kind.clone(),
            order: attempt.order(),
            pool: attempt.pool.clone(),
            zone: attempt.zone.clone(),
            effect,
            input,
            user: match stage {
                Some(stage) => crate::scope::effective_user(&self.doc, stage),
                None => self.doc.authentication.user.clone(),
            },
            deadline_ms: attempt.deadline_ms,
            trace: None,
        }
    }

    /// Which turn of the stage is under way.
    #[must_use]
    pub fn turn_of(&self, stage: &StageId) -> Turn {
        self.book.turns.get(stage).copied().unwrap_or_default()
    }

    /// The children that the stage has started, in that order.
    #[must_use]
    pub fn children_of(&self, stage: &StageId) -> &[Child] {
        let children = self.book.children.get(stage);
        children.map_or(&[], Children::all)
    }

    /// The child of the stage with this id.
    #[must_use]
    pub fn child_of(&self, stage: &StageId, child: &ExecutionId) -> Option<&Child> {
        let mut children = self.children_of(stage).iter();
        children.find(|held| held.execution == *child)
    }

    /// Whether something that the stage needs is being found out.
    #[must_use]
    pub fn is_looked_up(&self, stage: &StageId) -> bool {
        self.book
            .lookups
            .values()
            .any(|stages| stages.contains(stage))
            || self.reads_of(stage).next().is_some()
    }

    /// The open attempts that read an address for the stage.
    pub fn reads_of(&self, stage: &StageId) -> impl Iterator<Item = (&AttemptId, &Attempt)> {
        self.book.attempts.iter().filter(move |(_, attempt)| {
            attempt.stage == *stage && matches!(attempt.aside, Some(Aside::Lookup(_)))
        })
    }

    /// The answer that the stage got to a lookup.
    #[must_use]
    pub fn answer(&self, stage: &StageId, lookup: &Lookup) -> Option<&LookupAnswer> {
        self.book.asked.get(stage)?.answers.get(lookup)
    }

    /// Whether anything may still happen without a person restarting a stage, or something is still to be told: then it is kept as
    /// live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.goes_on()
            || !self.book.announcements.open.is_empty()
            || !self.book.notices.open.is_empty()
    }

    /// The same without what is only to be told.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        let mut attempts = self.book.attempts.values();
        !self.doc.status.is_complete()
            || attempts.any(|attempt| !matches!(attempt.aside, Some(Aside::Notice(_))))
            || self.cancels_again().next().is_some()
            || self
                .book
                .outbox
                .values()
                .any(|outbox| !outbox.open.is_empty())
            || self
                .doc
                .stages
                .iter()
                .any(|stage| matches!(stage.status, Status::Running | Status::Paused))
    }

    /// The ended stages whose work is to be taken back a little later, because it could not be yet.
    pub(crate) fn cancels_again(&self) -> impl Iterator<Item = &StageId> {
        let timers = self.book.timers.keys();
        let again = timers.filter(|timer| timer.purpose == Purpose::Again);
        again.map(|timer| &timer.stage).filter(|id| {
            let stage = self.doc.stage(id);
            stage.is_some_and(|stage| stage.status.is_complete())
        })
    }

    /// Whether it waits for nothing but a person, a timer or another execution, so that memory need not hold it.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.book.attempts.is_empty()
            && self.book.announcements.open.is_empty()
            && !self.book.interrupted
            && self.book.lookups.is_empty()
            && self
                .book
                .outbox
                .values()
                .all(|outbox| outbox.open.is_empty())
    }

    /// The open attempt at the stage's current task, without closings and what goes on beside the task.
    #[must_use]
    pub fn attempt_of(&self, stage: &StageId) -> Option<(&AttemptId, &Attempt)> {
        self.book.attempts.iter().find(|(_, attempt)| {
            attempt.stage == *stage && attempt.ending.is_none() && attempt.aside.is_none()
        })
    }

    /// The closing that is under way for a stage.
    #[must_use]
    pub fn closing_of(&self, stage: &StageId) -> Option<(&AttemptId, &Attempt)> {
        self.book
            .attempts
            .iter()
            .find(|(_, attempt)| attempt.stage == *stage && attempt.ending.is_some())
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
        merged_outputs(&self.doc)
    }
}

/// Merged outputs of the top-level stages of an execution, as [`State::merged_outputs`].
#[must_use]
pub fn merged_outputs(doc: &Execution) -> Map {
    let mut merged = Map::new();
    for stage in crate::graph::topological(doc).unwrap_or_else(|_| doc.top_level_stages().collect())
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
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
            Lookup::Execution(Watched {
                execution,
                outputs: false,
            }) => format!("execution:{execution}"),
            Lookup::Execution(Watched {
                execution,
                outputs: true,
            }) => format!("outputs:{execution}"),
            Lookup::Artifacts(newest) => format!("artifacts:{}", serde_json::json!(newest)),
        }
    }
}

impl TryFrom<String> for Lookup {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Some(id) = text.strip_prefix("pipeline:") {
            return Ok(Self::Pipeline(id.to_owned()));
        }
        for (prefix, outputs) in [("execution:", false), ("outputs:", true)] {
            if let Some(id) = text.strip_prefix(prefix) {
                let execution = ExecutionId::new(id).map_err(|error| error.to_string())?;
                return Ok(Self::Execution(Watched { execution, outputs }));
            }
        }
        if let Some(newest) = text.strip_prefix("artifacts:") {
            return serde_json::from_str(newest)
                .map(Self::Artifacts)
                .map_err(|error| error.to_string());
        }
        let inner = text
            .strip_prefix("expression:")
            .ok_or_else(|| format!("unknown lookup {text}"))?;
        serde_json::from_str(inner)
            .map(Self::Expression)
            .map_err(|error| error.to_string())
    }
}
