//! `monitorPipeline`: wait for executions that others have started. Source: orca `MonitorPipelineStage`, `MonitorPipelineTask`
//! (reference 6.5).
//!
//! A `pipeline` stage waits for its own child by being told of its end ([`crate::pipeline`]). Of all other executions a stage
//! hears only by looking, every 15 s.

use gennaker_engine::{
    Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use crate::{
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    executions::{self, Seen, Told},
    field::{Field, FieldType},
    pipeline::MONITOR,
    read,
};

/// The stage type.
pub(crate) struct MonitorPipeline;

/// The name of the type.
pub(crate) const KIND: &str = "monitorPipeline";

/// Milliseconds between two looks.
pub(crate) const AGAIN_MS: i64 = 15_000;

/// Most executions that one stage waits for.
const EXECUTIONS_MAX: usize = 100;

/// The exception for outputs that are too large to be taken over.
const WITHHELD: &str = "IllegalStateException";

const BEHAVIORS: &[&str] = &["WaitForAllToComplete", "FailFast"];

impl StageType for MonitorPipeline {
    fn names(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn summary(&self) -> &'static str {
        "Waits for executions of pipelines that others have started."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "executionIds",
                    FieldType::List,
                    "Ids of the executions to wait for, at most 100.",
                ),
                Field::optional(
                    "monitorBehavior",
                    FieldType::Word(BEHAVIORS),
                    "Whether the first failure ends the stage (FailFast); WaitForAllToComplete if absent.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&MONITOR, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["monitorPipeline", "[bindProducedArtifacts]"]
    }

    fn differs(&self) -> &'static str {
        "`executionStatuses` is an output once the stage ends, not before."
    }
}

impl StageDefinition for MonitorPipeline {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let binds = context.stage.context.get("expectedArtifacts");
        let mut plan = Plan::of_tasks([&MONITOR]);
        if binds.is_some_and(|binds| !binds.is_null()) {
            plan.tasks.push(gennaker_engine::PlannedTask::of(&BIND));
        }
        Ok(plan)
    }
}

/// The task of a stage that lists executions.
pub(crate) fn several(context: &TaskContext<'_>) -> Step {
    let listed = context
        .context
        .get("executionIds")
        .and_then(Value::as_array);
    let ids: Vec<&str> = listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if ids.len() > EXECUTIONS_MAX {
        let message = format!(
            "the stage lists {} executions; the limit is {EXECUTIONS_MAX}",
            ids.len()
        );
        return TaskResult::thrown(context, "IllegalArgumentException", &message).into();
    }
    let seen = match look_at_all(context, &ids, ids.len() == 1) {
        Ok(seen) => seen,
        Err(step) => return *step,
    };
    let mut statuses = Map::new();
    for (id, told) in &seen {
        let mut shown = Map::new();
        shown.insert("status".to_owned(), json!(told.status()));
        shown.insert("application".to_owned(), json!(told.application()));
        if let Some(exception) = told.exception() {
            shown.insert("exception".to_owned(), exception.clone());
        }
        statuses.insert((*id).to_owned(), Value::Object(shown));
    }
    let mut outputs = Map::new();
    outputs.insert("executionStatuses".to_owned(), Value::Object(statuses));
    if let [(_, told)] = seen.as_slice() {
        match told.outputs() {
            Ok(theirs) => outputs.extend(theirs),
            Err(reason) => return TaskResult::thrown(context, WITHHELD, reason).into(),
        }
    }
    let fail_fast = read::text(context.context, "monitorBehavior") == Some("FailFast");
    conclude(context, &seen, fail_fast, Map::new(), outputs)
}

