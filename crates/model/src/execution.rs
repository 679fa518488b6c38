//! Spinnaker's execution document: what the API returns and what the engine's state holds.
//!
//! Source of the fields: orca `PipelineExecutionImpl`, `StageExecutionImpl`, `TaskExecutionImpl`. Nulls are left out when
//! written. Stages sit behind [`Arc`], so that a copy of an execution is cheap and only what changes is copied.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ExecutionId, Map, StageId, Status};

/// The two kinds of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionType {
    /// A run of a pipeline config.
    Pipeline,
    /// An ad-hoc task, submitted through `POST /tasks`.
    Orchestration,
}

/// One execution with all its stages, synthetic ones included, in one flat list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Pipeline or ad-hoc task.
    #[serde(rename = "type")]
    pub kind: ExecutionType,
    /// Its id, a ULID.
    pub id: ExecutionId,
    /// Root of a chain of executions started by pipeline stages; its own id without a parent. Pipelines only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_id: Option<ExecutionId>,
    /// The application it belongs to.
    pub application: String,
    /// Name of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Title of an ad-hoc task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Id of the pipeline config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_config_id: Option<String>,
    /// When it was made, epoch milliseconds.
    pub build_time: i64,
    /// When it first ran, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Past this instant (epoch milliseconds) it is cancelled instead of started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time_expiry: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Whether somebody asked for it to be cancelled.
    #[serde(default)]
    pub canceled: bool,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// At most one execution of this config at a time.
    #[serde(default)]
    pub limit_concurrent: bool,
    /// At most this many at a time; 0 means no limit.
    #[serde(default)]
    pub max_concurrent_executions: i64,
    /// Waiting executions queue up instead of being superseded.
    #[serde(default)]
    pub keep_waiting_pipelines: bool,
    /// All stages, top-level and synthetic.
    pub stages: Vec<Arc<Stage>>,
    /// Who submitted it.
    pub authentication: Authentication,
    /// The last pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Where the request came from: `deck`, `api`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What started it; every field that came in is kept.
    pub trigger: Arc<Map>,
    /// `{id, type, version}` of the template, for templated pipelines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// Notifications of the config.
    #[serde(default)]
    pub notifications: Arc<Vec<Value>>,
    /// Part of the config that some callers keep.
    #[serde(default)]
    pub initial_config: Arc<Map>,
    /// Notices of the engine.
    #[serde(default)]
    pub system_notifications: Vec<Value>,
    /// What became of its notifications, oldest first; our addition.
    #[serde(default, skip_serializing_if = "is_none_kept")]
    pub notification_receipts: Arc<Vec<Receipt>>,
    /// Version of the expression evaluator, `v3` or `v4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spel_evaluator: Option<String>,
    /// Variables of a v2 template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_variables: Option<Arc<Map>>,
}

/// What became of a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Its number among those of the execution.
    pub number: u64,
    /// The channel: `email`, `slack`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// Whom it is for. Of an address that is a URL only the host, because such addresses are secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Where it is configured, as its entry says: `application`, `pipeline`, `stage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What made it due: `pipeline.complete`, `manualJudgment`.
    pub when: String,
    /// refId of the stage, unless it is about the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// When it became due, epoch milliseconds.
    pub at: i64,
    /// How far it has come.
    pub status: Delivery,
    /// When it was delivered or given up, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<i64>,
    /// How often it was tried.
    #[serde(default)]
    pub tries: u32,
    /// Why it is not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the channel gave for it: a message id, a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Value>,
}

/// How far a notification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Delivery {
    /// It is to be sent.
    Pending,
    /// The channel has taken it.
    Delivered,
    /// It is given up.
    Failed,
}

