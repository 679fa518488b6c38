//! StartStage, CompleteStage and what follows (orchestration reference 3.4).

use std::sync::Arc;

use gennaker_model::{Map, Stage, StageId, Status, SyntheticOwner, Task};
use serde_json::{Value, json};

use super::{
    draft::{Draft, Message},
    optional::Enabled,
    synthetic::with_window,
    task::running_task,
};
use crate::{
    definition::{NewStage, Plan, PlanContext, PlanError, PlannedTask},
    event::Event,
    exception, graph,
    rollup::{self, flag},
    scope::{self, Evaluated},
    state::Purpose,
};

/// Context key of a stage that could not be planned.
pub(super) const PLANNING_FAILED: &str = "beforeStagePlanningFailed";

impl Draft<'_> {
    /// StartStage. Orca asks here whether something upstream halted; whatever halts has seen to the execution's end itself, and
    /// nothing below it has all its requisites.
    pub(super) fn start_stage(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        if stage.status != Status::NotStarted
            || self.must_cancel()
            || self.state.doc.status == Status::Paused
            || !graph::all_upstream_complete(&self.state.doc, &stage)
        {
            return;
        }
        let evaluated = self.evaluate(&stage, &stage.context);
        if !evaluated.needs.is_empty() {
            self.look_up(id, &evaluated.needs);
            return;
        }
        let context = match self.within_bounds(evaluated, &stage) {
            Ok(context) => context,
            Err(error) => {
                self.planning_failed(id, &stage, &error);
                return;
            }
        };
        match self.is_enabled(&stage, &context) {
            Ok(Enabled::Yes) => {}
            Ok(Enabled::No) => {
                self.skip_stage(id);
                return;
            }
            Ok(Enabled::Unknown(needs)) => {
                self.look_up(id, &needs);
                return;
            }
            Err(error) => {
                self.planning_failed(id, &stage, &error);
                return;
            }
        }
        if stage
            .start_time_expiry
            .is_some_and(|expiry| expiry < self.now())
        {
            self.skip_stage(id);
            return;
        }
        self.plan(id, &stage, context);
    }

    fn plan(&mut self, id: &StageId, stage: &Stage, context: Map) {
        let planned = Stage {
            context: Arc::new(context),
            start_time: Some(self.now()),
            ..stage.clone()
        };
        let kind = effective_kind(&planned).to_owned();
        let catalogue = self.context.catalogue;
        let stand_in = catalogue.stand_in(&self.state.doc, &planned);
        let plan = match catalogue.stage(&kind) {
            Some(definition) => {
                let view = PlanContext {
                    execution: &self.state.doc,
                    stage: &planned,
                    now: self.now(),
                };
                let skippable = definition.can_manually_skip(&planned.context);
                definition.plan(&view).map(|mut plan| {
                    if let Some(task) = stand_in {
                        plan.tasks = vec![PlannedTask::of(task)];
                    } else if skippable {
                        plan.context
                            .insert("canManuallySkip".to_owned(), json!(true));
                    }
                    plan
                })
            }
            None => Err(PlanError {
                class: "NoSuchStageDefinitionBuilderException",
                message: format!("No StageDefinitionBuilder implementation for {kind} found"),
            }),
        };
        let plan = match plan.and_then(|plan| self.within_limits(plan)) {
            Ok(plan) => plan,
            Err(error) => {
                self.replace_context(stage, &planned.context);
                self.planning_failed(id, stage, &error);
                return;
            }
        };
        let before = with_window(&planned, plan.before);
        let last = plan.tasks.len();
        let tasks: Vec<Task> = plan
            .tasks
            .iter()
            .enumerate()
            .map(|(index, task)| Task {
                id: (index + 1).to_string(),
                implementing_class: task.definition.class.to_owned(),
                name: task.name.to_owned(),
                start_time: None,
                end_time: None,
                status: Status::NotStarted,
                stage_start: index == 0,
                stage_end: index + 1 == last,
                loop_start: task.loop_start,
                loop_end: task.loop_end,
                retry: 0,
                task_exception_details: None,
            })
            .collect();
        self.replace_context(stage, &planned.context);
        self.set_context(id, plan.context.clone());
        self.emit(Event::StageStarted {
            stage: id.clone(),
            at: self.now(),
            tasks,
        });
        self.add_synthetic(id, SyntheticOwner::StageBefore, before);
        self.begin_parts(id);
    }

    /// The first parts of a stage that has just started: before-stages, else tasks, else after-stages.
    pub(super) fn begin_parts(&mut self, id: &StageId) {
        let before = self.initial_synthetic(id, SyntheticOwner::StageBefore);
        if !before.is_empty() {
            for stage in before {
                self.push(Message::StartStage(stage));
            }
        } else if self.stage(id).is_some_and(|stage| !stage.tasks.is_empty()) {
            self.push(Message::StartTask(id.clone(), 0));
        } else {
            self.push(Message::CompleteStage(id.clone()));
        }
    }

    /// The evaluated context, unless it has become too large to be recorded.
    pub(super) fn within_bounds(
        &self,
        evaluated: Evaluated,
        stage: &Stage,
    ) -> Result<Map, PlanError> {
        let worked = !evaluated.value.is_null();
        let context = evaluated.into_context(&stage.context);
        let limit = self.context.rules.context_bytes_max;
        if worked {
            let bytes = serde_json::to_vec(&context).map_or(0, |bytes| bytes.len());
            if bytes > limit {
                return Err(PlanError::argument(format!(
                    "with its expressions evaluated the context of the stage takes {} KiB; the limit is {} KiB",
                    bytes / 1024,
                    limit / 1024
                )));
            }
        }
        Ok(context)
    }

    fn within_limits(&self, plan: Plan) -> Result<Plan, PlanError> {
        let stages = self.state.doc.stages.len() + plan.before.len();
        let limit = self.context.rules.stages_max;
        if stages > limit {
            return Err(PlanError::argument(format!(
                "the execution would have {stages} stages; the limit is {limit}"
            )));
        }
        Ok(plan)
    }

    fn planning_failed(&mut self, id: &StageId, stage: &Stage, error: &PlanError) {
        let exception = exception::unexpected(&stage.kind, error.class, &error.message, self.now());
        let context = [
            ("exception".to_owned(), exception),
            (PLANNING_FAILED.to_owned(), json!(true)),
        ];
        // Orca sets the start time first, in case the planning fails.
        self.emit(Event::StageStarted {
            stage: id.clone(),
            at: self.now(),
            tasks: Vec::new(),
        });
        self.set_context(id, context.into_iter().collect());
        if self
            .context
            .catalogue
            .stage(effective_kind(stage))
            .is_none()
        {
            // An unknown type fails again in CompleteStage: TERMINAL even with continuePipeline (reference 3.2).
            self.close_stage(id, Status::Terminal);
        } else {
            self.push(Message::CompleteStage(id.clone()));
        }
    }

    fn skip_stage(&mut self, id: &StageId) {
        self.end_reads(id);
        self.disarm(id, Purpose::Again);
        self.emit(Event::StageEnded {
            stage: id.clone(),
            status: Status::Skipped,
            at: self.now(),
        });
        self.follow(id, Status::Skipped);
    }

    /// SkipStage of a stage that a person skips (reference 3.4 and 5.9): its running parts end first; then the stage of the
    /// pipeline that it belongs to is SKIPPED, and so are its parts, but for those that have succeeded or failed.
    pub(super) fn skip_by_hand(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        let top = graph::top_level(&self.state.doc, &stage).id.clone();
        if !self
            .stage(&top)
            .is_some_and(|top| matches!(top.status, Status::Running | Status::Paused))
        {
            return;
        }
        let parts: Vec<_> = self
            .state
            .doc
            .stages
            .iter()
            .filter(|part| graph::top_level(&self.state.doc, part).id == top)
            .cloned()
            .collect();
        let mut open = false;
        for part in &parts {
            if running_task(part).is_some() {
                open = true;
                self.push(Message::RunTask(part.id.clone()));
            }
        }
        if open {
            return;
        }
        for part in parts.iter().filter(|part| part.id != top) {
            if !part.status.is_complete() {
                self.end_reads(&part.id);
                self.disarm(&part.id, Purpose::Again);
                self.emit(Event::StageEnded {
                    stage: part.id.clone(),
                    status: Status::Skipped,
                    at: self.now(),
                });
            }
        }
        self.skip_stage(&top);
    }

    /// CompleteStage: status from the parts, then after-stages or on-failure stages, then what comes next.
    pub(super) fn complete_stage(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        if !matches!(
            stage.status,
            Status::Running | Status::NotStarted | Status::Paused
        ) {
            return;
        }
        if self
            .state
            .book
            .attempts
            .values()
            .any(|attempt| attempt.stage == *id)
            && stage
                .tasks
                .iter()
                .any(|task| task.status == Status::Running)
        {
            return;
        }
        let mut status = rollup::stage_status(&self.state.doc, &stage);
        if status.is_complete()
            && flag(&stage.context, "failOnFailedExpressions") == Some(true)
            && stage
                .context
                .get(scope::SUMMARY)
                .and_then(Value::as_object)
                .is_some_and(|summary| !summary.is_empty())
        {
            status = Status::Terminal;
        }
        if self.any_part_open(&stage)
            && !status.is_halt()
            && !(status == Status::FailedContinue && self.stops_siblings(&stage))
        {
            return;
        }
        let canceled = self.must_cancel();
        if !canceled && !status.is_halt() {
            match self.plan_after(&stage) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    let exception =
                        exception::unexpected(&stage.kind, error.class, &error.message, self.now());
                    self.set_context(
                        id,
                        [("exception".to_owned(), exception)].into_iter().collect(),
                    );
                    status = Status::Terminal;
                }
            }
            if status == Status::NotStarted {
                status = Status::Skipped;
            }
        } else if !canceled && status.is_failure() && self.plan_on_failure(&stage) {
            return;
        }
        if canceled && status == Status::Terminal && !rollup::any_failed(&self.state.doc, &stage) {
            // Cancelled between two of its parts.
            status = Status::Canceled;
        }
        if !status.is_complete() {
            status = if canceled { Status::Canceled } else { return };
        }
        self.close_stage(id, status);
    }

    fn close_stage(&mut self, id: &StageId, status: Status) {
        self.cancel_open_parts(id);
        self.end_reads(id);
        self.disarm(id, Purpose::Again);
        let cancel = if status.is_halt() {
            self.evaluated_cancel(id)
        } else {
            None
        };
        if let Some(stage) = self.stage(id)
            && status == Status::FailedContinue
        {
            let merged = exception::with_errors_of_tasks(&stage);
            self.set_context(id, merged);
        }
        if let Some(stage) = self.stage(id) {
            let merged = scope::merge_summary_into_exception(&stage.context);
            self.set_context(id, merged);
        }
        self.emit(Event::StageEnded {
            stage: id.clone(),
            status,
            at: self.now(),
        });
        if status.is_halt() {
            self.flag_child(id);
        }
        if let Some(remote) = cancel {
            self.dispatch_cancel(id, &remote);
        }
        self.follow(id, status);
    }

    /// What comes after a stage that has ended.
    fn follow(&mut self, id: &StageId, status: Status) {
        let Some(stage) = self.stage(id) else { return };
        if status == Status::FailedContinue
            && stage.parent_stage_id.is_some()
            && !lets_siblings_continue(&stage)
        {
            self.complete_parent(&stage);
            return;
        }
        if status.lets_downstream_start() {
            let next: Vec<_> = graph::downstream(&self.state.doc, &stage)
                .map(|stage| stage.id.clone())
                .collect();
            let none = next.is_empty();
            for stage in next {
                self.push(Message::StartStage(stage));
            }
            match (&stage.parent_stage_id, stage.synthetic_stage_owner) {
                (Some(parent), Some(phase)) if none => {
                    self.push(Message::ContinueParent(parent.clone(), phase))
                }
                _ => {}
            }
            if stage.parent_stage_id.is_none() {
                self.push(Message::CompleteExecution);
            }
        } else {
            self.push(Message::CancelStage(id.clone()));
            if stage.parent_stage_id.is_some() {
                self.complete_parent(&stage);
            } else {
                self.push(Message::CompleteExecution);
            }
        }
    }

    fn complete_parent(&mut self, stage: &Stage) {
        if let Some(parent) = &stage.parent_stage_id {
            self.push(Message::CompleteStage(parent.clone()));
        }
    }

    pub(super) fn continue_parent(&mut self, id: &StageId, phase: SyntheticOwner) {
        let Some(parent) = self.stage(id) else { return };
        if parent.status != Status::Running {
            return;
        }
        let parts: Vec<Status> = graph::synthetic(&self.state.doc, id, phase)
            .map(|stage| stage.status)
            .collect();
        match phase {
            SyntheticOwner::StageBefore => {
                if !parts.iter().all(|status| status.lets_downstream_start()) {
                    return;
                }
                match parent.tasks.first() {
                    Some(task) if task.status == Status::NotStarted => {
                        self.push(Message::StartTask(id.clone(), 0))
                    }
                    Some(_) => {}
                    None => self.push(Message::CompleteStage(id.clone())),
                }
            }
            SyntheticOwner::StageAfter => {
                if parts.iter().all(|status| status.is_complete()) {
                    self.push(Message::CompleteStage(id.clone()));
                }
            }
        }
    }

    /// Whether a part of the stage still runs or may start: its status is not known yet.
    fn any_part_open(&self, stage: &Stage) -> bool {
        let children = self
            .state
            .doc
            .stages
            .iter()
            .filter(|child| child.parent_stage_id.as_ref() == Some(&stage.id));
        let mut open = stage
            .tasks
            .iter()
            .any(|task| matches!(task.status, Status::Running | Status::Paused));
        for child in children {
            open |= match child.status {
                Status::Running | Status::Paused => true,
                Status::NotStarted => {
                    !self.must_cancel() && graph::all_upstream_complete(&self.state.doc, child)
                }
                _ => false,
            };
        }
        open
    }

    fn stops_siblings(&self, stage: &Stage) -> bool {
        self.state.doc.stages.iter().any(|child| {
            child.parent_stage_id.as_ref() == Some(&stage.id)
                && child.status == Status::FailedContinue
                && !lets_siblings_continue(child)
        })
    }

    /// Plans after-stages if there are none yet; true when some are to run first.
    fn plan_after(&mut self, stage: &Stage) -> Result<bool, PlanError> {
        if graph::synthetic(&self.state.doc, &stage.id, SyntheticOwner::StageAfter)
            .next()
            .is_none()
        {
            let Some(definition) = self.context.catalogue.stage(effective_kind(stage)) else {
                return Ok(false);
            };
            let view = PlanContext {
                execution: &self.state.doc,
                stage,
                now: self.now(),
            };
            let planned = definition.after(&view)?;
            self.add_synthetic(&stage.id, SyntheticOwner::StageAfter, planned);
        }
        Ok(self.start_after(&stage.id))
    }

    /// On-failure stages run one after the other; they are planned once (reference 1.6).
    fn plan_on_failure(&mut self, stage: &Stage) -> bool {
        let Some(definition) = self.context.catalogue.stage(effective_kind(stage)) else {
            return false;
        };
        let view = PlanContext {
            execution: &self.state.doc,
            stage,
            now: self.now(),
        };
        let planned = definition.on_failure(&view).unwrap_or_default();
        let done: Vec<&str> =
            graph::synthetic(&self.state.doc, &stage.id, SyntheticOwner::StageAfter)
                .filter(|after| after.status.is_complete())
                .map(|after| after.name.as_str())
                .collect();
        if planned.is_empty() || planned.iter().any(|new| done.contains(&new.name.as_str())) {
            return false;
        }
        let chained = planned
            .into_iter()
            .enumerate()
            .map(|(index, new)| NewStage {
                requires: index.checked_sub(1).into_iter().collect(),
                ..new
            });
        self.remove_not_started(&stage.id);
        self.add_synthetic(&stage.id, SyntheticOwner::StageAfter, chained.collect());
        self.start_after(&stage.id)
    }

    fn start_after(&mut self, id: &StageId) -> bool {
        let waiting: Vec<_> = graph::synthetic(&self.state.doc, id, SyntheticOwner::StageAfter)
            .filter(|stage| {
                stage.status == Status::NotStarted && stage.requisite_stage_ref_ids.is_empty()
            })
            .map(|stage| stage.id.clone())
            .collect();
        for stage in &waiting {
            self.push(Message::StartStage(stage.clone()));
        }
        !waiting.is_empty()
    }
}

/// The type that decides how a stage behaves: `alias` if there is one, else `type` (orchestration reference 5.8).
pub(crate) fn effective_kind(stage: &Stage) -> &str {
    stage
        .context
        .get("alias")
        .and_then(Value::as_str)
        .unwrap_or(&stage.kind)
}

fn lets_siblings_continue(stage: &Stage) -> bool {
    flag(&stage.context, "allowSiblingStagesToContinueOnFailure") == Some(true)
}