/// The task of a `pipeline` stage that names an execution which it has not started itself.
pub(crate) fn one(context: &TaskContext<'_>) -> Step {
    let id = read::text(context.context, "executionId");
    let takes_over = read::boolean(context.context, "skipDownstreamOutput") != Some(true);
    let seen = match look_at_all(context, id.as_slice(), takes_over) {
        Ok(seen) => seen,
        Err(step) => return *step,
    };
    let (mut learned, mut outputs) = (Map::new(), Map::new());
    if let [(_, told)] = seen.as_slice() {
        learned.insert("status".to_owned(), json!(told.status()));
        if let (true, Some(exception)) = (has_failed(told.status()), told.exception()) {
            learned.insert("exception".to_owned(), exception.clone());
        }
        if takes_over {
            match told.outputs() {
                Ok(theirs) => outputs = theirs,
                Err(reason) => return TaskResult::thrown(context, WITHHELD, reason).into(),
            }
        }
    }
    conclude(context, &seen, false, learned, outputs)
}

/// What is known of all of them, or what must be done first.
fn look_at_all<'a, 'i>(
    context: &TaskContext<'a>,
    ids: &[&'i str],
    outputs: bool,
) -> Result<Vec<(&'i str, Told<'a>)>, Box<Step>> {
    if ids.is_empty() {
        let message = "no pipeline execution ids to monitor";
        let mut result = TaskResult::of(Status::Terminal);
        append_error(&mut result.context, context.context, message);
        return Err(Box::new(result.into()));
    }
    let mut seen = Vec::with_capacity(ids.len());
    for id in ids {
        match executions::look(context, id, outputs) {
            Seen::Unasked(lookup) => return Err(Box::new(Step::Lookup(lookup))),
            Seen::Told(told) if told.is_of("PIPELINE") => seen.push((*id, told)),
            Seen::Told(_) | Seen::Missing => {
                let message = format!("No Pipeline found for {id}");
                let thrown = TaskResult::thrown(context, "ExecutionNotFoundException", &message);
                return Err(Box::new(thrown.into()));
            }
            Seen::Failed => return Err(Box::new(again(context, Map::new()))),
        }
    }
    Ok(seen)
}

fn conclude(
    context: &TaskContext<'_>,
    seen: &[(&str, Told<'_>)],
    fail_fast: bool,
    mut learned: Map,
    outputs: Map,
) -> Step {
    let all = |holds: fn(Status) -> bool| seen.iter().all(|(_, told)| holds(told.status()));
    let all_complete = all(Status::is_complete);
    let any_failed = seen.iter().any(|(_, told)| has_failed(told.status()));
    let (status, message) = if all(|status| status == Status::Succeeded) {
        (Status::Succeeded, None)
    } else if any_failed && (all_complete || fail_fast) {
        let message = "At least one monitored pipeline failed, look for errors in failed pipelines";
        (Status::Terminal, Some(message))
    } else if all_complete {
        // None has failed, so at least one was cancelled.
        let message = "At least one monitored pipeline was cancelled";
        (Status::Canceled, Some(message))
    } else {
        return again(context, learned);
    };
    if let Some(message) = message {
        append_error(&mut learned, context.context, message);
    }
    TaskResult {
        status,
        context: learned,
        outputs,
        exception: None,
    }
    .into()
}

fn again(context: &TaskContext<'_>, learned: Map) -> Step {
    Step::Again {
        at: context.now + AGAIN_MS,
        context: learned,
    }
}

fn has_failed(status: Status) -> bool {
    status.is_halt() && status != Status::Canceled
}

/// Adds a sentence to `exception.details.errors`. Source: orca `StageExecutionImpl.appendErrorMessage`.
pub(crate) fn append_error(learned: &mut Map, before: &Map, message: &str) {
    let held = learned.get("exception").or_else(|| before.get("exception"));
    let mut exception = held.and_then(Value::as_object).cloned().unwrap_or_default();
    let details = exception.get("details").and_then(Value::as_object);
    let mut details = details.cloned().unwrap_or_default();
    let errors = details.get("errors").and_then(Value::as_array);
    let mut errors = errors.cloned().unwrap_or_default();
    errors.push(json!(message));
    details.insert("errors".to_owned(), Value::Array(errors));
    exception.insert("details".to_owned(), Value::Object(details));
    learned.insert("exception".to_owned(), Value::Object(exception));
}
