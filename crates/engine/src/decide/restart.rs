//! Restart of a stage (orchestration reference 4.5, `RestartStageHandler`).
//!
//! What a stage began outside is closed before it begins anew: a slow worker of the first turn must not work over the second. Until
//! then the restart is recorded and waits. Effects of the second turn have other identities ([`crate::state::Turn`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gennaker_model::{
    Execution, Map, Stage, StageId, Status,
    command::{PeerBody, Refusal, RefusalCode, Reply},
};
use serde_json::{Value, json};

use super::{
    draft::{Draft, Message},
    stage::PLANNING_FAILED,
};
use crate::{
    definition::Cleared,
    event::Event,
    graph,
    state::{Restart, State},
};

/// Context keys that speak of the turn that is over.
const STALE: [&str; 3] = ["exception", PLANNING_FAILED, "closing"];

impl Draft<'_> {
    /// A person asks for a restart. Refused where Orca ignores it silently, and where stages below still run: Orca lets them.
    pub(super) fn restart_asked(
        &mut self,
        id: &StageId,
        user: &str,
        preconditions: Option<&BTreeMap<String, Value>>,
    ) -> Result<Reply, Refusal> {
        let doc = &self.state.doc;
        let Some(stage) = doc.stage(id) else {
            return Err(Refusal {
                code: RefusalCode::NotFound,
                message: format!("execution {} has no stage {id}", doc.id),
                execution: None,
            });
        };
        let target = graph::top_level(doc, stage);
        if doc.status == Status::NotStarted {
            // Every stage is still to run.
            return Ok(Reply::Done);
        }
        if matches!(target.status, Status::Running | Status::Paused) {
            return Err(self.conflict(format!(
                "stage {} is {}; only a stage that has ended can be restarted",
                target.name, target.status
            )));
        }
        if self.state.book.restart.is_some() {
            return Err(self.conflict(
                "another restart of this execution waits until what was begun outside is closed"
                    .to_owned(),
            ));
        }
        if !doc.status.is_complete() {
            if doc.canceled {
                return Err(self.conflict("the execution is being cancelled".to_owned()));
            }
            let family = with_downstream(doc, &target.id);
            let running = doc.stages.iter().find(|stage| {
                family.contains(&stage.id)
                    && matches!(stage.status, Status::Running | Status::Paused)
            });
            if let Some(running) = running {
                return Err(self.conflict(format!(
                    "stage {}, which comes after it, is {}",
                    running.name, running.status
                )));
            }
        }
        let restart = Restart {
            stage: target.id.clone(),
            user: if user.is_empty() { "anonymous" } else { user }.to_owned(),
            preconditions: preconditions.cloned(),
            by_child: false,
        };
        self.emit(Event::RestartRequested {
            restart: Box::new(restart),
        });
        Ok(Reply::Done)
    }

    /// A child that had ended goes on. The stage that waited for it waits again, if this execution is over too; one that still
    /// runs has taken note of the child's end and stays with it, as in Orca. A stage that the engine had added is not restarted:
    /// it would be made anew and start another child. Nor is one that has several: the others of them are over for good.
    pub(super) fn child_restarted(&mut self, id: &StageId, user: &str) {
        let Some(stage) = self.stage(id) else { return };
        let is_only = self
            .state
            .children_of(id)
            .iter()
            .all(|child| child.name.is_none());
        if !is_only {
            return;
        }
        if self.state.doc.status.is_complete()
            && stage.status.is_complete()
            && stage.parent_stage_id.is_none()
            && self.state.book.restart.is_none()
        {
            let restart = Restart {
                stage: id.clone(),
                user: user.to_owned(),
                preconditions: None,
                by_child: true,
            };
            self.emit(Event::RestartRequested {
                restart: Box::new(restart),
            });
        }
    }

    /// The last step of a decision, when a restart was asked for and nothing of its stages is open any more.
    pub(super) fn restart_due(&self) -> Option<Message> {
        let due = self.state.book.restart.is_some() && !restart_waits(&self.state);
        due.then_some(Message::Restart)
    }

    /// Carries out the restart that was asked for.
    pub(super) fn restart(&mut self) {
        let Some(restart) = self.state.book.restart.clone() else {
            return;
        };
        let family = with_downstream(&self.state.doc, &restart.stage);
        // The one that was asked for is among them even if it never started: it shows who asked.
        let ended: Vec<StageId> = self
            .state
            .doc
            .top_level_stages()
            .filter(|stage| {
                let is_over = family.contains(&stage.id) && stage.status.is_complete();
                is_over || stage.id == restart.stage
            })
            .map(|stage| stage.id.clone())
            .collect();
        if let Some(preconditions) = &restart.preconditions {
            self.replace_preconditions(preconditions);
        }
        for id in &ended {
            self.clear(id, &restart);
        }
        self.emit(Event::StagesReset {
            stages: ended,
            rejoins: restart.by_child.then(|| restart.stage.clone()),
        });
        if self.state.doc.status.is_complete() {
            self.emit(Event::ExecutionReopened);
            if let Some(parent) = self.state.book.parent.clone() {
                let body = PeerBody::ChildRestarted {
                    stage: parent.stage,
                    user: restart.user,
                };
                self.say(parent.execution, body);
            }
        }
        self.look_at_everything();
    }

    /// What a stage's type wants to be gone, what speaks of the turn that is over, and for the target who restarted it.
    fn clear(&mut self, id: &StageId, restart: &Restart) {
        let Some(stage) = self.stage(id) else { return };
        let is_target = *id == restart.stage;
        let definition = self.context.catalogue.stage(super::effective_kind(&stage));
        let mut cleared = definition
            .map(|definition| definition.restarted(&stage, is_target && restart.by_child))
            .unwrap_or_default();
        if is_target {
            let details = json!({
                "restartedBy": restart.user,
                "restartTime": self.now(),
                "previousException": stage.context.get("exception"),
            });
            let key = "restartDetails".to_owned();
            cleared.context.insert(key, details);
        }
        cleared.removed.extend(STALE.map(str::to_owned));
        self.change_cleared(&stage, cleared);
    }

    /// Records what is set in a stage and taken from it, before it is done again.
    pub(super) fn change_cleared(&mut self, stage: &Stage, cleared: Cleared) {
        let Cleared {
            context,
            mut removed,
            outputs_removed,
        } = cleared;
        removed.retain(|key| stage.context.contains_key(key));
        if !context.is_empty() || !removed.is_empty() || !outputs_removed.is_empty() {
            self.emit(Event::StageChanged {
                stage: stage.id.clone(),
                context,
                outputs: Map::new(),
                removed,
                outputs_removed,
            });
        }
    }

    /// Every stage that checks preconditions gets those that are listed for it, or null.
    fn replace_preconditions(&mut self, preconditions: &BTreeMap<String, Value>) {
        let stages: Vec<(StageId, Value)> = self
            .state
            .doc
            .top_level_stages()
            .filter(|stage| stage.kind == "checkPreconditions")
            .map(|stage| {
                let listed = preconditions.get(&stage.ref_id);
                (stage.id.clone(), listed.cloned().unwrap_or(Value::Null))
            })
            .collect();
        for (stage, listed) in stages {
            let context = [("preconditions".to_owned(), listed)];
            self.set_context(&stage, context.into_iter().collect());
        }
    }
}

