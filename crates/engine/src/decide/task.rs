//! StartTask, RunTask, CompleteTask, and the time limits (orchestration reference 3.5 and 3.6).

use gennaker_model::{Map, Stage, StageId, Status, Task};
use serde_json::{Value, json};

use super::{
    attempt::Work,
    draft::{Draft, Message},
    synthetic::{WINDOW, paused_ms, window_ms},
};
use crate::{
    definition::{Remote, Step, TaskContext, TaskDefinition, TaskResult},
    event::Event,
    exception, notice,
    rollup::{failure_status, first_current_task, flag, skipped_by_hand},
    scope,
    state::{Ending, Purpose, Timer},
};

impl Draft<'_> {
    pub(super) fn start_task(&mut self, id: &StageId, index: usize) {
        let Some(stage) = self.stage(id) else { return };
        let Some(task) = stage.tasks.get(index) else {
            return;
        };
        if stage.status != Status::Running || task.status != Status::NotStarted {
            return;
        }
        if self.state.doc.status == Status::Paused {
            self.pause_stage(id);
            return;
        }
        self.emit(Event::TaskStarted {
            stage: id.clone(),
            task: task.id.clone(),
            at: self.now(),
        });
        if self.is_disabled(&task.implementing_class) {
            let ending = Ending {
                status: Status::Skipped,
                exception: None,
            };
            self.finish_task(id, ending);
            return;
        }
        self.run_task(id);
        self.arm_timeout(id);
    }

    /// Whether operators do not want tasks of this class to run. Source: orca `SkippableTask.isEnabledPropertyName`; there only some
    /// classes can be disabled.
    fn is_disabled(&self, class: &str) -> bool {
        let disabled = &self.context.rules.tasks_disabled;
        if disabled.is_empty() {
            return false;
        }
        let name = class.rsplit('.').next().unwrap_or(class);
        let mut letters = name.chars();
        let first = letters.next().map(|it| it.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        disabled.contains(&name)
    }

    pub(super) fn run_task(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        let Some(task) = running_task(&stage).cloned() else {
            return;
        };
        if self.must_cancel() {
            self.end_task(
                id,
                Ending {
                    status: Status::Canceled,
                    exception: None,
                },
            );
            return;
        }
        if stage.status != Status::Running {
            return;
        }
        if self.state.doc.status == Status::Paused {
            self.pause_stage(id);
            return;
        }
        if skipped_by_hand(&self.state.doc, &stage) {
            self.end_task(
                id,
                Ending {
                    status: Status::Skipped,
                    exception: None,
                },
            );
            return;
        }
        if self.state.attempt_of(id).is_some() || self.state.closing_of(id).is_some() {
            return;
        }
        let Some(definition) = self.context.catalogue.task(&task.implementing_class) else {
            let message = format!("No task of class {} is known", task.implementing_class);
            let exception =
                exception::unexpected(&task.name, "NoSuchTaskException", &message, self.now());
            self.finish_task(
                id,
                Ending {
                    status: Status::Terminal,
                    exception: Some(exception),
                },
            );
            return;
        };
        let evaluated = self.evaluate(&stage, &stage.context);
        if !evaluated.needs.is_empty() {
            self.look_up(id, &evaluated.needs);
            return;
        }
        let context = match self.within_bounds(evaluated, &stage) {
            Ok(context) => context,
            Err(error) => {
                let exception =
                    exception::unexpected(&task.name, error.class, &error.message, self.now());
                self.finish_task(
                    id,
                    Ending {
                        status: Status::Terminal,
                        exception: Some(exception),
                    },
                );
                return;
            }
        };
        let step = {
            let evaluate = |value: &Value, own: &Map| {
                let stage = Stage {
                    context: std::sync::Arc::new(own.clone()),
                    ..(*stage).clone()
                };
                scope::evaluate(&self.state, &stage, value, self.context)
            };
            let view = TaskContext {
                state: &self.state,
                stage: &stage,
                context: &context,
                task: &task,
                now: self.now(),
                zone: &self.context.rules.zone,
                evaluate: &evaluate,
            };
            (definition.step)(&view)
        };
        self.replace_context(&stage, &context);
        self.take_step(&stage, &task, step);
    }

    fn take_step(&mut self, stage: &Stage, task: &Task, step: Step) {
        let id = &stage.id;
        match step {
            Step::Done(result) => {
                // One that could not start all of its children, for example.
                if result.status.is_halt() {
                    self.cancel_children(id);
                }
                self.notify_of_judgment(id);
                self.complete_task(id, result);
            }
            Step::Again { at, context } => {
                self.set_context(id, context);
                self.arm(id, Purpose::Again, at.max(self.now()));
            }
            Step::Scheduled { at } => {
                if stage.scheduled_time != Some(at) {
                    self.emit(Event::StageScheduled {
                        stage: id.clone(),
                        at,
                    });
                }
                self.arm(id, Purpose::Again, at.max(self.now()));
            }
            Step::Ask { context } => {
                self.set_context(id, context);
                if !self.state.book.questions.contains(id) {
                    self.emit(Event::QuestionOpened { stage: id.clone() });
                }
                self.notify_of_judgment(id);
            }
            Step::Dispatch(remote) => self.dispatch(stage, task, &remote),
            Step::Lookup(lookup) => self.look_up(id, std::slice::from_ref(&lookup)),
            Step::StartChild(child) => {
                if self.start_child(stage, *child) {
                    self.push(Message::RunTask(id.clone()));
                }
            }
            Step::AwaitChild => {}
        }
    }

    fn dispatch(&mut self, stage: &Stage, task: &Task, remote: &Remote) {
        let work = Work {
            task: &task.id,
            pool: remote.pool,
            kind: remote.kind,
            effect: remote.effect,
            deadline_ms: self.deadline(&stage.id).map(|limit| limit.due),
        };
        self.open(&stage.id, work, None);
    }

    /// CompleteTask: the result is stored, then the next task, the end of the stage, or the start of the loop.
    pub(super) fn complete_task(&mut self, id: &StageId, result: TaskResult) {
        let Some(stage) = self.stage(id) else { return };
        let Some((index, task)) = stage
            .tasks
            .iter()
            .enumerate()
            .find(|(_, task)| is_open(task))
        else {
            return;
        };
        let retry = self.retry_of(&stage, &result);
        let mut context = result.context;
        if let Some(exception) = result.exception.as_ref().filter(|_| retry.is_none()) {
            context.insert("exception".to_owned(), exception.clone());
        }
        let mut outputs = result.outputs;
        outputs.shift_remove("stageTimeoutMs");
        if !context.is_empty() || !outputs.is_empty() {
            self.emit(Event::StageChanged {
                stage: id.clone(),
                context,
                outputs,
                removed: Vec::new(),
                outputs_removed: Vec::new(),
            });
        }
        for purpose in [Purpose::Again, Purpose::Timeout, Purpose::Closing] {
            self.disarm(id, purpose);
        }
        self.end_reads(id);
        if self.state.book.questions.contains(id) {
            self.emit(Event::QuestionClosed { stage: id.clone() });
        }
        if let Some(due) = retry {
            self.retry(&stage, task, result.exception, due);
            return;
        }
        let flags = self
            .stage(id)
            .map(|stage| stage.context.clone())
            .unwrap_or_default();
        let original = result.status;
        let status = match original {
            Status::Terminal => failure_status(&flags, Status::Terminal),
            Status::Canceled if !self.must_cancel() => failure_status(&flags, Status::Canceled),
            other => other,
        };
        if original == Status::Redirect {
            self.emit(Event::LoopRestarted { stage: id.clone() });
            let current = stage.tasks.iter().enumerate();
            let first = current
                .skip(first_current_task(&stage))
                .find(|(_, task)| task.loop_start)
                .map_or(index, |(place, _)| place);
            self.push(Message::StartTask(id.clone(), first));
            return;
        }
        self.emit(Event::TaskEnded {
            stage: id.clone(),
            task: task.id.clone(),
            status,
            at: self.now(),
            exception: result.exception,
        });
        // A failure that is ignored does not halt, so the next task of the same stage runs (reference 2.5, a quirk).
        if skipped_by_hand(&self.state.doc, &stage) && !self.must_cancel() {
            self.push(Message::SkipByHand(id.clone()));
        } else if status.is_halt() || index + 1 == stage.tasks.len() {
            // With what the task has found out, as Orca's CompleteTask stores it (reference 7.2); behind another task the
            // next one's start does it.
            self.evaluate_in_place(id);
            self.push(Message::CompleteStage(id.clone()));
        } else {
            self.push(Message::StartTask(id.clone(), index + 1));
        }
    }

    pub(super) fn timer_fired(&mut self, timer: &Timer, due: i64) {
        if self.state.book.timers.get(timer) != Some(&due) {
            return;
        }
        self.emit(Event::TimerCleared {
            timer: timer.clone(),
        });
        if let Some(number) = notice::of_place(&timer.stage) {
            self.notice_timer(number, timer.purpose);
            return;
        }
        match timer.purpose {
            Purpose::Again => self.again(&timer.stage),
            Purpose::Timeout => self.check_time(&timer.stage),
            Purpose::Closing => self.closing_overdue(&timer.stage),
        }
    }

    /// The timer of a task that wants to be looked at again, or of tasks that are to be done again.
    fn again(&mut self, id: &StageId) {
        let Some(stage) = self.stage(id) else { return };
        if stage.status.is_complete() {
            // What it had begun could not be taken back before.
            if let Some(remote) = self.evaluated_cancel(id) {
                self.dispatch_cancel(id, &remote);
            }
            return;
        }
        match next_task(&stage) {
            Some(index) if running_task(&stage).is_none() => self.start_task(id, index),
            Some(_) | None => self.run_task(id),
        }
    }

    pub(super) fn arm_timeout(&mut self, id: &StageId) {
        if self.stage(id).as_deref().and_then(running_task).is_none()
            || self.state.closing_of(id).is_some()
        {
            return;
        }
        if let Some(limit) = self.deadline(id) {
            self.arm(id, Purpose::Timeout, limit.due);
        }
    }

    fn check_time(&mut self, id: &StageId) {
        if self.state.doc.status == Status::Paused {
            // The resume arms it again.
            return;
        }
        let Some(limit) = self.deadline(id) else {
            return;
        };
        if limit.due > self.now() {
            self.arm(id, Purpose::Timeout, limit.due.max(self.now() + 1_000));
            return;
        }
        let Some(stage) = self.stage(id) else { return };
        let Some(task) = running_task(&stage) else {
            return;
        };
        if flag(&stage.context, "markSuccessfulOnTimeout") == Some(true) {
            self.end_task(
                id,
                Ending {
                    status: Status::Succeeded,
                    exception: None,
                },
            );
            return;
        }
        let exception =
            exception::unexpected(&task.name, "TimeoutException", &limit.message, self.now());
        self.end_task(
            id,
            Ending {
                status: Status::Terminal,
                exception: Some(exception),
            },
        );
    }

    /// When the time of the stage, or of the nearest that it is part of, is up: without pauses and without what its execution window
    /// took.
    pub(super) fn stage_deadline(&self, stage: &Stage) -> Option<Deadline> {
        let (owner, limit) = nearest_limit(&self.state.doc, stage)?;
        let since = owner.start_time.unwrap_or(0);
        Some(Deadline {
            due: since
                + limit
                + paused_ms(&self.state, since, self.now())
                + window_ms(&self.state, &stage.id, self.now()),
            message: format!("Stage {} timed out after {}", owner.name, words(limit)),
        })
    }

    /// The earlier of the stage's limit and the task's.
    fn deadline(&self, id: &StageId) -> Option<Deadline> {
        let stage = self.state.doc.stage(id)?;
        if stage.kind == WINDOW {
            return None;
        }
        let task = running_task(stage)?;
        let limited = nearest_limit(&self.state.doc, stage);
        let by_stage = self.stage_deadline(stage);
        let definition = self.context.catalogue.task(&task.implementing_class);
        let by_task = definition.and_then(|definition| {
            let kind = self.context.catalogue.stage(super::effective_kind(stage));
            let own = kind.and_then(|kind| kind.task_limit_ms(&task.name, &stage.context));
            let limit = task_limit(definition, own, limited.map(|(_, limit)| limit))?;
            let since = task.start_time.unwrap_or(0);
            let paused = paused_ms(&self.state, since, self.now());
            let class = definition.class.rsplit('.').next().unwrap_or(definition.class);
            Some(Deadline {
                due: since + limit + paused,
                message: format!(
                    "{class} of stage {} timed out after {}. pausedDuration: {}, elapsedTime: {}, timeoutValue: {}",
                    stage.name,
                    words(limit),
                    words(paused),
                    words(self.now() - since - paused),
                    words(limit),
                ),
            })
        });
        match (by_stage, by_task) {
            (Some(stage), Some(task)) => Some(if task.due < stage.due { task } else { stage }),
            (stage, task) => stage.or(task),
        }
    }
}

