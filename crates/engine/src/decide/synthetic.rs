//! Stages that the engine adds beside a stage (orchestration reference 1.6, `StageGraphBuilderImpl`).

use std::sync::Arc;

use gennaker_model::{Map, Stage, StageId, Status, SyntheticOwner, routing::fnv1a64};

use super::draft::{Draft, Message};
use crate::{definition::NewStage, event::Event, graph, rollup::flag, scope, state::State};

/// Type and name of the stage that waits for an execution window, and the option that asks for it.
pub(super) const WINDOW: &str = "restrictExecutionDuringTimeWindow";

impl Draft<'_> {
    /// Adds stages on one side of `parent`. Those before it are evaluated when they are added, as in Orca (reference 7.2); what
    /// has to be looked up waits for their start.
    pub(super) fn add_synthetic(
        &mut self,
        parent: &StageId,
        owner: SyntheticOwner,
        new: Vec<NewStage>,
    ) {
        let Some(parent) = self.stage(parent) else {
            return;
        };
        let held = graph::synthetic(&self.state.doc, &parent.id, owner).count();
        let sign = match owner {
            SyntheticOwner::StageBefore => '<',
            SyntheticOwner::StageAfter => '>',
        };
        let ref_id = |index: usize| format!("{}{sign}{}", parent.ref_id, held + index + 1);
        for (index, new) in new.into_iter().enumerate() {
            let context = without_window(&new.kind, new.context);
            let stage = Stage {
                id: self.next_stage_id(),
                ref_id: ref_id(index),
                requisite_stage_ref_ids: new.requires.iter().map(|place| ref_id(*place)).collect(),
                kind: new.kind,
                name: new.name,
                start_time: None,
                end_time: None,
                start_time_expiry: None,
                status: Status::NotStarted,
                context: Arc::new(context),
                outputs: Arc::default(),
                tasks: Vec::new(),
                synthetic_stage_owner: Some(owner),
                parent_stage_id: Some(parent.id.clone()),
                scheduled_time: None,
                last_modified: None,
            };
            let at = self
                .state
                .doc
                .stages
                .iter()
                .position(|held| held.id == parent.id)
                .unwrap_or(0);
            let index = match owner {
                SyntheticOwner::StageBefore => at,
                SyntheticOwner::StageAfter => at + 1 + held + index,
            };
            let added = stage.id.clone();
            self.emit(Event::StageAdded {
                stage: Box::new(stage),
                index,
            });
            if owner == SyntheticOwner::StageBefore {
                self.evaluate_in_place(&added);
            }
        }
    }

    /// Stores a stage's context as it evaluates now. What would have to be looked up stays text.
    pub(super) fn evaluate_in_place(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        let evaluated = self.evaluate(&stage, &stage.context);
        if evaluated.value.is_null() {
            // There is nothing to evaluate.
            return;
        }
        if let Ok(context) = self.within_bounds(evaluated, &stage) {
            self.replace_context(&stage, &context);
        }
    }

    pub(super) fn initial_synthetic(
        &self,
        parent: &StageId,
        owner: SyntheticOwner,
    ) -> Vec<StageId> {
        graph::synthetic(&self.state.doc, parent, owner)
            .filter(|stage| {
                stage.requisite_stage_ref_ids.is_empty() && stage.status == Status::NotStarted
            })
            .map(|stage| stage.id.clone())
            .collect()
    }

    pub(super) fn remove_not_started(&mut self, parent: &StageId) {
        let gone: Vec<_> = self
            .state
            .doc
            .stages
            .iter()
            .filter(|stage| {
                stage.parent_stage_id.as_ref() == Some(parent) && stage.status == Status::NotStarted
            })
            .map(|stage| stage.id.clone())
            .collect();
        for stage in gone {
            self.end_reads(&stage);
            self.emit(Event::StageRemoved { stage });
        }
    }

    /// Cancels what still runs below a stage that ends because one of its parts failed.
    pub(super) fn cancel_open_parts(&mut self, id: &StageId) {
        let open: Vec<_> = self
            .state
            .doc
            .stages
            .iter()
            .filter(|stage| {
                stage.parent_stage_id.as_ref() == Some(id)
                    && matches!(stage.status, Status::Running | Status::Paused)
            })
            .map(|stage| stage.id.clone())
            .collect();
        for stage in open {
            self.push(Message::CancelStage(stage));
        }
    }

    /// Replaces a context by its evaluated form; only what differs is recorded.
    pub(super) fn replace_context(&mut self, stage: &Stage, evaluated: &Map) {
        let changed: Map = evaluated
            .iter()
            .filter(|(key, value)| stage.context.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let removed: Vec<String> = stage
            .context
            .keys()
            .filter(|key| !evaluated.contains_key(*key))
            .cloned()
            .collect();
        if !changed.is_empty() || !removed.is_empty() {
            self.emit(Event::StageChanged {
                stage: stage.id.clone(),
                context: changed,
                outputs: Map::new(),
                removed,
                outputs_removed: Vec::new(),
            });
        }
    }

    pub(super) fn evaluate(&self, stage: &Stage, context: &Map) -> scope::Evaluated {
        scope::evaluate_context(&self.state, stage, context, self.context)
    }

    fn next_stage_id(&self) -> StageId {
        let doc = &self.state.doc;
        derived_stage_id(doc.id.as_str(), doc.build_time, self.state.book.stages_made)
    }
}

