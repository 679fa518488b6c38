//! What an execution tells the world about its life (events reference 6), and who wants to know.
//!
//! A decision that somebody listens to records an [`Announcement`] as a fact; it stays open in the state until the broker has it, as an
//! open command does. Where nobody listens nothing is recorded: [`Listening`] is asked first.

mod body;

use std::{collections::BTreeMap, fmt};

use gennaker_model::{Execution, ExecutionType, Map, StageId, Status};
use serde::{Deserialize, Serialize};

use crate::state::State;

/// Who listens, as far as a decision asks. The owner answers from memory; an answer that is out of date by a moment is harmless.
pub trait Listening {
    /// Whether the end of an execution of this pipeline (by its id) may start another one.
    fn triggers(&self, pipeline: &str) -> bool;

    /// What is told to everybody who follows all executions.
    fn forwards(&self) -> Forwards;

    /// The notifications of an application, as they are now: a list per channel. Asked when an execution ends.
    fn notifications(&self, application: &str) -> Option<Map>;
}

/// Nobody listens: for decisions that are only tried.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Listening for Nobody {
    fn triggers(&self, _pipeline: &str) -> bool {
        false
    }

    fn forwards(&self) -> Forwards {
        Forwards::Nothing
    }

    fn notifications(&self, _application: &str) -> Option<Map> {
        None
    }
}

/// How much is told to everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forwards {
    /// Nothing.
    #[default]
    Nothing,
    /// Beginnings and ends of executions and stages.
    Stages,
    /// Those of tasks, too.
    Tasks,
}

/// Something that happened and is to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Announcement {
    /// What it is about.
    pub about: About,
    /// What happened to it.
    pub moment: Moment,
    /// When, epoch milliseconds.
    pub at: i64,
    /// Its status then.
    pub status: Status,
    /// Whether pipelines may start because of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub triggers: bool,
    /// Whether everybody is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
}

/// What an announcement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum About {
    /// The execution.
    Execution,
    /// A stage of it.
    Stage {
        /// Which.
        stage: StageId,
    },
    /// A task of a stage.
    Task {
        /// The stage.
        stage: StageId,
        /// Id of the task in it.
        task: String,
    },
}

/// What happened: the last word of the event's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// It has begun.
    Starting,
    /// It ended well.
    Complete,
    /// It ended otherwise, also by being cancelled.
    Failed,
    /// It did not run.
    Skipped,
}

/// The announcements of an execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Announcements {
    /// Highest number used.
    pub used: u64,
    /// Those that the broker does not have yet, by number.
    pub open: BTreeMap<u64, Announcement>,
}

/// An announcement on its way, with the execution as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// Its number among those of the execution: with the execution's id it is the event's identity.
    pub number: u64,
    /// What happened.
    pub announcement: Announcement,
    /// The execution; its parts are shared with the state.
    pub execution: Execution,
}

impl Announcements {
    /// Whether there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }
}

impl State {
    /// An open announcement with the execution as it is now: to be told for the first time or again.
    #[must_use]
    pub fn telling(&self, number: u64) -> Option<Telling> {
        let announcement = self.book.announcements.open.get(&number)?.clone();
        Some(Telling {
            number,
            announcement,
            execution: self.doc.clone(),
        })
    }
}

impl Moment {
    /// The end with this status. Orca calls STOPPED a success, but tells of it as of a failure.
    ///
    /// Source: orca `EchoNotifyingStageListener`.
    #[must_use]
    pub const fn of_end(status: Status) -> Self {
        match status {
            Status::Succeeded => Self::Complete,
            Status::Skipped => Self::Skipped,
            Status::NotStarted
            | Status::Running
            | Status::Paused
            | Status::Suspended
            | Status::FailedContinue
            | Status::Terminal
            | Status::Canceled
            | Status::Redirect
            | Status::Stopped
            | Status::Buffered => Self::Failed,
        }
    }

    /// The word, as in `orca:pipeline:complete`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl About {
    /// The word, as in `orca:pipeline:complete`.
    #[must_use]
    pub const fn word(&self, kind: ExecutionType) -> &'static str {
        match (self, kind) {
            (Self::Execution, ExecutionType::Pipeline) => "pipeline",
            (Self::Execution, ExecutionType::Orchestration) => "orchestration",
            (Self::Stage { .. }, _) => "stage",
            (Self::Task { .. }, _) => "task",
        }
    }
}
