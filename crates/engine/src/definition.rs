//! What a stage type and a task must say about themselves. The `stages` crate says it; the engine only asks.

use gennaker_expressions::TimeZone;
use gennaker_model::{Execution, ExecutionId, Map, Stage, Status, Task};
use serde_json::Value;

use crate::state::{Child, Lookup, LookupAnswer, State, Turn};

/// All stage types that are known.
pub trait Catalogue: Sync {
    /// The stage type with this name or alias name.
    fn stage(&self, kind: &str) -> Option<&dyn StageDefinition>;

    /// The task with this `implementingClass`.
    fn task(&self, class: &str) -> Option<&'static TaskDefinition>;

    /// The one task that stands for all tasks of the stage, because this execution only tries out what would be done. Stages before and
    /// after it are those of its type; nothing is taken back, and nobody skips it.
    fn stand_in(&self, _execution: &Execution, _stage: &Stage) -> Option<&'static TaskDefinition> {
        None
    }

    /// The zone whose workers can do what a stage with this context wants of a pool, if not all can. A stage's own `zone` wins.
    fn zone(&self, _pool: &str, _context: &Map) -> Option<String> {
        None
    }

    /// Context keys that are not evaluated with the rest of the context of a stage of this type, under evaluator v4
    /// (orchestration reference 7.2): its task does it, or nobody.
    fn left_to_the_stage(&self, _kind: &str, _context: &Map) -> Vec<&'static str> {
        Vec::new()
    }
}

/// One stage type.
pub trait StageDefinition: Sync {
    /// Turns the evaluated context into tasks and stages that run before them.
    ///
    /// # Errors
    /// [`PlanError`] when the context makes no sense; the stage ends TERMINAL with it.
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError>;

    /// Stages that run after the tasks, when those went well.
    ///
    /// # Errors
    /// [`PlanError`], as [`Self::plan`].
    fn after(&self, _context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        Ok(Vec::new())
    }

    /// Stages that run when the stage failed, one after the other.
    ///
    /// # Errors
    /// [`PlanError`], as [`Self::plan`].
    fn on_failure(&self, _context: &PlanContext<'_>) -> Result<Vec<NewStage>, PlanError> {
        Ok(Vec::new())
    }

    /// Whether a person may skip it by `manualSkip`.
    fn can_manually_skip(&self, _context: &Map) -> bool {
        false
    }

    /// What a restart changes in a stage of this type, beside taking it back to NOT_STARTED; all else that the stage has
    /// learned stays. `by_child`: the child of the stage was restarted. Source: orca `StageDefinitionBuilder.prepareStageForRestart`.
    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared::default()
    }

    /// What becomes of a patch: keys that who asks may not set are changed here. `roles` is `None` for one who may do
    /// everything.
    fn patched(&self, _context: &Map, patch: Map, _roles: Option<&[String]>) -> Map {
        patch
    }

    /// For a stage at which a person decides: the word of what it waits for or was told, as notifications name it (`manualJudgment`,
    /// `manualJudgmentContinue`, `manualJudgmentStop`).
    fn judgment(&self, _context: &Map) -> Option<&'static str> {
        None
    }

    /// How a task of the stage ends that a worker has given up: TERMINAL, or FAILED_CONTINUE when the stage looks at the failure
    /// itself and goes on.
    fn given_up(&self, _task: &Task, _context: &Map) -> Status {
        Status::Terminal
    }

    /// The time limit of one of its tasks by name, in milliseconds, where the stage's context sets another than the task's own.
    /// Source: orca `OverridableTimeoutRetryableTask.getDynamicTimeout`.
    fn task_limit_ms(&self, _task: &str, _context: &Map) -> Option<i64> {
        None
    }

    /// Whether its tasks may be done again after a failure, if the stage asks for it (`retry`).
    fn may_retry(&self) -> bool {
        true
    }

    /// What takes back, as far as it can, what the stage began outside: dispatched once when a stage that had started ends
    /// TERMINAL, STOPPED or CANCELED. The stage does not wait for it. Source: orca `CancellableStage`, `Task.onCancel`.
    fn cancel(&self, _context: &Map) -> Option<Remote> {
        None
    }
}

