//! An announcement as Echo's event, which those who follow all executions read (events reference 1 and 6).

use gennaker_model::{Execution, Stage, Task};
use serde_json::{Value, json};

use super::{About, Telling};
use crate::decide::shown_parent;

impl Telling {
    /// Identity of the event: the same whenever it is told.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}.{}", self.execution.id, self.number)
    }

    /// Its type, for example `orca:stage:complete`.
    #[must_use]
    pub fn kind(&self) -> String {
        let word = self.announcement.about.word(self.execution.kind);
        format!("orca:{word}:{}", self.announcement.moment)
    }

    /// Echo's event: `{details: {source, type, application, created}, content: {…}, eventId}`.
    ///
    /// The execution in it is shown as a parent is in its child's trigger: one that is large comes without the contexts and outputs of
    /// its stages. `None` when the stage is not there any more.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        let content = match &self.announcement.about {
            About::Execution => {
                json!({"execution": self.shown(), "executionId": self.execution.id})
            }
            About::Stage { stage } => self.of_stage(self.execution.stage(stage)?, None),
            About::Task { stage, task } => {
                let stage = self.execution.stage(stage)?;
                let task = stage.tasks.iter().find(|held| held.id == *task)?;
                self.of_stage(stage, Some(task))
            }
        };
        Some(json!({
            "details": {
                "source": "orca",
                "type": self.kind(),
                "application": self.execution.application,
                "created": self.announcement.at.to_string(),
            },
            "content": content,
            "eventId": self.id(),
        }))
    }

    fn of_stage(&self, stage: &Stage, task: Option<&Task>) -> Value {
        let mut content = json!({
            "standalone": self.execution.kind == gennaker_model::ExecutionType::Orchestration,
            "canceled": self.execution.canceled,
            "context": *stage.context,
            "startTime": task.map_or(stage.start_time, |task| task.start_time),
            "endTime": task.map_or(stage.end_time, |task| task.end_time),
            "executionId": self.execution.id,
            "stageId": stage.id,
            "isSynthetic": stage.synthetic_stage_owner.is_some(),
            "name": stage.name,
            "execution": self.shown(),
        });
        if let Some(task) = task {
            content["taskName"] = json!(format!("{}.{}", stage.kind, task.name));
        }
        content
    }

    fn shown(&self) -> Value {
        shown_parent(&self.told())
    }

    /// The execution with the status that is told, should it have gone on meanwhile.
    fn told(&self) -> Execution {
        let mut execution = self.execution.clone();
        if self.announcement.about == About::Execution {
            execution.status = self.announcement.status;
        }
        execution
    }
}