/// One stage of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Its id, a ULID.
    pub id: StageId,
    /// Key in the graph, unique among top-level stages.
    pub ref_id: String,
    /// refIds of the stages that must be complete first.
    pub requisite_stage_ref_ids: Vec<String>,
    /// The stage type as written in the pipeline.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name shown to people.
    pub name: String,
    /// When it started, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Past this instant (epoch milliseconds) it is skipped instead of started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time_expiry: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Everything else of the stage JSON, and what its tasks learned.
    pub context: Arc<Map>,
    /// What later stages see.
    pub outputs: Arc<Map>,
    /// Its tasks, planned when it starts.
    pub tasks: Vec<Task>,
    /// Set on synthetic stages: which side of the parent they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic_stage_owner: Option<SyntheticOwner>,
    /// Set on synthetic stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_stage_id: Option<StageId>,
    /// Next permitted start under an execution window, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<i64>,
    /// Who patched it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<LastModified>,
}

/// One task of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// `"1"`, `"2"`, … in plan order.
    pub id: String,
    /// Java class name of the task in Orca; it names the implementation here too.
    pub implementing_class: String,
    /// Name shown to people.
    pub name: String,
    /// When it started, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// When it ended, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// First task of the stage.
    pub stage_start: bool,
    /// Last task of the stage.
    pub stage_end: bool,
    /// First task of a loop.
    #[serde(default)]
    pub loop_start: bool,
    /// Last task of a loop.
    #[serde(default)]
    pub loop_end: bool,
    /// `{"exception": {…}}` after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_exception_details: Option<Value>,
    /// How often the tasks of its stage had failed and were done again before it; our addition.
    #[serde(default, skip_serializing_if = "is_first_try")]
    pub retry: u32,
}

/// Which side of its parent a synthetic stage is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SyntheticOwner {
    /// Runs before the parent's tasks.
    StageBefore,
    /// Runs after the parent's tasks.
    StageAfter,
}

/// Who patched a stage, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastModified {
    /// The user.
    pub user: String,
    /// Accounts that the user may write to.
    pub allowed_accounts: Vec<String>,
    /// Epoch milliseconds.
    pub last_modified_time: i64,
}

/// Who submitted an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// The user, or `anonymous`.
    pub user: String,
    /// Accounts that the user may write to.
    #[serde(default)]
    pub allowed_accounts: Vec<String>,
}

/// The last pause of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paused {
    /// Who paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// Who resumed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<String>,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_time: Option<i64>,
    /// Epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_time: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_first_try(retry: &u32) -> bool {
    *retry == 0
}

impl Execution {
    /// The stage with this id.
    #[must_use]
    pub fn stage(&self, id: &StageId) -> Option<&Arc<Stage>> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    /// Stages of the pipeline's own graph, without synthetic ones.
    pub fn top_level_stages(&self) -> impl Iterator<Item = &Arc<Stage>> {
        self.stages
            .iter()
            .filter(|stage| stage.parent_stage_id.is_none())
    }

    /// The document without what lists leave out: stage contexts (but `group`), outputs, tasks, nested parents' stages.
    ///
    /// Source: Orca's `expand=false`.
    #[must_use]
    pub fn unexpanded(&self) -> Self {
        let mut document = self.clone();
        for stage in &mut document.stages {
            let stage = Arc::make_mut(stage);
            let group = stage.context.get("group").cloned();
            stage.context = Arc::new(
                group
                    .map(|group| ("group".to_owned(), group))
                    .into_iter()
                    .collect(),
            );
            stage.outputs = Arc::default();
            stage.tasks = Vec::new();
        }
        if document.trigger.contains_key("parentExecution") {
            let trigger = Arc::make_mut(&mut document.trigger);
            strip_parent_stages(trigger);
        }
        document
    }
}

fn is_none_kept(receipts: &Arc<Vec<Receipt>>) -> bool {
    receipts.is_empty()
}

fn strip_parent_stages(trigger: &mut Map) {
    // Parents nest; the depth is bounded by the depth limit of accepted JSON, and a loop needs no stack.
    let mut current = trigger.get_mut("parentExecution");
    while let Some(Value::Object(parent)) = current {
        parent.insert("stages".to_owned(), Value::Array(Vec::new()));
        current = parent
            .get_mut("trigger")
            .and_then(|trigger| trigger.get_mut("parentExecution"));
    }
}