/// What a restart changes in a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cleared {
    /// Context keys to set.
    pub context: Map,
    /// Context keys to remove.
    pub removed: Vec<String>,
    /// Output keys to remove.
    pub outputs_removed: Vec<String>,
}

impl Cleared {
    /// Context keys that go.
    #[must_use]
    pub fn keys(keys: &[&str]) -> Self {
        Self {
            removed: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Self::default()
        }
    }
}

/// What a plan may look at.
#[derive(Clone, Copy)]
pub struct PlanContext<'a> {
    /// The execution.
    pub execution: &'a Execution,
    /// The stage, with its evaluated context.
    pub stage: &'a Stage,
    /// Now, epoch milliseconds.
    pub now: i64,
}

/// The result of planning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Tasks in order.
    pub tasks: Vec<PlannedTask>,
    /// Stages before them.
    pub before: Vec<NewStage>,
    /// Merged into the stage's context.
    pub context: Map,
}

impl Plan {
    /// A plan of tasks only.
    #[must_use]
    pub fn of_tasks(tasks: impl IntoIterator<Item = &'static TaskDefinition>) -> Self {
        let tasks = tasks.into_iter().map(PlannedTask::of).collect();
        Self {
            tasks,
            ..Self::default()
        }
    }
}

/// A task in a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedTask {
    /// The task.
    pub definition: &'static TaskDefinition,
    /// Name shown to people, where it is not the usual one of the task.
    pub name: &'static str,
    /// First of a loop.
    pub loop_start: bool,
    /// Last of a loop.
    pub loop_end: bool,
}

impl PlannedTask {
    /// A task under its usual name.
    #[must_use]
    pub const fn of(definition: &'static TaskDefinition) -> Self {
        Self {
            definition,
            name: definition.name,
            loop_start: false,
            loop_end: false,
        }
    }

    /// The same task under another name, as Orca's `TaskNode` allows.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

/// A synthetic stage to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStage {
    /// Its type.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its context.
    pub context: Map,
    /// Places in the same list of the stages that must be complete first.
    pub requires: Vec<usize>,
}

/// Why a stage cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanError {
    /// Java class that Spinnaker would name in `exceptionType`.
    pub class: &'static str,
    /// For people.
    pub message: String,
}

impl PlanError {
    /// An `IllegalArgumentException`, Spinnaker's usual word for a context that makes no sense.
    #[must_use]
    pub fn argument(message: impl Into<String>) -> Self {
        Self {
            class: "IllegalArgumentException",
            message: message.into(),
        }
    }
}

/// One task.
#[derive(Debug)]
pub struct TaskDefinition {
    /// Name shown to people, as in Spinnaker.
    pub name: &'static str,
    /// `implementingClass`, as in Spinnaker.
    pub class: &'static str,
    /// Says what to do now: called when the task starts, when its timer fires, when its stage is patched, when a lookup or a
    /// child it waits for is there.
    pub step: fn(&TaskContext<'_>) -> Step,
    /// How long it may take, milliseconds; `None` for ever (the stage's own limit holds all the same).
    pub timeout_ms: Option<i64>,
    /// Whether `stageTimeoutMs` replaces [`Self::timeout_ms`], also when it is longer.
    pub timeout_overridable: bool,
}

impl PartialEq for TaskDefinition {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class
    }
}

/// What a task may look at.
#[derive(Clone, Copy)]
pub struct TaskContext<'a> {
    /// Everything that is known.
    pub state: &'a State,
    /// The stage.
    pub stage: &'a Stage,
    /// The stage's context with its expressions evaluated.
    pub context: &'a Map,
    /// The task.
    pub task: &'a Task,
    /// Now, epoch milliseconds.
    pub now: i64,
    /// The time zone of expressions and execution windows.
    pub zone: &'a TimeZone,
    /// Evaluates one more template in this stage's scope.
    pub evaluate: &'a dyn Fn(&Value, &Map) -> crate::scope::Evaluated,
}

