//! The steps of a script. One second passes before each of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// What somebody does. Executions are named: `1` is the first that was started, `1/3` the child that its stage 3 started, `1/3.2` the
/// second child of that stage.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// Starts the first pipeline, or another.
    Start {
        /// Id of the pipeline.
        pipeline: Option<String>,
        #[serde(default)]
        trigger: Map<String, Value>,
        #[serde(default)]
        user: Option<String>,
        /// The start as a task (`POST /tasks`).
        #[serde(default)]
        task: bool,
        /// A part of what is answered when it is refused.
        refused: Option<String>,
    },
    /// Time passes.
    Wait { seconds: f64 },
    /// The worker that has the stage's task in its hands says how it went.
    Worker {
        stage: String,
        #[serde(default = "first", rename = "in")]
        execution: String,
        says: Says,
        #[serde(default)]
        context: Map<String, Value>,
        #[serde(default)]
        outputs: Map<String, Value>,
        /// Why it failed.
        error: Option<String>,
        /// For `again`.
        seconds: Option<f64>,
    },
    /// A person judges.
    Judge {
        stage: String,
        #[serde(default = "first", rename = "in")]
        execution: String,
        word: String,
        input: Option<String>,
        by: Option<String>,
        roles: Option<Vec<String>>,
        refused: Option<String>,
    },
    /// A person changes the context of a stage.
    Patch {
        stage: String,
        #[serde(default = "first", rename = "in")]
        execution: String,
        set: Map<String, Value>,
        refused: Option<String>,
    },
    Pause {
        #[serde(default = "first", rename = "in")]
        execution: String,
        refused: Option<String>,
    },
    Resume {
        #[serde(default = "first", rename = "in")]
        execution: String,
        refused: Option<String>,
    },
    Cancel {
        #[serde(default = "first", rename = "in")]
        execution: String,
        reason: Option<String>,
    },
    Restart {
        stage: String,
        #[serde(default = "first", rename = "in")]
        execution: String,
        preconditions: Option<BTreeMap<String, Value>>,
        refused: Option<String>,
    },
    /// Nothing new of the pipeline is to be started.
    Freeze { pipeline: String, reason: String },
    /// It may be started again.
    Thaw { pipeline: String },
    /// The scheduler is killed and another takes over.
    TakeOver,
}

/// What a worker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Says {
    Succeeded,
    Failed,
    Again,
}

fn first() -> String {
    "1".to_owned()
}
