//! What schedulers and workers say to each other: tasks one way, reports the other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AttemptId, EffectId, ExecutionId, Map, StageId};

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// One attempt at one remote task, as published to `gk.task.<pool>.<zone or any>.<exec>.<stage>.<task>.<attempt>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskMessage {
    /// [`VERSION`].
    pub v: u8,
    /// Partition whose owner wants the report.
    pub partition: u32,
    /// The execution.
    pub execution: ExecutionId,
    /// Its application, for logs and limits.
    pub application: String,
    /// The stage.
    pub stage: StageId,
    /// refId of the stage, for logs.
    pub ref_id: String,
    /// Id of the task in the stage, `"1"`, `"2"`, ….
    pub task: String,
    /// This attempt.
    pub attempt: AttemptId,
    /// Which task implementation of the pool is meant, for example `createWebhook`.
    pub kind: String,
    /// Run it, or see to it that it stays undone.
    pub order: Order,
    /// The pool it is for.
    pub pool: String,
    /// The zone it is pinned to; `None` means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Identity of the effect, the same for all attempts; `None` for a task without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<EffectId>,
    /// What the task needs to know.
    pub input: Map,
    /// The user on whose behalf it runs.
    pub user: String,
    /// Past this instant (epoch milliseconds) its result is of no use, unless the execution was paused meanwhile: a worker that
    /// comes too late does not start it and asks the owner by saying that it is to look again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// W3C `traceparent` of the stage's span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What a worker is asked to do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Do it.
    Run,
    /// Close its effect: claim it if nobody did, else stop what was started, and report.
    Close,
}

/// The result of one attempt, sent to `gk.cmd.<p>.report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskReport {
    /// [`VERSION`].
    pub v: u8,
    /// The execution.
    pub execution: ExecutionId,
    /// The stage.
    pub stage: StageId,
    /// The task.
    pub task: String,
    /// The attempt that ended.
    pub attempt: AttemptId,
    /// Name of the worker process, for people.
    pub worker: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", deny_unknown_fields)]
pub enum Outcome {
    /// Nothing final yet: look again.
    Running {
        /// Milliseconds to wait before the next attempt; the engine may lengthen it.
        again_ms: u64,
        /// Merged into the stage's context.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
    },
    /// Done.
    Succeeded {
        /// Merged into the stage's context.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
        /// Merged into the stage's outputs.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map,
    },
    /// Given up; `failureStatus` of the stage decides what that means.
    Failed {
        /// What goes to `context.exception`; `None` when the context says it all (as Spinnaker's TERMINAL results do).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exception: Option<Value>,
        /// Merged into the stage's context.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
        /// Merged into the stage's outputs.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map,
    },
    /// Ended because it was asked to.
    Canceled {
        /// Merged into the stage's context.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
    },
    /// Answer to [`Order::Close`]: the effect can no longer happen, or what it started was stopped.
    Closed {
        /// What could not be stopped, in a sentence for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remains: Option<String>,
        /// Merged into the stage's context.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
    },
}

/// Which attempts a worker holds; a core message every few seconds, the audit's evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// [`VERSION`].
    pub v: u8,
    /// Name of the worker process.
    pub worker: String,
    /// Zone of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Pool of the attempts.
    pub pool: String,
    /// Attempts of that pool that it holds and that belong to the addressed partition.
    pub holds: Vec<(ExecutionId, AttemptId)>,
}

/// "Stop that attempt", on `gk.abort.<pool>.<zone or any>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abort {
    /// The execution.
    pub execution: ExecutionId,
    /// The attempt to stop.
    pub attempt: AttemptId,
}