impl TaskContext<'_> {
    /// Spinnaker's `stage.context.get(key)`: the own context, else the outputs of the nearest ancestor that has the key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.context
            .get(key)
            .or_else(|| crate::scope::ancestor_output(&self.state.doc, self.stage, key))
    }

    /// The answer to a lookup, if there is one.
    #[must_use]
    pub fn answer(&self, lookup: &Lookup) -> Option<&LookupAnswer> {
        self.state.answer(&self.stage.id, lookup)
    }

    /// The child that this stage started, of a stage that starts one.
    #[must_use]
    pub fn child(&self) -> Option<&Child> {
        self.children().first()
    }

    /// The children that this stage started, in that order.
    #[must_use]
    pub fn children(&self) -> &[Child] {
        self.state.children_of(&self.stage.id)
    }
}

/// What a task wants now.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It is over.
    Done(TaskResult),
    /// Look again at an instant (epoch milliseconds); what is in the map goes to the context.
    Again {
        /// When.
        at: i64,
        /// Merged into the context.
        context: Map,
    },
    /// Look again at an instant (epoch milliseconds), which the stage shows as its `scheduledTime`.
    Scheduled {
        /// When.
        at: i64,
    },
    /// A person must decide; looked at again when the stage is patched.
    Ask {
        /// Merged into the context.
        context: Map,
    },
    /// A worker must do it.
    Dispatch(Remote),
    /// Something must be known first.
    Lookup(Lookup),
    /// Start a child execution, and look again as soon as another one may be started.
    StartChild(Box<ChildStart>),
    /// Wait until a child ends.
    AwaitChild,
}

/// A piece of work for a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// The pool.
    pub pool: &'static str,
    /// Name of the task implementation there.
    pub kind: &'static str,
    /// Whether it changes anything outside, so that ending it early needs a closing.
    pub effect: bool,
}

/// A child execution to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildStart {
    /// Which of the children of the stage it is, of a stage that starts several. The trigger of such a child shows of its parent
    /// only this stage, without context and outputs, and the name as `executionIdentifier` of the parent's trigger (orca
    /// `TriggerInOrder`).
    pub name: Option<String>,
    /// Config of the child.
    pub config: Map,
    /// Its trigger, without `parentExecution` (the engine adds that).
    pub trigger: Map,
    /// On whose behalf.
    pub user: String,
    /// Merged into the context of the stage, with `executionId` added.
    pub context: Map,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskResult {
    /// SUCCEEDED, TERMINAL, CANCELED, SKIPPED, FAILED_CONTINUE, STOPPED or REDIRECT.
    pub status: Status,
    /// Merged into the context.
    pub context: Map,
    /// Merged into the outputs.
    pub outputs: Map,
    /// What goes to `context.exception` and `taskExceptionDetails`.
    pub exception: Option<Value>,
}

impl TaskResult {
    /// An end without anything to say.
    #[must_use]
    pub fn of(status: Status) -> Self {
        Self {
            status,
            context: Map::new(),
            outputs: Map::new(),
            exception: None,
        }
    }

    /// A failure that the task threw in Orca: class and message.
    #[must_use]
    pub fn thrown(context: &TaskContext<'_>, class: &str, message: &str) -> Self {
        let exception =
            crate::exception::unexpected(&context.task.name, class, message, context.now);
        Self {
            exception: Some(exception),
            ..Self::of(Status::Terminal)
        }
    }
}

impl From<TaskResult> for Step {
    fn from(result: TaskResult) -> Self {
        Self::Done(result)
    }
}

/// Id of the child that `stage` of `parent` starts: the same every time, so that a repeated start finds the first. `name` is that
/// of one of several.
#[must_use]
pub fn child_id(
    parent: &ExecutionId,
    stage: &Stage,
    config_id: &str,
    turn: Turn,
    name: Option<&str>,
) -> ExecutionId {
    let Turn { incarnation, round } = turn;
    let mut name = name.map_or_else(String::new, |name| format!("/{name}"));
    name.insert_str(0, &format!("{parent}/{}/{incarnation}/{round}", stage.id));
    let rest = gennaker_model::routing::fnv1a64(name.as_bytes());
    gennaker_model::routing::execution_id(stage.start_time.unwrap_or(0), config_id, rest)
}
