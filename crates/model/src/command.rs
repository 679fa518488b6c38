//! Commands to the owner of a partition, and its answers.
//!
//! Every command has an id, drawn once and kept over retries, and a time. The owner answers after the append that records
//! it is durable; a repeat gets the same answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CommandId, Execution, ExecutionId, ExecutionType, Map, StageId, Status};

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// A command older than this is refused as expired, in milliseconds.
pub const EXPIRES_AFTER_MS: i64 = 5 * 60 * 1000;

/// How long an execution remembers the commands it answered, in milliseconds.
pub const REMEMBERED_MS: i64 = 10 * 60 * 1000;

/// A command with its identity, on `gk.cmd.<p>.request`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// [`VERSION`].
    pub v: u8,
    /// Drawn once per request and kept over retries.
    pub id: CommandId,
    /// When it was drawn, epoch milliseconds.
    pub at_ms: i64,
    /// What is asked.
    pub request: Request,
    /// W3C `traceparent` of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What can be asked of an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase", deny_unknown_fields)]
pub enum Request {
    /// Start an execution; starting an id that exists returns the existing one.
    Start(Box<Start>),
    /// Cancel an execution.
    Cancel {
        /// Which.
        execution: ExecutionId,
        /// Who asks.
        user: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Pause a running execution.
    Pause {
        /// Which.
        execution: ExecutionId,
        /// Who asks.
        user: String,
    },
    /// Resume a paused execution.
    Resume {
        /// Which.
        execution: ExecutionId,
        /// Who asks.
        user: String,
    },
    /// Merge `patch` into a stage's context: a judgement, the skipping of a wait, anything.
    PatchStage {
        /// The execution.
        execution: ExecutionId,
        /// The stage.
        stage: StageId,
        /// Keys to set.
        patch: Map,
        /// Who asks.
        user: String,
        /// Roles of who asks; `None` for one who may do everything, as everybody may while nobody logs in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roles: Option<Vec<String>>,
    },
    /// Begin a stage that has ended anew, with everything below it.
    RestartStage {
        /// The execution.
        execution: ExecutionId,
        /// The stage; one that the engine added stands for the stage of the pipeline that it belongs to.
        stage: StageId,
        /// New `preconditions` of the `checkPreconditions` stages, by refId; one that is not named gets null. `None` changes none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preconditions: Option<BTreeMap<String, Value>>,
        /// Who asks.
        user: String,
    },
    /// Delete a complete execution.
    Delete {
        /// Which.
        execution: ExecutionId,
    },
    /// The execution document.
    Read {
        /// Which.
        execution: ExecutionId,
    },
    /// What the engine is waiting for, and why.
    Explain {
        /// Which.
        execution: ExecutionId,
    },
    /// Every fact that was decided about an execution.
    History {
        /// Which.
        execution: ExecutionId,
    },
    /// The freezes of applications and pipelines have changed: read them again, and answer when they count.
    Freezes,
    /// Executions of this partition that match.
    List(ListQuery),
    /// From one execution to another; delivered in order per sender, and counted once.
    Peer(Peer),
}

/// Start of an execution: a configuration and what triggered it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Start {
    /// Its id, drawn by the caller or derived from the event.
    pub execution: ExecutionId,
    /// Pipeline or ad-hoc task.
    pub kind: ExecutionType,
    /// The pipeline config; for a task `{application, description, stages: […]}`.
    pub config: Map,
    /// What triggered it.
    pub trigger: Map,
    /// On whose behalf.
    pub user: String,
    /// `deck`, `api`, ….
    pub origin: String,
    /// The stage that started it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Record a failed execution with this message instead of running it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The stage that started an execution and waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Parent {
    /// The parent execution.
    pub execution: ExecutionId,
    /// Its stage.
    pub stage: StageId,
    /// Root of the chain.
    pub root: ExecutionId,
    /// How many executions are above the child: 1 for a child of the root.
    pub depth: u32,
}

/// A message between two executions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The execution that sends.
    pub from: ExecutionId,
    /// Its number, counted by the sender for each receiver; the receiver answers "done" to anything not above what it has.
    pub number: u64,
    /// The execution that receives.
    pub to: ExecutionId,
    /// What is said.
    pub body: PeerBody,
}