/// Id of the `number`-th stage that the engine adds to an execution; the same at every replay.
#[must_use]
fn derived_stage_id(execution: &str, time_ms: i64, number: u64) -> StageId {
    let seed = format!("{execution}/synthetic/{number}");
    let random = (u128::from(fnv1a64(seed.as_bytes())) << 16) | u128::from(number & 0xffff);
    StageId::derived(time_ms, random)
}

/// What an execution window stays for is its own stage; the others do not wait for it again.
fn without_window(kind: &str, mut context: Map) -> Map {
    context.shift_remove(WINDOW);
    if kind != WINDOW {
        context.shift_remove("restrictedExecutionWindow");
    }
    context
}

/// The before-stages of a stage, with the one that waits for its execution window first (reference 1.6 and 5.2).
pub(super) fn with_window(stage: &Stage, before: Vec<NewStage>) -> Vec<NewStage> {
    if flag(&stage.context, WINDOW) != Some(true) {
        return before;
    }
    let mut context = (*stage.context).clone();
    for key in ["stageTimeoutMs", "alias"] {
        context.shift_remove(key);
    }
    let window = NewStage {
        kind: WINDOW.to_owned(),
        name: WINDOW.to_owned(),
        context,
        requires: Vec::new(),
    };
    let others = before.into_iter().map(|new| NewStage {
        requires: if new.requires.is_empty() {
            vec![0]
        } else {
            new.requires.into_iter().map(|place| place + 1).collect()
        },
        ..new
    });
    std::iter::once(window).chain(others).collect()
}

/// How long the stage's execution window kept it, milliseconds; that does not count towards its time limit (reference 3.6).
#[must_use]
pub(super) fn window_ms(state: &State, stage: &StageId, now: i64) -> i64 {
    let windows = graph::synthetic(&state.doc, stage, SyntheticOwner::StageBefore);
    windows
        .filter(|window| window.kind == WINDOW)
        .filter_map(|window| Some(window.end_time.unwrap_or(now) - window.start_time?))
        .sum()
}

/// Elapsed paused time of the execution after `since`, milliseconds (orchestration reference 3.6).
#[must_use]
pub(super) fn paused_ms(state: &State, since: i64, now: i64) -> i64 {
    match &state.doc.paused {
        Some(paused) => match paused.pause_time {
            Some(from) if from >= since => paused.resume_time.unwrap_or(now) - from,
            _ => 0,
        },
        None => 0,
    }
}
