//! No zombies: whatever runs has something that will move it, and the audit proves it.
//!
//! Spinnaker's executions can be RUNNING without a message in the queue (orchestration reference 3.11); here a periodic look
//! at each live execution finds that and mends it with [`crate::Input::Audited`].

use gennaker_model::{Stage, StageId, Status};

use crate::{
    decide::{Draft, restart_waits},
    event::Event,
    graph,
    lookup::submission,
    state::{Child, Purpose, State, Timer},
};

/// A thing that nothing will ever move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zombie {
    /// The stage; `None` for the execution itself.
    pub stage: Option<StageId>,
    /// What is wrong, for the log.
    pub sentence: String,
}

/// Everything in `state` that nothing will ever move. Empty for a sound state.
#[must_use]
pub fn zombies(state: &State) -> Vec<Zombie> {
    let doc = &state.doc;
    if doc.status == Status::Paused || state.book.interrupted {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut anything_open = false;
    for stage in &doc.stages {
        if matches!(stage.status, Status::Running | Status::Paused) {
            anything_open = true;
            if !is_moved(state, stage) {
                let sentence = format!(
                    "stage {} ({}) runs and waits for nothing",
                    stage.ref_id, stage.kind
                );
                found.push(Zombie {
                    stage: Some(stage.id.clone()),
                    sentence,
                });
            }
        } else if stage.status == Status::NotStarted
            && stage.parent_stage_id.is_none()
            && doc.status == Status::Running
            && !doc.canceled
            && graph::all_upstream_complete(doc, stage)
            && !state.is_looked_up(&stage.id)
            && !doc
                .top_level_stages()
                .any(|stage| matches!(stage.status, Status::Terminal | Status::Canceled))
        {
            let sentence = format!(
                "stage {} ({}) could start and nobody starts it",
                stage.ref_id, stage.kind
            );
            found.push(Zombie {
                stage: Some(stage.id.clone()),
                sentence,
            });
        }
    }
    let waits_to_start = state
        .book
        .asked
        .keys()
        .any(|stage| state.is_looked_up(stage));
    if doc.status == Status::Running && !anything_open && !waits_to_start && found.is_empty() {
        found.push(Zombie {
            stage: None,
            sentence: "the execution runs and none of its stages does".to_owned(),
        });
    }
    if state.book.restart.is_some() && !restart_waits(state) {
        found.push(Zombie {
            stage: None,
            sentence: "a restart was asked for and nobody carries it out".to_owned(),
        });
    }
    if doc.status == Status::NotStarted
        && !state.is_looked_up(&submission())
        && state.book.waits_since.is_none()
    {
        found.push(Zombie {
            stage: None,
            sentence: "the execution was never started".to_owned(),
        });
    }
    found
}

/// Whether an open attempt, timer, question, lookup or child, or a part that has one, will move this stage.
fn is_moved(state: &State, stage: &Stage) -> bool {
    let timer = |purpose| {
        state.book.timers.contains_key(&Timer {
            stage: stage.id.clone(),
            purpose,
        })
    };
    let runs_task = stage
        .tasks
        .iter()
        .any(|task| matches!(task.status, Status::Running | Status::Paused));
    if runs_task {
        return state
            .book
            .attempts
            .values()
            .any(|attempt| attempt.stage == stage.id)
            || timer(Purpose::Again)
            || timer(Purpose::Closing)
            || state.book.questions.contains(&stage.id)
            || state.is_looked_up(&stage.id)
            || state.children_of(&stage.id).iter().any(Child::is_open);
    }
    if timer(Purpose::Again) {
        return true;
    }
    state.doc.stages.iter().any(|child| {
        child.parent_stage_id.as_ref() == Some(&stage.id)
            && (matches!(child.status, Status::Running | Status::Paused)
                || (child.status == Status::NotStarted && state.is_looked_up(&child.id)))
    })
}

impl Draft<'_> {
    /// Goes on with a decision that was cut short, or looks again at every zombie, as if what it waited for had happened.
    pub(crate) fn audited(&mut self) {
        if self.state.book.interrupted {
            self.emit(Event::Continued);
            self.look_at_everything();
        } else if !zombies(&self.state).is_empty() {
            self.look_at_everything();
        }
    }
}