/// What executions say to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "camelCase", deny_unknown_fields)]
pub enum PeerBody {
    /// Start a child.
    StartChild(Box<Start>),
    /// Cancel a child.
    CancelChild {
        /// On whose behalf.
        user: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// The stage that waited for a child has failed because the child had: the child, which is over, shows as cancelled.
    FlagChild {
        /// On whose behalf.
        user: String,
    },
    /// A child ended.
    ChildFinished(Box<ChildResult>),
    /// A stage of a child that had ended was restarted: it goes on.
    ChildRestarted {
        /// The stage of the parent that started it.
        stage: StageId,
        /// Who restarted it.
        user: String,
    },
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChildResult {
    /// The stage of the parent that started it.
    pub stage: StageId,
    /// Name of the child.
    pub name: String,
    /// Its status.
    pub status: Status,
    /// Its merged outputs.
    pub outputs: Map,
    /// First failure, as the parent's `context.exception` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<Value>,
}

/// Which executions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ListQuery {
    /// Only pipelines, only tasks, or both.
    pub kind: Option<ExecutionType>,
    /// Only this application.
    pub application: Option<String>,
    /// Only these pipeline configs; empty means all.
    pub config_ids: Vec<String>,
    /// Only these executions; empty means all.
    pub executions: Vec<ExecutionId>,
    /// Only these statuses; empty means all.
    pub statuses: Vec<Status>,
    /// Only pipelines whose name contains this, ignoring case.
    pub name_contains: Option<String>,
    /// Only pipelines of exactly this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only executions whose trigger has one of these types; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trigger_types: Vec<String>,
    /// Only executions whose trigger came from this event (`trigger.eventId`). The owner compares hashes: one in 2^64 is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Only executions made at or after this instant, epoch milliseconds.
    pub since_ms: Option<i64>,
    /// Only executions made at or before this instant, epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Only executions behind this one: where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ListPlace>,
    /// Oldest first, and limits count from the oldest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub oldest_first: bool,
    /// Newest so many of each pipeline config.
    pub limit_per_config: Option<u32>,
    /// Newest so many in all.
    pub limit: Option<u32>,
    /// Whole documents instead of [`Execution::unexpanded`] ones.
    pub expand: bool,
    /// Only where they stand, as [`Reply::Places`]: no document is read for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub places_only: bool,
}

/// Where an execution stands in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListPlace {
    /// When it was made (`buildTime`), epoch milliseconds.
    pub time_ms: i64,
    /// Which.
    pub execution: ExecutionId,
}

/// Answer of an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Partition that answers.
    pub partition: u32,
    /// Sequence of the owner's log that the answer stands for; never older than what an earlier answer stood for.
    pub sequence: u64,
    /// What it says.
    pub result: Result<Reply, Refusal>,
}

/// What an owner grants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "camelCase")]
pub enum Reply {
    /// Done, and durable.
    Done,
    /// The execution exists.
    Started {
        /// Its id.
        execution: ExecutionId,
        /// It had been started before.
        existing: bool,
    },
    /// An execution document.
    Execution {
        /// The document.
        document: Box<Execution>,
    },
    /// A report was taken, or there is nothing to take it for.
    Report {
        /// The attempt was not open: drop the report.
        stale: bool,
    },
    /// Executions, newest first, unless it was asked otherwise.
    Executions {
        /// The documents.
        documents: Vec<Execution>,
    },
    /// Where executions stand in a list, in its order.
    Places {
        /// Their places.
        places: Vec<ListPlace>,
    },
    /// Why an execution is where it is.
    Explanation {
        /// One sentence per thing that is waited for.
        waits: Vec<Wait>,
        /// Current status.
        status: Status,
    },
    /// The decisions about an execution, oldest first.
    History {
        /// Records of the oldest decisions that were dropped, because the history was too long.
        dropped: u64,
        /// One object for each decision: `rev`, the revision after it; `at`, its time in epoch milliseconds; `e`, its facts.
        steps: Vec<Value>,
    },
}

/// One thing that an execution waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// The stage that waits.
    pub stage: StageId,
    /// Its name.
    pub name: String,
    /// A sentence for people.
    pub sentence: String,
    /// When it will be looked at again, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

/// Why an owner refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The class.
    pub code: RefusalCode,
    /// A sentence for people.
    pub message: String,
    /// The execution that records the refused start, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
}

/// Classes of refusal; `gate` turns each into one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalCode {
    /// No such execution or stage (404).
    NotFound,
    /// The request makes no sense (400).
    Invalid,
    /// Not now: the state does not allow it (409).
    Conflict,
    /// Not allowed for this stage (405).
    NotAllowed,
    /// Not allowed for whoever asks, or for anybody (403).
    Forbidden,
    /// The command is older than [`EXPIRES_AFTER_MS`] (408).
    Expired,
    /// Larger than the limits (413).
    TooLarge,
    /// Too much at once; try again (503).
    Busy,
    /// Not this owner's: route again (503).
    WrongPartition,
    /// A fault of ours (500).
    Internal,
}
