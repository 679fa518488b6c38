//! `restrictExecutionDuringTimeWindow`: waits until the stage that it stands before may run. Source: orca
//! `RestrictExecutionDuringTimeWindow` (reference 5.2).
//!
//! The engine puts it before every stage that asks for a window. Orca looks every 30 s; here it is woken when the window opens.

mod schedule;

use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status, routing::fnv1a64};
use serde_json::{Value, json};

use crate::{
    catalogue::StageType,
    field::{Field, FieldType},
    read,
    wait::WAIT,
};
use schedule::Schedule;

/// The stage type.
pub(crate) struct ExecutionWindow;

static SUSPEND: TaskDefinition = TaskDefinition {
    name: "suspendExecutionDuringTimeWindow",
    class: "com.netflix.spinnaker.orca.pipeline.RestrictExecutionDuringTimeWindow$SuspendExecutionDuringTimeWindowTask",
    step,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for ExecutionWindow {
    fn names(&self) -> &'static [&'static str] {
        &["restrictExecutionDuringTimeWindow"]
    }

    fn summary(&self) -> &'static str {
        "Waits for the execution window of a stage; made by the engine."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "restrictedExecutionWindow",
                    FieldType::Map,
                    "{whitelist: [{startHour, startMin, endHour, endMin}], days: [1 is Sunday], jitter: {enabled, minDelay, \
                     maxDelay, skipManual}, timeZone}; seconds, and our addition: a time zone of its own.",
                ),
                Field::optional(
                    "skipRemainingWait",
                    FieldType::Boolean,
                    "Set by a person to run outside the window.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&SUSPEND, &WAIT] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["suspendExecutionDuringTimeWindow", "[waitForJitter]"]
    }
}

impl StageDefinition for ExecutionWindow {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::of_tasks([&SUSPEND]);
        if let Some(seconds) = jitter(context) {
            plan.tasks
                .push(PlannedTask::of(&WAIT).named("waitForJitter"));
            if !context.stage.context.contains_key("waitTime") {
                plan.context.insert("waitTime".to_owned(), json!(seconds));
            }
        }
        Ok(plan)
    }

    fn may_retry(&self) -> bool {
        false
    }
}

/// Seconds to wait in the window, so that not everything begins when it opens; `None` when nobody asks for that.
fn jitter(context: &PlanContext<'_>) -> Option<u64> {
    let window = context.stage.context.get("restrictedExecutionWindow")?;
    let jitter = window.get("jitter")?.as_object()?;
    let is_manual = context
        .execution
        .trigger
        .get("type")
        .and_then(Value::as_str)
        == Some("manual");
    if read::boolean(jitter, "enabled") != Some(true)
        || (is_manual && read::boolean(jitter, "skipManual") == Some(true))
    {
        return None;
    }
    let (least, most) = (seconds(jitter, "minDelay"), seconds(jitter, "maxDelay"));
    if most == 0 {
        return None;
    }
    let seed = format!(
        "{}/{}/{}",
        context.execution.id, context.stage.id, context.now
    );
    let span = most.saturating_sub(least) + 1;
    Some(least.min(most) + fnv1a64(seed.as_bytes()) % span)
}

fn seconds(jitter: &Map, key: &str) -> u64 {
    // A year is for ever.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits"
    )]
    jitter
        .get(key)
        .and_then(read::number)
        .map_or(0, |number| number.clamp(0.0, 31_536_000.0) as u64)
}

fn step(context: &TaskContext<'_>) -> Step {
    if read::boolean(context.context, "skipRemainingWait") == Some(true) {
        return TaskResult::of(Status::Succeeded).into();
    }
    let next = Schedule::read(
        context.context.get("restrictedExecutionWindow"),
        context.zone,
    )
    .and_then(|schedule| schedule.next(context.now));
    match next {
        Ok(at) if at <= context.now => TaskResult::of(Status::Succeeded).into(),
        Ok(at) => Step::Scheduled { at },
        Err(reason) => {
            let mut result = TaskResult::of(Status::Terminal);
            let reason = format!("Exception occurred while calculating time window: {reason}");
            result
                .context
                .insert("failureReason".to_owned(), json!(reason));
            result.into()
        }
    }
}