pub(super) struct Deadline {
    pub due: i64,
    message: String,
}

fn task_limit(
    definition: &TaskDefinition,
    own: Option<i64>,
    stage_limit: Option<i64>,
) -> Option<i64> {
    let own = own.or(definition.timeout_ms)?;
    Some(if definition.timeout_overridable {
        stage_limit.unwrap_or(own)
    } else {
        own
    })
}

/// The nearest of the stage and its parents whose own context has a numeric `stageTimeoutMs`.
fn nearest_limit<'a>(
    execution: &'a gennaker_model::Execution,
    stage: &'a Stage,
) -> Option<(&'a Stage, i64)> {
    let mut current = Some(stage);
    for _ in 0..=execution.stages.len() {
        let here = current?;
        let limit = here.context.get("stageTimeoutMs").and_then(|limit| {
            // Fractions of a millisecond do not matter.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a limit beyond 2^53 ms is for ever anyway"
            )]
            limit
                .as_i64()
                .or_else(|| limit.as_f64().map(|limit| limit as i64))
        });
        if let Some(limit) = limit {
            return Some((here, limit.clamp(0, i64::MAX / 4)));
        }
        current = here
            .parent_stage_id
            .as_ref()
            .and_then(|id| execution.stage(id))
            .map(AsRef::as_ref);
    }
    None
}

/// Place of the task that is next, when none is under way.
pub(super) fn next_task(stage: &Stage) -> Option<usize> {
    stage
        .tasks
        .iter()
        .position(|task| task.status == Status::NotStarted)
}

/// The task that is under way.
pub(super) fn running_task(stage: &Stage) -> Option<&Task> {
    stage.tasks.iter().find(|task| is_open(task))
}

fn is_open(task: &Task) -> bool {
    matches!(task.status, Status::Running | Status::Paused)
}

/// A duration as Orca writes it: `1 hour 5 minutes`.
fn words(duration_ms: i64) -> String {
    let mut seconds = duration_ms.max(0) / 1000;
    let mut parts = Vec::new();
    for (name, length) in [
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ] {
        let count = seconds / length;
        seconds %= length;
        if count > 0 {
            parts.push(format!(
                "{count} {name}{}",
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    if parts.is_empty() {
        "0 seconds".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The notice that a stage's context shows for an outside call that could not be confirmed.
#[must_use]
pub(super) fn remains_notice(remains: Option<&String>) -> Map {
    remains
        .map(|sentence| ("closing".to_owned(), json!(sentence)))
        .into_iter()
        .collect()
}
