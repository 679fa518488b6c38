//! Facts: what the log holds and [`crate::apply()`] folds.
//!
//! Ours, so strict: unknown variants are refused, change is additive (see `docs/adr/`).

use gennaker_model::{
    AttemptId, Execution, ExecutionId, LastModified, Map, Stage, StageId, Status, Task,
    command::{ChildResult, Parent, Peer},
    execution::{Delivery, Receipt},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    announcement::Announcement,
    notice::Notice,
    state::{Attempt, Lookup, LookupAnswer, Restart, Seen, Timer},
};

/// One fact about one execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "e",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// It exists.
    Created {
        /// The whole document.
        execution: Box<Execution>,
        /// The stage that started it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
    },
    /// Texts of its configuration that needed something from outside were evaluated, before it starts.
    TextsEvaluated {
        /// The whole document as it is now.
        execution: Box<Execution>,
    },
    /// It waits until fewer executions of its pipeline run.
    Queued {
        /// Epoch milliseconds.
        at: i64,
    },
    /// It waits no more.
    SlotGranted,
    /// It went to RUNNING.
    ExecutionStarted {
        /// Epoch milliseconds.
        at: i64,
    },
    /// It reached a complete status.
    ExecutionEnded {
        /// Which.
        status: Status,
        /// Epoch milliseconds.
        at: i64,
    },
    /// Expressions in its notifications were evaluated, because it has started or ended.
    NotificationsEvaluated {
        /// All of them as they are now.
        notifications: Vec<Value>,
    },
    /// Somebody asked for it to be cancelled.
    CancelRequested {
        /// Who.
        by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It was paused.
    ExecutionPaused {
        /// Who.
        by: String,
        /// Epoch milliseconds.
        at: i64,
    },
    /// It was resumed, and with it its stages and tasks that were PAUSED.
    ExecutionResumed {
        /// Who.
        by: String,
        /// Epoch milliseconds.
        at: i64,
    },
    /// A synthetic stage came to be.
    StageAdded {
        /// The stage.
        stage: Box<Stage>,
        /// Its place in the list of stages.
        index: usize,
    },
    /// A stage went to RUNNING.
    StageStarted {
        /// Which.
        stage: StageId,
        /// Epoch milliseconds.
        at: i64,
        /// Its tasks.
        tasks: Vec<Task>,
    },
    /// A stage of a paused execution went to PAUSED.
    StagePaused {
        /// Which.
        stage: StageId,
        /// Its task that did, too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
    /// A stage reached a complete status.
    StageEnded {
        /// Which.
        stage: StageId,
        /// Which status.
        status: Status,
        /// Epoch milliseconds.
        at: i64,
    },
    /// A stage that never started will not: it was removed.
    StageRemoved {
        /// Which.
        stage: StageId,
    },
    /// Keys of a stage's context and outputs were set or removed.
    StageChanged {
        /// Which.
        stage: StageId,
        /// Context keys to set.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        context: Map,
        /// Output keys to set.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map,
        /// Context keys to remove.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed: Vec<String>,
        /// Output keys to remove.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outputs_removed: Vec<String>,
    },
    /// A person patched a stage.
    StageModified {
        /// Which.
        stage: StageId,
        /// Who and when.
        by: LastModified,
    },
    /// A task went to RUNNING.
    TaskStarted {
        /// Its stage.
        stage: StageId,
        /// Its id.
        task: String,
        /// Epoch milliseconds.
        at: i64,
    },
    /// A task reached a complete status.
    TaskEnded {
        /// Its stage.
        stage: StageId,
        /// Its id.
        task: String,
        /// Which status.
        status: Status,
        /// Epoch milliseconds.
        at: i64,
        /// What `taskExceptionDetails` shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exception: Option<Value>,
    },
    /// A stage that has ended is to begin anew.
    RestartRequested {
        /// Which, and how.
        restart: Box<Restart>,
    },
    /// Stages that had ended go back to NOT_STARTED, without times, tasks and synthetic stages.
    StagesReset {
        /// Which.
        stages: Vec<StageId>,
        /// The one among them whose child goes on, so that it waits for it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejoins: Option<StageId>,
    },
    /// An execution that had ended goes back to NOT_STARTED, because a stage of it was restarted.
    ExecutionReopened,
    /// The tasks of a loop go back to NOT_STARTED.
    LoopRestarted {
        /// The stage.
        stage: StageId,
    },
    /// The tasks of a stage are to be done again, because one has failed: those that did not start go, and all of them are added
    /// once more.
    TasksRepeated {
        /// The stage.
        stage: StageId,
    },
    /// A stage waits until an instant that it shows.
    StageScheduled {
        /// Which.
        stage: StageId,
        /// Epoch milliseconds.
        at: i64,
    },
    /// An attempt may be published.
    AttemptOpened {
        /// Its number.
        attempt: AttemptId,
        /// The attempt.
        open: Box<Attempt>,
    },
    /// An attempt was reported, or is of no interest any more.
    AttemptEnded {
        /// Its number.
        attempt: AttemptId,
    },
    /// A timer was armed, in place of an earlier one with the same key.
    TimerArmed {
        /// Which.
        timer: Timer,
        /// When it is due, epoch milliseconds.
        due: i64,
    },
    /// A timer fired or is not needed any more.
    TimerCleared {
        /// Which.
        timer: Timer,
    },
    /// A stage waits for a person.
    QuestionOpened {
        /// Which.
        stage: StageId,
    },
    /// It does not any more.
    QuestionClosed {
        /// Which.
        stage: StageId,
    },
    /// Something must be looked up in the documents.
    LookupOpened {
        /// What.
        lookup: Lookup,
        /// For which stage.
        stage: StageId,
        /// Epoch milliseconds.
        #[serde(default)]
        at: i64,
    },
    /// It was answered.
    LookupAnswered {
        /// What.
        lookup: Lookup,
        /// The answer.
        answer: LookupAnswer,
        /// The stage for which an address was read; `None` when every stage that waits for the lookup gets the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<StageId>,
        /// Epoch milliseconds.
        #[serde(default)]
        at: i64,
    },
    /// A stage has a child execution.
    ChildLinked {
        /// Which.
        stage: StageId,
        /// The child.
        child: ExecutionId,
        /// Which of its children, if it has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The child ended.
    ChildEnded {
        /// How.
        result: Box<ChildResult>,
        /// Which child, if the stage has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        child: Option<ExecutionId>,
    },
    /// Something is to be said to another execution.
    PeerQueued {
        /// What.
        peer: Box<Peer>,
    },
    /// The other side took it, or refused it for good.
    PeerAnswered {
        /// The receiver.
        to: ExecutionId,
        /// The number.
        number: u64,
    },
    /// Something was heard from another execution.
    PeerTaken {
        /// The sender.
        from: ExecutionId,
        /// The number.
        number: u64,
    },
    /// Something is to be told to the world.
    Announced {
        /// Its number.
        number: u64,
        /// What.
        announcement: Box<Announcement>,
    },
    /// The broker has announcements.
    AnnouncementsStored {
        /// Which.
        numbers: Vec<u64>,
    },
    /// A notification is due.
    NoticeOpened {
        /// Its number.
        number: u64,
        /// The notification.
        notice: Box<Notice>,
        /// What the execution shows of it.
        receipt: Box<Receipt>,
    },
    /// It could not be sent, and will be tried again.
    NoticeDelayed {
        /// Which.
        number: u64,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It was delivered, or is given up.
    NoticeSettled {
        /// Which.
        number: u64,
        /// Epoch milliseconds.
        at: i64,
        /// How.
        status: Delivery,
        /// What the channel gave for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Value>,
        /// Why it is given up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A decision was cut short; another one goes on at once.
    Interrupted,
    /// It went on.
    Continued,
    /// A command was answered.
    CommandAnswered {
        /// Which, and how.
        seen: Box<Seen>,
    },
}