/// Whether a restart was asked for and something is still open that must end before: a part runs, or a worker has something of its
/// stages to close or to take back.
pub(crate) fn restart_waits(state: &State) -> bool {
    let Some(restart) = &state.book.restart else {
        return false;
    };
    let doc = &state.doc;
    let family = with_downstream(doc, &restart.stage);
    let is_of_family = |id: &StageId| {
        doc.stage(id)
            .is_some_and(|stage| family.contains(&graph::top_level(doc, stage).id))
    };
    // An execution that is over ends altogether before it goes on.
    let over = doc.status.is_complete();
    let runs = doc.stages.iter().any(|stage| {
        matches!(stage.status, Status::Running | Status::Paused)
            && (over || is_of_family(&stage.id))
    });
    runs || state
        .book
        .attempts
        .values()
        .any(|attempt| is_of_family(&attempt.stage))
        || state.cancels_again().any(is_of_family)
}

/// A stage of the pipeline and all that come after it.
fn with_downstream(doc: &Execution, id: &StageId) -> BTreeSet<StageId> {
    let mut found: BTreeSet<StageId> = [id.clone()].into();
    let mut open: VecDeque<StageId> = [id.clone()].into();
    while let Some(stage) = open.pop_front().and_then(|id| doc.stage(&id)) {
        for below in graph::downstream(doc, stage) {
            if found.insert(below.id.clone()) {
                open.push_back(below.id.clone());
            }
        }
    }
    found
}
